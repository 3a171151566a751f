//go:build linux && cgo

// Package nvml reads GPUs through NVIDIA's management library. It is the only
// importer of go-nvml; without cgo a stub says so.
package nvml

import (
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Read returns the driver's version and the GPUs. The library may hang on a
// broken driver: call it where that can be waited for.
func Read() (driver string, gpus []host.GPU, err error) { return read(nvml.New()) }

func read(lib nvml.Interface) (driver string, gpus []host.GPU, err error) {
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return "", nil, fmt.Errorf("NVML does not start: %w", ret)
	}
	defer lib.Shutdown()
	driver, ret := lib.SystemGetDriverVersion()
	if ret != nvml.SUCCESS {
		return "", nil, fmt.Errorf("NVML gives no driver version: %w", ret)
	}
	n, ret := lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return driver, nil, fmt.Errorf("NVML counts no GPUs: %w", ret)
	}
	var errs []error
	for i := range n {
		d, ret := lib.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			errs = append(errs, fmt.Errorf("GPU %d: %w", i, ret))
			continue
		}
		g := host.GPU{Index: i}
		g.Name, _ = d.GetName()
		g.UUID, _ = d.GetUUID()
		if major, minor, ret := d.GetCudaComputeCapability(); ret == nvml.SUCCESS {
			g.ComputeCapability = fmt.Sprintf("%d.%d", major, minor)
		}
		if m, ret := d.GetMemoryInfo(); ret == nvml.SUCCESS {
			g.Memory = m.Total
		}
		gpus = append(gpus, g)
	}
	return driver, gpus, errors.Join(errs...)
}
