package verify

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/engine"
)

// fakeEngine runs workers on paper: what each says is a file of testdata by its route.
type fakeEngine struct {
	t      *testing.T
	says   map[string]string // route → file, "" hangs until its time is up
	refuse map[string]error
	after  string // what a worker says after a reload
	start  error
	stuck  error          // of a removal
	ended  *engine.Result // how all end

	mu      sync.Mutex
	ran     []engine.Worker
	removed int
	// together is done once all routes run: they must not wait for each other.
	together *sync.WaitGroup
}

func routeOf(w engine.Worker) string {
	switch {
	case w.Command[0] == "nvidia-smi":
		return SMI
	case w.Runtime != "":
		return Runtime
	case len(w.Devices) == 1 && w.Devices[0].Driver == "cdi":
		return CDI
	}
	return GPUs
}

// running is a worker on paper.
type running struct {
	*fakeEngine
	worker engine.Worker
}

func (e *fakeEngine) Start(_ context.Context, w engine.Worker) (Container, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ran = append(e.ran, w)
	if len(w.Command) > 1 && w.Command[1] == "wait" {
		return running{e, w}, e.start
	}
	if err := e.refuse[routeOf(w)]; err != nil {
		return nil, err
	}
	return running{e, w}, nil
}

func (r running) Wait(ctx context.Context) (engine.Result, error) {
	route := routeOf(r.worker)
	if r.together != nil {
		r.together.Done()
		r.together.Wait()
	}
	if r.ended != nil {
		return *r.ended, nil
	}
	if route == SMI {
		return engine.Result{Stdout: []byte("GPU 0: NVIDIA H200 (UUID: " + first + ")\n")}, nil
	}
	if r.says[route] == "" {
		<-ctx.Done()
		return engine.Result{Stdout: []byte(`{"stage":"start","ok":true,"schemaVersion":1}` + "\n")}, ctx.Err()
	}
	return r.result(r.says[route]), nil
}

func (r running) Remove(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removed++
	return r.stuck
}

func (e *fakeEngine) result(file string) engine.Result {
	data, err := os.ReadFile("testdata/smoke/" + file + ".jsonl")
	assert.NilError(e.t, err)
	return engine.Result{Stdout: data}
}

func (r running) Exec(_ context.Context, command ...string) (engine.Result, error) {
	assert.DeepEqual(r.t, command, []string{"/gpu-worker", "smoke"})
	return r.result(r.after), nil
}

func smokeOn(e *fakeEngine) Smoke {
	return Smoke{Engine: e, Host: healthy(first), Image: "img", Program: "/gpu-worker", Limit: 5 * time.Second}
}

func all(file string) map[string]string {
	return map[string]string{GPUs: file, CDI: file, Runtime: file}
}

func TestSmokeTriesEachRouteAtOnce(t *testing.T) {
	e := &fakeEngine{t: t, says: all("h200-cdi"), together: &sync.WaitGroup{}}
	e.together.Add(3)
	r, err := smokeOn(e).Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, r.OK, r.Verdict())
	assert.Equal(t, len(r.Routes), 3)
	slices.SortFunc(e.ran, func(a, b engine.Worker) int { return len(a.Devices) + len(a.Runtime) - len(b.Devices) - len(b.Runtime) })
	for _, w := range e.ran {
		assert.Equal(t, w.Image, "img")
		assert.DeepEqual(t, w.Command, []string{"/gpu-worker", "smoke"})
		switch routeOf(w) {
		case GPUs: // as the Docker CLI asks for --gpus all
			assert.DeepEqual(t, w.Devices, []container.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}})
		case CDI: // as it asks for --device nvidia.com/gpu=all
			assert.DeepEqual(t, w.Devices, []container.DeviceRequest{{Driver: "cdi", DeviceIDs: []string{"nvidia.com/gpu=all"}}})
		case Runtime:
			assert.Equal(t, w.Runtime, "nvidia")
			assert.DeepEqual(t, w.Env, []string{"NVIDIA_VISIBLE_DEVICES=all"})
			assert.Equal(t, len(w.Devices), 0)
		}
	}
}

