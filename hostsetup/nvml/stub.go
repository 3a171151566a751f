//go:build !linux || !cgo

// Package nvml reads GPUs through NVIDIA's management library; this build has no NVML.
package nvml

import (
	"context"
	"errors"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

var errNone = errors.New("this docker gpu is built without NVML")

// Read says that this build cannot.
func Read(context.Context) (host.Driver, []host.GPU, error) { return host.Driver{}, nil, errNone }

// Health says that this build cannot.
func Health(context.Context) (host.Driver, []host.GPU, error) { return host.Driver{}, nil, errNone }
