// Package version holds what the build stamps into the binary.
package version

import "runtime/debug"

// version is set by the linker: -X …/internal/version.version=v1.2.3.
var version = ""

// unreleased is the version of a build that nothing is known of.
const unreleased = "0.1.0-dev"

// String is the version from git, or what Go knows of the module.
func String() string {
	info, _ := debug.ReadBuildInfo()
	return choose(version, info)
}

// choose prefers the linker's word: the module's version is only known to a
// binary made by `go install MODULE@VERSION`.
func choose(stamped string, info *debug.BuildInfo) string {
	if stamped != "" {
		return stamped
	}
	if info != nil && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return unreleased
}
