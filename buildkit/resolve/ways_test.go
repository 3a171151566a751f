package resolve

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// every are wishes in all combinations of what tables decide by: each release, CUDA and
// family of GPUs with each driver's branch.
func every(visit func(name string, s spec.Spec, platform string)) {
	for _, torch := range []string{"auto", "2.15", "2.14.0", "2.7.1", "2.6"} {
		for _, cuda := range []string{"", "11.8", "12.5", "12.6", "13.0"} {
			for _, gpus := range []string{"", "h100", "p100", "sm_70,h100", "rtx5090", "p100,rtx5090", "b300", "thor", "sm_37"} {
				for _, driver := range []string{"", "450.80.02", "570.86", "580"} {
					for _, python := range []string{"", "3.9", "3.14"} {
						if python != "" && gpus != "" && gpus != "h100" {
							continue
						}
						for _, platform := range []string{"linux/amd64", "linux/arm64"} {
							s := spec.Spec{Torch: torch, CUDA: cuda, Python: python, Target: spec.Target{Driver: driver}}
							if gpus != "" {
								s.Target.GPUs = strings.Split(gpus, ",")
							}
							visit(fmt.Sprintf("--torch=%s --cuda=%s --target-gpu=%s --target-driver=%s --python=%s --platform=%s", torch, cuda, gpus, driver, python, platform), s, platform)
						}
					}
				}
			}
		}
	}
}

// A decision is what its words say: the wheel is for the GPUs, the driver runs it, one
// index has it; or it is a conflict that somebody can do something about.
func TestDecisionsHold(t *testing.T) {
	decided := 0
	every(func(name string, s spec.Spec, platform string) {
		p, err := Decide(t.Context(), s, host.Host{}, platform, nil)
		if err != nil {
			conflict, ok := errors.AsType[*Conflict](err)
			assert.Assert(t, ok, "%s: %v", name, err)
			assert.Assert(t, conflict.What != "" && conflict.Why != "" && len(conflict.WaysOut) > 0, "%s: %v", name, err)
			return
		}
		decided++
		r, known := inTable(p.Torch.Version)
		assert.Assert(t, known && p.Torch.Known, name)
		w := r.On(platform)
		assert.Assert(t, slices.Contains(w.Variants, p.Torch.Variant) || w.Partial && len(p.Warnings) > 0, "%s: %s", name, p.Torch.Variant)
		if len(p.Archs) > 0 {
			assert.NilError(t, CheckArchs(p.Targets, p.Archs), name)
		}
		assert.Equal(t, p.CUDA, cudaOf(p.Torch.Variant), name)
		if s.CUDA != "" {
			assert.Equal(t, p.CUDA, s.CUDA, name)
		}
		if s.Target.Driver != "" {
			assert.Assert(t, atLeast(s.Target.Driver, p.MinDriver), "%s: %s", name, p.MinDriver)
		}
		want := policy.TorchIndex(p.Torch.Variant)
		if p.Torch.Variant == w.Default {
			want = "" // PyPI
		}
		assert.Equal(t, p.Torch.Index, want, name)
		assert.Assert(t, slices.Contains(r.Pythons, p.Python), "%s: %s", name, p.Python)
		assert.Equal(t, p.Base, policy.PythonBase(p.Python), name)
	})
	assert.Assert(t, decided > 500, "%d", decided)
}

var (
	flagsOf  = regexp.MustCompile(`--(torch|cuda|python|platform|target-gpu) ([^\s,:]+)`)
	upgrade  = regexp.MustCompile(`^upgrade the driver to (\S+) or newer(?:, which runs CUDA (\S+))?`)
	leaveOut = regexp.MustCompile(`^leave out (.*), which no known`)
)

// follow does what a way out says; false for one that is not of flags and drivers.
func follow(way string, s spec.Spec, platform string) (spec.Spec, string, bool) {
	if m := upgrade.FindStringSubmatch(way); m != nil {
		s.Target.Driver = m[1]
		if s.CUDA != "" && m[2] != "" {
			s.CUDA = m[2]
		}
		return s, platform, true
	}
	if m := leaveOut.FindStringSubmatch(way); m != nil {
		s.Target.GPUs = slices.DeleteFunc(slices.Clone(s.Target.GPUs), func(g string) bool { return strings.Contains(m[1], g) })
		return s, platform, false // it is told beside the images that can be had
	}
	flags := flagsOf.FindAllStringSubmatch(way, -1)
	for _, f := range flags {
		switch f[1] {
		case "torch":
			s.Torch = f[2]
		case "cuda":
			s.CUDA = f[2]
		case "python":
			s.Python = f[2]
		case "platform":
			// The other machine's wheels are other ones, whatever else was asked for.
			platform, s.CUDA, s.Torch = f[2], "", "auto"
		case "target-gpu":
			s.Target.GPUs = []string{f[2]}
		}
	}
	if strings.HasPrefix(way, "leave --cuda out") {
		s.CUDA, flags = "", append(flags, nil)
	}
	return s, platform, len(flags) > 0 && !strings.Contains(way, "--torch=base")
}

// Who does what the messages say gets an image, if need be after one more message: two
// wishes that cannot be had are told one after the other.
func TestWaysOutLeadOut(t *testing.T) {
	known := map[string]error{} // a wish's end
	var leads func(s spec.Spec, platform string, left int) error
	leads = func(s spec.Spec, platform string, left int) error {
		key := fmt.Sprintf("%+v %s %d", s, platform, left)
		if err, ok := known[key]; ok {
			return err
		}
		_, err := Decide(t.Context(), s, host.Host{}, platform, nil)
		conflict, ok := errors.AsType[*Conflict](err)
		if ok && left > 0 {
			for _, way := range conflict.WaysOut {
				if then, where, ok := follow(way, s, platform); ok && leads(then, where, left-1) == nil {
					err = nil
					break
				}
			}
		}
		known[key] = err
		return err
	}
	followed := 0
	every(func(name string, s spec.Spec, platform string) {
		_, err := Decide(t.Context(), s, host.Host{}, platform, nil)
		conflict, ok := errors.AsType[*Conflict](err)
		if !ok {
			return
		}
		for _, way := range conflict.WaysOut {
			then, where, ok := follow(way, s, platform)
			if !ok {
				continue
			}
			followed++
			if err := leads(then, where, 3); err != nil {
				t.Errorf("$ docker gpu build %s\n%v\n%q leads to\n%v", name, conflict, way, err)
			}
		}
	})
	assert.Assert(t, followed > 1000, "%d", followed)
}
