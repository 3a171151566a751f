package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/policy"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
)

// seen is what nvidia-smi tells, and why it does not tell all.
type seen struct {
	driver host.Driver
	gpus   []host.GPU
	err    error
}

// into puts it into a host. The kernel's word on the driver stands above nvidia-smi's.
func (s seen) into(h *host.Host) {
	if h.Driver.Version == "" {
		h.Driver.Version = s.driver.Version
	}
	h.Driver.CUDA, h.GPUs = s.driver.CUDA, s.gpus
	if s.err != nil {
		if h.Unread == nil {
			h.Unread = map[string]string{}
		}
		h.Unread["nvml"] = s.err.Error()
	}
}

// gpus runs nvidia-smi in a container with all GPUs: the toolkit puts the program there.
// It needs the C library alone, so that any worker's image does.
func (l *look) gpus(ctx context.Context, way *engine.Route) (s seen) {
	names, err := l.engine.Tags(ctx, image.WorkerRepository)
	if err == nil && len(names) == 0 {
		names = make([]string, 1)
		names[0], err = l.workerImage(ctx)
	}
	if err != nil {
		return seen{err: late(ctx, err)}
	}
	res, err := l.engine.Run(ctx, engine.Worker{
		For: "GPU facts", Image: names[0], Command: []string{"nvidia-smi", "-q", "-x"}, Devices: way.Requests(),
		// It is where the machine has it, which may be no usual place.
		Env: []string{"PATH=" + strings.Join(append([]string{"/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"}, policy.ProgramDirs()...), ":")},
	})
	if err != nil && len(res.Stdout) == 0 {
		return seen{err: late(ctx, err)}
	}
	s.driver, s.gpus, s.err = probe.ParseSMI(res.Stdout)
	if s.err != nil && res.Exit != 0 {
		s.err = fmt.Errorf("exit code %d: %w", res.Exit, s.err)
	}
	return s
}

// grace is how long a container that does not end when it should is waited for.
const grace = 2 * time.Second

// await waits for nvidia-smi a little longer than ctx lasts, for its container to be
// removed. One that hangs in the driver cannot even be killed: it is left behind.
func await(ctx context.Context, answer <-chan seen) seen {
	select {
	case s := <-answer:
		return s
	case <-ctx.Done():
	}
	select {
	case s := <-answer:
		return s
	case <-time.After(grace):
		return seen{err: errors.New("nvidia-smi hangs in its container, which cannot be ended")}
	}
}

// routeOf is the way to the GPUs that the machine's files tell of, where the engine does
// not: before 28.2 it names no CDI devices, and a hook on its path it never names.
func routeOf(h *host.Host) *engine.Route {
	if h.Toolkit.Binaries["nvidia-container-runtime-hook"] != "" {
		return &engine.Route{Runtime: true}
	}
	for _, s := range h.CDI.Specs {
		if s.Kind == "nvidia.com/gpu" && slices.Contains(s.Devices, "all") {
			return &engine.Route{CDI: []string{"nvidia.com/gpu=all"}}
		}
	}
	return nil
}
