//go:build linux && cgo

// Package nvml reads GPUs through NVIDIA's management library. It is the only
// importer of go-nvml; without cgo a stub says so.
//
// The library is C code of whatever driver is installed. It may hang: the caller
// bounds the time. It may lack a function: calling that ends the process, so each
// function is looked up before it is called. And it may tell nonsense without an
// error: what cannot be true (policy.Bounds) is dropped and named in GPU.Errors.
package nvml

import (
	"errors"
	"fmt"
	"sync"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// inWSL is where Windows puts the library for its Linux, often outside the linker's path.
const inWSL = "/usr/lib/wsl/lib/libnvidia-ml.so.1"

// one keeps calls apart: go-nvml keeps what it found in a library in package variables.
var one sync.Mutex

// Read returns the driver's version and the GPUs' names, UUIDs, memory and compute
// capability: what builds need. The library may hang on a broken driver: call it
// where that can be waited for.
func Read() (driver string, gpus []host.GPU, err error) {
	one.Lock()
	defer one.Unlock()
	return read(libraries()...)
}

func libraries() []nvml.Interface {
	return []nvml.Interface{nvml.New(), nvml.New(nvml.WithLibraryPath(inWSL))}
}

// start initialises the first library that is there. After an error none may be called.
func start(libs ...nvml.Interface) (nvml.Interface, error) {
	ret := nvml.ERROR_LIBRARY_NOT_FOUND
	for _, lib := range libs {
		if ret = lib.Init(); ret == nvml.SUCCESS {
			return lib, nil
		} else if ret != nvml.ERROR_LIBRARY_NOT_FOUND {
			break
		}
	}
	return nil, fmt.Errorf("NVML does not start: %w", ret)
}

func read(libs ...nvml.Interface) (driver string, gpus []host.GPU, err error) {
	lib, err := start(libs...)
	if err != nil {
		return "", nil, err
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
