package doctor

import "github.com/dockergpu/docker-gpu/hostsetup/host"

// upgrade brings packages to a version: exactly that one where a suffix is given,
// else the newest.
func upgrade(h *host.Host, names []string, suffix, version string, d Disruption) []Fix {
	if inContainer(h) || !h.Local && packager(h) == "" {
		return []Fix{manual("upgrade "+names[0]+" to "+version+" or newer on the engine's host", d)}
	}
	argv := map[string][]string{"apt-get": {"apt-get", "install", "-y", "--only-upgrade"}, "dnf": {"dnf", "upgrade", "-y"}, "zypper": {"zypper", "update", "-y"}}[packager(h)]
	if argv == nil {
		return []Fix{manual("upgrade "+names[0]+" to "+version+" or newer, as your distribution says", d)}
	}
	sep := map[string]string{"apt-get": "=", "dnf": "-", "zypper": "="}[packager(h)]
	for _, n := range names {
		if suffix != "" {
			n += sep + version + suffix
		}
		argv = append(argv, n)
	}
	out := [][]string{argv}
	if packager(h) == "apt-get" {
		out = [][]string{{"apt-get", "update"}, argv}
	}
	return []Fix{{Title: "upgrade " + names[0] + " to " + version + " or newer", Argv: out, Root: true, Disruption: d}}
}
