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
	"context"
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

// Read returns the driver's versions and the GPUs' names, UUIDs, memory and compute
// capability: what builds need. The error names GPUs that cannot be reached; they are
// left out. As of Health, the caller bounds the time.
func Read(ctx context.Context) (host.Driver, []host.GPU, error) {
	one.Lock()
	defer one.Unlock()
	return read(ctx, libraries()...)
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

func read(ctx context.Context, libs ...nvml.Interface) (host.Driver, []host.GPU, error) {
	driver, all, err := ask(ctx, func(c *card) {
		c.identity()
		c.memory()
	}, libs...)
	errs := []error{err}
	var gpus []host.GPU
	for _, g := range all {
		if why := g.Errors[handle]; why != "" {
			errs = append(errs, fmt.Errorf("GPU %d: %s", g.Index, why))
			continue
		}
		gpus = append(gpus, g)
	}
	return driver, gpus, errors.Join(errs...)
}
