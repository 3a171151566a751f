//go:build linux && cgo

package nvml

import (
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// two is NVIDIA's own stand-in for a machine with two H200.
func two() (*server.Server, *server.Device) {
	s := machine(2)
	return s, device(s, 1)
}

func TestReadOfTwoGPUs(t *testing.T) {
	s, _ := two()
	ended := false
	s.ShutdownFunc = func() nvml.Return { ended = true; return nvml.SUCCESS }
	driver, found, err := read(t.Context(), s)
	assert.NilError(t, err)
	assert.DeepEqual(t, driver, host.Driver{Version: "550.54.15", CUDA: "12.4", NVML: "12.550.54.15"})
	// The mock hands out megabytes where NVML hands out bytes.
	memory, _ := s.Devices[0].GetMemoryInfo()
	want := host.GPU{UUID: "GPU-a", Name: "NVIDIA H200 141GB HBM3e", Minor: ptr(0), Architecture: "Hopper", ComputeCapability: "9.0", Memory: memory.Total}
	other := want
	other.Index, other.UUID, other.Minor = 1, "GPU-b", ptr(1)
	assert.DeepEqual(t, found, []host.GPU{want, other})
	assert.Assert(t, ended, "the library stays open")
}

// A GPU that fell off the bus must not hide the others.
func TestReadKeepsWhatAnswers(t *testing.T) {
	s, second := two()
	handle := s.DeviceGetHandleByIndexFunc
	s.DeviceGetHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i == 0 {
			return nil, nvml.ERROR_GPU_IS_LOST
		}
		return handle(i)
	}
	second.GetCudaComputeCapabilityFunc = func() (int, int, nvml.Return) { return 0, 0, nvml.ERROR_NOT_SUPPORTED }
	second.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, nvml.ERROR_NOT_SUPPORTED }
	// Builds need little: what else the GPU could tell is not asked.
	second.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) {
		t.Error("health was asked")
		return 0, nvml.SUCCESS
	}
	_, found, err := read(t.Context(), s)
	assert.ErrorContains(t, err, "GPU 0: ERROR_GPU_IS_LOST")
	assert.DeepEqual(t, found, []host.GPU{{Index: 1, UUID: "GPU-b", Name: "NVIDIA H200 141GB HBM3e", Minor: ptr(1), Architecture: "Hopper"}})
}

func TestReadSaysWhatFails(t *testing.T) {
	for says, broken := range map[string]func(*server.Server){
		"does not start": func(s *server.Server) {
			s.InitFunc = func() nvml.Return { return nvml.ERROR_DRIVER_NOT_LOADED }
		},
		"counts no GPUs": func(s *server.Server) {
			s.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
		},
	} {
		s, _ := two()
		broken(s)
		_, found, err := read(t.Context(), s)
		assert.ErrorContains(t, err, says)
		assert.Equal(t, len(found), 0)
	}
}
