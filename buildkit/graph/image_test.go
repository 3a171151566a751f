package graph

import (
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

func base() dockerspec.DockerOCIImage {
	var img dockerspec.DockerOCIImage
	img.Config.Env = []string{"PATH=/usr/local/bin:/usr/bin", "LANG=C.UTF-8"}
	img.Config.Cmd = []string{"python3"}
	img.Config.Labels = map[string]string{"from": "base", "io.github.dockergpu.cuda": "11.8"}
	img.History = []ocispecs.History{{CreatedBy: "base"}}
	return img
}

func torchPlan() resolve.Plan {
	return resolve.Plan{CUDA: "13.0", MinDriver: "580.65.06", Archs: []string{"sm_75", "sm_90"}, Torch: &resolve.Torch{Version: "2.14.0"}}
}

func TestConfigSaysWhatTheImageNeeds(t *testing.T) {
	from := base()
	img := Config(from, torchPlan(), "3.12.1", true, ImageWish{User: "1000:1000", WorkDir: "/app", Labels: map[string]string{"who": "me"}, Created: Epoch()})
	assert.DeepEqual(t, img.Config.Env, []string{"PATH=/opt/venv/bin:/usr/local/bin:/usr/bin", "LANG=C.UTF-8", "VIRTUAL_ENV=/opt/venv",
		"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"})
	assert.DeepEqual(t, img.Config.Labels, map[string]string{"from": "base", "who": "me", LabelTorch: "2.14.0", LabelCUDA: "13.0",
		LabelMinDriver: "580.65.06", LabelArchs: "sm_75,sm_90", LabelPython: "3.12.1"})
	assert.Equal(t, img.Config.User, "1000:1000")
	assert.Equal(t, img.Config.WorkingDir, "/app")
	assert.DeepEqual(t, img.Config.Cmd, []string{"python3"})
	assert.Equal(t, *img.Created, Epoch())
	assert.DeepEqual(t, from, base()) // what was handed in is not changed
}

func TestConfigEntrypointEndsTheBasesCommand(t *testing.T) {
	img := Config(base(), torchPlan(), "", true, ImageWish{Entrypoint: []string{"serve"}})
	assert.Equal(t, len(img.Config.Cmd), 0)
	img = Config(base(), torchPlan(), "", true, ImageWish{Entrypoint: []string{"serve"}, Cmd: []string{"--all"}})
	assert.DeepEqual(t, img.Config.Cmd, []string{"--all"})
}

func TestConfigRootIsTheEmptyUser(t *testing.T) {
	assert.Equal(t, Config(base(), torchPlan(), "", true, ImageWish{User: "root"}).Config.User, "")
	assert.Equal(t, Config(base(), torchPlan(), "", true, ImageWish{}).Config.User, "1000:1000")
}

func TestConfigWithoutPathOrPackages(t *testing.T) {
	img := Config(dockerspec.DockerOCIImage{}, resolve.Plan{}, "", true, ImageWish{})
	assert.DeepEqual(t, img.Config.Env, []string{"PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "VIRTUAL_ENV=/opt/venv"})
	img = Config(dockerspec.DockerOCIImage{}, resolve.Plan{}, "", false, ImageWish{})
	assert.Equal(t, len(img.Config.Env), 0)
}

func TestConfigOfCUDAAlone(t *testing.T) {
	img := Config(dockerspec.DockerOCIImage{}, resolve.Plan{CUDA: "13.0", Python: "3.12", ToolBase: "python"}, "", true, ImageWish{})
	assert.Equal(t, getenv(img.Config.Env, "PATH"), "")
	assert.Equal(t, getenv(img.Config.Env, "LD_LIBRARY_PATH"), "/opt/venv/lib/python3.12/site-packages/nvidia/cu13/lib:"+
		"/opt/venv/lib/python3.12/site-packages/nvidia/cudnn/lib:/opt/venv/lib/python3.12/site-packages/nvidia/nccl/lib")
	old := CUDALibraryDirs(resolve.Plan{CUDA: "12.6", Python: "3.12"})
	assert.Equal(t, old[0], "/opt/venv/lib/python3.12/site-packages/nvidia/cuda_runtime/lib")
}
