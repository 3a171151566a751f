package graph

import (
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

func TestConfigKeepsTheBases(t *testing.T) {
	from := base()
	from.Architecture, from.OS = "arm64", "linux"
	from.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}}
	from.Config.StopSignal = "SIGINT"
	from.Config.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD", "true"}}
	img := Config(from, torchPlan(), "", true, ImageWish{})
	assert.Equal(t, img.Architecture+"/"+img.OS, "arm64/linux")
	assert.DeepEqual(t, img.Config.ExposedPorts, from.Config.ExposedPorts)
	assert.Equal(t, img.Config.StopSignal, "SIGINT")
	assert.DeepEqual(t, img.Config.Healthcheck.Test, []string{"CMD", "true"})
	assert.Equal(t, len(img.RootFS.DiffIDs), 0, "the layers are counted by the exporter")
}

func TestConfigLabels(t *testing.T) {
	for name, c := range map[string]struct {
		base   map[string]string
		plan   resolve.Plan
		wished map[string]string
		want   map[string]string
	}{
		"nothing known":    {nil, resolve.Plan{}, nil, nil},
		"the user's last":  {map[string]string{"a": "base"}, resolve.Plan{CUDA: "13.0"}, map[string]string{"a": "mine", LabelCUDA: "mine"}, map[string]string{"a": "mine", LabelCUDA: "mine"}},
		"torch in base":    {nil, resolve.Plan{Torch: &resolve.Torch{InBase: true}}, nil, nil},
		"without a driver": {nil, resolve.Plan{CUDA: "13.0", Archs: []string{"sm_90"}}, nil, map[string]string{LabelCUDA: "13.0", LabelArchs: "sm_90"}},
	} {
		t.Run(name, func(t *testing.T) {
			from := dockerspec.DockerOCIImage{}
			from.Config.Labels = c.base
			assert.DeepEqual(t, Config(from, c.plan, "", true, ImageWish{Labels: c.wished}).Config.Labels, c.want)
		})
	}
}

func TestConfigEnv(t *testing.T) {
	const site = "/opt/venv/lib/python3.12/site-packages/nvidia/cu13/lib"
	cuda := resolve.Plan{CUDA: "13.0", Python: "3.12", ToolBase: "python"}
	for name, c := range map[string]struct {
		base []string
		plan resolve.Plan
		look string
		want string
	}{
		"a base of ours":      {[]string{"PATH=/opt/venv/bin:/usr/bin"}, torchPlan(), "PATH", "/opt/venv/bin:/usr/bin"},
		"a path like it":      {[]string{"PATH=/opt/venv/bin2:/usr/bin"}, torchPlan(), "PATH", "/opt/venv/bin:/opt/venv/bin2:/usr/bin"},
		"another environment": {[]string{"VIRTUAL_ENV=/venv"}, torchPlan(), "VIRTUAL_ENV", "/opt/venv"},
		"torch in the base":   {nil, resolve.Plan{Torch: &resolve.Torch{InBase: true}}, "NVIDIA_VISIBLE_DEVICES", "all"},
		"no GPU is wanted":    {nil, resolve.Plan{}, "NVIDIA_VISIBLE_DEVICES", ""},
		"no graphics":         {[]string{"NVIDIA_DRIVER_CAPABILITIES=all"}, torchPlan(), "NVIDIA_DRIVER_CAPABILITIES", "compute,utility"},
		"libraries of the base": {[]string{"LD_LIBRARY_PATH=/usr/local/lib"}, cuda, "LD_LIBRARY_PATH",
			strings.Join(CUDALibraryDirs(cuda), ":") + ":/usr/local/lib"},
	} {
		t.Run(name, func(t *testing.T) {
			from := dockerspec.DockerOCIImage{}
			from.Config.Env = c.base
			assert.Equal(t, getenv(Config(from, c.plan, "", true, ImageWish{}).Config.Env, c.look), c.want)
		})
	}
	assert.Equal(t, CUDALibraryDirs(cuda)[0], site)
}

func TestCUDALibrariesOfARelease(t *testing.T) {
	dirs := func(cuda, python string) (short []string) {
		for _, d := range CUDALibraryDirs(resolve.Plan{CUDA: cuda, Python: python}) {
			name, ok := strings.CutPrefix(d, "/opt/venv/lib/python"+python+"/site-packages/nvidia/")
			assert.Assert(t, ok && strings.HasSuffix(name, "/lib"), d)
			short = append(short, strings.TrimSuffix(name, "/lib"))
		}
		return short
	}
	// CUDA 13's wheels share one directory, those before have one each.
	assert.DeepEqual(t, dirs("13.5", "3.13"), []string{"cu13", "cudnn", "nccl"})
	old := dirs("12.6", "3.12")
	for _, name := range []string{"cuda_runtime", "cuda_nvrtc", "cublas", "cufft", "curand", "cusolver", "cusparse", "nvjitlink", "cudnn", "nccl"} {
		assert.Assert(t, contains(old, name), "%s is missing in %v", name, old)
	}
	assert.DeepEqual(t, dirs("11.8", "3.11"), old)
}
