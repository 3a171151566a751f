package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// xidChecks are of the errors that the driver logged.
func xidChecks() []Check {
	return []Check{{
		Code: "H015", Title: "the driver logged no errors (Xid)", Group: Health, Severity: Warning, Needs: []Fact{KLog},
		Symptoms: []string{"re:Xid \\(PCI:[0-9a-f:.]+\\): \\d+"},
		Cause:    "Each Xid has a number; NVIDIA's catalogue says what it means and what to do at once.",
		Link:     policy.XidSource,
		Run:      pressing(xids),
	}}
}

// ownCode are Xids that a check of their own tells of: fallen off the bus, firmware, power cable.
var ownCode = []int{79, 119, 120, 54}

// xids tells of each code once for each GPU.
func xids(h *host.Host, _ time.Time) (out []Finding) {
	type key struct {
		pci  string
		code int
	}
	var keys []key
	seen := map[key][]host.Xid{}
	for _, x := range h.Xids {
		if slices.Contains(ownCode, x.Code) {
			continue
		}
		k := key{shortPCI(x.PCI), x.Code}
		if seen[k] == nil {
			keys = append(keys, k)
		}
		seen[k] = append(seen[k], x)
	}
	for _, k := range keys {
		all := seen[k]
		last := all[len(all)-1]
		g, found := gpuAt(h, k.pci)
		if found && !g.Lost && memoryTells(g, k.code) {
			continue
		}
		x, known := policy.LookupXid(k.code)
		evidence := []Evidence{saw("kernel log", "%d × %s", len(all), last.Text), saw("kernel log", "the last %s after the start of the machine", last.Since.Round(time.Second))}
		if !known {
			f := told(evidence, []Fix{manual("look the number up in NVIDIA's catalogue: "+policy.XidSource, None)}, "%s: Xid %d, which is not known here, %s", nameAt(h, k.pci), k.code, times(len(all)))
			f.GPU = g.UUID
			out = append(out, f)
			continue
		}
		evidence = append(evidence, saw("NVIDIA's catalogue", "Xid %d: %s", k.code, orNone(x.Action)))
		f := told(evidence, xidFixes(x, g, found), "%s: Xid %d, %s: %s", nameAt(h, k.pci), k.code, times(len(all)), x.Meaning)
		f.Severity, f.GPU = Severity(x.Severity), g.UUID
		f.Cause = "Whose fault it is most of the time: " + x.Fault + "."
		if f.Severity == Error && recovered(g, found) {
			f.Severity = Warning // the GPU was reset since, or needs nothing
		}
		out = append(out, f)
	}
	return out
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// xidFixes are NVIDIA's immediate actions in commands.
func xidFixes(x policy.Xid, g host.GPU, found bool) []Fix {
	reset := reboot("restart the machine; the GPU was not found, so it cannot be reset alone")
	if found {
		reset = resetGPU(g)
	}
	switch x.Action {
	case policy.ActionIgnore:
		return []Fix{manual("nothing at once; look whether it comes again, and at the Xids beside it", None)}
	case policy.ActionRestartApp:
		return []Fix{manual("start the program again; if it happens again, look for an error in it (compute-sanitizer finds illegal accesses)", Restart)}
	case policy.ActionResetGPU:
		return []Fix{reset, manual("if it comes back: ask the card's vendor", None)}
	case policy.ActionReboot:
		return []Fix{reboot("restart the machine")}
	case policy.ActionRestartVM:
		return []Fix{reboot("restart the virtual machine")}
	case policy.ActionMechanical:
		return []Fix{manual("look at cables, seating and power supply", Reboot)}
	case policy.ActionSupport:
		return []Fix{manual("ask the card's vendor, with the output of nvidia-bug-report.sh", None)}
	case policy.ActionUpdate:
		return []Fix{manual("update the driver and the virtual GPU software", Reboot)}
	case policy.ActionECC:
		return []Fix{reset, manual("if NVML then reports a failed remapping, or it comes back: replace the card", None)}
	case policy.ActionNVLink, policy.ActionNVLink5:
		return []Fix{reset, manual("if it comes back: seat bridge or board anew, then ask the vendor; the catalogue decodes the line's numbers", Reboot)}
	case policy.ActionCleanup:
		return []Fix{manual("look at the Xid before it; if it stands alone on a machine with NVSwitches, start the fabric manager again", None)}
	case policy.ActionRecovery:
		return []Fix{manual("do what the line names; NVML says the same as the recovery action", None)}
	case policy.ActionUVM:
		return []Fix{manual("look for errors of nvidia-uvm beside it in the kernel log", None)}
	}
	return nil
}
