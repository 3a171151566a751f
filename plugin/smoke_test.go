package plugin

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker"
)

func TestFlagsOfSmokeThatCannotBe(t *testing.T) {
	for args, says := range map[string]string{
		"--format=yaml":            `--format "yaml" is not one of text, json`,
		"--pull=newer --image=img": `--pull "newer" is not one of missing, always, never`,
		"--pull=always":            "--pull goes with --image only",
		"--timeout=0":              "--timeout 0s is not between 1s and 1h",
		"--timeout=87600h":         "--timeout 87600h0m0s is not between 1s and 1h",
		"--image=":                 "--image is empty",
		"--timeout=soon":           "soon",
		"img":                      `takes no arguments, but was given "img"`,
	} {
		t.Run(args, func(t *testing.T) {
			r := run(t, append([]string{"smoke"}, strings.Fields(args)...)...)
			assert.Assert(t, r.code == exitUsage || args == "img" && r.code != 0, "%d %s", r.code, r.err)
			assert.Equal(t, r.out, "")
			assert.Assert(t, strings.Contains(r.err, says), "%q is not in %s", says, r.err)
		})
	}
}

// smokeStage is an engine on paper.
type smokeStage struct {
	has    map[string]bool
	broken error // of an inspection
	pull   error
	output string
	exit   int

	refused error
	mu      sync.Mutex
	lost    error
	pulled  []string
	ran     []engine.Worker
}

func (s *smokeStage) ImageID(_ context.Context, image string) (string, error) {
	switch {
	case s.broken != nil:
		return "", s.broken
	case s.has[image]:
		return "sha256:1", nil
	}
	return "", errdefs.ErrNotFound
}

func (s *smokeStage) Pull(_ context.Context, image string, w io.Writer) error {
	s.pulled = append(s.pulled, image)
	_, _ = io.WriteString(w, "Pulling\n")
	return s.pull
}

func (s *smokeStage) Start(_ context.Context, w engine.Worker) (verify.Container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, w)
	if s.lost != nil {
		return nil, s.lost
	}
	if s.refused != nil {
		return nil, &engine.RefusedError{For: "smoke", Step: "started", Err: s.refused}
	}
	return smokeActor{s, w}, nil
}

// smokeActor is a container on paper.
type smokeActor struct {
	*smokeStage
	worker engine.Worker
}

func (a smokeActor) Wait(context.Context) (engine.Result, error) {
	if a.worker.Command[0] == "nvidia-smi" {
		return engine.Result{Stdout: []byte("GPU 0: NVIDIA H200")}, nil
	}
	return engine.Result{Exit: a.exit, Stdout: []byte(a.output)}, nil
}

func (smokeActor) Exec(context.Context, ...string) (engine.Result, error) {
	return engine.Result{}, errors.New("not here")
}

func (smokeActor) Remove(context.Context) error { return nil }

// wellLines are those of a worker for which all is well.
const wellLines = `{"stage":"start","ok":true,"schemaVersion":1,"visible":"void"}
{"stage":"load","ok":true}
{"stage":"init","ok":true}
{"stage":"device","ok":true,"gpu":"GPU-1"}
{"stage":"context","ok":true,"gpu":"GPU-1"}
{"stage":"memory","ok":true,"gpu":"GPU-1"}
{"stage":"kernel","ok":true,"gpu":"GPU-1","detail":"32 MiB"}
{"stage":"end","ok":true}
`

func smoking(t *testing.T, s screen, stage *smokeStage, h host.Host, opts smokeOptions) *smokeRun {
	t.Helper()
	if opts.pull == "" {
		opts.pull = "missing"
	}
	if opts.timeout == 0 {
		opts.timeout = time.Minute
	}
	return &smokeRun{
		cli: s.cli, opts: &opts,
		facts:  func(context.Context) (host.Host, error) { return h, nil },
		open:   func() (smokeEngine, func() error, error) { return stage, func() error { return nil }, nil },
		image:  func(context.Context) (string, error) { return "docker-gpu-worker:1", nil },
		binary: func(string) ([]byte, error) { return []byte("program"), nil },
		reload: func(context.Context) error { return nil },
	}
}

