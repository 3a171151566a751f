package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	module = "sys/module/nvidia/version"
	proc   = "proc/driver/nvidia/version"
)

// machine is a folder that stands for a host's root.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return root
}

func TestDriverOfAMachine(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no driver": {nil, ""},
		"module":    {map[string]string{module: "580.65.06\n"}, "580.65.06"},
		"proc": {map[string]string{proc: "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n" +
			"GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n"}, "535.183.01"},
		"open module": {map[string]string{proc: "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (root@host)\n" +
			"GCC version:  gcc version 13.3.0\n"}, "570.86.15"},
		"two parts":   {map[string]string{module: "470.57\n"}, "470.57"},
		"both":        {map[string]string{module: "580.65.06\n", proc: "NVRM version: 535.183.01\n"}, "580.65.06"},
		"empty first": {map[string]string{module: "", proc: "NVRM version: 535.183.01\n"}, "535.183.01"},
		// A module that is no NVIDIA driver as we know it: nouveau has no such file.
		"no version": {map[string]string{module: "N/A\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, sources{root: machine(t, c.files)}.driver(), c.want)
		})
	}
}

const answered = "0, GPU-a, NVIDIA H200, 9.0, 143771\n1, GPU-b, NVIDIA H200, 9.0, 143771\n"

func TestGPUsOfAMachine(t *testing.T) {
	lib := []host.GPU{{Name: "from NVML"}}
	tool := []host.GPU{
		{Index: 0, UUID: "GPU-a", Name: "NVIDIA H200", ComputeCapability: "9.0", Memory: 143771 << 20},
		{Index: 1, UUID: "GPU-b", Name: "NVIDIA H200", ComputeCapability: "9.0", Memory: 143771 << 20},
	}
	for name, c := range map[string]struct {
		nvml    []host.GPU
		nvmlErr error
		smi     string
		smiErr  error
		want    []host.GPU
	}{
		"NVML":            {lib, nil, answered, nil, lib},
		"NVML in part":    {lib, errors.New("GPU 1 is lost"), answered, nil, lib},
		"without NVML":    {nil, errors.New("built without NVML"), answered, nil, tool},
		"NVML sees none":  {nil, nil, answered, nil, tool},
		"neither answers": {nil, errors.New("no library"), "", errors.New("not in PATH"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := sources{
				root: machine(t, map[string]string{module: "580.65.06\n"}),
				nvml: func() (string, []host.GPU, error) { return "", c.nvml, c.nvmlErr },
				smi:  func(context.Context) ([]byte, error) { return []byte(c.smi), c.smiErr },
			}
			assert.DeepEqual(t, s.read(t.Context()), host.Host{Driver: host.Driver{Version: "580.65.06"}, GPUs: c.want})
		})
	}
}

// Loading the library on a machine without the driver costs time and can only fail.
func TestNothingIsAskedWithoutADriver(t *testing.T) {
	s := sources{
		root: t.TempDir(),
		nvml: func() (string, []host.GPU, error) { t.Error("NVML was asked"); return "", nil, nil },
		smi:  func(context.Context) ([]byte, error) { t.Error("nvidia-smi was asked"); return nil, nil },
	}
	assert.DeepEqual(t, s.read(t.Context()), host.Host{})
}

func TestALibraryThatHangsEndsWithTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	s := sources{
		root: machine(t, map[string]string{module: "580.65.06\n"}),
		nvml: func() (string, []host.GPU, error) { cancel(); <-release; return "", nil, nil },
		smi:  func(context.Context) ([]byte, error) { t.Error("nvidia-smi was asked"); return nil, nil },
	}
	assert.DeepEqual(t, s.read(ctx), host.Host{Driver: host.Driver{Version: "580.65.06"}})
}

func TestParseSMI(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []host.GPU
	}{
		"none":         {"No devices were found\n", nil},
		"nothing":      {"", nil},
		"unknown":      {"0, GPU-a, NVIDIA X, [N/A], [N/A]\n", []host.GPU{{UUID: "GPU-a", Name: "NVIDIA X"}}},
		"a comma":      {`0, GPU-a, "NVIDIA X, Y", 9.0, 1` + "\n", []host.GPU{{UUID: "GPU-a", Name: "NVIDIA X, Y", ComputeCapability: "9.0", Memory: 1 << 20}}},
		"an error row": {"Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error\n1, GPU-b, NVIDIA X, 9.0, 1\n", []host.GPU{{Index: 1, UUID: "GPU-b", Name: "NVIDIA X", ComputeCapability: "9.0", Memory: 1 << 20}}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, parseSMI([]byte(c.in)), c.want) })
	}
}
