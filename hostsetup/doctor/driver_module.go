package doctor

import (
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// moduleChecks are of the driver itself: is it loaded, is it whole, does it answer.
func moduleChecks() []Check {
	return []Check{
		{
			Code: "G001", Title: "the NVIDIA kernel module is loaded", Group: Driver, Severity: Error, Needs: []Fact{Local, PCI},
			After: []string{"G004", "G005", "G006", "G008"},
			Symptoms: []string{"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver", "nvml error: driver not loaded",
				"Make sure that the latest NVIDIA driver is installed and running", "modprobe: FATAL: Module nvidia not found in directory"},
			Cause: "There is a GPU, and no NVIDIA module runs: it was never installed, was not built for the running kernel, or was not loaded.",
			Run:   notLoaded,
		},
		{
			Code: "G002", Title: "the driver's libraries and its module are of one version", Group: Driver, Severity: Error, Needs: []Fact{Local, Module}, After: []string{"G001"},
			Symptoms: []string{"Failed to initialize NVML: Driver/library version mismatch", "nvml error: driver/library version mismatch", "NVRM: API mismatch"},
			Cause:    "The driver's packages were upgraded, most often by unattended upgrades, while the old module stayed in the kernel.",
			Run:      mismatch,
		},
		{
			Code: "G019", Title: "the driver answers", Group: Driver, Severity: Error, After: []string{"G001", "G002"},
			Symptoms: []string{"nvidia-smi hangs", "re:NVML did not answer within", "re:task nvidia-smi:\\d+ blocked for more than"},
			Cause:    "The driver waits for a GPU that does not answer. Programs that ask it sleep and cannot be killed; only a restart ends that.",
			Run:      hangs,
		},
	}
}

func notLoaded(h *host.Host, _ time.Time) []Finding {
	if h.Driver.Version != "" || h.Unread["module"] != "" {
		return nil // loaded, or nobody could look
	}
	if handedAway(h) {
		return nil
	}
	evidence := []Evidence{saw("/proc/driver/nvidia/version", "there is no such file")}
	for _, p := range find.GPUs(h) {
		evidence = append(evidence, saw("PCI", "%s: device 10de:%s, driver %s", p.Address, p.Device, orNone(p.Driver)))
	}
	here, others := moduleFor(h, h.Kernel.Release), ""
	for _, k := range h.Kernel.Installed {
		if k.NVIDIA != "" && k.Release != h.Kernel.Release {
			others = k.Release
		}
	}
	switch {
	case !mayInstall(h):
		return []Finding{told(evidence, elsewhere(h), "no NVIDIA driver is loaded")}
	case here != "":
		load := Fix{Title: "load the module", Argv: [][]string{{"modprobe", "nvidia"}}, Root: true, Disruption: None, Undo: [][]string{{"modprobe", "-r", "nvidia"}}, Safe: true}
		return []Finding{told(append(evidence, saw("/lib/modules", "%s is there and not loaded", here)), []Fix{load}, "the NVIDIA module is installed for the running kernel and not loaded")}
	case others != "":
		fixes := buildModule(h, h.Kernel.Release)
		if len(fixes) > 0 && len(fixes[0].Argv) > 0 {
			fixes[0].Argv = append(fixes[0].Argv, []string{"modprobe", "nvidia"})
		} else if len(fixes) == 0 {
			fixes = installDriver(h)
		}
		return []Finding{told(append(evidence, saw("/lib/modules", "kernel %s has a module, the running %s has none", others, h.Kernel.Release)), fixes,
			"the running kernel %s has no NVIDIA module", h.Kernel.Release)}
	}
	return []Finding{told(evidence, installDriver(h), "no NVIDIA driver is installed")}
}

func moduleFor(h *host.Host, release string) string {
	for _, k := range h.Kernel.Installed {
		if k.Release == release {
			return k.NVIDIA
		}
	}
	return ""
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func mismatch(h *host.Host, _ time.Time) []Finding {
	if h.OS.WSL != 0 {
		return nil // the module is Windows'; versions there differ by design
	}
	evidence := []Evidence{saw("/proc/driver/nvidia/version", "%s", h.Driver.Version)}
	said := strings.Contains(strings.ToLower(h.Unread["nvml"]), "version mismatch")
	if said {
		evidence = append(evidence, saw("NVML", "%s", h.Unread["nvml"]))
	}
	library := ""
	for _, name := range []string{"libnvidia-ml.so", "libcuda.so"} {
		v, path := otherVersion(h, name)
		if v != "" {
			library = v
			evidence = append(evidence, saw(shown(path), "%s", v))
		}
	}
	if library == "" && !said {
		return nil
	}
	fixes := elsewhere(h)
	if mayInstall(h) {
		fixes = []Fix{reboot("restart, so that the new module is loaded"),
			{Title: "end all programs that use a GPU, containers too, then load the new module", Root: true, Disruption: Restart,
				Argv: [][]string{{"systemctl", "stop", "nvidia-persistenced"}, {"modprobe", "-r", "nvidia_uvm", "nvidia_drm", "nvidia_modeset", "nvidia"}, {"modprobe", "nvidia"}}}}
	}
	for _, k := range h.Kernel.Installed {
		if k.Release == h.Kernel.NextBoot && k.NVIDIAVersion != "" && library != "" && k.NVIDIAVersion != library && mayInstall(h) {
			// A restart alone would load the old module again.
			evidence = append(evidence, saw(shown(k.NVIDIA), "%s", k.NVIDIAVersion))
			fixes = append(buildModule(h, k.Release), fixes...)
		}
	}
	if library == "" {
		return []Finding{told(evidence, fixes, "the loaded module %s and NVML are of different versions", h.Driver.Version)}
	}
	return []Finding{told(evidence, fixes, "the loaded module is %s, the libraries are %s", h.Driver.Version, library)}
}

// otherVersion is the version of a library of which no copy is of the loaded module's
// version; an older copy beside the right one does no harm.
func otherVersion(h *host.Host, name string) (version, path string) {
	for _, l := range h.Driver.Libraries {
		if !strings.Contains(l.Path, name) || l.Version == "" {
			continue
		}
		if l.Version == h.Driver.Version {
			return "", ""
		}
		version, path = l.Version, l.Path
	}
	return version, path
}

func hangs(h *host.Host, _ time.Time) []Finding {
	var evidence []Evidence
	if why := h.Unread["nvml"]; strings.Contains(why, "did not answer") || strings.Contains(why, "timed out") {
		evidence = append(evidence, saw("NVML", "%s", why))
	}
	for _, p := range h.Stuck {
		evidence = append(evidence, saw("/proc", "process %d (%s) sleeps uninterruptibly in the driver", p.PID, p.Name))
	}
	if len(evidence) == 0 {
		return nil
	}
	evidence = append(evidence, lastLine(logged(h, "blocked for more than", "RmInitAdapter failed"))...)
	fixes := elsewhere(h)
	if fixes == nil {
		fixes = []Fix{reboot("restart; if the machine does not go down, switch it off and on")}
	}
	return []Finding{told(evidence, fixes, "the NVIDIA driver does not answer")}
}
