package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
)

// WorkerImage makes sure that an engine has the worker's image, with the C library of the
// machine that it runs on, and returns its name. Where that is this machine, the image is
// made here; else a container there makes it, and starting is called before. An engine that
// has the image is sent nothing.
func WorkerImage(ctx context.Context, e *engine.Engine, starting func()) (string, error) {
	return workerImage(ctx, e, ours(), starting)
}

func workerImage(ctx context.Context, e *engine.Engine, p programs, starting func()) (string, error) {
	place, err := e.Place(ctx)
	if err != nil {
		return "", err
	}
	if here(e.Local, place, kernel()) {
		return local(ctx, e, place.Arch, p)
	}
	l := &look{engine: e, place: place}
	if err := l.bring(ctx, p, starting); err != nil {
		return "", err
	}
	name, err := l.workerImage(ctx)
	return name, late(ctx, err)
}

// here says whether an engine runs on this machine: its socket is here, and it has the
// kernel of this one. Docker Desktop and its like have their socket here and a machine of
// their own.
func here(local bool, p engine.Place, kernel string) bool {
	return local && p.OS == runtime.GOOS && p.Arch == runtime.GOARCH && p.Kind != "desktop" && kernel != "" && p.Kernel == kernel
}

// kernel is the release of this machine's kernel, "" where it is not Linux.
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// local makes the image of this machine's C library.
func local(ctx context.Context, e *engine.Engine, arch string, p programs) (string, error) {
	program, err := p.worker(arch)
	if err != nil {
		return "", err
	}
	made, err := image.Worker("/", arch, program)
	if err != nil {
		return "", err
	}
	there, err := e.Has(ctx, made.Name)
	if err == nil && !there {
		err = e.Load(ctx, bytes.NewReader(made.Archive))
	}
	return made.Name, err
}

// workerImage has the image made on the engine's machine.
func (l *look) workerImage(ctx context.Context) (string, error) {
	have, err := l.engine.Tags(ctx, image.WorkerRepository)
	if err != nil {
		return "", err
	}
	command := []string{probePath, "image", "--root", below, "--worker", image.WorkerPath}
	for _, name := range have {
		command = append(command, "--have", name)
	}
	out, err := l.engine.Output(ctx, engine.Worker{
		For: "image assembly", Image: l.programs, Binds: map[string]string{below: "/"}, Command: command,
	})
	var failed *engine.ExitError
	if errors.As(err, &failed) && failed.Stderr != "" {
		return "", fmt.Errorf("the engine's machine: %s", strings.ReplaceAll(failed.Stderr, below+"/", "/"))
	}
	if err != nil {
		return "", err
	}
	name, brought, err := image.Read(out)
	switch {
	case err != nil:
		return "", fmt.Errorf("the container that makes the worker's image: %w", err)
	case brought:
		return name, l.engine.Load(ctx, bytes.NewReader(out))
	case !slices.Contains(have, name):
		return "", fmt.Errorf("the container that makes the worker's image names %s, which the engine has not", name)
	}
	return name, nil
}
