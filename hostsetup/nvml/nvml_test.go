//go:build linux && cgo

package nvml

import (
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/gpus"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// two is NVIDIA's own stand-in for a machine with two H200.
func two() (*server.Server, *server.Device) {
	s := dgxh200.NewWithGPUs(gpus.Multiple(2, gpus.H200_SXM5_141GB)...)
	for i, id := range []string{"GPU-a", "GPU-b"} {
		s.Devices[i].(*server.Device).UUID = id
	}
	return s, s.Devices[1].(*server.Device)
}

func TestReadOfTwoGPUs(t *testing.T) {
	s, _ := two()
	ended := false
	s.ShutdownFunc = func() nvml.Return { ended = true; return nvml.SUCCESS }
	driver, found, err := read(s)
	assert.NilError(t, err)
	assert.Equal(t, driver, "550.54.15")
	// The mock hands out megabytes where NVML hands out bytes.
	memory, _ := s.Devices[0].GetMemoryInfo()
	want := host.GPU{UUID: "GPU-a", Name: "NVIDIA H200 141GB HBM3e", ComputeCapability: "9.0", Memory: memory.Total}
	other := want
	other.Index, other.UUID = 1, "GPU-b"
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
	_, found, err := read(s)
	assert.ErrorContains(t, err, "GPU 0")
	assert.DeepEqual(t, found, []host.GPU{{Index: 1, UUID: "GPU-b", Name: "NVIDIA H200 141GB HBM3e"}})
}

func TestReadSaysWhatFails(t *testing.T) {
	for says, broken := range map[string]func(*server.Server){
		"does not start": func(s *server.Server) {
			s.InitFunc = func() nvml.Return { return nvml.ERROR_DRIVER_NOT_LOADED }
		},
		"no driver version": func(s *server.Server) {
			s.SystemGetDriverVersionFunc = func() (string, nvml.Return) { return "", nvml.ERROR_LIB_RM_VERSION_MISMATCH }
		},
		"counts no GPUs": func(s *server.Server) {
			s.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
		},
	} {
		s, _ := two()
		broken(s)
		_, found, err := read(s)
		assert.ErrorContains(t, err, says)
		assert.Equal(t, len(found), 0)
	}
}
