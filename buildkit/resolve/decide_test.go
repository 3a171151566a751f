package resolve

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func decide(t *testing.T, s spec.Spec) (Plan, error) {
	t.Helper()
	return Decide(t.Context(), s, host.Host{}, "linux/amd64", nil)
}

func target(driver string, gpus ...string) spec.Target {
	return spec.Target{Driver: driver, GPUs: gpus}
}

func TestDecideChoosesWhatRuns(t *testing.T) {
	for name, c := range map[string]struct {
		spec    spec.Spec
		torch   string
		variant string
	}{
		"H100, new driver":        {spec.Spec{Torch: "2.14.0", Target: target("580.65.06", "h100")}, "2.14.0", "cu130"},
		"H100, 12.x driver":       {spec.Spec{Torch: "2.14.0", Target: target("550.54.14", "h100")}, "2.14.0", "cu126"},
		"H100, 570":               {spec.Spec{Torch: "2.11.0", Target: target("570.86", "h100")}, "2.11.0", "cu129"},
		"Blackwell, 570":          {spec.Spec{Torch: "2.11.0", Target: target("570.86", "rtx5090")}, "2.11.0", "cu129"},
		"Pascal":                  {spec.Spec{Torch: "2.14.0", Target: target("580.65.06", "p100")}, "2.14.0", "cu126"},
		"minor version":           {spec.Spec{Torch: "2.11", Target: target("580.65.06", "h100")}, "2.11.0", "cu130"},
		"very old driver":         {spec.Spec{Torch: "2.7.1", Target: target("470.57", "a100")}, "2.7.1", "cu118"},
		"CUDA asked for":          {spec.Spec{Torch: "2.14.0", CUDA: "cu126", Target: target("580.65.06", "h100")}, "2.14.0", "cu126"},
		"Pascal and Hopper":       {spec.Spec{Torch: "2.14.0", Target: target("580.65.06", "p100", "h100")}, "2.14.0", "cu126"},
		"by compute capability":   {spec.Spec{Torch: "2.14.0", Target: target("580.65.06", "sm_90", "8.6")}, "2.14.0", "cu130"},
		"no GPU, PyPI's own":      {spec.Spec{Torch: "2.10.0"}, "2.10.0", "cu128"},
		"branch alone as driver":  {spec.Spec{Torch: "2.14.0", Target: target("580", "h100")}, "2.14.0", "cu130"},
		"Blackwell on old branch": {spec.Spec{Torch: "2.9.1", Target: target("570", "b200")}, "2.9.1", "cu129"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decide(t, c.spec)
			assert.NilError(t, err)
			assert.Equal(t, p.Torch.Version, c.torch)
			assert.Equal(t, p.Torch.Variant, c.variant)
			assert.Equal(t, p.CUDA, cudaOf(c.variant))
			assert.NilError(t, CheckArchs(p.Targets, p.Archs))
			assert.Assert(t, p.Base != "" && len(p.Reasons) > 0)
		})
	}
}

func TestDecideTakesTorchFromOneIndex(t *testing.T) {
	p, err := decide(t, spec.Spec{Torch: "2.14.0", Target: target("580.65.06", "h100")})
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Index, "", "PyPI serves this variant")
	p, err = decide(t, spec.Spec{Torch: "2.14.0", Target: target("550.54.14", "h100")})
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Index, "https://download.pytorch.org/whl/cu126")
	p, err = decide(t, spec.Spec{Torch: "2.14.0", Index: spec.Index{Torch: "https://mirror.example.com/torch"}, Target: target("550.54.14", "h100")})
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Index, "https://mirror.example.com/torch")
}

func TestDecideKnowsThisMachineOnlyWhereNoOtherIsMeant(t *testing.T) {
	here := host.Host{Driver: host.Driver{Version: "550.54.14"}, GPUs: []host.GPU{{Name: "NVIDIA A100", ComputeCapability: "8.0"}}}
	p, err := Decide(t.Context(), spec.Spec{Torch: "2.14.0"}, here, "linux/amd64", nil)
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Variant, "cu126")
	assert.DeepEqual(t, p.Targets, []string{"8.0"})
	p, err = Decide(t.Context(), spec.Spec{Torch: "2.14.0", Target: target("", "h100")}, here, "linux/amd64", nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Targets, []string{"9.0"})
	assert.Equal(t, p.Torch.Variant, "cu130", "another machine's driver is not this one's")
}

func TestCUDAOnly(t *testing.T) {
	p, err := decide(t, spec.Spec{CUDAOnly: true, CUDA: "12.6"})
	assert.NilError(t, err)
	assert.Equal(t, p.CUDA, "12.6")
	assert.Assert(t, p.Torch == nil && p.ToolBase != "" && len(p.CUDAPackages) > 0)
	assert.Assert(t, strings.Contains(p.Base, "debian"))
}

func TestCheckArchs(t *testing.T) {
	for _, c := range []struct {
		target string
		archs  []string
		runs   bool
	}{
		{"8.9", []string{"sm_86"}, true}, {"8.0", []string{"sm_86"}, false}, {"9.0", []string{"sm_86"}, false},
		{"10.3", []string{"sm_100"}, true}, {"12.0", []string{"sm_100"}, false}, {"12.1", []string{"sm_120"}, true},
		{"12.0", []string{"compute_90"}, true}, {"8.0", []string{"compute_90"}, false}, {"9.0", []string{"sm_90a"}, true}, {"10.0", []string{"sm_100", "sm_90a"}, true},
	} {
		err := CheckArchs([]string{c.target}, c.archs)
		assert.Equal(t, err == nil, c.runs, "%s on %v", c.target, c.archs)
	}
	assert.ErrorContains(t, CheckArchs([]string{"6.1", "9.0"}, []string{"sm_90"}), "sm_61")
}

func TestADriverAgainstWhatIsNeeded(t *testing.T) {
	assert.Assert(t, atLeast("570", "570.26"), "a branch alone stands for its newest")
	assert.Assert(t, !atLeast("570.20", "570.26"))
}
