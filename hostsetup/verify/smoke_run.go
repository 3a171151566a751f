package verify

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// Containers starts workers; an engine does.
type Containers interface {
	Start(context.Context, engine.Worker) (Container, error)
}

// Container is a worker that was started, and has to be removed.
type Container interface {
	Wait(context.Context) (engine.Result, error)
	Exec(ctx context.Context, command ...string) (engine.Result, error)
	Remove(context.Context) error
}

// Smoke is a climb of the ladder on one host.
type Smoke struct {
	Engine Containers
	Host   *host.Host
	// Image holds the worker at Program; where it does not, Files is a tar that brings it
	// to engine.FilesDir, and nvidia-smi of that image is tried too.
	Image   string
	Program string
	Files   []byte
	// Limit is how long each container may take.
	Limit time.Duration
	// Reload makes the host's systemd read its units again; nil leaves that rung out.
	Reload func(context.Context) error
}

// climber is a Smoke under way.
type climber struct {
	Smoke
	ended sync.WaitGroup // containers that are being removed: nobody's verdict waits for that
	mu    sync.Mutex
	left  []string // why one could not be removed
}

// Run tries all routes that the engine knows side by side, and judges what the worker
// said there. An error is ctx's; everything else is in the report.
func (s Smoke) Run(ctx context.Context) (*SmokeReport, error) {
	c := &climber{Smoke: s}
	report, err := c.run(ctx)
	c.ended.Wait()
	if report != nil {
		report.Notes = append(report.Notes, c.left...)
	}
	return report, err
}

func (s *climber) run(ctx context.Context) (*SmokeReport, error) {
	var more Extra
	var tries []Try
	if s.Host.Engine.Version != "" {
		routes := Routes(s.Host)
		tries = make([]Try, len(routes))
		var all sync.WaitGroup
		for i, r := range routes {
			all.Go(func() { tries[i] = s.try(ctx, r, "smoke") })
		}
		if s.Files != nil {
			all.Go(func() { more.SMI = s.smi(ctx, routes[0]) })
		}
		all.Wait()
		if s.Reload != nil && ctx.Err() == nil {
			more.Reload = s.reload(ctx, routes, tries)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return JudgeSmoke(s.Host, tries, more), nil
}

// worker is the container of a route.
func (s *climber) worker(r Route, command ...string) engine.Worker {
	w := engine.Worker{For: "smoke", Image: s.Image, Command: append([]string{s.Program}, command...), Env: r.Env, Runtime: r.Runtime, Files: s.Files}
	switch {
	case r.Runtime != "":
	case r.Driver != "":
		w.Devices = []container.DeviceRequest{{Driver: r.Driver, DeviceIDs: r.Devices}}
	default: // what the CLI makes of --gpus all
		w.Devices = []container.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}
	}
	return w
}

// try runs the worker on a route.
func (s *climber) try(ctx context.Context, r Route, command ...string) Try {
	return s.watch(ctx, r.Name, func(ctx context.Context) (engine.Result, error) {
		return s.result(ctx, s.worker(r, command...))
	})
}

// result runs a worker to its end. It is removed while others still run.
func (s *climber) result(ctx context.Context, w engine.Worker) (engine.Result, error) {
	c, err := s.Engine.Start(ctx, w)
	if err != nil {
		return engine.Result{}, err
	}
	res, err := c.Wait(ctx)
	s.ended.Go(func() {
		if err := c.Remove(ctx); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.left = append(s.left, clean("a container of smoke could not be removed: "+engineSays(err)))
		}
	})
	return res, err
}

// smi is the test that guides begin with: nvidia-smi in an image of the user's.
func (s *climber) smi(ctx context.Context, r Route) *Try {
	w := s.worker(r)
	w.Command, w.Files = []string{"nvidia-smi", "-L"}, nil
	t := s.watch(ctx, r.Name, func(ctx context.Context) (engine.Result, error) { return s.result(ctx, w) })
	return &t
}

// watch times a worker and says how it ended.
func (s *climber) watch(ctx context.Context, route string, run func(context.Context) (engine.Result, error)) Try {
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	res, err := run(limited)
	t := Try{Route: route, Exit: res.Exit, Output: res.Stdout, Errors: res.Stderr, Seconds: time.Since(start).Seconds()}
	refused, isRefused := errors.AsType[*engine.RefusedError](err)
	switch {
	case err == nil:
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		t.Late = true
	case isRefused:
		t.Refused = engineSays(refused.Err)
	default: // and a removal that failed for the same reason, on a line of its own
		t.Lost, _, _ = strings.Cut(engineSays(err), "\n")
	}
	return t
}

// steps are what an engine and its runtimes name before the cause of a refused start, each
// in the words of the one above it.
var steps = regexp.MustCompile(`^(?s:.*)(?:unable to start container process: |starting container process caused: )(?:error during container init: )?`)

// engineSays is an engine's complaint without the words that every one begins with.
func engineSays(err error) string {
	return steps.ReplaceAllString(strings.TrimPrefix(err.Error(), "Error response from daemon: "), "")
}

// reload starts a container on the first route that worked, has systemd read its units
// again, and tries the GPUs inside that container once more: with the hook, systemd's own
// device rules then replace those that the hook had set.
func (s *climber) reload(ctx context.Context, routes []Route, tries []Try) *Reload {
	for i, r := range routes {
		if tries[i].Exit != 0 || tries[i].Refused != "" || tries[i].Lost != "" || tries[i].Late {
			continue
		}
		c, err := s.Engine.Start(ctx, s.worker(r, "wait", "--limit", s.Limit.String()))
		if err != nil {
			return &Reload{Skipped: engineSays(err)}
		}
		defer func() { _ = c.Remove(ctx) }()
		if err := s.Reload(ctx); err != nil {
			return &Reload{Skipped: err.Error()}
		}
		return &Reload{After: s.watch(ctx, r.Name, func(ctx context.Context) (engine.Result, error) {
			return c.Exec(ctx, s.Program, "smoke")
		})}
	}
	return &Reload{Skipped: "no route works"}
}
