package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// Label marks containers and images that this project made; its value is what for.
const Label = "io.github.dockergpu.worker"

// Worker is a container that runs a program and ends. It has no network, a read-only
// root, no capability and can gain none; it may write to /tmp alone.
type Worker struct {
	// For is what it is for, in a word: "verification".
	For     string
	Image   string
	Command []string
	Env     []string
	// Devices and Runtime are how it gets GPUs; without either it gets none.
	Devices []container.DeviceRequest
	Runtime string
	// Binds are paths of the engine's machine by their place in the container, read-only.
	Binds map[string]string
	// Files is a tar that is unpacked into FilesDir before the start, for an image that
	// does not bring the program.
	Files []byte
}

// FilesDir is where Worker.Files are.
const FilesDir = "/.docker-gpu"

// Result is what a program left.
type Result struct {
	Exit           int
	Stdout, Stderr []byte
}

// what is kept of a worker's output: the most that is read of any, and enough for a reason.
const (
	mostStdout = 64 << 20
	mostStderr = 1 << 20
)

// RefusedError is a worker that the engine does not run.
type RefusedError struct {
	For  string
	Step string // "created", "filled", "started"
	Err  error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the %s container cannot be %s: %v", e.For, e.Step, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// ExitError is a program that did not end with 0.
type ExitError struct {
	For    string
	Exit   int
	Stderr string
}

func (e *ExitError) Error() string {
	text := fmt.Sprintf("the %s container exited with code %d", e.For, e.Exit)
	if e.Stderr != "" {
		text += ": " + e.Stderr
	}
	return text
}

// Run runs a worker to its end and removes it, also when ctx is cancelled. Its errors are
// *RefusedError, ctx's, and those of a connection that broke; a program's exit code is none.
func (e *Engine) Run(ctx context.Context, w Worker) (_ Result, err error) {
	r, err := e.Start(ctx, w)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, r.Remove(ctx)) }()
	return r.Wait(ctx)
}

// Output runs a worker and returns what it wrote to standard output; a program that does
// not end with 0 is an *ExitError.
func (e *Engine) Output(ctx context.Context, w Worker) ([]byte, error) {
	res, err := e.Run(ctx, w)
	if err == nil && res.Exit != 0 {
		err = &ExitError{w.For, res.Exit, clean(last(string(res.Stderr)), 2000)}
	}
	return res.Stdout, err
}

func (w Worker) options() client.ContainerCreateOptions {
	host := &container.HostConfig{
		NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"},
		SecurityOpt: []string{"no-new-privileges"},
		Tmpfs:       map[string]string{"/tmp": "mode=1777"},
		ShmSize:     1 << 30,
		Resources:   container.Resources{DeviceRequests: w.Devices},
		Runtime:     w.Runtime,
	}
	if len(w.Binds) > 0 { // SELinux lets a container read no files but its own
		host.SecurityOpt = append(host.SecurityOpt, "label=disable")
	}
	for target, source := range w.Binds {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: true})
	}
	if w.Files != nil { // a volume without a name goes with its container
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Target: FilesDir})
	}
	return client.ContainerCreateOptions{
		Config: &container.Config{
			Image: w.Image, Entrypoint: w.Command[:1], Cmd: w.Command[1:], Env: w.Env,
			Labels: map[string]string{Label: w.For},
		},
		HostConfig: host,
	}
}
