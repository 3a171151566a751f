//go:build linux

package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"gotest.tools/v3/assert"
)

func unitStep(name, do string) setup.Step {
	return step("unit/"+name+"/"+do, setup.Op{Unit: &setup.Unit{Name: name, Do: do}})
}

func TestReloadOnlyWhereSomethingChanged(t *testing.T) {
	w := newWorld(t, killFiles())
	ran, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/apt/sources.list", killFiles()["etc/apt/sources.list"]), unitStep("docker.service", "restart")))
	assert.NilError(t, err)
	assert.Assert(t, !ran)
	// A restart that is all of the plan is what it is for.
	w.apply(t, unitStep("docker.service", "restart"))
	assert.Assert(t, slices.Contains(w.programs().ran, "systemctl restart docker.service"))
}

func TestUnitsThatCannotBe(t *testing.T) {
	w := newWorld(t, killFiles())
	for want, s := range map[string]setup.Step{
		"there is no unit missing.service":      unitStep("missing.service", "enable"),
		`"mask" is nothing that is done`:        unitStep("docker.service", "mask"),
		"only a reload can be made by a signal": step("pid", setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart", PID: 5}}),
	} {
		_, err := w.Apply(t.Context(), "20261127-050000", plan(s))
		assert.ErrorContains(t, err, want)
	}
	w = newWorld(t, nil)
	_, err := w.Apply(t.Context(), "20261127-050000", plan(unitStep("docker.service", "restart")))
	assert.ErrorContains(t, err, "systemd does not run this machine")
}

// TestHangup sends a real signal to a real process, if it is a dockerd.
func TestHangup(t *testing.T) {
	w := newWorld(t, nil)
	sleep := exec.Command("sleep", "60")
	assert.NilError(t, sleep.Start())
	pid := sleep.Process.Pid
	s := step("reload", setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "reload", PID: pid}})
	w.write(t, fmt.Sprintf("proc/%d/comm", pid), "sleep\n")
	_, err := w.Apply(t.Context(), "20261127-050000", plan(s))
	assert.ErrorContains(t, err, fmt.Sprintf("process %d is no dockerd any more", pid))
	assert.NilError(t, w.Rollback(t.Context(), "20261127-050000", Back{}))
	w.write(t, fmt.Sprintf("proc/%d/comm", pid), "dockerd\n")
	w.apply(t, s)
	err = sleep.Wait()
	assert.ErrorContains(t, err, "hangup")
}

// engines is an engine that answers what a test says.
type engines struct {
	answers []any // *Engine or error, the last one for ever
	asked   int
}

func (e *engines) ask(context.Context) (*Engine, error) {
	a := e.answers[min(e.asked, len(e.answers)-1)]
	e.asked++
	if err, bad := a.(error); bad {
		return nil, err
	}
	return a.(*Engine), nil
}

func TestEngineIsWaitedForAndCompared(t *testing.T) {
	was := &Engine{Running: []string{"web", "db"}, Runtimes: []string{"runc", "nvidia"}, Store: "overlay2"}
	down := errors.New("connection refused")
	for name, c := range map[string]struct {
		after []any
		want  string
		note  string
	}{
		"at once":         {[]any{was}, "", ""},
		"after a while":   {[]any{down, down, was}, "", "for the engine"},
		"never":           {[]any{down}, "the engine does not come back: connection refused", ""},
		"another store":   {[]any{&Engine{Store: "overlayfs", Runtimes: was.Runtimes}}, `another image store than before, "overlayfs" instead of "overlay2"`, ""},
		"a lost runtime":  {[]any{&Engine{Store: "overlay2", Runtimes: []string{"runc"}}}, `lost the runtime "nvidia"`, ""},
		"lost containers": {[]any{&Engine{Store: "overlay2", Runtimes: was.Runtimes, Running: []string{"db"}}}, "", "no longer running: web"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, killFiles())
			e := &engines{answers: append([]any{was}, c.after...)}
			w.Engine = e.ask
			_, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/x", "x"), unitStep("docker.service", "restart")))
			if c.want != "" {
				assert.ErrorContains(t, err, c.want)
			} else {
				assert.NilError(t, err)
			}
			assert.Assert(t, w.said(c.note))
			// Other units are no engine.
			e.asked = 0
			assert.NilError(t, err2(w.Apply(t.Context(), "20261127-050000", plan())))
			assert.Equal(t, e.asked, 0)
		})
	}
}

func err2(_ bool, err error) error { return err }