func TestSmokeInAnImageOfTheUsers(t *testing.T) {
	e := &fakeEngine{t: t, says: all("h200-cdi")}
	s := smokeOn(e)
	s.Files, s.Program = []byte("a tar"), engine.FilesDir+"/gpu-worker"
	r, err := s.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, r.OK)
	assert.Equal(t, rung(t, r, SMI).Detail, "GPU 0: NVIDIA H200 (UUID: "+first+")")
	for _, w := range e.ran {
		// nvidia-smi takes nothing of ours with it.
		assert.Equal(t, w.Files == nil, routeOf(w) == SMI)
	}
}

func TestNvidiaSMIBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		try    Try
		detail string
	}{
		"lost":      {Try{Lost: "EOF"}, "the engine broke off while a container ran: EOF"},
		"refused":   {Try{Refused: `exec: "nvidia-smi": executable file not found in $PATH`}, `exec: "nvidia-smi": executable file not found in $PATH`},
		"late":      {Try{Late: true, Seconds: 60}, "the container did not end within 60 s"},
		"fails":     {Try{Exit: 9, Output: []byte("NVIDIA-SMI has failed\n")}, "nvidia-smi ended with exit code 9: NVIDIA-SMI has failed"},
		"silent":    {Try{Exit: 1}, "nvidia-smi ended with exit code 1: it said nothing"},
		"no device": {Try{Output: []byte("No devices found.\n")}, "nvidia-smi names no GPU: No devices found."},
	} {
		t.Run(name, func(t *testing.T) {
			r := JudgeSmoke(healthy(first), []Try{ran(t, GPUs, "h200-cdi")}, Extra{SMI: &c.try})
			assert.Equal(t, r.Broken, SMI)
			assert.Equal(t, rung(t, r, SMI).Detail, c.detail)
		})
	}
}

func TestSmokeTellsWhyNothingRan(t *testing.T) {
	said := errors.New(`Error response from daemon: could not select device driver "" with capabilities: [[gpu]]`)
	e := &fakeEngine{t: t, says: all("h200-cdi"), refuse: map[string]error{GPUs: &engine.RefusedError{For: "smoke", Step: "started", Err: said}, CDI: errors.New("EOF\nCannot connect to the Docker daemon")}}
	r, err := smokeOn(e).Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, r.Broken, "engine", "it is not the GPU's fault")
	assert.Equal(t, r.Why(), "the engine broke off while a container ran: EOF")
	assert.Equal(t, rung(t, r, GPUs).Detail, `could not select device driver "" with capabilities: [[gpu]]`)
	assert.Equal(t, rung(t, r, CDI).Detail, "the engine broke off while a container ran: EOF")
	assert.Equal(t, r.Notes[0], "containers may be left there; `docker container prune --filter label=io.github.dockergpu.worker` removes them")
	assert.Assert(t, rung(t, r, Runtime).OK)
}

// An image with another C library cannot run the worker, and the engine's words hide why.
func TestSmokeInAnImageWithoutALoader(t *testing.T) {
	said := &engine.RefusedError{For: "smoke", Step: "started", Err: errors.New("exec /.docker-gpu/gpu-worker: no such file or directory")}
	e := &fakeEngine{t: t, refuse: map[string]error{GPUs: said, CDI: said, Runtime: said}}
	s := smokeOn(e)
	s.Files = []byte("a tar")
	r, err := s.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, r.Why(), "exec /.docker-gpu/gpu-worker: no such file or directory; does the image have a GNU C library, as those of Debian, Ubuntu and Red Hat do?")
}

// Newer runtimes start such a container, which then says it itself.
func TestSmokeInAContainerWithoutALoader(t *testing.T) {
	e := &fakeEngine{t: t, ended: &engine.Result{Exit: 255, Stderr: []byte("exec /.docker-gpu/gpu-worker: no such file or directory\n")}}
	s := smokeOn(e)
	s.Files = []byte("a tar")
	r, err := s.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, r.Why(), "the worker ended with exit code 255 and without a verdict: exec /.docker-gpu/gpu-worker: no such file or directory; does the image have a GNU C library, as those of Debian, Ubuntu and Red Hat do?")
	assert.Equal(t, rung(t, r, SMI).Detail, "nvidia-smi ended with exit code 255: exec /.docker-gpu/gpu-worker: no such file or directory; does the image have a GNU C library, as those of Debian, Ubuntu and Red Hat do?")
}

