package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// hostHealthChecks are of all GPUs of a machine together.
func hostHealthChecks() []Check {
	return []Check{
		{
			Code: "H010", Title: "GPUs reach each other without a detour", Group: Health, Severity: Warning, Needs: []Fact{Local, PCI}, After: afterDriver(),
			Symptoms: []string{"NCCL WARN", "re:ACS.*(ReqRedir|CmpltRedir)\\+", "p2p transfers hang"},
			Cause:    "Access Control Services (ACS) of a PCIe bridge send traffic between GPUs through the processor: slow, and some transfers hang.",
			Link:     "https://github.com/NVIDIA/nccl/issues/2079",
			Run:      acs,
		},
		{
			Code: "H011", Title: "the GPUs are alike", Group: Health, Severity: Note, Needs: []Fact{NVML}, After: afterDriver(),
			Cause: "Different models or firmwares in one machine work. Programs that use them together wait for the slowest, and builds must be made for each.",
			Run:   mixed,
		},
	}
}

func acs(h *host.Host, _ time.Time) []Finding {
	n := 0
	for _, p := range gpusOnPCI(h) {
		if p.Driver == "nvidia" {
			n++
		}
	}
	if len(h.Kernel.ACS) == 0 || n < 2 || h.OS.Virtual != "" || inContainer(h) {
		return nil // virtual machines need ACS, to be kept apart
	}
	evidence := []Evidence{saw("PCI", "ACS redirects on %d bridges: %s", len(h.Kernel.ACS), strings.Join(h.Kernel.ACS[:min(4, len(h.Kernel.ACS))], ", "))}
	for word := range strings.FieldsSeq(h.Kernel.Cmdline) {
		if strings.Contains(word, "iommu") {
			evidence = append(evidence, saw("/proc/cmdline", "%s", word))
		}
	}
	return []Finding{told(evidence, []Fix{manual("switch ACS off in the machine's firmware setup, or pass iommu=pt to the kernel; not on machines that hand GPUs to virtual machines", Reboot)},
		"ACS sends traffic between %d GPUs through the processor", n)}
}

func mixed(h *host.Host, _ time.Time) (out []Finding) {
	firmware := map[string]map[string]int{} // model → VBIOS → how many
	for _, g := range h.GPUs {
		if firmware[g.Name] == nil {
			firmware[g.Name] = map[string]int{}
		}
		if g.VBIOS != "" {
			firmware[g.Name][g.VBIOS]++
		}
	}
	models := slices.Sorted(maps.Keys(firmware))
	if len(models) > 1 {
		out = append(out, told([]Evidence{saw("NVML", "%s", strings.Join(models, ", "))}, nil, "%d models of GPU in one machine", len(models)))
	}
	for _, m := range models {
		if v := firmware[m]; len(v) > 1 {
			var counts []string
			for _, name := range slices.Sorted(maps.Keys(v)) {
				counts = append(counts, fmt.Sprintf("%s × %d", name, v[name]))
			}
			out = append(out, told([]Evidence{saw("NVML", "VBIOS %s", strings.Join(counts, ", "))}, nil, "%s GPUs with %d different firmwares", m, len(v)))
		}
	}
	return out
}
