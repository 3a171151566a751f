package doctor

import (
	"fmt"
	"path"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// toolkitInstall installs the toolkit's four packages at one version.
func toolkitInstall(h *host.Host) Fix {
	fix := fromRepository(h, policy.ToolkitPackages())
	fix.Title = "install the NVIDIA Container Toolkit " + policy.ToolkitCurrent + fix.Title
	return fix
}

// toolkitUpgrade brings those of the toolkit's packages that are there to one version,
// held ones too, for a part left behind is a fault of its own.
func toolkitUpgrade(h *host.Host) Fix {
	var names []string
	for _, name := range policy.ToolkitPackages() {
		if packageVersion(h, name) != "" {
			names = append(names, name)
		}
	}
	if names == nil {
		return toolkitInstall(h)
	}
	fix := fromRepository(h, names)
	fix.Title = "upgrade the NVIDIA Container Toolkit to " + policy.ToolkitCurrent + fix.Title
	return fix
}

// fromRepository installs packages of the toolkit from NVIDIA's repository, which it
// names first where the host does not yet. The title is what to add to one.
// Source: NVIDIA's Container Toolkit install guide; 2026-11-23.
func fromRepository(h *host.Host, names []string) Fix {
	const (
		base = policy.ToolkitRepository
		key  = "/usr/share/keyrings/nvidia-container-toolkit-keyring.asc"
		list = "/etc/apt/sources.list.d/nvidia-container-toolkit.list"
		repo = "/etc/yum.repos.d/nvidia-container-toolkit.repo"
	)
	fix := Fix{Root: true, Disruption: None}
	var packages []string
	for _, p := range names {
		packages = append(packages, p+versionMark(h)+policy.ToolkitCurrent+"-1")
	}
	known := len(toolkitSources(h)) > 0
	switch packager(h) {
	case "apt-get":
		if !known {
			fix.Argv = [][]string{
				{"curl", "-fsSL", "-o", key, base + "gpgkey"},
				{"curl", "-fsSL", "-o", list, base + "stable/deb/nvidia-container-toolkit.list"},
				{"sed", "-i", "s#deb https://#deb [signed-by=" + key + "] https://#g", list},
			}
			fix.Undo = [][]string{{"rm", "-f", list, key}}
		}
	case "dnf", "yum":
		if !known {
			fix.Argv, fix.Undo = [][]string{{"curl", "-fsSL", "-o", repo, base + "stable/rpm/nvidia-container-toolkit.repo"}}, [][]string{{"rm", "-f", repo}}
		}
	case "zypper":
		if !known {
			fix.Argv = [][]string{{"zypper", "addrepo", base + "stable/rpm/nvidia-container-toolkit.repo"}, {"zypper", "--gpg-auto-import-keys", "refresh"}}
			fix.Undo = [][]string{{"zypper", "removerepo", "nvidia-container-toolkit"}}
		}
	default:
		fix.Title = " with this system's packages: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
		return fix
	}
	fix.Argv = append(fix.Argv, installVersions(h, packages, names)...)
	fix.Undo = append(goBack(h, names), fix.Undo...)
	return fix
}

// installVersions installs packages at versions, also where that is a step back or past
// a hold: apt and zypper have options for it, dnf a command.
func installVersions(h *host.Host, packages, names []string) [][]string {
	var options, newer, rest []string
	for i, name := range names {
		held := slices.ContainsFunc(h.Packages, func(p host.Package) bool { return p.Name == name && p.Held })
		if held && packager(h) == "apt-get" && !slices.Contains(options, "--allow-change-held-packages") {
			options = append(options, "--allow-change-held-packages")
		}
		if policy.Compare(packageVersion(h, name), policy.ToolkitCurrent) > 0 {
			newer = append(newer, packages[i])
		} else {
			rest = append(rest, packages[i])
		}
	}
	switch m := packager(h); {
	case len(newer) == 0:
	case m == "apt-get":
		options = append(options, "--allow-downgrades")
	case m == "zypper":
		options = append(options, "--oldpackage")
	default:
		argv := [][]string{append([]string{m, "downgrade", "-y"}, newer...)}
		if len(rest) > 0 {
			argv = append(installPackages(h, rest...), argv...)
		}
		return argv
	}
	return installPackages(h, append(options, packages...)...)
}

// goBack removes the packages that are new and brings the others to their versions of now.
func goBack(h *host.Host, names []string) (undo [][]string) {
	var added, newer, older []string
	for _, name := range names {
		v := packageVersion(h, name)
		wanted := name + versionMark(h) + v
		switch c := policy.Compare(v, policy.ToolkitCurrent); {
		case v == "":
			added = append(added, name)
		case !plainVersion.MatchString(v): // no argument of a command
		case c > 0:
			newer = append(newer, wanted)
		case c < 0:
			older = append(older, wanted)
		}
	}
	if len(added) > 0 {
		undo = removePackages(h, added...)
	}
	m := packager(h)
	if len(newer) > 0 {
		undo = append(undo, installPackages(h, newer...)...)
	}
	switch {
	case len(older) == 0:
	case m == "apt-get":
		undo = append(undo, append([]string{"apt-get", "install", "-y", "--allow-downgrades"}, older...))
	case m == "zypper":
		undo = append(undo, append([]string{"zypper", "--non-interactive", "install", "--oldpackage"}, older...))
	default:
		undo = append(undo, append([]string{m, "downgrade", "-y"}, older...))
	}
	return undo
}

// byHand is a fix that takes an editor.
func byHand(title string, root bool, d Disruption) Fix {
	return Fix{Title: title, Root: root, Disruption: d}
}

// specFile is where the spec that every boot makes anew belongs.
func specFile(h *host.Host) string {
	const usual = "/var/run/cdi/nvidia.yaml"
	if len(h.Engine.CDIDirs) == 0 || looksInto(h, usual) {
		return usual
	}
	return path.Join(h.Engine.CDIDirs[len(h.Engine.CDIDirs)-1], "nvidia.yaml")
}

// regenerate writes a spec anew. Engines watch the directories, so nothing restarts.
// A spec below /run is made again at each boot and needs no undoing.
func regenerate(file string) Fix {
	fix := Fix{Title: "write " + shown(file) + " anew", Root: true, Disruption: None, Safe: true}
	if !find.SameDir(path.Dir(file), "/run/cdi") {
		kept := file + ".before"
		fix.Argv, fix.Undo = [][]string{{"cp", "-a", "--", file, kept}}, [][]string{{"mv", "--", kept, file}}
	}
	fix.Argv = append(fix.Argv, []string{"nvidia-ctk", "cdi", "generate", "--output=" + file})
	return fix
}

// setAside takes a spec away from engines, which read only .json and .yaml files.
func setAside(file string) Fix {
	return Fix{Title: "take " + shown(file) + " out of the way, keeping a copy", Root: true, Disruption: None, Safe: true,
		Argv: [][]string{{"mv", "--", file, file + ".aside"}}, Undo: [][]string{{"mv", "--", file + ".aside", file}}}
}

// makeSpec writes the first spec of a host.
func makeSpec(h *host.Host) Fix {
	file := specFile(h)
	return Fix{Title: "write a spec of this host's GPUs", Root: true, Disruption: None, Safe: true,
		Argv: [][]string{{"mkdir", "-p", path.Dir(file)}, {"nvidia-ctk", "cdi", "generate", "--output=" + file}},
		Undo: [][]string{{"rm", "--", file}}}
}

// ctkConfig sets a value of the toolkit's config.toml.
func ctkConfig(title, key, value, was string) Fix {
	return Fix{Title: title, Root: true, Disruption: None,
		Argv: [][]string{{"nvidia-ctk", "config", "--in-place", "--set", key + "=" + value}},
		Undo: [][]string{{"nvidia-ctk", "config", "--in-place", "--set", key + "=" + was}}}
}

// packageVersion is the version of an installed package, "" if it is not installed.
func packageVersion(h *host.Host, name string) string {
	i := slices.IndexFunc(h.Packages, func(p host.Package) bool { return p.Name == name })
	if i < 0 {
		return ""
	}
	return h.Packages[i].Version
}

// count says how many there are in words: "1 container", "3 containers".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
