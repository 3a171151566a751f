// Package version holds what the build stamps into the binary.
package version

import "runtime/debug"

// version is set by the linker: -X …/internal/version.version=v1.2.3.
var version = ""

// String is the version from git, or what Go knows of the module.
func String() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
