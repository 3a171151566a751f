package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// CheckArchs says whether code for archs ("sm_90", "compute_90") runs on every
// target ("9.0"). Code runs on GPUs of its own major version from its minor on;
// PTX is compiled by the driver for every newer GPU; an "a" entry ("sm_90a")
// runs on exactly its own. Source: CUDA C++ Programming Guide, compute capabilities.
func CheckArchs(targets, archs []string) error {
	var lost []string
	for _, t := range targets {
		if !slices.ContainsFunc(archs, func(a string) bool { return serves(a, t) }) {
			lost = append(lost, smOf(t))
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("PyTorch has no code for %s, only for %s", strings.Join(lost, " and "), strings.Join(archs, " "))
	}
	return nil
}

func serves(arch, target string) bool {
	cc, ok := normalCC(arch)
	if !ok {
		return false
	}
	switch {
	case strings.HasSuffix(arch, "a"):
		return cc == target
	case strings.HasPrefix(arch, "compute_"):
		return compare(target, cc) >= 0
	}
	return branch(cc) == branch(target) && compare(target, cc) >= 0
}

// archsOf are the architectures in a release's wheel, nil where no row knows.
func archsOf(version, variant, platform string) (policy.Archs, bool) {
	for _, row := range policy.WheelArchs() {
		if row.Variant == variant && row.Platform == platform &&
			(row.From == "" || compare(version, row.From) >= 0) && compare(version, row.To) <= 0 {
			return row, true
		}
	}
	return policy.Archs{}, false
}

// generation is the family of a compute capability; false for one that is newer
// or older than the table.
func generation(cc string) (policy.Generation, bool) {
	for _, g := range policy.Generations() {
		if compare(cc, g.From) >= 0 && compare(cc, g.To) <= 0 {
			return g, true
		}
	}
	return policy.Generation{}, false
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
		if g, ok := generation(t); ok && g.MinDriver != "" && compare(g.MinDriver, need) > 0 {
			need = g.MinDriver
		}
	}
	return need
}

// inCUDA says why the toolkit's libraries have no code for a target, "" if they have.
func inCUDA(cuda string, targets []string) string {
	for _, t := range targets {
		g, ok := generation(t)
		switch {
		case !ok:
		case g.FirstCUDA != "" && compare(cuda, g.FirstCUDA) < 0:
			return fmt.Sprintf("%s (%s) takes CUDA %s or newer", g.Name, smOf(t), g.FirstCUDA)
		case g.LastCUDA != "" && compare(cuda, g.LastCUDA) > 0:
			return fmt.Sprintf("CUDA %s has no code for %s (%s) any more; the last with it is %s", cuda, g.Name, smOf(t), g.LastCUDA)
		}
	}
	return ""
}
