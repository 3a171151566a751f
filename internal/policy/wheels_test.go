package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// runsOn says which of a release's wheels have code for a capability, as far as is known.
func runsOn(r TorchRelease, platform, capability string) (variants []string) {
	for _, v := range r.On(platform).Variants {
		for _, a := range WheelArchs() {
			if a.Variant != v || a.Platform != platform || a.From != "" && Compare(r.Version, a.From) < 0 || Compare(r.Version, a.To) > 0 {
				continue
			}
			if slices.ContainsFunc(a.Archs, func(arch string) bool { return Serves(arch, capability) }) {
				variants = append(variants, v)
			}
		}
	}
	return variants
}

// Which PyTorch is the first and the last that runs on a GPU: what the tables come to, and
// what users of these cards know.
func TestFirstAndLastPyTorchOfAGPU(t *testing.T) {
	for _, c := range []struct {
		gpu, platform, first, last string
	}{
		{"5.2", "linux/amd64", "2.5.0", "2.14.1"},  // M60: cu126 is the last with Maxwell
		{"6.1", "linux/amd64", "2.5.0", "2.14.1"},  // GTX 1080
		{"7.0", "linux/amd64", "2.5.0", "2.14.1"},  // V100
		{"7.5", "linux/amd64", "2.5.0", "2.15.0"},  // T4
		{"8.0", "linux/amd64", "2.5.0", "2.15.0"},  // A100
		{"8.6", "linux/amd64", "2.5.0", "2.15.0"},  // RTX 3090
		{"8.9", "linux/amd64", "2.5.0", "2.15.0"},  // L40S: code for 8.6 runs on it
		{"9.0", "linux/amd64", "2.5.0", "2.15.0"},  // H100
		{"10.0", "linux/amd64", "2.7.0", "2.15.0"}, // B200
		{"10.3", "linux/amd64", "2.7.0", "2.15.0"}, // B300
		{"12.0", "linux/amd64", "2.7.0", "2.15.0"}, // RTX 5090
		{"9.0", "linux/arm64", "2.7.0", "2.15.0"},  // GH200
		{"10.0", "linux/arm64", "2.7.0", "2.15.0"}, // GB200
		{"11.0", "linux/arm64", "2.9.0", "2.15.0"}, // Thor
		{"12.1", "linux/arm64", "2.7.0", "2.15.0"}, // GB10
	} {
		var runs []string
		for _, r := range Torch() { // the newest first
			if len(runsOn(r, c.platform, c.gpu)) > 0 {
				runs = append(runs, r.Version)
			}
		}
		what := fmt.Sprintf("%s on %s: %v", c.gpu, c.platform, runs)
		assert.Assert(t, len(runs) > 0, what)
		assert.Equal(t, runs[len(runs)-1], c.first, what)
		assert.Equal(t, runs[0], c.last, what)
	}
}

// A wheel whose CUDA has dropped a GPU has no code for it, and one whose CUDA does not know it yet neither.
func TestWheelsAgreeWithCUDA(t *testing.T) {
	for _, a := range WheelArchs() {
		cuda := strings.TrimPrefix(a.Variant, "cu")
		cuda = cuda[:2] + "." + cuda[2:]
		for _, arch := range a.Archs {
			cc, ok := Capability(arch)
			assert.Assert(t, ok, arch)
			g, ok := GenerationOf(cc)
			assert.Assert(t, ok, "%s of %s is of no generation", arch, a.Variant)
			assert.Assert(t, g.LastCUDA == "" || Compare(cuda, g.LastCUDA) <= 0, "%s has %s, which CUDA %s has dropped", a.Variant, arch, cuda)
			assert.Assert(t, g.FirstCUDA == "" || Compare(cuda, g.FirstCUDA) >= 0, "%s has %s, which CUDA %s does not know", a.Variant, arch, cuda)
		}
	}
}

// What a driver runs by CUDA's rules: minor versions are compatible, major ones are not.
func TestCUDAOfADriver(t *testing.T) {
	newest := func(driver string) (cuda string) {
		for _, d := range Drivers() {
			if Compare(driver, d.Min) >= 0 {
				return d.CUDA
			}
		}
		return ""
	}
	for driver, want := range map[string]string{
		"620.12": "13.5", "595.71.05": "13.5", "580.65.06": "13.5", "580.65.05": "12.9", "575.57.08": "12.9", "570.26": "12.9", "535.54.03": "12.9", "525.60.13": "12.9", "525.60.12": "11.8", "470.256.02": "11.8", "450.80.02": "11.8", "450.80.01": "", "390.157": "",
	} {
		major, _, _ := strings.Cut(newest(driver), ".")
		wantMajor, _, _ := strings.Cut(want, ".")
		assert.Equal(t, major, wantMajor, driver)
		assert.Equal(t, newest(driver), want, driver)
	}
}

// The default wheel of each release is one of its own, and its CUDA is one that has libraries.
func TestDefaultWheels(t *testing.T) {
	for _, r := range Torch() {
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			on := r.On(platform)
			assert.Assert(t, on.Default == "cpu" || slices.Contains(on.Variants, on.Default), "%s on %s", r.Version, platform)
			assert.Assert(t, slices.IsSorted(on.Variants), "%s on %s: %v is not the oldest first", r.Version, platform, on.Variants)
			for _, v := range on.Variants {
				assert.Assert(t, strings.HasPrefix(v, "cu") && len(v) == 5, v)
			}
		}
	}
}
