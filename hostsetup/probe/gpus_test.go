package probe

import (
	"context"
	"errors"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	module = "sys/module/nvidia/version"
	proc   = "proc/driver/nvidia/version"
)

func TestDriverOfAMachine(t *testing.T) {
	const closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n" +
		"GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n"
	const open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (root@host)\nGCC version:  gcc version 13.3.0\n"
	for name, c := range map[string]struct {
		files         files
		want, flavour string
	}{
		"no driver":   {nil, "", ""},
		"module":      {files{module: "580.65.06\n"}, "580.65.06", ""},
		"proc":        {files{proc: closed}, "535.183.01", "proprietary"},
		"open module": {files{proc: open}, "570.86.15", "open"},
		"two parts":   {files{module: "470.57\n"}, "470.57", ""},
		"both":        {files{module: "580.65.06\n", proc: "NVRM version: 535.183.01\n"}, "580.65.06", ""},
		"empty first": {files{module: "", proc: "NVRM version: 535.183.01\n"}, "535.183.01", ""},
		// A module that is no NVIDIA driver as we know it: nouveau has no such file.
		"no version": {files{module: "N/A\n"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := folder(t, c.files)
			assert.Equal(t, driverVersion(r), c.want)
			assert.Equal(t, flavour(r), c.flavour)
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
		says    string
	}{
		"NVML":            {lib, nil, answered, nil, lib, ""},
		"NVML in part":    {lib, errors.New("GPU 1 is lost"), answered, nil, lib, "GPU 1 is lost"},
		"without NVML":    {nil, errors.New("built without NVML"), answered, nil, tool, "built without NVML"},
		"NVML sees none":  {nil, nil, answered, nil, tool, ""},
		"neither answers": {nil, errors.New("no library"), "", errors.New("not in PATH"), nil, "no library"},
	} {
		t.Run(name, func(t *testing.T) {
			a := asker{
				nvml: func() (string, []host.GPU, error) { return "", c.nvml, c.nvmlErr },
				smi:  func(context.Context) ([]byte, error) { return []byte(c.smi), c.smiErr },
			}
			r := folder(t, files{module: "580.65.06\n"})
			assert.DeepEqual(t, quick(t.Context(), r, a), host.Host{Driver: host.Driver{Version: "580.65.06"}, GPUs: c.want})
			gpus, err := a.ask(t.Context())
			assert.DeepEqual(t, gpus, c.want)
			if c.says != "" {
				assert.ErrorContains(t, err, c.says)
			} else {
				assert.NilError(t, err)
			}
		})
	}
}

// Loading the library on a machine without the driver costs time and can only fail.
func TestNothingIsAskedWithoutADriver(t *testing.T) {
	a := asker{
		nvml: func() (string, []host.GPU, error) { t.Error("NVML was asked"); return "", nil, nil },
		smi:  func(context.Context) ([]byte, error) { t.Error("nvidia-smi was asked"); return nil, nil },
	}
	assert.DeepEqual(t, quick(t.Context(), folder(t, nil), a), host.Host{})
	m := fake(t, nil)
	m.gpus = func(context.Context) (host.Driver, []host.GPU, error) {
		t.Error("asked")
		return host.Driver{}, nil, nil
	}
	assert.DeepEqual(t, one(t, m, readGPUs), host.Host{})
}

func TestALibraryThatHangsEndsWithTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	a := asker{
		nvml: func() (string, []host.GPU, error) { cancel(); <-release; return "", nil, nil },
		smi:  func(context.Context) ([]byte, error) { t.Error("nvidia-smi was asked"); return nil, nil },
	}
	assert.DeepEqual(t, quick(ctx, folder(t, files{module: "580.65.06\n"}), a), host.Host{Driver: host.Driver{Version: "580.65.06"}})
}

func TestGPUsFillTheHost(t *testing.T) {
	answer := func(context.Context) (host.Driver, []host.GPU, error) {
		return host.Driver{Version: "1.2", CUDA: "13.0", NVML: "13.580"}, []host.GPU{{UUID: "GPU-a"}}, errors.New("GPU 1: lost")
	}
	m := fake(t, files{"proc/modules": "nvidia 1 0 - Live 0x0\n", module: "580.65.06"})
	m.gpus = answer
	h := gather(t.Context(), m, []source{{"module", "", 10 * time.Second, readModules}, {"nvml", "", 10 * time.Second, readGPUs}})
	// The library's word on the version counts only where the kernel's is not to be had.
	assert.Equal(t, h.Driver.Version, "580.65.06")
	assert.Equal(t, h.Driver.CUDA, "13.0")
	assert.DeepEqual(t, h.GPUs, []host.GPU{{UUID: "GPU-a"}})
	assert.DeepEqual(t, h.Unread, map[string]string{"nvml": "GPU 1: lost"})

	m = fake(t, files{"dev/dxg": "", "usr/lib/wsl/lib/libcuda.so.1": ""})
	m.gpus = answer
	assert.Equal(t, one(t, m, readGPUs).Driver.Version, "1.2")
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
