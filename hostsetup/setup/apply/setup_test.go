//go:build linux

package apply

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// pair is a root's machine and a user's over the same file system, with a helper between.
type pair struct {
	*Setup
	root   *world
	helper *Helper
	user   string // state directory
	events []Event
	starts int
}

// pipe joins a helper and a server in one process.
type pipe struct {
	io.WriteCloser
	io.Reader
	ended chan error
}

func (p *pipe) Close() error {
	_ = p.WriteCloser.Close()
	return <-p.ended
}

func newPair(t *testing.T, files map[string]string) *pair {
	t.Helper()
	w := newWorld(t, files)
	p := &pair{root: w, user: filepath.Join(filepath.Dir(w.root), "user")}
	tell := func(e Event) { p.events = append(p.events, e) }
	p.Setup = joined(w.Machine, p.user)
	p.Here.Tell = tell
	p.helper = p.Root.(*Helper)
	start := p.helper.Start
	p.helper.Tell, p.helper.Start = tell, func(ctx context.Context) (Pipe, error) {
		p.starts++
		return start(ctx)
	}
	t.Cleanup(func() { assert.NilError(t, p.helper.Close()) })
	return p
}

// joined is a setup whose helper is in the same process.
func joined(root *Machine, user string) *Setup {
	here := machine(root.Root, user)
	here.Whose, here.point = User, root.point
	return &Setup{Here: here, Root: &Helper{Start: func(context.Context) (Pipe, error) {
		inR, inW := io.Pipe()
		outR, outW := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := Serve(context.Background(), inR, outW, *root)
			_ = outW.Close()
			ended <- err
		}()
		return &pipe{inW, outR, ended}, nil
	}}}
}

func roots(s setup.Step) setup.Step { s.Root = true; return s }

// both is a plan with steps of both.
func both() *setup.Plan {
	return plan(
		roots(step("spec", setup.Op{File: &setup.File{Path: "/etc/cdi/nvidia.yaml", Content: "spec"}})),
		step("hooks", setup.Op{Hooks: &setup.Hooks{Path: "/home/me/.docker/config.json"}}),
		roots(daemonStep("", edit("true", "features", "cdi"))),
	)
}

func TestSetupOfBoth(t *testing.T) {
	p := newPair(t, killFiles())
	before := seen(t, p.root.root)
	verified := 0
	p.Verify = func(context.Context) error { verified++; return nil }
	id, err := p.Apply(t.Context(), both())
	assert.NilError(t, err)
	assert.Equal(t, verified, 1)
	assert.Equal(t, p.root.read(t, "etc/cdi/nvidia.yaml"), "spec")
	var order []string
	for _, e := range p.events {
		if e.Kind == Done {
			order = append(order, e.Step)
		}
	}
	assert.DeepEqual(t, order, []string{"spec", "runtime/daemon", "hooks"})
	runs, err := p.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(runs), 1)
	assert.Equal(t, runs[0].State, Kept)

	again, err := p.Apply(t.Context(), both())
	assert.NilError(t, err)
	assert.Equal(t, again, "")
	assert.Equal(t, verified, 1)

	_, err = p.Rollback(t.Context(), "", Back{})
	assert.NilError(t, err)
	assert.Equal(t, seen(t, p.root.root), before)
	assert.Equal(t, p.starts, 1, "one elevated call")
	_, err = p.Rollback(t.Context(), "", Back{})
	assert.ErrorContains(t, err, "there is no run")
	_, err = p.Rollback(t.Context(), "20200101-000000", Back{})
	assert.ErrorContains(t, err, "there is no run 20200101-000000")
	_ = id
}

