package resolve

import (
	"fmt"
	"slices"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// variants are the CUDA tags of a release on a platform.
func variants(r policy.TorchRelease, platform string) []string {
	if platform == "linux/arm64" {
		if v, ok := policy.Arm64Variants(r.Version); ok {
			return v
		}
	}
	return r.Variants
}

// preference orders CUDA tags by how well they serve a driver: the newest that
// is common for it. cu132 is not chosen unless it is the release's default.
func preference(driver, dflt string) []string {
	switch {
	case driver == "":
		return []string{dflt, "cu130", "cu129", "cu128", "cu126", "cu124", "cu121", "cu118"}
	case atLeast(driver, "580"):
		return []string{"cu130", dflt, "cu129", "cu128", "cu126", "cu124", "cu121", "cu118"}
	case atLeast(driver, "570"):
		return []string{"cu129", "cu128", "cu126", "cu124", "cu121", "cu118"}
	case atLeast(driver, "525"):
		return []string{"cu126", "cu129", "cu128", "cu124", "cu121", "cu118"}
	case atLeast(driver, "450"):
		return []string{"cu118"}
	}
	return nil
}

// fit says why a variant of a release does not serve a machine, "" if it does.
func fit(r policy.TorchRelease, variant, platform string, m machine) string {
	if !m.runs(cudaOf(variant)) {
		return fmt.Sprintf("driver %s is older than the %s that CUDA %s takes%s", m.driver,
			minDriver(cudaOf(variant), m.targets), cudaOf(variant), onBlackwell(variant, m))
	}
	archs := archsOf(r.Version, variant, platform)
	if err := CheckArchs(m.targets, archs); archs != nil && err != nil {
		return err.Error()
	}
	return ""
}

func onBlackwell(variant string, m machine) string {
	if blackwell(m.targets) && minDriver(cudaOf(variant), nil) != minDriver(cudaOf(variant), m.targets) {
		return " on Blackwell"
	}
	return ""
}

// choose is the best variant of a release for a machine, "" if none serves it.
func choose(r policy.TorchRelease, platform string, m machine) string {
	have := variants(r, platform)
	for _, v := range preference(m.driver, r.Default) {
		if slices.Contains(have, v) && fit(r, v, platform, m) == "" {
			return v
		}
	}
	return ""
}

// waysOut lists what would work instead: other variants of the release, other
// releases, a newer driver, an image for each GPU.
func waysOut(r policy.TorchRelease, platform string, m machine) []string {
	var out []string
	for _, v := range preference("", r.Default) {
		if slices.Contains(variants(r, platform), v) && fit(r, v, platform, m) == "" {
			out = append(out, fmt.Sprintf("take --cuda %s, which torch %s has wheels for and this machine runs", cudaOf(v), r.Version))
			break
		}
	}
	for _, other := range policy.Torch() {
		if v := choose(other, platform, m); v != "" && other.Version != r.Version {
			out = append(out, fmt.Sprintf("take --torch %s, which has CUDA %s wheels that fit", other.Version, cudaOf(v)))
			break
		}
	}
	anyDriver := m
	anyDriver.driver = ""
	if v := choose(r, platform, anyDriver); v != "" && !m.runs(cudaOf(v)) {
		out = append(out, fmt.Sprintf("upgrade the driver to %s or newer, which runs CUDA %s", minDriver(cudaOf(v), m.targets), cudaOf(v)))
	}
	if len(m.targets) > 1 && len(out) == 0 {
		for _, t := range m.targets {
			one := m
			one.targets = []string{t}
			for _, other := range policy.Torch() {
				if v := choose(other, platform, one); v != "" {
					out = append(out, fmt.Sprintf("build an image of its own for sm_%s: --target-gpu %s chooses torch %s with CUDA %s",
						noDot(t), t, other.Version, cudaOf(v)))
					break
				}
			}
		}
	}
	return out
}
