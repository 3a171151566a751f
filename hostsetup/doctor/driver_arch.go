package doctor

import (
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// archChecks are of GPUs that the installed driver cannot drive.
func archChecks() []Check {
	return []Check{
		{
			Code: "G006", Title: "GPUs that take the open kernel modules have them", Group: Driver, Severity: Error, Needs: []Fact{Local, PCI}, After: []string{"G004", "G005"},
			Rarity:   Often,
			Symptoms: []string{"No devices were found", "requires use of the NVIDIA open kernel modules", "RmInitAdapter failed! (0x22:0x56:884)"},
			Cause:    "Blackwell and newer GPUs work with NVIDIA's open kernel modules only; the proprietary ones are installed.",
			Link:     "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/872",
			Run:      needsOpen,
		},
		{
			Code: "G008", Title: "the driver still knows these GPUs", Group: Driver, Severity: Error, Needs: []Fact{Local, PCI}, After: []string{"G004", "G005"},
			Symptoms: []string{"NVRM: ignoring the legacy GPU", "is supported through the NVIDIA 580.xx Legacy drivers"},
			Cause:    "R580 is the last branch for Maxwell, Pascal and Volta GPUs, with its proprietary modules; they were never driven by the open ones.",
			Link:     "https://docs.nvidia.com/datacenter/tesla/drivers/620/supported-drivers-and-cuda-toolkit-versions.html",
			Run:      tooOld,
		},
	}
}

// installedVersion is the loaded driver's version, else that of the module or the
// libraries on disk: a module that finds no GPU it knows does not stay loaded.
func installedVersion(h *host.Host) string {
	if h.Driver.Version != "" {
		return h.Driver.Version
	}
	for _, k := range h.Kernel.Installed {
		if k.Release == h.Kernel.Release && k.NVIDIAVersion != "" {
			return k.NVIDIAVersion
		}
	}
	for _, l := range h.Driver.Libraries {
		if strings.Contains(l.Path, "libnvidia-ml.so") && l.Version != "" {
			return l.Version
		}
	}
	return ""
}

func needsOpen(h *host.Host, _ time.Time) (out []Finding) {
	lines := logged(h, "requires use of the NVIDIA open kernel modules")
	if h.Driver.Flavour == "open" || h.Driver.Flavour == "" && len(lines) == 0 {
		return nil // the lines are of an earlier try
	}
	for _, p := range find.GPUs(h) {
		arch := policy.ArchOfPCI(p.Device)
		inLog := len(lines) > 0 && (strings.Contains(strings.Join(lines, "\n"), p.Address) || len(find.GPUs(h)) == 1)
		if arch < policy.Blackwell && !inLog || p.Driver == "vfio-pci" {
			continue
		}
		evidence := append([]Evidence{saw("PCI", "%s: device 10de:%s, %s", p.Address, p.Device, arch)}, lastLine(lines)...)
		if h.Driver.Flavour != "" {
			evidence = append(evidence, saw("/proc/driver/nvidia/version", "%s modules %s", h.Driver.Flavour, h.Driver.Version))
		}
		return []Finding{told(evidence, openModules(h), "the GPU at %s takes the open kernel modules, and the proprietary ones are installed", p.Address)}
	}
	return nil
}

// openModules changes the installed driver's flavour within its branch.
func openModules(h *host.Host) []Fix {
	flavour := driverFlavour(h)
	if !mayInstall(h) || h.OS.ID != "ubuntu" || flavour == "" || !kernelRelease.MatchString(h.Kernel.Release) {
		return installDriver(h)
	}
	branch, _, _ := strings.Cut(flavour, "-")
	open := strings.TrimSuffix(flavour, "-open") + "-open"
	headless := "nvidia-headless-no-dkms-" + open
	if hasPackage(h, "nvidia-driver-"+branch) {
		headless = "nvidia-driver-" + open
	}
	return []Fix{{Title: "install the open modules of branch " + branch + ", and restart", Root: true, Disruption: Reboot,
		Argv: [][]string{{"apt-get", "install", "-y", "linux-modules-nvidia-" + open + "-" + h.Kernel.Release, headless}, {"systemctl", "reboot"}}}}
}

func tooOld(h *host.Host, _ time.Time) (out []Finding) {
	version := installedVersion(h)
	branch := policy.BranchOf(version)
	if branch == 0 {
		return nil
	}
	lowest := policy.Maxwell // of all that is maintained
	if b, ok := policy.LookupBranch(branch); ok {
		lowest = b.Oldest
	} else if branch > 580 {
		lowest = policy.Turing
	}
	for _, p := range find.GPUs(h) {
		arch := policy.ArchOfPCI(p.Device)
		old := arch < lowest || arch < policy.Turing && h.Driver.Flavour == "open"
		if arch == policy.UnknownArch || !old || p.Driver == "vfio-pci" {
			continue
		}
		evidence := append([]Evidence{saw("PCI", "%s: device 10de:%s, %s", p.Address, p.Device, arch), saw("driver", "%s, %s modules", version, orUnknown(h.Driver.Flavour))},
			lastLine(logged(h, "Legacy drivers"))...)
		fixes := installDriver(h)
		if arch < policy.Maxwell {
			fixes = []Fix{manual("no maintained driver knows "+arch.String()+" GPUs any more: replace the card", None)}
		}
		out = append(out, told(evidence, fixes, "the %s GPU at %s is not driven by driver %s", arch, p.Address, version))
	}
	return out
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
