package resolve

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// here is a machine with a driver and GPUs by name and capability, "NAME=9.0".
func here(arch, driver string, gpus ...string) host.Host {
	h := host.Host{Arch: arch, Driver: host.Driver{Version: driver}}
	for i, g := range gpus {
		name, cc, _ := strings.Cut(g, "=")
		h.GPUs = append(h.GPUs, host.GPU{Index: i, Name: name, ComputeCapability: cc})
	}
	return h
}

func TestWhichMachineIsMeant(t *testing.T) {
	for name, c := range map[string]struct {
		target   spec.Target
		host     host.Host
		platform string
		targets  []string
		driver   string
		names    string
		unknown  []string
	}{
		"nothing is known":      {platform: "linux/amd64"},
		"this one":              {host: here("amd64", "580.65.06", "NVIDIA H200=9.0"), platform: "linux/amd64", targets: []string{"9.0"}, driver: "580.65.06", names: "NVIDIA H200 (sm_90)"},
		"an unknown processor":  {host: here("", "580.65.06", "NVIDIA H200=9.0"), platform: "linux/arm64", targets: []string{"9.0"}, driver: "580.65.06", names: "NVIDIA H200 (sm_90)"},
		"eight of a kind":       {host: here("amd64", "1", "NVIDIA H200=9.0", "NVIDIA H200=9.0"), platform: "linux/amd64", targets: []string{"9.0"}, driver: "1", names: "NVIDIA H200 (sm_90)"},
		"two kinds, in order":   {host: here("amd64", "1", "NVIDIA H200=9.0", "Tesla T4=7.5", "NVIDIA B200=10.0"), platform: "linux/amd64", targets: []string{"7.5", "9.0", "10.0"}, driver: "1", names: "Tesla T4 (sm_75), NVIDIA H200 (sm_90), NVIDIA B200 (sm_100)"},
		"known by its name":     {host: here("amd64", "1", "NVIDIA H100 80GB HBM3="), platform: "linux/amd64", targets: []string{"9.0"}, driver: "1", names: "NVIDIA H100 80GB HBM3 (sm_90)"},
		"known by nothing":      {host: here("amd64", "1", "NVIDIA Graphics Device=", "NVIDIA X1="), platform: "linux/amd64", driver: "1", unknown: []string{"NVIDIA Graphics Device", "NVIDIA X1"}},
		"a nameless one":        {host: here("amd64", "1", "=8.6"), platform: "linux/amd64", targets: []string{"8.6"}, driver: "1", names: "sm_86"},
		"another processor's":   {host: here("amd64", "580.65.06", "NVIDIA H200=9.0"), platform: "linux/arm64"},
		"GPUs are named":        {target: target("", "RTX 5090", "sm_90"), host: here("amd64", "535", "Tesla T4=7.5"), platform: "linux/amd64", targets: []string{"9.0", "12.0"}, names: "sm_90, RTX 5090 (sm_120)"},
		"a driver is named":     {target: target("570.86"), host: here("amd64", "535", "Tesla T4=7.5"), platform: "linux/amd64", driver: "570.86"},
		"the same twice":        {target: target("", "h100", "9.0", "compute_90"), platform: "linux/amd64", targets: []string{"9.0"}, names: "h100 (sm_90)"},
		"every spelling of one": {target: target("", "8.6", "86", "sm_86", "sm86", "compute_86", "A10", "NVIDIA RTX A6000"), platform: "linux/amd64", targets: []string{"8.6"}, names: "sm_86"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := machineFor(c.target, c.host, c.platform)
			assert.NilError(t, err)
			assert.DeepEqual(t, m.targets, c.targets)
			assert.Equal(t, m.driver, c.driver)
			assert.Equal(t, m.names(), c.names)
			assert.DeepEqual(t, m.unknown, c.unknown)
		})
	}
}

// A GPU that nobody knows is told, and does not stand in the way of those that are known.
func TestAGPUThatNobodyKnows(t *testing.T) {
	p, err := Decide(t.Context(), spec.Spec{Torch: "2.14.0"}, here("amd64", "580.65.06", "NVIDIA H200=9.0", "NVIDIA X1="), "linux/amd64", nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Targets, []string{"9.0"})
	assert.DeepEqual(t, p.Warnings, []string{"the compute capability of this machine's NVIDIA X1 is not known, so it is not checked; give it with --target-gpu"})
	assert.Assert(t, strings.Contains(Explain(p), "NVIDIA H200 (sm_90)"), Explain(p))
	assert.Assert(t, strings.Contains(Explain(p), "this machine's"), Explain(p))
}

// A driver's version is what the driver says, which may be more than numbers.
func TestDriversOfEveryForm(t *testing.T) {
	for driver, cuda := range map[string]string{
		"580.65.06": "13.0", "580": "13.0", "580.65": "12.6", "580.65.06-open": "13.0", "610.43.02": "13.0", "579.99": "12.9", "570": "12.9", "525.60.13": "12.6", "525": "12.6", "520.61.05": "11.8",
	} {
		p, err := Decide(t.Context(), spec.Spec{CUDAOnly: true}, here("amd64", driver), "linux/amd64", nil)
		assert.NilError(t, err, driver)
		if cuda == "12.6" {
			cuda = "12.9" // of the libraries alone the newest that the driver runs
		}
		assert.Equal(t, p.CUDA, cuda, driver)
	}
	assert.Assert(t, atLeast("570", "570.26"), "a branch alone stands for its newest")
	assert.Assert(t, !atLeast("570.20", "570.26"))
	assert.Assert(t, !atLeast("535", "570.26"))
	assert.Assert(t, atLeast("570.26", "570.26"))
	assert.Assert(t, atLeast("1000", "570.26"), "numbers, not letters")
	assert.Assert(t, !atLeast("", "1"))
}

