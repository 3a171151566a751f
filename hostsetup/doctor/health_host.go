package doctor

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// hostHealthChecks are of all GPUs of a machine together.
func hostHealthChecks() []Check {
	return []Check{
		{
			Code: "H010", Title: "GPUs reach each other without a detour", Group: Health, Severity: Warning, Needs: []Fact{Local, PCI, Bridges}, After: afterDriver(),
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

// acs judges the way between GPUs over PCIe. Machines that are virtual, or hand GPUs to
// virtual ones, need the detour: it keeps those apart.
func acs(h *host.Host, _ time.Time) []Finding {
	own := slices.DeleteFunc(find.GPUs(h), func(p host.PCI) bool { return p.Driver != "nvidia" })
	if len(own) < 2 || h.OS.Virtual != "" || inContainer(h) || slices.ContainsFunc(h.PCI, func(p host.PCI) bool { return p.Driver == "vfio-pci" }) {
		return nil
	}
	bridges, joined := h.Kernel.ACS, joinedByNVLink(h)
	if len(bridges) == 0 && (h.Kernel.IOMMU != "translate" || joined) {
		return nil
	}
	var evidence []Evidence
	if len(bridges) > 0 {
		evidence = append(evidence, saw("PCI", "ACS redirects on %s: %s", count(len(bridges), "bridge"), strings.Join(bridges[:min(4, len(bridges))], ", ")))
	}
	if h.Kernel.IOMMU != "" {
		evidence = append(evidence, saw("IOMMU", "%s", h.Kernel.IOMMU))
	}
	for word := range strings.FieldsSeq(h.Kernel.Cmdline) {
		if strings.Contains(word, "iommu") {
			evidence = append(evidence, saw("/proc/cmdline", "%s", word))
		}
	}
	if len(bridges) == 0 {
		f := told(evidence, passThrough(h), "the IOMMU translates what %d GPUs send each other", len(own))
		f.Severity = Note
		f.Cause = "With translation all traffic between GPUs goes through the processor's IOMMU: slower, and with some libraries transfers hang."
		return []Finding{f}
	}
	var argv [][]string
	for _, b := range bridges {
		if pciAddress.MatchString(b) {
			// Of the control word the two bits that redirect requests and completions.
			argv = append(argv, []string{"setpci", "-s", b, "ECAP_ACS+6.w=0000:000c"})
		}
	}
	fixes := []Fix{{Title: "stop the redirection until the next start", Argv: argv, Root: true, Disruption: None},
		manual("for good: switch ACS off in the machine's firmware setup, or pass pci=disable_acs_redir= with these bridges to the kernel; not if GPUs shall be handed to virtual machines", Reboot)}
	if len(argv) == 0 {
		fixes = fixes[1:]
	}
	f := told(evidence, fixes, "ACS sends traffic between %d GPUs through the processor", len(own))
	if joined {
		f.Severity = Note // they have a way of their own; network cards have not
	}
	return []Finding{f}
}

var pciAddress = regexp.MustCompile(`^[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$`)

// joinedByNVLink says whether all GPUs have NVLinks that are up.
func joinedByNVLink(h *host.Host) bool {
	return len(h.GPUs) > 1 && !slices.ContainsFunc(h.GPUs, func(g host.GPU) bool {
		return !slices.ContainsFunc(g.NVLinks, func(l host.NVLink) bool { return l.Active })
	})
}

// passThrough has the IOMMU leave devices of the host itself alone.
func passThrough(h *host.Host) []Fix {
	if packager(h) == "dnf" {
		return []Fix{{Title: "pass iommu=pt to the kernel, and restart", Root: true, Disruption: Reboot,
			Argv: [][]string{{"grubby", "--update-kernel=ALL", "--args=iommu=pt"}, {"systemctl", "reboot"}},
			Undo: [][]string{{"grubby", "--update-kernel=ALL", "--remove-args=iommu=pt"}}}}
	}
	return []Fix{manual("pass iommu=pt to the kernel: on its command line in /etc/default/grub, then update-grub", Reboot)}
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
