package doctor

import (
	"fmt"
	"path"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// packagesOf is the package manager of a distribution, "" for one not known.
func packagesOf(os host.OS) string {
	if os.ID == "amzn" && os.Version == "2" {
		return "yum"
	}
	return policy.Manager(os.ID, os.Like)
}

// installPackages are the commands that install packages, nil for a distribution
// not known.
func installPackages(os host.OS, packages ...string) [][]string {
	switch m := packagesOf(os); m {
	case "apt":
		return [][]string{{"apt-get", "update"}, append([]string{"apt-get", "install", "-y"}, packages...)}
	case "dnf", "yum":
		return [][]string{append([]string{m, "install", "-y"}, packages...)}
	case "zypper":
		return [][]string{append([]string{"zypper", "--non-interactive", "install"}, packages...)}
	}
	return nil
}

// removePackages are the commands that remove packages, nil for a distribution not known.
func removePackages(os host.OS, packages ...string) [][]string {
	switch m := packagesOf(os); m {
	case "apt":
		return [][]string{append([]string{"apt-get", "remove", "-y"}, packages...)}
	case "dnf", "yum":
		return [][]string{append([]string{m, "remove", "-y"}, packages...)}
	case "zypper":
		return [][]string{append([]string{"zypper", "--non-interactive", "remove"}, packages...)}
	}
	return nil
}

// toolkitInstall installs the toolkit's four packages at one version, with NVIDIA's
// repository where the host does not name it yet.
// Source: NVIDIA's Container Toolkit install guide; 2026-11-23.
func toolkitInstall(h *host.Host) Fix {
	const (
		base = policy.ToolkitRepository
		key  = "/usr/share/keyrings/nvidia-container-toolkit-keyring.asc"
		list = "/etc/apt/sources.list.d/nvidia-container-toolkit.list"
	)
	fix := Fix{Title: "install the NVIDIA Container Toolkit " + policy.ToolkitCurrent, Root: true, Disruption: None}
	known := len(toolkitSources(h)) > 0
	var packages []string
	separator := map[string]string{"apt": "=", "zypper": "="}[packagesOf(h.OS)]
	if separator == "" {
		separator = "-"
	}
	for _, p := range policy.ToolkitPackages() {
		packages = append(packages, p+separator+policy.ToolkitCurrent+"-1")
	}
	switch packagesOf(h.OS) {
	case "apt":
		if !known {
			fix.Argv = [][]string{
				{"curl", "-fsSL", "-o", key, base + "gpgkey"},
				{"curl", "-fsSL", "-o", list, base + "stable/deb/nvidia-container-toolkit.list"},
				{"sed", "-i", "s#deb https://#deb [signed-by=" + key + "] https://#g", list},
			}
		}
	case "dnf", "yum":
		if !known {
			fix.Argv = [][]string{{"curl", "-fsSL", "-o", "/etc/yum.repos.d/nvidia-container-toolkit.repo", base + "stable/rpm/nvidia-container-toolkit.repo"}}
		}
	case "zypper":
		if !known {
			fix.Argv = [][]string{{"zypper", "addrepo", base + "stable/rpm/nvidia-container-toolkit.repo"}, {"zypper", "--gpg-auto-import-keys", "refresh"}}
		}
	default:
		fix.Title += " with this system's packages: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
		return fix
	}
	fix.Argv = append(fix.Argv, installPackages(h.OS, packages...)...)
	fix.Undo = removePackages(h.OS, policy.ToolkitPackages()...)
	return fix
}

// engineRestart restarts the engine in the way that it was installed.
func engineRestart(h *host.Host) Fix {
	fix := Fix{Title: "restart Docker", Root: true, Disruption: Restart, Argv: [][]string{{"systemctl", "restart", "docker"}}}
	switch {
	case h.Engine.Rootless:
		fix.Root, fix.Argv = false, [][]string{{"systemctl", "--user", "restart", "docker"}}
	case h.Engine.Kind == "snap":
		fix.Argv = [][]string{{"snap", "restart", "docker"}}
	case h.Engine.Kind == "desktop":
		fix.Root, fix.Argv = false, [][]string{{"docker", "desktop", "restart"}}
	}
	switch {
	case h.Engine.LiveRestore:
		fix.Title += " (live-restore is on: running containers stay up)"
	case h.Engine.Running > 0:
		fix.Title += fmt.Sprintf(" (%s stop and start again only by their restart policies)", count(h.Engine.Running, "running container"))
	}
	return fix
}

// engineReload makes the engine read daemon.json again: enough for runtimes,
// default-runtime, live-restore and labels, not for CDI, which it sets up as it starts.
// Source: moby daemon/reload.go and daemon/command/daemon.go; 2026-11-23.
func engineReload(h *host.Host) Fix {
	if h.Engine.Kind == "snap" || h.Engine.Kind == "desktop" {
		return engineRestart(h)
	}
	if h.Engine.Rootless {
		return Fix{Title: "have Docker read daemon.json again", Disruption: Reload, Argv: [][]string{{"systemctl", "--user", "reload", "docker"}}}
	}
	return Fix{Title: "have Docker read daemon.json again", Root: true, Disruption: Reload, Argv: [][]string{{"systemctl", "reload", "docker"}}}
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
	if !sameDir(path.Dir(file), "/run/cdi") {
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