func TestNamesThatAreNear(t *testing.T) {
	for name, want := range map[string]string{
		"rtx5095":    "rtx5090, rtx5090d",
		"RTX-4070-X": "rtx4070, rtx4070super, rtx4070ti, rtx4070tisuper",
		"geforce307": "rtx3070, rtx3070ti",
		"h":          "",
		"H10":        "h100",
		"":           "",
		"漢字漢字":       "",
		"x":          "",
	} {
		near := nearest(name)
		if want == "" {
			assert.Equal(t, len(near), 0, "%s: %v", name, near)
			continue
		}
		assert.DeepEqual(t, near, []string{"known names that are near: " + want})
	}
	assert.Equal(t, strings.Count(nearest("rtx")[0], ","), 5, "six are enough")
}

func TestSpellingsOfCUDA(t *testing.T) {
	for in, want := range map[string]string{
		"12.6": "cu126", "126": "cu126", "cu126": "cu126", "CU126": "cu126", " 12.6 ": "cu126", "12.6.3": "cu126", "12.6.85": "cu126", "13.0": "cu130", "11.8": "cu118",
		"": "", "12": "", "9.2": "", "12.10": "", "12.6.3.1": "", "12.6 beta": "", "twelve": "", "cu": "", "cpu": "", "cuda12.6": "", "-12.6": "", "12,6": "", "１２.６": "",
	} {
		got, ok := variantOf(in)
		assert.Equal(t, got, want, "%q", in)
		assert.Equal(t, ok, want != "", "%q", in)
	}
	for in, want := range map[string]string{"cu126": "12.6", "cu130": "13.0", "cpu": "", "cu12": "", "cu1260": "", "rocm6.2": "", "xpu": "", "": "", "cuABC": ""} {
		assert.Equal(t, cudaOf(in), want, in)
	}
}

// A base brings its own Python, which is seen on the builder only.
func TestCheckPython(t *testing.T) {
	plan := func(version string, known bool) Plan {
		return Plan{Base: "registry.example.com/base:1", Torch: &Torch{Version: version, Known: known}}
	}
	assert.NilError(t, CheckPython(plan("2.5.1", true), "3.11"))
	assert.Error(t, CheckPython(plan("2.5.1", true), "3.14"), "Python 3.14 of base registry.example.com/base:1: torch 2.5.1 has wheels for Python 3.9, 3.10, 3.11, 3.12 only\n"+
		"  - take a base with one of these, such as docker.io/library/python:3.12-slim-trixie\n  - take --torch "+otherVersion(t, "3.14")+", which has wheels for Python 3.14")
	assert.Error(t, CheckPython(plan("2.14.0", true), "3.7"), "Python 3.7 of base registry.example.com/base:1: torch 2.14.0 has wheels for Python 3.10, 3.11, 3.12, 3.13, 3.14 only\n"+
		"  - take a base with one of these, such as docker.io/library/python:3.12-slim-trixie")
	// Who knows nothing of the release refuses nothing.
	assert.NilError(t, CheckPython(plan("2.5.1", false), "3.99"))
	assert.NilError(t, CheckPython(plan("1.0.0", true), "3.99"))
	assert.NilError(t, CheckPython(Plan{Torch: &Torch{InBase: true}}, "3.99"))
	assert.NilError(t, CheckPython(Plan{}, "3.99"))
}

// otherVersion is the newest release with wheels for a Python.
func otherVersion(t *testing.T, python string) string {
	t.Helper()
	p, err := decide(t, spec.Spec{Torch: "auto", Python: python})
	assert.NilError(t, err)
	return p.Torch.Version
}

func TestBestPython(t *testing.T) {
	for _, c := range []struct {
		of   []string
		want string
	}{{nil, "3.12"}, {[]string{"3.9", "3.12", "3.13"}, "3.12"}, {[]string{"3.9", "3.10"}, "3.10"}, {[]string{"3.13", "3.14"}, "3.14"}} {
		assert.Equal(t, best(c.of), c.want)
	}
}

// The JSON of --print=plan is public: scripts read it.
func TestPlansAsJSON(t *testing.T) {
	for name, line := range map[string]string{
		"plan-torch.json":     "--torch=2.14.0 --target-gpu=h100,a100 --target-driver=550.54.14",
		"plan-base.json":      "--torch=base --base=pytorch/pytorch:2.14.0-cuda13.0-cudnn9-runtime",
		"plan-cuda-only.json": "--cuda-only --cuda=12.6 --platform=linux/arm64",
		"plan-packages.json":  "--package=numpy",
	} {
		t.Run(name, func(t *testing.T) {
			s, platform := wish(t, line)
			p, err := Decide(t.Context(), s, host.Host{}, platform, nil)
			assert.NilError(t, err)
			data, err := json.MarshalIndent(p, "", "  ")
			assert.NilError(t, err)
			golden.Assert(t, string(data)+"\n", filepath.FromSlash(name))
			var back Plan
			assert.NilError(t, json.Unmarshal(data, &back))
			assert.DeepEqual(t, back, p)
		})
	}
}
