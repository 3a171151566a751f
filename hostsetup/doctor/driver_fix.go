package doctor

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// mayInstall says whether a driver belongs on this system: not in WSL, where
// Windows brings it, and not in a container, where the host does.
func mayInstall(h *host.Host) bool { return h.OS.WSL == 0 && !inContainer(h) }

// elsewhere is the fix for systems that have their driver from outside.
func elsewhere(h *host.Host) []Fix {
	switch {
	case h.OS.WSL != 0:
		return []Fix{{Title: "install or update NVIDIA's driver in Windows, then run `wsl --shutdown` there; never a Linux driver in WSL", Disruption: Restart}}
	case inContainer(h):
		return []Fix{{Title: "mend the driver on the container's host; a container has no driver of its own", Disruption: None}}
	}
	return nil
}

func reboot(title string) Fix {
	return Fix{Title: title, Argv: [][]string{{"systemctl", "reboot"}}, Root: true, Disruption: Reboot}
}

// manual is a fix that takes hands, or a decision.
func manual(title string, d Disruption) Fix { return Fix{Title: title, Disruption: d} }

// resetGPU resets one GPU; its programs must be gone.
func resetGPU(g host.GPU) Fix {
	return Fix{Title: "end the programs that use it, then reset the GPU", Root: true, Disruption: Restart,
		Argv: [][]string{{"nvidia-smi", "--gpu-reset", "-i", selectGPU(g)}}}
}

// rebuildInitrd is what puts a changed modprobe.d into the first file system of the next boot.
func rebuildInitrd(h *host.Host) []string {
	if packager(h) == "apt-get" {
		return []string{"update-initramfs", "-u", "-k", "all"}
	}
	return []string{"dracut", "--force", "--regenerate-all"}
}

// branchPackage is how the distribution names the driver: "580", "-server", "-open".
var branchPackage = regexp.MustCompile(`^(?:nvidia-(?:driver|utils|headless|headless-no-dkms|dkms|kernel-source|kernel-common|firmware)|libnvidia-compute|linux-modules-nvidia)-(\d{3})(-server)?(-open)?`)

// driverFlavour is the branch and its suffixes as the installed packages of Ubuntu's
// archive name them, "580-server-open"; "" where it is not installed from there.
func driverFlavour(h *host.Host) string {
	best := ""
	for _, p := range h.Packages {
		if m := branchPackage.FindStringSubmatch(p.Name); m != nil {
			// nvidia-utils-580-server does not say "-open"; the longest name says most.
			if f := m[1] + m[2] + m[3]; len(f) > len(best) {
				best = f
			}
		}
	}
	return best
}

// driverPackages are the installed packages of the driver.
func driverPackages(h *host.Host) (out []host.Package) {
	for _, p := range h.Packages {
		n := p.Name
		other := strings.Contains(n, "container") || n == "nvidia-docker2" || strings.HasPrefix(n, "cuda-keyring")
		if !other && (strings.Contains(n, "nvidia") || strings.HasPrefix(n, "cuda-drivers") || strings.HasPrefix(n, "libcuda1")) {
			out = append(out, p)
		}
	}
	return out
}

func hasPackage(h *host.Host, part string) bool {
	return slices.ContainsFunc(h.Packages, func(p host.Package) bool { return strings.Contains(p.Name, part) })
}

// buildModule makes the NVIDIA module for a kernel, the way in which the driver was installed.
func buildModule(h *host.Host, release string) []Fix {
	if !mayInstall(h) {
		return elsewhere(h)
	}
	if !kernelRelease.MatchString(release) {
		return nil // it would be an argument of a command run as root
	}
	flavour := driverFlavour(h)
	if hasPackage(h, "linux-modules-nvidia-") && flavour != "" {
		undo := [][]string{{"apt-get", "remove", "-y", "linux-modules-nvidia-" + flavour + "-" + release}}
		if hasPackage(h, "linux-modules-nvidia-"+flavour+"-"+release) {
			undo = nil // it is upgraded, not added
		}
		return []Fix{{Title: "install the distribution's signed module for kernel " + release, Root: true, Disruption: None,
			Argv: [][]string{{"apt-get", "install", "-y", "linux-modules-nvidia-" + flavour + "-" + release}},
			Undo: undo}}
	}
	if packager(h) == "zypper" {
		for _, p := range driverPackages(h) {
			if strings.Contains(p.Name, "kmp") && plainName.MatchString(p.Name) {
				return []Fix{{Title: "install the module package again: it links the module into every kernel", Root: true, Disruption: None,
					Argv: [][]string{{"zypper", "install", "--force", "-y", p.Name}}}}
			}
		}
	}
	headers := installPackages(h, map[string]string{"apt-get": "linux-headers-" + release, "zypper": "kernel-default-devel"}[packager(h)])
	if m := packager(h); m == "dnf" || m == "yum" {
		headers = installPackages(h, "kernel-devel-"+release)
	}
	if headers == nil || !hasPackage(h, "dkms") {
		return nil
	}
	return []Fix{{Title: "install the headers of kernel " + release + " and build the module for it", Root: true, Disruption: None,
		Argv: append(headers, []string{"dkms", "autoinstall", "-k", release})}}
}
