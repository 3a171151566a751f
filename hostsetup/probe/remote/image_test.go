package remote

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
	"github.com/dockergpu/docker-gpu/test/standin"
)

func TestHere(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("another system's engine is always elsewhere")
	}
	good := engine.Place{OS: "linux", Arch: runtime.GOARCH, Kernel: "6.8.0", Kind: "docker"}
	for name, c := range map[string]struct {
		local  bool
		change func(*engine.Place)
		kernel string
		want   bool
	}{
		"here":                 {true, func(*engine.Place) {}, "6.8.0", true},
		"by TCP":               {false, func(*engine.Place) {}, "6.8.0", false},
		"Docker Desktop":       {true, func(p *engine.Place) { p.Kind = "desktop" }, "6.8.0", false},
		"a virtual machine":    {true, func(p *engine.Place) { p.Kernel = "6.12.1-linuxkit" }, "6.8.0", false},
		"an unknown kernel":    {true, func(p *engine.Place) { p.Kernel = "" }, "", false},
		"another processor":    {true, func(p *engine.Place) { p.Arch = "s390x" }, "6.8.0", false},
		"Windows' own engine":  {true, func(p *engine.Place) { p.OS = "windows" }, "6.8.0", false},
		"this one's is hidden": {true, func(*engine.Place) {}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			c.change(&p)
			assert.Equal(t, here(c.local, p, c.kernel), c.want)
		})
	}
	release, err := exec.Command("uname", "-r").Output()
	assert.NilError(t, err)
	assert.Equal(t, kernel(), strings.TrimSpace(string(release)))
}

// shell is a small dynamic program in the worker's place: the shell of this machine.
func shell(t *testing.T) programs {
	t.Helper()
	data, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip(err)
	}
	if _, err := image.Worker("/", runtime.GOARCH, data); err != nil {
		t.Skip(err)
	}
	p := some()
	p.worker = func(string) ([]byte, error) { return data, nil }
	return p
}

// An engine on this machine needs no container to have the image.
func TestWorkerImageOfThisMachine(t *testing.T) {
	p := shell(t)
	f := &standin.Engine{Info: fmt.Sprintf(`{"OSType":"linux","Architecture":%q,"KernelVersion":%q}`, runtime.GOARCH, kernel())}
	e := dial(t, f, "unix")
	never := func() { t.Error("it says that a container is started") }
	name, err := workerImage(t.Context(), e, p, never)
	assert.NilError(t, err)
	assert.DeepEqual(t, f.Images(), []string{name})
	assert.Equal(t, len(f.Created()), 0)
	again, err := workerImage(t.Context(), e, p, never)
	assert.NilError(t, err)
	assert.Equal(t, again, name)
	assert.Equal(t, len(f.Loaded()), 1, "it has it")
	p.worker = func(string) ([]byte, error) { return nil, worker.ErrNotBuilt }
	_, err = workerImage(t.Context(), e, p, never)
	assert.ErrorIs(t, err, worker.ErrNotBuilt)
}

// Elsewhere a container makes it of the C library there: here, of this machine's.
func TestWorkerImageOfAnotherMachine(t *testing.T) {
	data, err := os.ReadFile("/bin/sh")
	assert.NilError(t, err)
	made, err := image.Worker("/", runtime.GOARCH, data)
	if err != nil {
		t.Skip(err)
	}
	told, err := made.Told()
	assert.NilError(t, err)
	for name, network := range map[string]string{"by TCP": "tcp", "in a virtual machine": "unix"} {
		t.Run(name, func(t *testing.T) {
			f := &standin.Engine{Has: []string{"docker-gpu-worker:0"}, Outputs: map[string]standin.Output{"/gpu-probe image": {Stdout: string(made.Archive)}}}
			e := dial(t, f, network)
			starting := 0
			name, err := workerImage(t.Context(), e, some(), func() { starting++ })
			assert.NilError(t, err)
			assert.Equal(t, name, made.Name)
			assert.Equal(t, starting, 1)
			assert.Assert(t, is.Contains(f.Images(), made.Name))
			assert.DeepEqual(t, f.Commands(), []string{"/gpu-probe image --root /host --worker /gpu-worker --have docker-gpu-worker:0"})
			assert.Equal(t, f.Created()[0].HostConfig.Mounts[0].Source, "/")
			assert.Assert(t, f.Created()[0].HostConfig.Mounts[0].ReadOnly)

			f.Outputs["/gpu-probe image"] = standin.Output{Stdout: string(told)}
			name, err = workerImage(t.Context(), e, some(), func() {})
			assert.NilError(t, err)
			assert.Equal(t, name, made.Name)
			assert.Equal(t, len(f.Loaded()), 2, "the programs and the image, once")
			assert.Assert(t, is.Contains(f.Commands()[1], "--have "+made.Name))
			assert.Equal(t, f.Left(), 0)
		})
	}
}

func TestWorkerImageThatCannotBeMade(t *testing.T) {
	told, err := (&image.Image{Name: "docker-gpu-worker:0123456789abcdef"}).Told()
	assert.NilError(t, err)
	for name, c := range map[string]struct {
		out  standin.Output
		says string
	}{
		"no C library":   {standin.Output{Code: 1, Stderr: "/lib64/ld.so is not found below /host (lstat /host/lib64: no such file), so no image can be made; name one with --image\n"}, "the engine's machine: /lib64/ld.so is not found below /host (lstat /lib64: no such file), so no image can be made; name one with --image"},
		"refused":        {standin.Output{Refused: "Mounts denied"}, "the image assembly container cannot be started: Error response from daemon: Mounts denied"},
		"no words":       {standin.Output{Code: 139}, "the image assembly container exited with code 139"},
		"nonsense":       {standin.Output{Stdout: "hello"}, "the container that makes the worker's image: what it sent is no image: unexpected EOF"},
		"told in error":  {standin.Output{Stdout: string(told)}, "the container that makes the worker's image names docker-gpu-worker:0123456789abcdef, which the engine has not"},
		"a hostile line": {standin.Output{Code: 1, Stderr: "\x1b[2Jno\n"}, "the engine's machine: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := &standin.Engine{Outputs: map[string]standin.Output{"/gpu-probe image": c.out}}
			_, err := workerImage(t.Context(), dial(t, f, "tcp"), some(), func() {})
			assert.ErrorContains(t, err, c.says)
			assert.Assert(t, !strings.Contains(err.Error(), "\x1b"), "%q", err)
			assert.Equal(t, f.Left(), 0)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = workerImage(ctx, dial(t, &standin.Engine{}, "tcp"), some(), func() {})
	assert.ErrorIs(t, err, context.Canceled)
}
