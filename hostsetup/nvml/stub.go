//go:build !linux || !cgo

// Package nvml reads GPUs through NVIDIA's management library; this build has no NVML.
package nvml

import (
	"errors"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Read says that this build cannot.
func Read() (driver string, gpus []host.GPU, err error) {
	return "", nil, errors.New("this docker gpu is built without NVML")
}
