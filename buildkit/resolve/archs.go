package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// CheckArchs says whether code for archs ("sm_90", "compute_90") runs on every
// target ("9.0"); policy.Serves is the rule.
func CheckArchs(targets, archs []string) error {
	var lost []string
	for _, t := range targets {
		if !slices.ContainsFunc(archs, func(a string) bool { return policy.Serves(a, t) }) {
			lost = append(lost, smOf(t))
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("PyTorch has no code for %s, only for %s", strings.Join(lost, " and "), strings.Join(archs, " "))
	}
	return nil
}

// archsOf are the architectures in a release's wheel, nil where no row knows.
func archsOf(version, variant, platform string) (policy.Archs, bool) {
	for _, row := range policy.WheelArchs() {
		if row.Variant == variant && row.Platform == platform &&
			(row.From == "" || policy.Compare(version, row.From) >= 0) && policy.Compare(version, row.To) <= 0 {
			return row, true
		}
	}
	return policy.Archs{}, false
}

// minDriver is the driver that a CUDA version takes on the targets, "" if no row
// knows the CUDA.
func minDriver(cuda string, targets []string) string {
	need := ""
	for _, d := range policy.Drivers() {
		if d.CUDA == cuda {
			need = d.Min
		}
	}
	if need == "" {
		return ""
	}
	for _, t := range targets {
		if g, ok := policy.GenerationOf(t); ok && g.MinDriver != "" && policy.Compare(g.MinDriver, need) > 0 {
			need = g.MinDriver
		}
	}
	return need
}

// inCUDA says why the toolkit's libraries have no code for a target, "" if they have.
func inCUDA(cuda string, targets []string) string {
	for _, t := range targets {
		g, ok := policy.GenerationOf(t)
		switch {
		case !ok:
		case g.FirstCUDA != "" && policy.Compare(cuda, g.FirstCUDA) < 0:
			return fmt.Sprintf("%s (%s) takes CUDA %s or newer", g.Name, smOf(t), g.FirstCUDA)
		case g.LastCUDA != "" && policy.Compare(cuda, g.LastCUDA) > 0:
			return fmt.Sprintf("CUDA %s has no code for %s (%s) any more; the last with it is %s", cuda, g.Name, smOf(t), g.LastCUDA)
		}
	}
	return ""
}
