package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// machine is what an image must run on.
type machine struct {
	targets []string // compute capabilities, sorted, once each
	driver  string   // "" if not known
	because string
}

// machineFor takes the wished GPUs and driver, or this machine's where none are
// wished: a wish for other GPUs makes this machine's driver irrelevant.
func machineFor(t spec.Target, h host.Host) (machine, error) {
	m := machine{driver: t.Driver, because: "asked for"}
	for _, name := range t.GPUs {
		cc, ok := normalCC(name)
		if !ok {
			cc, ok = policy.GPUCapability(name)
		}
		if !ok {
			return m, &Conflict{What: fmt.Sprintf("--target-gpu %q", name), Why: "no GPU of this name is known",
				WaysOut: append(nearest(name), `give the compute capability instead, such as "9.0" or "sm_90"`)}
		}
		m.targets = append(m.targets, cc)
	}
	if t.Driver != "" && !dotted.MatchString(t.Driver) {
		return m, &Conflict{What: fmt.Sprintf("--target-driver %q", t.Driver), Why: "is no driver version",
			WaysOut: []string{`write it as nvidia-smi shows it, such as "570.86" or "535"`}}
	}
	if len(t.GPUs) == 0 {
		for _, g := range h.GPUs {
			if cc, ok := normalCC(g.ComputeCapability); ok {
				m.targets = append(m.targets, cc)
			}
		}
		if m.driver == "" {
			m.driver = h.Driver
		}
		m.because = "this machine's"
	}
	slices.SortFunc(m.targets, compare)
	m.targets = slices.Compact(m.targets)
	return m, nil
}

// nearest suggests GPU names that begin alike.
func nearest(name string) []string {
	want := strings.ToLower(name)
	var out []string
	for _, n := range policy.GPUNames() {
		if len(want) >= 2 && (strings.HasPrefix(n, want) || strings.Contains(n, strings.TrimLeft(want, "rtxg ")) && len(want) > 3) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	if len(out) == 0 {
		return nil
	}
	return []string{"known names that are near: " + strings.Join(out[:min(6, len(out))], ", ")}
}

// runs says whether the machine's driver runs a CUDA version.
func (m machine) runs(cuda string) bool {
	need := minDriver(cuda, m.targets)
	return m.driver == "" || need == "" || atLeast(m.driver, need)
}

// atLeast compares a driver with what is needed. A branch alone, "570", stands
// for its newest release.
func atLeast(driver, need string) bool {
	if !strings.Contains(driver, ".") {
		branch, _, _ := strings.Cut(need, ".")
		return compare(driver, branch) >= 0
	}
	return compare(driver, need) >= 0
}

func (m machine) names() string {
	var out []string
	for _, t := range m.targets {
		out = append(out, "sm_"+strings.ReplaceAll(t, ".", ""))
	}
	return strings.Join(out, ", ")
}
