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
			lost = append(lost, "sm_"+strings.ReplaceAll(t, ".", ""))
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
	haveMajor, _, _ := strings.Cut(cc, ".")
	wantMajor, _, _ := strings.Cut(target, ".")
	return haveMajor == wantMajor && compare(target, cc) >= 0
}

// archsOf are the architectures of a release's wheel, nil where no table row knows.
func archsOf(version, variant, platform string) []string {
	for _, row := range policy.WheelArchs() {
		if row.Variant == variant && row.Platform == platform &&
			(row.From == "" || compare(version, row.From) >= 0) && (row.To == "" || compare(version, row.To) <= 0) {
			return row.Archs
		}
	}
	return nil
}

// blackwell says that a target is of NVIDIA's Blackwell generation, which takes newer drivers.
func blackwell(targets []string) bool {
	return slices.ContainsFunc(targets, func(t string) bool { return compare(t, "10.0") >= 0 })
}

// minDriver is the driver that a CUDA version takes on the targets, "" if no row knows.
func minDriver(cuda string, targets []string) string {
	for _, d := range policy.Drivers() {
		if d.CUDA == cuda {
			if d.Blackwell != "" && blackwell(targets) {
				return d.Blackwell
			}
			return d.Min
		}
	}
	return ""
}
