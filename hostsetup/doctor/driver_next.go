package doctor

import (
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// nextBootChecks look ahead: will the GPU work after the next restart?
func nextBootChecks() []Check {
	return []Check{{
		Code: "G003", Title: "the kernel that starts next has an NVIDIA module", Group: Driver, Severity: Warning, Needs: []Fact{Local, PCI}, After: []string{"G004", "G005", "G006", "G008", "G001"},
		Symptoms: []string{"was skipped since the kernel headers for this kernel do not seem to be installed", "re:kernel headers for kernel .* cannot be found"},
		Cause:    "A newer kernel was installed, and no module was built or installed for it. All works until the machine restarts.",
		Run:      nextBoot,
	}}
}

func nextBoot(h *host.Host, now time.Time) []Finding {
	if h.OS.WSL != 0 || inContainer(h) || h.Kernel.NextBoot == "" || h.Driver.Version == "" {
		return nil
	}
	for _, k := range h.Kernel.Installed {
		if k.Release != h.Kernel.NextBoot {
			continue
		}
		where := saw("/lib/modules/"+shown(k.Release), "%s", orNone(k.NVIDIA))
		if k.NVIDIA == "" {
			fixes := buildModule(h, k.Release)
			if len(fixes) == 0 {
				fixes = []Fix{manual("install or build the NVIDIA module for kernel "+shown(k.Release)+", or keep starting the present one", None)}
			}
			evidence := []Evidence{saw("running kernel", "%s", h.Kernel.Release), where}
			if !k.Headers {
				evidence = append(evidence, saw("/lib/modules/"+shown(k.Release)+"/build", "its headers are missing, so DKMS cannot build"))
			}
			return []Finding{told(evidence, fixes, "kernel %s starts next and has no NVIDIA module", k.Release)}
		}
		library := ""
		for _, l := range h.Driver.Libraries {
			if strings.Contains(l.Path, "libnvidia-ml.so") && l.Version != "" {
				library = l.Version
				if library == k.NVIDIAVersion {
					break
				}
			}
		}
		if k.NVIDIAVersion == "" || library == "" || library == k.NVIDIAVersion || len(mismatch(h, now)) > 0 {
			return nil // G002 tells of libraries that do not fit, and mends the next kernel's module too
		}
		return []Finding{told([]Evidence{saw(shown(k.NVIDIA), "%s", k.NVIDIAVersion), saw("libnvidia-ml.so", "%s", library)}, buildModule(h, k.Release),
			"after the next restart the module is %s and the libraries are %s", k.NVIDIAVersion, library)}
	}
	return nil
}
