// Package worker carries cmd/gpu-worker and cmd/gpu-probe inside the plugin. `make build`
// puts the programs into bin before it builds the plugin; without them everything compiles
// all the same and Binary and Probe say what to run. Nothing is done before one is called.
package worker

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

//go:embed all:bin
var files embed.FS

// ErrNotBuilt is a plugin that was built without the programs.
var ErrNotBuilt = errors.New("this docker gpu was built without the programs that run beside a GPU; build it with `make build`")

// Binary is the worker for Linux on an architecture, as Go names it: "amd64", "arm64".
// Its error is ErrNotBuilt where there is none.
func Binary(arch string) ([]byte, error) { return binary(files, arch) }

func binary(files fs.FS, arch string) ([]byte, error) {
	data, err := unpack(files, "gpu-worker", arch)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this docker gpu has no worker for linux/%s; use another image with --image", arch)
	}
	return data, err
}

// Probe is the program that looks at a machine from within a container. Its error is
// ErrNotBuilt where there is none.
func Probe(arch string) ([]byte, error) { return probe(files, arch) }

func probe(files fs.FS, arch string) ([]byte, error) {
	data, err := unpack(files, "gpu-probe", arch)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this docker gpu has no program that could look at a machine of linux/%s", arch)
	}
	return data, err
}

// Sum tells one pair of programs for an architecture from another. It does not unpack them.
func Sum(arch string) (string, error) { return sum(files, arch) }

func sum(files fs.FS, arch string) (string, error) {
	h := sha256.New()
	for _, name := range []string{"gpu-probe", "gpu-worker"} {
		data, err := fs.ReadFile(files, packed(name, arch))
		if err != nil {
			// That says which.
			if _, err := probe(files, arch); err != nil {
				return "", err
			}
			_, err := binary(files, arch)
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func packed(name, arch string) string { return "bin/" + name + "-linux-" + arch + ".gz" }

func unpack(files fs.FS, name, arch string) ([]byte, error) {
	data, err := fs.ReadFile(files, packed(name, arch))
	if errors.Is(err, fs.ErrNotExist) {
		if others, _ := fs.Glob(files, "bin/"+name+"-*.gz"); len(others) == 0 {
			return nil, ErrNotBuilt
		}
	}
	if err != nil {
		return nil, err
	}
	damaged := func(err error) error {
		return fmt.Errorf("%s for linux/%s inside this docker gpu is damaged: %w", name, arch, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, damaged(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		return nil, damaged(err)
	}
	return data, nil
}
