package doctor

import (
	"regexp"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// packager is the program that installs packages on a host: "apt-get", "dnf", "yum",
// "zypper", or "" where nothing is known of it.
func packager(h *host.Host) string {
	switch m := policy.Manager(h.OS.ID, h.OS.Like); {
	case m == "apt":
		return "apt-get"
	case h.OS.ID == "amzn" && h.OS.Version == "2":
		return "yum"
	default:
		return m
	}
}

// installPackages are the commands that install packages, nil for a distribution not known.
func installPackages(h *host.Host, packages ...string) [][]string {
	switch m := packager(h); m {
	case "apt-get":
		return [][]string{{m, "update"}, append([]string{m, "install", "-y"}, packages...)}
	case "dnf", "yum":
		return [][]string{append([]string{m, "install", "-y"}, packages...)}
	case "zypper":
		return [][]string{append([]string{m, "--non-interactive", "install"}, packages...)}
	}
	return nil
}

// removePackages are the commands that remove packages, nil for a distribution not known.
func removePackages(h *host.Host, packages ...string) [][]string {
	switch m := packager(h); m {
	case "apt-get", "dnf", "yum":
		return [][]string{append([]string{m, "remove", "-y"}, packages...)}
	case "zypper":
		return [][]string{append([]string{m, "--non-interactive", "remove"}, packages...)}
	}
	return nil
}

// upgrade brings packages to their newest version, which must be a version or newer.
func upgrade(h *host.Host, names []string, version string, d Disruption) []Fix {
	wish := "upgrade " + names[0] + " to " + version + " or newer"
	var argv [][]string
	switch m := packager(h); {
	case inContainer(h) || !h.Local && m == "":
		return []Fix{manual(wish+" on the engine's host", d)}
	case m == "apt-get":
		argv = [][]string{{m, "update"}, append([]string{m, "install", "-y", "--only-upgrade"}, names...)}
	case m == "dnf" || m == "yum":
		argv = [][]string{append([]string{m, "upgrade", "-y"}, names...)}
	case m == "zypper":
		argv = [][]string{append([]string{m, "--non-interactive", "update"}, names...)}
	default:
		return []Fix{manual(wish+", as your distribution says", d)}
	}
	return []Fix{{Title: wish, Argv: argv, Root: true, Disruption: d}}
}

// versionMark stands between a package and the version that is wanted of it.
func versionMark(h *host.Host) string {
	if m := packager(h); m == "apt-get" || m == "zypper" {
		return "="
	}
	return "-"
}

// What may be a part of a command that is run as root.
var (
	kernelRelease = regexp.MustCompile(`^[0-9][A-Za-z0-9._+~-]{0,100}$`)
	plainName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,100}$`)
	plainVersion  = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~:-]{0,100}$`)
)
