//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
	"github.com/dockergpu/docker-gpu/test/counting"
)

// runtimeOnly is what a machine that has driver, Docker and toolkit wants.
var runtimeOnly = []setup.Part{setup.RuntimePart}

// Docker comes by GPUs while containers run on it, and goes back: a container that counts is
// the same process all the while, whatever the engine, and all files are as before.
func TestSetupOfRunningEngines(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, name)
			if name != "old" {
				t.Run("a CDI spec, and the engine untouched", m.bySpec)
			}
			t.Run("the runtime nvidia, by a reload", m.byReload)
			t.Run("a restart, with live-restore for its time", m.byRestart)
			if name == "containerd" {
				t.Run("a restart that fails", m.byFailure)
				t.Run("killed between steps", m.byKills)
			}
		})
	}
}

// bySpec: engines from 28.2 on take a new CDI device at once.
func (m *machine) bySpec(t *testing.T) {
	before := m.with(t, nil)
	gpu := []string{"run", "--rm", "--network", "none", "--device", "nvidia.com/gpu=all", m.image, "env"}
	_, err := m.docker(gpu...)
	assert.ErrorContains(t, err, "exit status 125") // no such device yet
	counter := counting.Start(t, m.docker, m.image)
	engine, files := m.pid(), m.files(t)

	h := m.facts(t, false)
	plan := makes(t, &h, setup.Wishes{Only: runtimeOnly}, "runtime/spec")
	assert.Assert(t, is.Contains(plan.Left[0].Text, "--gpus works only in a Docker that found the toolkit when it started"))
	s := m.setup(t, "/", apply.Exec{})
	id, err := s.Apply(t.Context(), plan)
	assert.NilError(t, err)
	out, err := m.docker(gpu...)
	assert.NilError(t, err)
	assert.Assert(t, is.Contains(out, "NVIDIA_VISIBLE_DEVICES=void"))
	assert.Equal(t, m.pid(), engine)
	assert.Equal(t, read(t, m.file()), string(before))

	h = m.facts(t, false)
	again, err := s.Apply(t.Context(), plan)
	assert.NilError(t, err)
	assert.Equal(t, again, "", "a second run did something")
	_, err = s.Rollback(t.Context(), id, apply.Back{})
	assert.NilError(t, err)
	assert.DeepEqual(t, m.files(t), files)
	_, err = m.docker(gpu...)
	assert.ErrorContains(t, err, "exit status 125")
	counter.Check(t)
}

// byReload: runtimes are among what an engine reads again when it is told to.
func (m *machine) byReload(t *testing.T) {
	before := m.with(t, nil)
	counter := counting.Start(t, m.docker, m.image)
	engine, files := m.pid(), m.files(t)
	h := m.facts(t, false)
	h.Toolkit.Installed = time.Time{} // it was there when the engine started
	steps := []string{"runtime/spec", "runtime/edit", "runtime/reload"}
	if m.name == "old" {
		steps = steps[1:]
	}
	plan := makes(t, &h, setup.Wishes{Only: runtimeOnly, NvidiaRuntime: true}, steps...)
	s := m.setup(t, "/", apply.Exec{})
	id, err := s.Apply(t.Context(), plan)
	assert.NilError(t, err)
	m.runtimes(t, true)
	counter.Check(t)
	_, err = s.Rollback(t.Context(), id, apply.Back{})
	assert.NilError(t, err)
	m.runtimes(t, false)
	assert.Equal(t, read(t, m.file()), string(before))
	assert.DeepEqual(t, m.files(t), files)
	assert.Equal(t, m.pid(), engine)
	counter.Check(t)
}

