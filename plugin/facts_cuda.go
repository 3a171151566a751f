package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/dockergpu/docker-gpu/internal/worker"
	said "github.com/dockergpu/docker-gpu/internal/worker/report"
)

// cudaAnswer runs the worker on this machine and returns what cuInit answered, "" where
// CUDA starts or this docker gpu has no worker that could ask.
func cudaAnswer(ctx context.Context) (string, error) {
	program, err := worker.Binary(runtime.GOARCH)
	if err != nil {
		return "", nil // nothing is wrong with the machine
	}
	out, err := runProgram(ctx, program, "list")
	if ctx.Err() != nil {
		return "", errors.New("CUDA does not come back from its start")
	}
	return cuInit(out, err)
}

// cuInit is its answer in the worker's lines; failed is how the worker ended.
func cuInit(out []byte, failed error) (string, error) {
	all, _, err := said.Read(bytes.NewReader(out))
	for _, l := range all {
		switch {
		case l.Stage == said.Init && l.OK:
			return "", nil
		case l.Stage == said.Init && l.Error != nil && l.Error.Kind == "cuda":
			return fmt.Sprintf("%d %s", l.Error.Code, l.Error.Name), nil
		case !l.OK && l.Error != nil: // the libraries are a fact of their own
			return "", nil
		}
	}
	if failed = errors.Join(err, failed); failed != nil {
		return "", fmt.Errorf("CUDA cannot be tried: %w", failed)
	}
	return "", nil
}