func TestSmokeReportsAndExits(t *testing.T) {
	good := &smokeStage{output: wellLines}
	s := newScreen(t, false, "")
	assert.NilError(t, smoking(t, s, good, machine(""), smokeOptions{format: "text"}).do(t.Context()))
	assert.Assert(t, strings.HasPrefix(s.out.String(), "ok     the engine answers: Docker 29.7.2\n"), s.out.String())
	assert.Assert(t, strings.Contains(s.out.String(), "GPUs work in containers: "))
	assert.Equal(t, good.ran[0].Image, "docker-gpu-worker:1")
	assert.DeepEqual(t, good.ran[0].Command, []string{"/gpu-worker", "smoke"})

	bad := &smokeStage{output: strings.Split(wellLines, "\n")[0], exit: 139}
	s = newScreen(t, false, "")
	err := smoking(t, s, bad, machine(""), smokeOptions{format: "json"}).do(t.Context())
	assert.Equal(t, exitCode(err, false), exitFailed)
	var report verify.SmokeReport
	assert.NilError(t, json.Unmarshal(s.out.Bytes(), &report))
	assert.Equal(t, report.Broken, "gpus")
	assert.Equal(t, message(err, false, false), "") // the report has said it all
}

func TestSmokeSees(t *testing.T) {
	found := []doctor.Finding{{Code: "H002"}, {Code: "C016"}, {Code: "C001"}}
	says := func(code string, near bool, findings ...doctor.Finding) []doctor.Answer {
		return []doctor.Answer{{Code: code, Near: near, Found: len(findings) > 0, Findings: findings}}
	}
	for name, c := range map[string]struct {
		result string
		found  []doctor.Finding
		known  []doctor.Answer
		want   string
	}{
		"the words name a cause that is here":  {"", found, says("C001", false, found[2]), "C001"},
		"they may follow from one that is":     {"", found, says("C018", false, found[2]), "C001"},
		"they name a note, which is not shown": {"", found[:1], says("C066", false, doctor.Finding{Code: "C066"}), "H002"},
		"they only resemble it":                {"", found, says("C001", true, found[2]), "H002"},
		"the result's cause is here":           {"C016", found, nil, "C016"},
		"it is not":                            {"C008", found, nil, "C008"},
		"nothing is known":                     {"", found, nil, "H002"},
		"nothing is found":                     {"C008", nil, says("C001", false), "C008"},
		"nothing but words":                    {"", nil, says("C001", false), "C001"},
		"nothing":                              {"", nil, says("C001", true), ""},
	} {
		assert.Equal(t, see(c.result, c.found, c.known), c.want, name)
	}
}

// What breaks off in the middle is not laid at the GPU's door.
func TestSmokeOfAnEngineThatBreaksOff(t *testing.T) {
	s := newScreen(t, false, "")
	h := machine("")
	h.Engine.Kind = "podman" // which doctor would find
	err := smoking(t, s, &smokeStage{lost: errors.New("unexpected EOF")}, h, smokeOptions{format: "text"}).do(t.Context())
	assert.Equal(t, exitCode(err, false), exitFailed)
	assert.Assert(t, strings.HasPrefix(s.out.String(), "FAILED the engine answers: the engine broke off while a container ran: unexpected EOF\n"), s.out.String())
	assert.Assert(t, strings.HasSuffix(s.out.String(), "\nThe first rung that breaks is \"the engine answers\"; look at: Docker Engine.\n"), s.out.String())
}

// A broken ladder is explained by what doctor finds, and else by the words it broke with.
func TestSmokeSaysWhy(t *testing.T) {
	refused := &smokeStage{refused: errors.New(`could not select device driver "" with capabilities: [[gpu]]`)}
	bare := host.Host{Local: true, Engine: host.Engine{Version: "29.7.2", Kind: "docker"}, GPUs: machine("").GPUs, Driver: machine("").Driver}
	for name, c := range map[string]struct {
		host host.Host
		says []string
	}{
		"by a finding": {func() host.Host { h := bare; h.Engine.Kind = "podman"; return h }(), []string{"`docker gpu explain C004` says more", "\nERROR    C004 "}},
		"by its words": {func() host.Host { h := bare; h.Local = false; return h }(), []string{"`docker gpu explain C00"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			err := smoking(t, s, refused, c.host, smokeOptions{format: "text"}).do(t.Context())
			assert.Equal(t, exitCode(err, false), exitFailed)
			for _, text := range c.says {
				assert.Assert(t, strings.Contains(s.out.String(), text), "%q is not in %s", text, s.out.String())
			}
		})
	}
}