// Engines and runtimes each put a step before the cause.
func TestEngineSays(t *testing.T) {
	for said, want := range map[string]string{
		`Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "nvidia-smi": executable file not found in $PATH`:                                                   `exec: "nvidia-smi": executable file not found in $PATH`,
		`Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "nvidia-smi": executable file not found in $PATH: unknown`:                                                                                                                                    `exec: "nvidia-smi": executable file not found in $PATH: unknown`,
		`Error response from daemon: failed to create shim task: OCI runtime create failed: unable to start container process: error during container init: error running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'` + "\n" + `nvidia-container-cli: initialization error: nvml error`: `error running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'` + "\n" + `nvidia-container-cli: initialization error: nvml error`,
		`Error response from daemon: could not select device driver "" with capabilities: [[gpu]]`: `could not select device driver "" with capabilities: [[gpu]]`,
		"EOF": "EOF",
	} {
		assert.Equal(t, engineSays(errors.New(said)), want)
	}
}

func TestSmokeGivesUpOnAContainer(t *testing.T) {
	e := &fakeEngine{t: t, says: map[string]string{CDI: "h200-cdi", Runtime: "h200-cdi"}}
	s := smokeOn(e)
	s.Limit = 50 * time.Millisecond
	r, err := s.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, r.Broken, GPUs)
	assert.Equal(t, rung(t, r, GPUs).Detail, "the container did not end within 0 s")
	assert.Assert(t, rung(t, r, CDI).OK)
}

// A container that stays is told of, and no verdict.
func TestSmokeThatCannotTidyUp(t *testing.T) {
	e := &fakeEngine{t: t, says: all("h200-cdi"), stuck: errors.New("Error response from daemon: device or resource busy")}
	r, err := smokeOn(e).Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, r.OK)
	assert.Equal(t, e.removed, 3)
	assert.Assert(t, slices.Contains(r.Notes, "a container of smoke could not be removed: device or resource busy"), "%q", r.Notes)
}

func TestSmokeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := &fakeEngine{t: t, together: &sync.WaitGroup{}}
	e.together.Add(3)
	go func() { e.together.Wait(); cancel() }()
	_, err := smokeOn(e).Run(ctx)
	assert.Assert(t, errors.Is(err, context.Canceled))
}

func TestSmokeWithoutAnEngineStartsNothing(t *testing.T) {
	s := smokeOn(nil)
	s.Engine, s.Host.Engine.Version, s.Host.Engine.Error = nil, "", "connection refused"
	r, err := s.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, r.Broken, "engine")
}

func TestReloadSurvival(t *testing.T) {
	nothing := func(context.Context) error { return nil }
	for name, c := range map[string]struct {
		engine  *fakeEngine
		reload  func(context.Context) error
		ok      bool
		want    string
		removed int
	}{
		"kept":            {&fakeEngine{says: all("h200-hook"), after: "h200-hook"}, nothing, true, "", 4},
		"lost":            {&fakeEngine{says: all("h200-hook"), after: "uvm-major"}, nothing, false, "after the reload cuInit: CUDA_ERROR_UNKNOWN (999): unknown error", 4},
		"no systemd":      {&fakeEngine{says: all("h200-hook")}, func(context.Context) error { return errors.New("systemctl: not found") }, true, "systemctl: not found", 4},
		"not started":     {&fakeEngine{says: all("h200-hook"), start: errors.New("Error response from daemon: no space left")}, nothing, true, "no space left", 3},
		"no route at all": {&fakeEngine{refuse: map[string]error{GPUs: errors.New("no"), CDI: errors.New("no"), Runtime: errors.New("no")}}, nothing, false, "no route works", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.engine.t = t
			s := smokeOn(c.engine)
			s.Reload = c.reload
			r, err := s.Run(t.Context())
			assert.NilError(t, err)
			assert.Equal(t, r.OK, c.ok, r.Verdict())
			got := rung(t, r, "reload")
			assert.Equal(t, got.Detail+got.Skipped, c.want)
			assert.Equal(t, c.engine.removed, c.removed)
		})
	}
}
