package doctor

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// readingChecks are of readings that make no sense: others must not be built on them.
func readingChecks() []Check {
	return []Check{{
		Code: "H018", Title: "NVML's readings make sense", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver("G012"),
		Symptoms: []string{"[Unknown Error]", "18446744073709551615"},
		Cause:    "A GPU that is failing answers some questions with an error or with nonsense, while NVML itself reports no failure.",
		Run:      func(h *host.Host, _ time.Time) []Finding { return each(h, nonsense) },
	}}
}

func plausibleHeat(t int) bool { return t > -50 && t <= policy.HottestReading }

func watts(w float64) string { return strconv.FormatFloat(w, 'f', -1, 64) }

func nonsense(g host.GPU) (Finding, bool) {
	var seen []Evidence
	if t := g.Temperature; t != nil && !plausibleHeat(t.GPU) {
		seen = append(seen, saw("NVML", "temperature %d °C", t.GPU))
	}
	if p := g.Power; p != nil && (p.Draw < 0 || p.Draw > policy.PowerReading || math.IsNaN(p.Draw)) {
		seen = append(seen, saw("NVML", "power %g W", p.Draw))
	}
	for _, f := range g.Fans {
		// A fan may be driven at more than its nominal speed, at most twice as fast.
		if f.Percent < 0 || f.Percent > 200 {
			seen = append(seen, saw("NVML", "fan %d %%", f.Percent))
		}
	}
	for _, call := range slices.Sorted(maps.Keys(g.Errors)) {
		seen = append(seen, saw("NVML", "%s: %s", call, g.Errors[call]))
	}
	if len(seen) == 0 {
		return Finding{}, false
	}
	return told(seen[:min(len(seen), 8)], []Fix{resetGPU(g), reboot("or restart the machine")}, "%s: %s without sense", gpuName(g), count(len(seen), "reading")), true
}
