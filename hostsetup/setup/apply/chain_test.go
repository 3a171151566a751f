//go:build linux

package apply

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// chain is a file that one plan changes three times, to what it was at last.
func chain() *setup.Plan {
	on, off, out := daemonStep("", edit("true", "live-restore")), daemonStep("", edit("false", "live-restore")), daemonStep("", edit("", "live-restore"))
	on.ID, off.ID, out.ID = "keep", "keep-off", "keep-back"
	return plan(on, off, out)
}

// A file that a run changed several times is judged by the last time: the steps before find
// it as they left it when those after them are taken back.
func TestFileOfSeveralSteps(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/docker/daemon.json": `{"a":1}`})
	before := seen(t, w.root)
	id := w.apply(t, chain().Steps...)
	assert.Equal(t, w.read(t, "etc/docker/daemon.json"), `{"a":1}`)
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, seen(t, w.root), before)
}

// What somebody else has done to it since still counts.
func TestFileOfSeveralStepsEditedSince(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/docker/daemon.json": `{"a":1}`})
	id := w.apply(t, chain().Steps[:2]...)
	w.write(t, "etc/docker/daemon.json", `{"a":1,"live-restore":"x"}`)
	assert.ErrorContains(t, w.Rollback(t.Context(), id, Back{}), "keep-off: /etc/docker/daemon.json was changed by somebody else")
	assert.Equal(t, w.read(t, "etc/docker/daemon.json"), `{"a":1,"live-restore":"x"}`)
}

// A reload of Docker 20.10 forgets the names of shims, which nobody registered.
func TestNamesOfShimsAreNoLoss(t *testing.T) {
	w := newWorld(t, killFiles())
	answers := []*Engine{{Runtimes: []string{"io.containerd.runc.v2", "io.containerd.runtime.v1.linux", "runc"}}, {Runtimes: []string{"nvidia", "runc"}}}
	w.Engine = func(context.Context) (*Engine, error) {
		e := answers[0]
		answers = answers[len(answers)-1:]
		return e, nil
	}
	_, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/x", "x"), unitStep("docker.service", "reload")))
	assert.NilError(t, err)
}

// environment notes with what dockerd is called.
type environment struct {
	Runner
	of []string
}

func (e *environment) Run(ctx context.Context, c Command) (Result, error) {
	if len(c.Argv) > 1 && c.Argv[1] == "--validate" {
		e.of = c.Env
	}
	return e.Runner.Run(ctx, c)
}

// dockerd finds docker-proxy beside itself, or would refuse every configuration.
func TestDaemonIsValidatedWithItsOwnPrograms(t *testing.T) {
	w := newWorld(t, killFiles())
	e := &environment{Runner: w.Machine.Programs}
	w.Machine.Programs = e
	w.apply(t, daemonStep("/opt/engine/dockerd", edit("true", "features", "cdi")))
	assert.DeepEqual(t, e.of, []string{"PATH=/opt/engine:" + usualPath})
}

// Every program that ran stands in the journal, with its exit code, for people.
func TestProgramsAreLogged(t *testing.T) {
	w := newWorld(t, killFiles())
	id := "20261127-050000"
	_, err := w.Apply(t.Context(), id, plan(daemonStep("/usr/bin/dockerd", edit("1", "no-such-key"))))
	assert.ErrorContains(t, err, "dockerd would not start")
	log, err := os.ReadFile(filepath.Join(w.state, "journal", id, "commands"))
	assert.NilError(t, err)
	for _, line := range w.programs().ran {
		first, _, _ := strings.Cut(line, " ")
		assert.Assert(t, strings.Contains(string(log), `["`+first+`"`), "%s is not in %s", line, log)
	}
	assert.Assert(t, strings.Contains(string(log), "→ 100 ("), string(log))
}