// TestWhatFailsIsTakenBack has each side fail, and the proof.
func TestWhatFailsIsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, p *pair)
		want    string
	}{
		"root's step": {func(t *testing.T, p *pair) {
			p.root.EditDaemon = func([]byte, []setup.Edit) ([]byte, error) { return nil, errors.New("no JSON") }
		}, "no JSON"},
		"the user's step": {func(t *testing.T, p *pair) {
			n := 0
			p.Here.EditHooks = func(text []byte, on bool) ([]byte, error) {
				if n++; n > 1 {
					return nil, errors.New("no config")
				}
				return hooksJSON(text, on)
			}
		}, "no config"},
		"the proof": {func(_ *testing.T, p *pair) { p.Verify = func(context.Context) error { return errors.New("no GPU") } }, "the result does not work: no GPU"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, killFiles())
			before := seen(t, p.root.root)
			c.prepare(t, p)
			id, err := p.Apply(t.Context(), both())
			assert.ErrorContains(t, err, c.want)
			assert.Equal(t, seen(t, p.root.root), before)
			if id != "" {
				assert.ErrorContains(t, err, "All that run "+id+" had done was taken back.")
				var rolled *Rolled
				assert.Assert(t, errors.As(err, &rolled))
			}
		})
	}
}

func TestStuckWayBack(t *testing.T) {
	p := newPair(t, killFiles())
	p.Verify = func(context.Context) error {
		p.root.write(t, "etc/cdi/nvidia.yaml", "theirs")
		return errors.New("no GPU")
	}
	id, err := p.Apply(t.Context(), both())
	var stuck *Stuck
	assert.Assert(t, errors.As(err, &stuck), "%v", err)
	assert.ErrorContains(t, err, "`docker-gpu setup rollback "+id+"` goes on with it")
	var edited *Edited
	assert.Assert(t, errors.As(err, &edited), "it comes through the pipe as what it is")
	assert.Equal(t, string(edited.Wrote)+"|"+string(edited.Now), "spec|theirs")
}

func TestRootsHelperExaminesAgain(t *testing.T) {
	p := newPair(t, killFiles())
	before := seen(t, p.root.root)
	evil := plan(roots(step("cron", setup.Op{File: &setup.File{Path: "/etc/cron.d/x", Content: "* * * * * root x\n"}})))
	_, err := p.Apply(t.Context(), evil)
	assert.ErrorContains(t, err, `root's helper does not make the step "cron"`)
	assert.Equal(t, seen(t, p.root.root), before)
}

func TestNothingForRoot(t *testing.T) {
	p := newPair(t, killFiles())
	id, err := p.Apply(t.Context(), plan(both().Steps[1]))
	assert.NilError(t, err)
	assert.Assert(t, id != "")
	assert.Equal(t, p.starts, 0, "nobody is asked for a password")
	_, err = os.Stat(p.root.state)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestQuestionsComeThroughThePipe(t *testing.T) {
	p := newPair(t, killFiles())
	db := p.root.programs().db()
	db.Offered["lib"] = []string{"2"}
	p.root.programs().save(db)
	question := ""
	p.helper.Ask = func(_ context.Context, q string) (bool, error) { question = q; return true, nil }
	_, err := p.Apply(t.Context(), plan(roots(packagesStep(setup.Package{Name: "lib", Version: "2"}))))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(question, "No source has lib 1"))
}

// TestCtrlCReachesRoot stops root's steps between two of them.
func TestCtrlCReachesRoot(t *testing.T) {
	p := newPair(t, killFiles())
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	p.root.point = func(what string) {
		if strings.HasPrefix(what, "made .docker-gpu.nvidia.yaml") {
			cancel()
			<-release
		}
	}
	time.AfterFunc(300*time.Millisecond, func() { close(release) })
	id, err := p.Apply(ctx, both())
	var stopped *Stopped
	assert.Assert(t, errors.As(err, &stopped), "%v", err)
	assert.Equal(t, stopped.ID, id)
	p.root.point = nil
	_, err = p.Resume(t.Context(), "")
	assert.NilError(t, err)
	sameJSON(t, p.root.read(t, "srv/daemon.json"), `{"features":{"cdi":true},"log-level":"warn"}`)
	assert.Equal(t, p.root.read(t, "home/me/.docker/config.json"), `{"auths":{},"plugins":{"gpu":"hook"}}`)
	_, err = p.Resume(t.Context(), "")
	assert.ErrorContains(t, err, "there is no run")
}

