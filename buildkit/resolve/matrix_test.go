package resolve

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// matrix is what is chosen for each kind of GPU on each branch of the driver, as a table.
func matrix(t *testing.T, platform string, s spec.Spec, tell func(Plan) string) string {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	drivers := []string{"", "450.80.02", "470.57", "525.60.13", "535", "550", "570.86", "580.65.06", "610"}
	fmt.Fprintf(w, "%s\t%s\n", platform, strings.Join(append([]string{"unknown"}, drivers[1:]...), "\t"))
	for _, gpu := range []string{"", "gtx980", "p100", "v100", "t4", "a100", "rtx3090", "rtx4090", "h100", "b200", "b300", "thor", "rtx5090", "gb10"} {
		row := []string{gpu}
		if gpu == "" {
			row[0] = "unknown"
		}
		for _, driver := range drivers {
			s.Target = spec.Target{Driver: driver}
			if gpu != "" {
				s.Target.GPUs = []string{gpu}
			}
			p, err := Decide(t.Context(), s, host.Host{}, platform, nil)
			if err != nil {
				_, ok := errors.AsType[*Conflict](err)
				assert.Assert(t, ok, "%v", err)
				row = append(row, "-")
				continue
			}
			row = append(row, tell(p))
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	assert.NilError(t, w.Flush())
	return b.String()
}

// What --torch alone comes to, machine by machine. Whoever changes a table of policy sees
// here what it changes for whom.
func TestWhatEveryMachineGets(t *testing.T) {
	torch := func(p Plan) string { return p.Torch.Version + "+" + p.Torch.Variant }
	cuda := func(p Plan) string { return p.CUDA }
	var all []string
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		all = append(all, "--torch on "+matrix(t, platform, spec.Spec{Torch: "auto"}, torch))
		all = append(all, "--torch=2.11 on "+matrix(t, platform, spec.Spec{Torch: "2.11"}, torch))
		all = append(all, "--cuda-only on "+matrix(t, platform, spec.Spec{CUDAOnly: true}, cuda))
	}
	golden.Assert(t, strings.Join(all, "\n"), "machines.txt")
}

// A newer driver never gets less: what runs on one runs on every later one.
func TestANewerDriverGetsNoLess(t *testing.T) {
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		for _, gpu := range []string{"p100", "v100", "t4", "a100", "h100", "b200", "rtx5090"} {
			before := ""
			for _, driver := range []string{"450.80.02", "470.57", "525.60.13", "535", "550", "570.86", "580.65.06", "610", "700"} {
				p, err := decideOn(t, platform, spec.Spec{Torch: "auto", Target: target(driver, gpu)})
				if err != nil {
					assert.Equal(t, before, "", "%s with driver %s on %s gets nothing, an older one got %s: %v", gpu, driver, platform, before, err)
					continue
				}
				assert.Assert(t, before == "" || policy.Compare(p.Torch.Version, before) >= 0, "%s on %s: %s with driver %s, %s with an older one", gpu, platform, p.Torch.Version, driver, before)
				before = p.Torch.Version
			}
		}
	}
}

// More GPUs never get more: what serves two serves each of them.
func TestMoreGPUsGetNoMore(t *testing.T) {
	gpus := []string{"p100", "v100", "t4", "h100", "b200", "rtx5090"}
	for i, a := range gpus {
		for _, b := range gpus[i+1:] {
			both, err := decide(t, spec.Spec{Torch: "auto", Target: target("580.65.06", a, b)})
			if err != nil {
				continue
			}
			for _, one := range []string{a, b} {
				alone, err := decide(t, spec.Spec{Torch: "auto", Target: target("580.65.06", one)})
				assert.NilError(t, err, "%s is served with %s and %s, and not alone", both.Torch.Version, a, b)
				assert.Assert(t, policy.Compare(alone.Torch.Version, both.Torch.Version) >= 0, "%s alone: %s, with another %s", one, alone.Torch.Version, both.Torch.Version)
			}
			// The order in which they are named says nothing.
			turned, err := decide(t, spec.Spec{Torch: "auto", Target: target("580.65.06", b, a)})
			assert.NilError(t, err)
			assert.DeepEqual(t, turned, both)
		}
	}
}

func decideOn(t *testing.T, platform string, s spec.Spec) (Plan, error) {
	t.Helper()
	return Decide(t.Context(), s, host.Host{}, platform, nil)
}

func TestConflictsAsText(t *testing.T) {
	assert.Error(t, &Conflict{What: "--cuda 13.0", Why: "no"}, "--cuda 13.0: no")
	assert.Error(t, &Conflict{What: "a", Why: "b", WaysOut: []string{"c", "d"}}, "a: b\n  - c\n  - d")
}

