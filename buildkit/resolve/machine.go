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
	targets []string          // compute capabilities, sorted, once each
	gpus    map[string]string // a capability's GPU, as the user or NVML names it
	driver  string            // "" if not known
	because string
	unknown []string // GPUs of this machine whose capability nobody knows
}

// machineFor takes the wished GPUs and driver. Any wish is for another machine,
// so this one counts only where none is made, and only for images it can run.
func machineFor(t spec.Target, h host.Host, platform string) (machine, error) {
	m := machine{driver: t.Driver, because: "asked for", gpus: map[string]string{}}
	if t.Driver != "" && !dotted.MatchString(t.Driver) {
		return m, &Conflict{What: fmt.Sprintf("--target-driver %q", t.Driver), Why: "is no driver version",
			WaysOut: []string{`write it as nvidia-smi shows it, such as "570.86" or "535"`}}
	}
	for _, name := range t.GPUs {
		cc, ok := policy.GPUCapability(name)
		if !ok {
			cc, ok = policy.Capability(name)
		}
		if !ok {
			return m, &Conflict{What: fmt.Sprintf("--target-gpu %q", name), Why: "no GPU of this name is known",
				WaysOut: append(nearest(name), `give the compute capability instead, such as "9.0" or "sm_90"`)}
		}
		m.add(cc, name)
	}
	if len(t.GPUs) == 0 && t.Driver == "" && (h.Arch == "" || "linux/"+h.Arch == platform) {
		m.driver, m.because = h.Driver.Version, "this machine's"
		for _, g := range h.GPUs {
			cc, ok := policy.Capability(g.ComputeCapability)
			if !ok {
				cc, ok = policy.GPUCapability(g.Name)
			}
			if !ok {
				m.unknown = append(m.unknown, g.Name)
				continue
			}
			m.add(cc, g.Name)
		}
	}
	slices.SortFunc(m.targets, policy.Compare)
	return m, nil
}

func (m *machine) add(cc, name string) {
	if !slices.Contains(m.targets, cc) {
		m.targets = append(m.targets, cc)
		m.gpus[cc] = name
	}
}

// only is the machine with one of its GPUs.
func (m machine) only(target string) machine {
	m.targets = []string{target}
	return m
}

// names are the targets for people: "NVIDIA H200 (sm_90), sm_120".
func (m machine) names() string {
	var out []string
	for _, t := range m.targets {
		name := m.gpus[t]
		if _, ok := policy.Capability(name); ok || name == "" {
			out = append(out, smOf(t))
		} else {
			out = append(out, name+" ("+smOf(t)+")")
		}
	}
	return strings.Join(out, ", ")
}

// nearest suggests known GPU names that hold the given one's letters or number.
func nearest(name string) []string {
	want := strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(name))
	number := strings.TrimLeft(want, "abcdefghijklmnopqrstuvwxyz")
	var out []string
	for _, n := range policy.GPUNames() {
		if len(want) >= 2 && strings.HasPrefix(n, want) || len(number) >= 3 && strings.Contains(n, number[:3]) {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil
	}
	slices.Sort(out)
	return []string{"known names that are near: " + strings.Join(out[:min(6, len(out))], ", ")}
}

// runs says whether the machine's driver runs a CUDA version, as far as is known.
func (m machine) runs(cuda string) bool {
	need := minDriver(cuda, m.targets)
	return m.driver == "" || need == "" || atLeast(m.driver, need)
}

// atLeast compares a driver with what is needed. A branch alone, "570", stands
// for its newest release.
func atLeast(driver, need string) bool {
	if !strings.Contains(driver, ".") {
		return policy.Compare(driver, branch(need)) >= 0
	}
	return policy.Compare(driver, need) >= 0
}