// runtimes says whether the engine has the runtime nvidia; a reload takes it a moment.
func (m *machine) runtimes(t *testing.T, want bool) {
	t.Helper()
	for range 20 {
		if strings.Contains(m.cmd(t, "docker", "info", "-f", "{{json .Runtimes}}"), `"nvidia"`) == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the engine has the runtime nvidia: %v, want %v", !want, want)
}

// needsRestart is a machine whose engine takes GPUs only after a restart: CDI is switched
// off, or it knows no CDI and did not find the hook when it started.
func (m *machine) needsRestart(t *testing.T) (before, after []byte, edit []string, gpu []string) {
	t.Helper()
	if m.name == "old" {
		before = m.with(t, nil)
		return before, before, nil, []string{"run", "--rm", "--network", "none", "--gpus", "all", m.image, "true"}
	}
	before = m.with(t, map[string]any{"features": map[string]any{"cdi": false, "containerd-snapshotter": m.name == "containerd"}})
	after, err := daemonjson.Apply(before, []daemonjson.Edit{{Key: []string{"features", "cdi"}, Value: json.RawMessage("true")}})
	assert.NilError(t, err)
	return before, after, []string{"runtime/spec", "runtime/edit"}, []string{"run", "--rm", "--network", "none", "--device", "nvidia.com/gpu=all", m.image, "true"}
}

// restartSteps are those of a restart that containers live through.
func restartSteps(edit []string) []string {
	return append(slices.Clone(edit), "runtime/keep", "runtime/keep-reload", "runtime/restart", "runtime/keep-off", "runtime/keep-off-reload", "runtime/keep-back")
}

func (m *machine) byRestart(t *testing.T) {
	before, after, edit, gpu := m.needsRestart(t)
	_, err := m.docker(gpu...)
	assert.ErrorContains(t, err, "exit status 125")
	counter := counting.Start(t, m.docker, m.image)
	engine, files := m.pid(), m.files(t)

	// Where containers cannot be kept, there is no restart that nobody consented to.
	h := m.facts(t, true)
	h.Engine.Swarm = host.Swarm{State: "active"}
	left := makes(t, &h, setup.Wishes{Only: runtimeOnly}, edit...).Left
	assert.Assert(t, slices.ContainsFunc(left, func(n setup.Note) bool {
		return strings.Contains(n.Text, "a restart stops them (live-restore does not go together with Swarm). --allow-restart consents to it")
	}), "%v", left)

	h = m.facts(t, true)
	plan := makes(t, &h, setup.Wishes{Only: runtimeOnly, AllowRestart: true}, restartSteps(edit)...)
	s := m.setup(t, setupRoot, m.daemon)
	id, err := s.Apply(t.Context(), plan)
	assert.NilError(t, err)
	assert.Assert(t, m.pid() != engine, "the engine was not restarted")
	assert.Equal(t, read(t, m.file()), string(after))
	m.keepsNothing(t)
	counter.Check(t)
	_, err = m.docker(gpu...)
	assert.NilError(t, err)

	engine = m.pid()
	_, err = s.Rollback(t.Context(), id, apply.Back{})
	assert.NilError(t, err)
	assert.Assert(t, m.pid() != engine, "the engine was not restarted")
	assert.Equal(t, read(t, m.file()), string(before))
	assert.DeepEqual(t, m.files(t), files)
	m.keepsNothing(t)
	counter.Check(t)
}

// keepsNothing says that live-restore is off in the engine, where it was on for a restart only.
func (m *machine) keepsNothing(t *testing.T) {
	t.Helper()
	for range 20 {
		if m.cmd(t, "docker", "info", "-f", "{{.LiveRestoreEnabled}}") == "false" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("live-restore is still on in the engine")
}

// byFailure: an engine that does not come back is brought back, with what it had before.
func (m *machine) byFailure(t *testing.T) {
	before, _, edit, _ := m.needsRestart(t)
	counter := counting.Start(t, m.docker, m.image)
	files := m.files(t)
	h := m.facts(t, true)
	plan := makes(t, &h, setup.Wishes{Only: runtimeOnly, AllowRestart: true}, restartSteps(edit)...)
	s := m.setup(t, setupRoot, &breaking{m.daemon, []string{"--no-such-flag"}})
	id, err := s.Apply(t.Context(), plan)
	var rolled *apply.Rolled
	assert.Assert(t, errors.As(err, &rolled), "%v", err)
	assert.Assert(t, is.Contains(err.Error(), "All that run "+id+" had done was taken back."))
	_, err = m.engine(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, read(t, m.file()), string(before))
	assert.DeepEqual(t, m.files(t), files)
	m.keepsNothing(t)
	runs, err := s.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, runs[0].State, apply.RolledBack)
	counter.Check(t)
}

// makes is a plan of these steps.
func makes(t *testing.T, h *host.Host, w setup.Wishes, steps ...string) *setup.Plan {
	t.Helper()
	plan, err := setup.Make(h, w, time.Now())
	assert.NilError(t, err)
	var ids []string
	for _, s := range plan.Steps {
		ids = append(ids, s.ID)
	}
	assert.DeepEqual(t, ids, steps)
	return plan
}

// setup carries plans out on the machine, or on the part of it below root.
func (m *machine) setup(t *testing.T, root string, programs apply.Runner) *apply.Setup {
	t.Helper()
	here := party(root, t.TempDir(), programs, m.daemon)
	here.Tell = func(e apply.Event) {
		if e.Text != "" {
			t.Logf("%s %s: %s", e.Kind, e.Step, e.Text)
		}
	}
	return &apply.Setup{Here: here}
}

func (m *machine) docker(args ...string) (string, error) { return m.output("docker", args...) }

// files are those that setup changes: what is in them, their modes and their times.
func (m *machine) files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range []string{m.Home, filepath.Join(m.Home, "cdi"), filepath.Join(setupRoot, "usr/bin")} {
		entries, err := os.ReadDir(dir)
		assert.NilError(t, err)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			info, err := e.Info()
			assert.NilError(t, err)
			if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), "log") && e.Name() != "pid" {
				all[path] = info.Mode().String() + " " + read(t, path)
			} else {
				all[path] = info.Mode().String()
			}
		}
	}
	return all
}
