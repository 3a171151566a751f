package probe

import (
	"context"
	"errors"
	"strings"
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

// asked is a way of asking that answers.
func asked(d host.Driver, gpus []host.GPU, err error) func(context.Context) (host.Driver, []host.GPU, error) {
	return func(context.Context) (host.Driver, []host.GPU, error) { return d, gpus, err }
}

func TestTheQuickLook(t *testing.T) {
	gpus := []host.GPU{{Name: "NVIDIA H200"}}
	read := asked(host.Driver{Version: "of the library", CUDA: "13.0", NVML: "13.580"}, gpus, errors.New("GPU 1 is lost"))
	got := quick(t.Context(), folder(t, files{module: "580.65.06\n"}), read)
	assert.DeepEqual(t, got, host.Host{Driver: host.Driver{Version: "580.65.06", CUDA: "13.0", NVML: "13.580"}, GPUs: gpus})
	// Loading the library on a machine without the driver costs time and can only fail.
	assert.DeepEqual(t, quick(t.Context(), folder(t, nil), never(t)), host.Host{})
	// Windows' Linux has the library and no module.
	wsl := folder(t, files{"dev/dxg": "", "usr/lib/wsl/lib/libcuda.so.1": ""})
	assert.Equal(t, quick(t.Context(), wsl, asked(host.Driver{Version: "581.80"}, gpus, nil)).Driver.Version, "581.80")
	for _, half := range []files{{"dev/dxg": ""}, {"usr/lib/wsl/lib/libcuda.so.1": ""}} {
		assert.DeepEqual(t, quick(t.Context(), folder(t, half), never(t)), host.Host{})
	}
}

// What a driver says may hold anything, and a build prints a GPU's name.
func TestWhatADriverSaysIsFitForATerminal(t *testing.T) {
	raw := []host.GPU{{Name: "NVIDIA\x1b]0;x\a H200\r\n", Errors: map[string]string{"GetName": "\x9b2J"}, Processes: []host.Process{{Name: "py\u202ethon"}}}}
	for name, s := range map[string]GPUSources{
		"NVML":       {NVML: asked(host.Driver{Version: "580\x1b[2J"}, raw, nil)},
		"nvidia-smi": {NVML: asked(host.Driver{}, nil, errors.New("none")), SMI: asked(host.Driver{Version: "580\x1b[2J"}, raw, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			driver, gpus, err := s.Read(t.Context())
			assert.NilError(t, err)
			assert.Equal(t, driver.Version, "580\ufffd[2J")
			assert.Equal(t, gpus[0].Name, "NVIDIA\ufffd]0;x\ufffd H200  ")
			assert.Equal(t, gpus[0].Errors["GetName"], "\ufffd2J")
			assert.Equal(t, gpus[0].Processes[0].Name, "py\ufffdthon")
		})
	}
	_, _, err := smiSaid([]byte("\x1b[2JNVIDIA-SMI has failed\n"), nil, ParseSMI)
	assert.Error(t, err, "nvidia-smi says: \ufffd[2JNVIDIA-SMI has failed")
}

// never is a way that must not be tried.
func never(t *testing.T) func(context.Context) (host.Driver, []host.GPU, error) {
	return func(context.Context) (host.Driver, []host.GPU, error) {
		t.Error("it was asked")
		return host.Driver{}, nil, nil
	}
}

func TestNothingIsAskedWithoutADriver(t *testing.T) {
	m := fake(t, nil)
	m.gpus = never(t)
	assert.DeepEqual(t, one(t, m, readGPUs), host.Host{})
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

func TestParseSMIList(t *testing.T) {
	for name, c := range map[string]struct {
		in, driver string
		want       []host.GPU
		says       string
	}{
		"two": {"0, GPU-a, NVIDIA H200, 9.0, 143771, 580.65.06\n1, GPU-b, NVIDIA H200, 9.0, 143771, 580.65.06\n", "580.65.06", []host.GPU{
			{Index: 0, UUID: "GPU-a", Name: "NVIDIA H200", ComputeCapability: "9.0", Memory: 143771 << 20},
			{Index: 1, UUID: "GPU-b", Name: "NVIDIA H200", ComputeCapability: "9.0", Memory: 143771 << 20},
		}, ""},
		"none":           {"No devices were found\n", "", nil, "nvidia-smi says: No devices were found"},
		"nothing":        {"", "", nil, "nvidia-smi wrote nothing"},
		"an older one":   {"Field \"compute_cap\" is not a valid field to query.\n", "", nil, `nvidia-smi says: Field "compute_cap" is not a valid field`},
		"unknown":        {"0, GPU-a, NVIDIA X, [N/A], [N/A], [N/A]\n", "", []host.GPU{{UUID: "GPU-a", Name: "NVIDIA X"}}, ""},
		"failing":        {"0, [Unknown Error], NVIDIA X, [GPU is lost], [Insufficient Permissions]\n", "", []host.GPU{{Name: "NVIDIA X"}}, ""},
		"a comma":        {`0, GPU-a, "NVIDIA X, Y", 9.0, 1` + "\n", "", []host.GPU{{UUID: "GPU-a", Name: "NVIDIA X, Y", ComputeCapability: "9.0", Memory: 1 << 20}}, ""},
		"an error row":   {"Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error\n1, GPU-b, NVIDIA X, 9.0, 1\n", "", []host.GPU{{Index: 1, UUID: "GPU-b", Name: "NVIDIA X", ComputeCapability: "9.0", Memory: 1 << 20}}, ""},
		"a quote":        {"0, GPU-a, NVIDIA \"X\" Y, 9.0, 1\n", "", []host.GPU{{UUID: "GPU-a", Name: `NVIDIA "X" Y`, ComputeCapability: "9.0", Memory: 1 << 20}}, ""},
		"a long name":    {"0, GPU-a, " + strings.Repeat("x", 5000) + ", 9.0, 1\n", "", []host.GPU{{UUID: "GPU-a", Name: strings.Repeat("x", 256), ComputeCapability: "9.0", Memory: 1 << 20}}, ""},
		"memory too big": {"0, GPU-a, X, 9.0, 18446744073709551615\n", "", []host.GPU{{UUID: "GPU-a", Name: "X", ComputeCapability: "9.0"}}, ""},
		"no index":       {"x, GPU-a, X, 9.0, 1\n", "", nil, "nvidia-smi says: x, GPU-a"},
		"cut":            {"0, GPU-a, X, 9.0, 1\n1, \"GPU-", "", []host.GPU{{UUID: "GPU-a", Name: "X", ComputeCapability: "9.0", Memory: 1 << 20}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			driver, gpus, err := parseSMIList([]byte(c.in))
			assert.DeepEqual(t, gpus, c.want)
			assert.Equal(t, driver.Version, c.driver)
			if c.says == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, c.says)
			}
		})
	}
	_, gpus, err := parseSMIList([]byte(strings.Repeat("0, GPU-a, X, 9.0, 1\n", smiGPUs+10)))
	assert.NilError(t, err)
	assert.Equal(t, len(gpus), smiGPUs)
}
