package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
)

// workerImage makes sure that the current context's engine has the worker's image. It is
// made of the C library of the engine's machine: the driver's libraries run with that one.
func (g *gatherer) workerImage(ctx context.Context, h *host.Host) (string, error) {
	e, err := g.open("")
	if err != nil {
		return "", err
	}
	defer e.API.Close()
	if !h.Local {
		return "", errors.New("the engine is on another machine: name an image with --image")
	}
	image, err := verify.BuildWorkerImage("/", h.Engine.Arch)
	if err != nil {
		return "", err
	}
	if _, err := e.ImageID(ctx, image.Name); err == nil {
		return image.Name, nil
	} else if !errdefs.IsNotFound(err) {
		return "", fmt.Errorf("the image %s cannot be inspected: %w", image.Name, err)
	}
	return image.Name, e.Load(ctx, bytes.NewReader(image.Archive))
}