// TestCallerIsKilled has the helper lose its caller: it ends its step and stops.
func TestCallerIsKilled(t *testing.T) {
	w := newWorld(t, killFiles())
	in, out := io.Pipe()
	replies, toReplies := io.Pipe()
	ended := make(chan error, 1)
	reached := make(chan struct{})
	w.point = func(what string) {
		if strings.HasPrefix(what, "made .docker-gpu.nvidia.yaml") {
			close(reached)
			time.Sleep(100 * time.Millisecond)
		}
	}
	go func() { ended <- Serve(context.Background(), in, toReplies, *w.Machine) }()
	go func() { _, _ = io.Copy(io.Discard, replies) }()
	data, err := json.Marshal(request{Do: "apply", ID: "20261127-050000", Plan: both()})
	assert.NilError(t, err)
	_, err = fmt.Fprintf(out, "%s\n", data)
	assert.NilError(t, err)
	<-reached
	assert.NilError(t, out.Close())
	assert.NilError(t, <-ended)
	runs, err := w.History()
	assert.NilError(t, err)
	assert.Equal(t, runs[0].State, Applying)
	assert.Equal(t, w.read(t, "etc/cdi/nvidia.yaml"), "spec")
	assert.Equal(t, w.read(t, "srv/daemon.json"), killFiles()["srv/daemon.json"])
}

// TestHelperProcess starts the helper as a process, as sudo would.
func TestHelperProcess(t *testing.T) {
	w := newWorld(t, killFiles())
	script := filepath.Join(t.TempDir(), "docker-gpu")
	o, err := json.Marshal(orders{Root: w.root, State: w.state, Do: "serve"})
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\n[ \"$1\" = %s ] || exit 9\nexport APPLY_TEST_CHILD='%s'\nexec %s\n", HelperCommand, o, os.Args[0]), 0o755))
	h := &Helper{Start: func(ctx context.Context) (Pipe, error) {
		if os.Geteuid() != 0 {
			t.Skip("becoming root takes root")
		}
		return Elevate(script, os.Stderr)(ctx)
	}}
	here := machine(w.root, filepath.Join(filepath.Dir(w.root), "user"))
	here.Whose = User
	before := seen(t, w.root)
	s := &Setup{Here: here, Root: h}
	id, err := s.Apply(t.Context(), both())
	assert.NilError(t, err)
	_, err = s.Rollback(t.Context(), id, Back{})
	assert.NilError(t, err)
	assert.NilError(t, h.Close())
	assert.Equal(t, seen(t, w.root), before)
}

func TestHelperThatIsNone(t *testing.T) {
	for name, script := range map[string]string{
		"ended without an answer": "exit 1",
		"speaks format 9":         `echo '{"hello":9}'; cat >/dev/null`,
		"invalid character":       "echo nonsense",
	} {
		path := filepath.Join(t.TempDir(), "x")
		assert.NilError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		h := &Helper{Start: func(ctx context.Context) (Pipe, error) {
			cmd := exec.CommandContext(ctx, path)
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			return &process{cmd, in, bufio.NewReader(out)}, cmd.Start()
		}}
		_, err := h.Runs(t.Context())
		assert.ErrorContains(t, err, name)
	}
}

func TestElevated(t *testing.T) {
	for want, c := range map[string]struct {
		uid int
		has string
	}{
		"/x setup-helper": {0, "sudo"}, "sudo -- /x setup-helper": {1000, "sudo pkexec"}, "pkexec /x setup-helper": {1000, "pkexec doas"},
		"doas -- /x setup-helper": {1000, "doas"},
	} {
		argv, err := elevated("/x", c.uid, func(name string) bool { return strings.Contains(c.has, name) })
		assert.NilError(t, err)
		assert.Equal(t, strings.Join(argv, " "), want)
	}
	_, err := elevated("/x", 1000, func(string) bool { return false })
	assert.ErrorContains(t, err, "run this as root")
}

func TestRequestsOutOfOrder(t *testing.T) {
	w := newWorld(t, nil)
	var out strings.Builder
	assert.NilError(t, Serve(t.Context(), strings.NewReader(`{"do":"explode"}`+"\n"+`{"do":"apply"}`+"\n"+`{"do":"keep","id":"../x"}`+"\n"), &out, *w.Machine))
	for _, want := range []string{"root's helper was asked for explode", "there is no plan", "is not the name of a run"} {
		assert.Assert(t, strings.Contains(out.String(), want), "%s", out.String())
	}
	assert.ErrorContains(t, Serve(t.Context(), strings.NewReader("nonsense\n"), io.Discard, *w.Machine), "no JSON")
}

