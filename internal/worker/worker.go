// Package worker carries cmd/gpu-worker inside the plugin. `make build` puts the program
// into bin before it builds the plugin; without it everything compiles all the same and
// Binary says what to run. Nothing is done before Binary is called.
package worker

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

//go:embed all:bin
var files embed.FS

// ErrNotBuilt is a plugin that was built without a worker.
var ErrNotBuilt = errors.New("this docker gpu was built without the program that runs beside a GPU; build it with `make build`")

// Binary is the worker for Linux on an architecture, as Go names it: "amd64", "arm64".
// Its error is ErrNotBuilt where there is none.
func Binary(arch string) ([]byte, error) { return binary(files, arch) }

func binary(files fs.FS, arch string) ([]byte, error) {
	packed, err := fs.ReadFile(files, "bin/gpu-worker-linux-"+arch+".gz")
	if errors.Is(err, fs.ErrNotExist) {
		if others, _ := fs.Glob(files, "bin/*.gz"); len(others) > 0 {
			return nil, fmt.Errorf("this docker gpu has no worker for linux/%s; use another image with --image", arch)
		}
		return nil, ErrNotBuilt
	}
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("the worker for linux/%s inside this docker gpu is damaged: %w", arch, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("the worker for linux/%s inside this docker gpu is damaged: %w", arch, err)
	}
	return data, nil
}
