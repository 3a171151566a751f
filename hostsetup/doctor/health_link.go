package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// linkChecks are of PCIe.
func linkChecks() []Check {
	return []Check{
		{
			Code: "H005", Title: "PCIe links run as wide and as fast as they can", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"re:Link Width.*Current *: *(1|2|4|8)x", "limited by a PCIe x"},
			Cause:    "The card is not fully seated, a riser or a slot is poor, or lanes are shared with another slot. An idle GPU lowers its speed, never its width.",
			Run:      func(h *host.Host, _ time.Time) []Finding { return each(h, narrow) },
		},
		{
			Code: "H006", Title: "PCIe links seldom repeat packets", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"Replays Since Reset", "Replay Number Rollovers", "PCIe Bus Error: severity=Corrected, type=Data Link Layer"},
			Cause:    "The signal is poor: a card or riser that is not well seated, or a cable that is too long.",
			Run:      replays,
		},
	}
}

func narrow(g host.GPU) (Finding, bool) {
	p := g.PCIe
	if p == nil {
		return Finding{}, false
	}
	busy := g.Utilization != nil && g.Utilization.GPU >= policy.BusyGPU
	slim := p.Width > 0 && p.MaxWidth > 0 && p.Width < p.MaxWidth
	slow := busy && p.Gen > 0 && p.MaxGen > 0 && p.Gen < p.MaxGen
	if !slim && !slow {
		return Finding{}, false
	}
	seen := []Evidence{saw("NVML", "PCIe generation %d of %d, width x%d of x%d", p.Gen, p.MaxGen, p.Width, p.MaxWidth)}
	fix := []Fix{manual("switch the machine off and seat the card and its riser anew; see in the firmware setup how the slot's lanes are divided", Reboot)}
	if slim {
		return told(seen, fix, "%s: its PCIe link has %d of %d lanes", gpuName(g), p.Width, p.MaxWidth), true
	}
	return told(seen, fix, "%s: its PCIe link runs at generation %d of %d under load", gpuName(g), p.Gen, p.MaxGen), true
}

func replays(h *host.Host, now time.Time) []Finding {
	taken := h.Taken
	if taken.IsZero() {
		taken = now
	}
	hours := 1.0
	if up := taken.Sub(h.Kernel.Booted).Hours(); !h.Kernel.Booted.IsZero() && up > hours {
		hours = up
	}
	return each(h, func(g host.GPU) (Finding, bool) {
		if g.PCIe == nil || float64(g.PCIe.Replays) < hours*policy.ReplaysPerHour {
			return Finding{}, false
		}
		return told([]Evidence{saw("NVML", "%d replays in %s", g.PCIe.Replays, count(int(hours), "hour"))},
			[]Fix{manual("switch the machine off and seat the card and its riser anew; if that does not help, try another slot", Reboot)},
			"%s: %d packets were repeated on its PCIe link", gpuName(g), g.PCIe.Replays), true
	})
}
