package buildkit

import (
	"context"

	bkclient "github.com/moby/buildkit/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
)

// Graph resolves on the builder what a build would be made of, and builds
// nothing: for --print=llb and --print=dockerfile.
func Graph(ctx context.Context, b *solve.Builder, w *Wish, show Display) (*graph.Input, *dockerspec.DockerOCIImage, error) {
	r := w.Request
	status := make(chan *bkclient.SolveStatus)
	r.Status = status
	shown := make(chan error, 1)
	go func() { shown <- show(status) }()
	in, img, err := solve.Inspect(ctx, b, &r)
	if showErr := <-shown; err == nil {
		err = showErr
	}
	return in, img, err
}