// TestGentleWayBack has containers run: the restart on the way back leaves them alone too.
func TestGentleWayBack(t *testing.T) {
	keep := []setup.Step{
		daemonStep("", edit("true", "features", "cdi")),
		step("keep", setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Edits: []setup.Edit{edit("true", "live-restore")}}}),
		unitStep("docker.service", "reload"),
		unitStep("docker.service", "restart"),
		step("keep-back", setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Edits: []setup.Edit{edit("", "live-restore")}}}),
		step("keep-back-reload", setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "reload"}}),
	}
	for name, running := range map[string][]string{"containers run": {"web"}, "none runs": nil} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, killFiles())
			before := seen(t, w.root)
			w.Engine = func(context.Context) (*Engine, error) {
				return &Engine{Running: running, LiveRestore: strings.Contains(w.read(t, "srv/daemon.json"), `"live-restore":true`)}, nil
			}
			id := w.apply(t, keep...)
			sameJSON(t, w.read(t, "srv/daemon.json"), `{"features":{"cdi":true},"log-level":"warn"}`)
			w.programs().ran = nil
			var texts []string // of daemon.json when the engine reads it
			w.Programs = spy{w.programs(), func(c Command) {
				if len(c.Argv) > 1 && (c.Argv[1] == "reload" || c.Argv[1] == "restart") {
					texts = append(texts, c.Argv[1]+" "+w.read(t, "srv/daemon.json"))
				}
			}}
			assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
			assert.Equal(t, seen(t, w.root), before)
			want := []string{`restart {"log-level":"warn"}`}
			if running != nil {
				want = []string{`reload {"live-restore":true,"log-level":"warn"}`, `restart {"live-restore":true,"log-level":"warn"}`, `reload {"live-restore":false,"log-level":"warn"}`}
			}
			assert.Equal(t, len(texts), len(want), "%q", texts)
			for i := range want {
				do, text, _ := strings.Cut(texts[i], " ")
				wantDo, wantText, _ := strings.Cut(want[i], " ")
				assert.Equal(t, do, wantDo)
				sameJSON(t, text, wantText)
			}
		})
	}
}

// TestReloadOnTheWayBack has the engine read the defaults of keys that go: it would keep
// what they said.
func TestReloadOnTheWayBack(t *testing.T) {
	for before, c := range map[string]struct{ edit, reads string }{
		`{"a":1}`:                            {`"nvidia"`, `{"a":1,"default-runtime":"runc","runtimes":{}}`},
		`{"default-runtime":"crun"}`:         {`"nvidia"`, `{"default-runtime":"crun","runtimes":{}}`},
		`{"runtimes":{"crun":{"path":"c"}}}`: {`"nvidia"`, `{"default-runtime":"runc","runtimes":{"crun":{"path":"c"}}}`},
		"":                                   {`"nvidia"`, `{"default-runtime":"runc","runtimes":{}}`},
	} {
		files := killFiles()
		delete(files, "etc/docker/daemon.json")
		if before != "" {
			files["etc/docker/daemon.json"] = before
		}
		w := newWorld(t, files)
		start := seen(t, w.root)
		id := w.apply(t, daemonStep("", edit(`{"path":"n"}`, "runtimes", "nvidia"), edit(c.edit, "default-runtime")), unitStep("docker.service", "reload"))
		var reads []string
		w.Programs = spy{w.programs(), func(cmd Command) {
			if len(cmd.Argv) > 1 && cmd.Argv[1] == "reload" {
				reads = append(reads, w.read(t, "etc/docker/daemon.json"))
			}
		}}
		assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
		assert.Equal(t, len(reads), 1)
		sameJSON(t, reads[0], c.reads)
		assert.Equal(t, seen(t, w.root), start)
	}
}

// spy looks at commands before they run.
type spy struct {
	*stand
	see func(Command)
}

func (s spy) Run(ctx context.Context, c Command) (Result, error) {
	s.see(c)
	return s.stand.Run(ctx, c)
}

func TestReboot(t *testing.T) {
	const boot = "proc/sys/kernel/random/boot_id"
	w := newWorld(t, map[string]string{boot: "one\n"})
	before := seen(t, w.root)
	id := "20261127-050000"
	steps := []setup.Step{put("/etc/a", "a"), step("driver/reboot", setup.Op{Reboot: &setup.Reboot{Why: "the module is new"}}), put("/etc/b", "b")}
	for range 2 {
		var err error
		if _, there := os.Stat(filepath.Join(w.root, "etc/a")); there != nil {
			_, err = w.Apply(t.Context(), id, plan(steps...))
		} else {
			err = w.Resume(t.Context(), id) // too early
		}
		assert.ErrorContains(t, err, "reboot this machine (the module is new), then run `docker-gpu setup --resume`")
		runs, err := w.History()
		assert.NilError(t, err)
		assert.Equal(t, runs[0].State, WaitsReboot)
		_, err = os.Stat(filepath.Join(w.root, "etc/b"))
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
	w.write(t, boot, "two\n")
	assert.NilError(t, w.Resume(t.Context(), id))
	assert.Equal(t, w.read(t, "etc/b"), "b")
	w.write(t, boot, "one\n")
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, seen(t, w.root), before)
}