func TestProxies(t *testing.T) {
	for _, name := range proxies() {
		t.Setenv(name, "")
	}
	t.Setenv("HTTPS_PROXY", "http://roots:1")
	assert.NilError(t, takeProxies(map[string]string{"https_proxy": "http://proxy:3128", "HTTPS_PROXY": "http://users:1", "no_proxy": "a,b", "LD_PRELOAD": "/tmp/evil.so"}))
	assert.Equal(t, os.Getenv("https_proxy")+os.Getenv("HTTPS_PROXY")+os.Getenv("no_proxy")+os.Getenv("LD_PRELOAD"), "http://proxy:3128http://roots:1a,b")
	assert.ErrorContains(t, takeProxies(map[string]string{"http_proxy": "nonsense"}), "http_proxy is not the address of a proxy")
}

// TestUsersStepThatCannotBe is said before root begins.
func TestUsersStepThatCannotBe(t *testing.T) {
	p := newPair(t, killFiles())
	plan := both()
	plan.Steps[1].Op = setup.Op{CDI: &setup.CDI{Output: "/home/me/.config/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}
	assert.NilError(t, os.Remove(filepath.Join(p.root.root, "dev/nvidia0")))
	_, err := p.Apply(t.Context(), plan)
	assert.ErrorContains(t, err, "/dev/nvidia0 is not there")
	assert.Equal(t, p.starts, 0)
}

// TestEngineThatDoesNotComeBack has all taken back, and the engine restarted once more.
func TestEngineThatDoesNotComeBack(t *testing.T) {
	w := newWorld(t, killFiles())
	before := seen(t, w.root)
	good := &Engine{Store: "overlay2"}
	w.Patience = 300 * time.Millisecond
	w.Engine = func(context.Context) (*Engine, error) {
		if w.read(t, "srv/daemon.json") != killFiles()["srv/daemon.json"] && len(w.programs().ran) > 0 && w.programs().ran[len(w.programs().ran)-1] == "systemctl restart docker.service" {
			return nil, errors.New("connection refused")
		}
		return good, nil
	}
	_, err := (&Setup{Here: w.Machine}).Apply(t.Context(), plan(daemonStep("", edit("true", "features", "cdi")), unitStep("docker.service", "restart")))
	var gone *Gone
	assert.Assert(t, errors.As(err, &gone), "%v", err)
	var rolled *Rolled
	assert.Assert(t, errors.As(err, &rolled), "%v", err)
	assert.Equal(t, seen(t, w.root), before)
	restarts := 0
	for _, line := range w.programs().ran {
		if line == "systemctl restart docker.service" {
			restarts++
		}
	}
	assert.Equal(t, restarts, 2)
}

// TestRunsOfBoth tells a run once, and as not finished while either side is not.
func TestRunsOfBoth(t *testing.T) {
	p := newPair(t, killFiles())
	p.Verify = func(context.Context) error { return nil }
	first, err := p.Apply(t.Context(), both())
	assert.NilError(t, err)
	onlyUser, err := p.Apply(t.Context(), plan(step("u", setup.Op{File: &setup.File{Path: "/home/me/x", Content: "x"}})))
	assert.NilError(t, err)
	runs, err := p.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(runs), 2)
	assert.Equal(t, runs[0].ID, first)
	assert.Equal(t, runs[1].ID, onlyUser)

	// The user's part is taken back, root's is not: that is a rollback under way.
	assert.NilError(t, p.Here.Rollback(t.Context(), first, Back{}))
	runs, err = p.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, runs[0].State, Kept)
	_, err = p.Rollback(t.Context(), first, Back{})
	assert.NilError(t, err)
	runs, err = p.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, runs[0].State, RolledBack)
	assert.NilError(t, p.Uninstall(t.Context(), Back{}))
	runs, err = p.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, runs[1].State, RolledBack)
}
