package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/version"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
)

func TestUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing": nil, "unknown": {"all", "--root", "/"}, "no root": {"facts"}, "too much": {"facts", "--root", "/", "now"},
		"no flag": {"facts", "--root", "/", "--speed"}, "no worker": {"image", "--root", "/"}, "another's flag": {"facts", "--root", "/", "--have", "x"},
		"the other's flag": {"image", "--root", "/", "--worker", "w", "--data-root", "/d"}, "version of what": {"version", "--root", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, run(args, &stdout, &stderr), 2)
			assert.Equal(t, stdout.String(), "", "data only where there is some")
			assert.Assert(t, is.Contains(stderr.String(), "usage: gpu-probe facts"))
			assert.Equal(t, strings.Count(stderr.String(), "usage:"), 1)
		})
	}
}

func TestVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, run([]string{"version"}, &stdout, &stderr), 0)
	assert.Equal(t, stdout.String(), version.String()+"\n")
}

// write fills a machine's folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root
}

func TestFacts(t *testing.T) {
	root := write(t, map[string]string{
		"etc/hostname": "gpu7\n", "etc/os-release": "ID=debian\nVERSION_ID=\"13\"\n", "proc/sys/kernel/osrelease": "6.12.1\n",
		"sys/module/nvidia/version": "580.159.04\n",
		"proc/5/comm":               "dockerd\n", "proc/5/cmdline": "/usr/bin/dockerd\x00",
		"proc/9/comm": "dockerd\n", "proc/9/cmdline": "/opt/dockerd\x00--data-root=/data\x00",
	})
	var stdout, stderr bytes.Buffer
	assert.Equal(t, run([]string{"facts", "--root", root}, &stdout, &stderr), 0, stderr.String())
	h, err := probe.Replay(&stdout)
	assert.NilError(t, err)
	assert.Equal(t, h.Name, "gpu7", "it is not redacted")
	assert.Equal(t, h.OS.ID+h.OS.Version+" "+h.Kernel.Release+" "+h.Driver.Version, "debian13 6.12.1 580.159.04")
	assert.Equal(t, h.Arch, runtime.GOARCH)
	assert.Equal(t, h.Engine.PID, 5)
	assert.Equal(t, stderr.String(), "")

	assert.Equal(t, run([]string{"facts", "--root", root, "--data-root", "/data"}, &stdout, &stderr), 0)
	h, err = probe.Replay(&stdout)
	assert.NilError(t, err)
	assert.Equal(t, h.Engine.Binary, "/opt/dockerd")
}

// The image of this machine's C library and any program that wants it: here, the shell.
func TestImage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it takes a program for Linux")
	}
	args := []string{"image", "--root", "/", "--worker", "/bin/sh"}
	var stdout, stderr bytes.Buffer
	code := run(args, &stdout, &stderr)
	var missing *image.LibraryError
	if _, err := image.Worker("/", runtime.GOARCH, read(t, "/bin/sh")); errors.As(err, &missing) {
		t.Skip(err)
	}
	assert.Equal(t, code, 0, stderr.String())
	name, brought, err := image.Read(stdout.Bytes())
	assert.NilError(t, err)
	assert.Assert(t, brought)
	whole := stdout.Len()

	stdout.Reset()
	assert.Equal(t, run(append(args, "--have", "docker-gpu-worker:0", "--have", name), &stdout, &stderr), 0, stderr.String())
	again, brought, err := image.Read(stdout.Bytes())
	assert.NilError(t, err)
	assert.Equal(t, again, name)
	assert.Assert(t, !brought && stdout.Len() < whole/10)

	stdout.Reset()
	assert.Equal(t, run(append(args, "--have", "docker-gpu-worker:0"), &stdout, &stderr), 0)
	assert.Equal(t, stdout.Len(), whole)
}

func TestImageThatCannotBeMade(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it takes a program for Linux")
	}
	for name, c := range map[string]struct{ worker, says string }{
		"no worker":    {"/no/such/worker", "/no/such/worker: no such file or directory"},
		"no C library": {"/bin/sh", "no image can be made of this host's C library"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, run([]string{"image", "--root", t.TempDir(), "--worker", c.worker}, &stdout, &stderr), 1)
			assert.Equal(t, stdout.String(), "")
			assert.Assert(t, is.Contains(stderr.String(), c.says))
			assert.Equal(t, strings.Count(stderr.String(), "\n"), 1, "one line")
		})
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	return data
}