func TestSmokeInYourImage(t *testing.T) {
	missing := "the engine has no image img, and --pull=never: get it with `docker pull img`"
	for name, c := range map[string]struct {
		stage  *smokeStage
		pull   string
		pulled int
		err    string
	}{
		"there":            {&smokeStage{has: map[string]bool{"img": true}}, "missing", 0, ""},
		"not there":        {&smokeStage{}, "missing", 1, ""},
		"there, but anew":  {&smokeStage{has: map[string]bool{"img": true}}, "always", 1, ""},
		"there, never":     {&smokeStage{has: map[string]bool{"img": true}}, "never", 0, ""},
		"not there, never": {&smokeStage{}, "never", 0, missing},
		"not to be had":    {&smokeStage{pull: errors.New("img cannot be pulled: denied")}, "missing", 1, "img cannot be pulled: denied"},
		"a broken engine":  {&smokeStage{broken: errors.New("EOF")}, "missing", 0, "the image img cannot be inspected: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			c.stage.output = wellLines
			err := smoking(t, s, c.stage, machine(""), smokeOptions{format: "text", image: "img", pull: c.pull}).do(t.Context())
			assert.Equal(t, len(c.stage.pulled), c.pulled)
			if c.err != "" {
				assert.Error(t, err, c.err)
				assert.Equal(t, len(c.stage.ran), 0)
				return
			}
			assert.NilError(t, err)
			for _, w := range c.stage.ran {
				assert.Equal(t, w.Image, "img")
				if w.Command[0] == "nvidia-smi" {
					continue
				}
				assert.DeepEqual(t, w.Command, []string{"/.docker-gpu/gpu-worker", "smoke"})
				head, err := tar.NewReader(bytes.NewReader(w.Files)).Next()
				assert.NilError(t, err)
				assert.Equal(t, head.Name, "gpu-worker")
				assert.Equal(t, head.Mode, int64(0o755))
			}
			assert.Assert(t, strings.Contains(s.out.String(), "nvidia-smi of the image names the GPUs: GPU 0: NVIDIA H200"))
		})
	}
}

func TestSmokeThatCannotBegin(t *testing.T) {
	away := machine("")
	away.Local, away.Context = false, "server"
	for name, c := range map[string]struct {
		change func(*smokeRun)
		code   int
		says   string
	}{
		"no facts": {func(r *smokeRun) {
			r.facts = func(context.Context) (host.Host, error) { return host.Host{}, errors.New("no such context") }
		}, exitFailed, "no such context"},
		"no engine": {func(r *smokeRun) {
			r.open = func() (smokeEngine, func() error, error) { return nil, nil, errors.New("gone") }
		}, exitFailed, "gone"},
		"no worker": {func(r *smokeRun) {
			r.image = func(context.Context) (string, error) { return "", worker.ErrNotBuilt }
		}, exitFailed, "build it with `make build`"},
		"none for --image": {func(r *smokeRun) {
			r.opts.image, r.binary = "img", func(string) ([]byte, error) { return nil, worker.ErrNotBuilt }
		}, exitFailed, "build it with `make build`"},
		"reload elsewhere": {func(r *smokeRun) {
			r.opts.reload = true
			r.facts = func(context.Context) (host.Host, error) { return away, nil }
		}, exitUsage, `the engine of context "server" is not on it`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			r := smoking(t, s, &smokeStage{output: wellLines}, machine(""), smokeOptions{format: "text"})
			c.change(r)
			err := r.do(t.Context())
			assert.ErrorContains(t, err, c.says)
			assert.Equal(t, exitCode(err, false), c.code)
			assert.Equal(t, s.out.String(), "")
		})
	}
}

// Where no engine answers, the report says so, and nothing is opened or built.
func TestSmokeWithoutAnEngine(t *testing.T) {
	s := newScreen(t, false, "")
	h := machine("")
	h.Engine = host.Engine{Error: "connect: no such file or directory"}
	r := smoking(t, s, nil, h, smokeOptions{format: "text"})
	r.open = nil
	assert.Equal(t, exitCode(r.do(t.Context()), false), exitFailed)
	assert.Assert(t, strings.Contains(s.out.String(), "FAILED the engine answers: connect: no such file or directory\n"), s.out.String())
}