// Reasons stand in columns, each source once, and what should be known before them.
func TestExplain(t *testing.T) {
	assert.Equal(t, Explain(Plan{Platform: "linux/arm64"}), "linux/arm64\n")
	assert.Equal(t, Explain(Plan{Platform: "linux/amd64", Warnings: []string{"w1", "w2"}, Reasons: []Reason{
		{Topic: "torch", Choice: "2.14.0", Because: "asked for", Source: "s1"}, {Topic: "CUDA", Choice: "13.0", Because: "the best", Source: "s2"},
		{Topic: "needs", Choice: "driver 580.65.06", Because: "the lowest", Source: "s1"}, {Topic: "base", Choice: "b", Because: "slim"},
	}}), `linux/amd64
  torch  2.14.0            asked for
  CUDA   13.0              the best
  needs  driver 580.65.06  the lowest
  base   b                 slim
  note: w1
  note: w2
  source: s1
  source: s2
`)
}

// Rows of the tables that a decision reads must not contradict one another.
func TestTablesFitTogether(t *testing.T) {
	for _, r := range policy.Torch() {
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			w := r.On(platform)
			for _, v := range w.Variants {
				cuda := cudaOf(v)
				name := fmt.Sprintf("torch %s+%s for %s", r.Version, v, platform)
				assert.Assert(t, cuda != "", name)
				assert.Assert(t, minDriver(cuda, nil) != "", "%s: no driver is known to run it", name)
				row, ok := archsOf(r.Version, v, platform)
				assert.Assert(t, ok, "%s: nobody knows what it has code for", name)
				for _, arch := range row.Archs {
					cc, ok := policy.Capability(arch)
					assert.Assert(t, ok, "%s: %s", name, arch)
					_, ok = policy.GenerationOf(cc)
					assert.Assert(t, ok, "%s: %s is of no generation", name, arch)
					// The toolkit must have code for what the wheel has code for.
					assert.Equal(t, inCUDA(cuda, []string{cc}), "", name)
				}
			}
			if w.Default != "cpu" && !w.Partial {
				assert.Assert(t, w.Default == "" || cudaOf(w.Default) != "", "%s for %s: %s", r.Version, platform, w.Default)
			}
		}
		assert.Assert(t, len(r.Pythons) > 0, r.Version)
	}
	for i, g := range policy.Generations() {
		assert.Equal(t, minDriver(policy.CUDADefault, []string{g.From}) != "", true)
		if g.FirstCUDA != "" && g.LastCUDA != "" {
			assert.Assert(t, policy.Compare(g.FirstCUDA, g.LastCUDA) <= 0, "row %d", i)
		}
	}
}

// What a message says of one GPU is of the generation that the GPU is of.
func TestWhyCUDAHasNoCode(t *testing.T) {
	for _, c := range []struct{ cuda, target, want string }{
		{"12.9", "6.0", ""}, {"13.0", "7.5", ""}, {"12.8", "12.0", ""}, {"13.0", "11.0", ""}, {"11.8", "9.0", ""}, {"13.0", "3.7", ""}, {"13.0", "99.0", ""},
		{"13.0", "6.1", "CUDA 13.0 has no code for Pascal (sm_61) any more; the last with it is 12.9"},
		{"13.2", "7.0", "CUDA 13.2 has no code for Volta (sm_70) any more; the last with it is 12.9"},
		{"12.6", "10.0", "Blackwell (sm_100) takes CUDA 12.8 or newer"},
		{"12.9", "11.0", "Blackwell (Thor) (sm_110) takes CUDA 13.0 or newer"},
	} {
		assert.Equal(t, inCUDA(c.cuda, []string{c.target}), c.want, "%+v", c)
	}
	assert.Equal(t, inCUDA("13.0", []string{"9.0", "6.0"}), "CUDA 13.0 has no code for Pascal (sm_60) any more; the last with it is 12.9")
	assert.Equal(t, inCUDA("13.0", nil), "")
}

func TestMinDriver(t *testing.T) {
	for _, c := range []struct {
		cuda    string
		targets []string
		want    string
	}{
		{"13.0", nil, "580.65.06"}, {"12.9", nil, "525.60.13"}, {"11.8", []string{"8.0"}, "450.80.02"},
		{"12.8", []string{"9.0", "12.0"}, "570.26"}, // the GPU takes a newer one than the CUDA
		{"13.0", []string{"12.0"}, "580.65.06"},     // and the other way round
		{"13.0", []string{"11.0"}, "580.65.06"}, {"99.9", []string{"12.0"}, ""}, {"", nil, ""},
	} {
		assert.Equal(t, minDriver(c.cuda, c.targets), c.want, "%+v", c)
	}
}

func TestNearVersions(t *testing.T) {
	table := policy.Torch()
	newest, oldest := table[0].Version, table[len(table)-1].Version
	for wish, has := range map[string]string{"99.0": newest, "0.1": oldest, newest: newest, oldest: oldest, "2.5.9": "2.5.1"} {
		near := strings.Split(nearVersions(wish), ", ")
		assert.Assert(t, len(near) >= 2 && len(near) <= 4, "%s: %v", wish, near)
		assert.Assert(t, strings.Contains(nearVersions(wish), has), "%s: %v", wish, near)
		for i := 1; i < len(near); i++ {
			assert.Assert(t, policy.Compare(near[i-1], near[i]) > 0, "%v", near)
		}
	}
}
