package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// installDriver installs the driver that the GPUs on the bus take.
func installDriver(h *host.Host) []Fix {
	if !mayInstall(h) {
		return elsewhere(h)
	}
	oldest, newest := policy.UnknownArch, policy.UnknownArch
	if a := archs(h); len(a) > 0 {
		oldest, newest = a[0], a[len(a)-1]
	}
	advice, ok := policy.DriverFor(oldest, newest)
	if !ok {
		return []Fix{manual(fmt.Sprintf("no maintained driver works for %s and %s GPUs in one machine: take the older ones out", oldest, newest), None)}
	}
	argv := installArgv(h, advice)
	if argv == nil {
		return []Fix{manual(fmt.Sprintf("install NVIDIA's driver, branch %d, %s kernel modules, as your distribution says", advice.Branch, flavourWord(advice.Open)), Reboot)}
	}
	branch := fmt.Sprintf("branch %d", advice.Branch)
	if newestOnly(h) {
		branch = "the newest branch"
	}
	return []Fix{{Title: fmt.Sprintf("install NVIDIA's driver, %s, %s kernel modules, and restart", branch, flavourWord(advice.Open)),
		Argv: append(argv, []string{"systemctl", "reboot"}), Root: true, Disruption: Reboot}}
}

func flavourWord(open bool) string {
	if open {
		return "open"
	}
	return "proprietary"
}

// hasScreen says whether a screen hangs on the GPUs: all are VGA controllers, of which
// data-centre cards are none.
func hasScreen(h *host.Host) bool {
	gpus := find.GPUs(h)
	return len(gpus) > 0 && !slices.ContainsFunc(gpus, func(p host.PCI) bool { return p.Class != "0300" })
}

// newestOnly says that a distribution's commands get the newest branch, which drives
// no GPU before Turing.
func newestOnly(h *host.Host) bool { return h.OS.ID == "fedora" || packager(h) == "zypper" }

var release = regexp.MustCompile(`^\d+(\.\d+)*$`)

// installArgv are the commands for the host's distribution; nil where none are known.
func installArgv(h *host.Host, a policy.Advice) [][]string {
	version := h.OS.Version
	if !release.MatchString(version) {
		return nil
	}
	major, _, _ := strings.Cut(version, ".")
	arch := policy.CUDAArch(h.Arch)
	if arch == "" || !a.Open && newestOnly(h) || h.OS.ID == "azurelinux" { // whose repository has a name of its own
		return nil
	}
	pkg := map[bool]string{true: "nvidia-open", false: "cuda-drivers"}[a.Open]
	switch id := h.OS.ID; {
	case id == "ubuntu":
		// The archive's modules are signed: they load under Secure Boot as they are.
		name := fmt.Sprintf("%d-server%s", a.Branch, map[bool]string{true: "-open"}[a.Open])
		if hasScreen(h) {
			name = strings.Replace(name, "-server", "", 1)
			return [][]string{{"apt-get", "update"}, {"apt-get", "install", "-y", "ubuntu-drivers-common"}, {"ubuntu-drivers", "install", "nvidia:" + name}}
		}
		return [][]string{{"apt-get", "update"}, {"apt-get", "install", "-y", "ubuntu-drivers-common"},
			{"ubuntu-drivers", "install", "--gpgpu", "nvidia:" + name},
			{"apt-get", "install", "-y", fmt.Sprintf("nvidia-utils-%d-server", a.Branch)}}
	case id == "debian":
		return [][]string{
			{"curl", "-fsSLo", "/root/cuda-keyring.deb", policy.CUDARepositories + "debian" + major + "/" + arch + "/cuda-keyring_1.1-1_all.deb"},
			{"dpkg", "-i", "/root/cuda-keyring.deb"}, {"apt-get", "update"},
			{"apt-get", "install", "-y", fmt.Sprintf("nvidia-driver-pinning-%d", a.Branch), pkg}}
	case id == "fedora":
		return [][]string{{"dnf", "config-manager", "addrepo", "--from-repofile=" + policy.CUDARepositories + "fedora" + major + "/" + arch + "/cuda-fedora" + major + ".repo"},
			{"dnf", "install", "-y", "kernel-devel-matched", "kernel-headers", pkg}}
	case id == "amzn" || packager(h) == "dnf":
		repo := "rhel" + major
		if id == "amzn" {
			repo = "amzn" + major
		}
		argv := [][]string{{"dnf", "config-manager", "--add-repo", policy.CUDARepositories + repo + "/" + arch + "/cuda-" + repo + ".repo"}}
		if repo == "rhel10" { // it has no module streams
			argv = append(argv, []string{"dnf", "install", "-y", "python3-dnf-plugin-versionlock"}, []string{"dnf", "versionlock", fmt.Sprintf("*nvidia*%d*", a.Branch)})
		} else {
			argv = append(argv, []string{"dnf", "module", "reset", "-y", "nvidia-driver"}, []string{"dnf", "module", "enable", "-y", fmt.Sprintf("nvidia-driver:%d%s", a.Branch, map[bool]string{true: "-open", false: "-dkms"}[a.Open])})
		}
		return append(argv, []string{"dnf", "install", "-y", "kernel-devel-matched", "kernel-headers", pkg})
	case packager(h) == "zypper":
		repo := "sles" + major
		if strings.HasPrefix(id, "opensuse") {
			repo = "opensuse" + major
		}
		return [][]string{{"zypper", "addrepo", policy.CUDARepositories + repo + "/" + arch + "/cuda-" + repo + ".repo"},
			{"zypper", "--gpg-auto-import-keys", "refresh"}, {"zypper", "install", "-y", pkg}}
	}
	return nil
}
