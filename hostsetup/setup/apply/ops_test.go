//go:build linux

package apply

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree"
)

func (w *world) programs() *stand { return w.Programs.(*stand) }

func (w *world) said(words string) bool {
	return slices.ContainsFunc(w.events, func(e Event) bool { return strings.Contains(e.Text, words) })
}

// TestEachThereAndBack makes each kind of operation alone: it is to do, then done, a second
// time nothing is written, and taken back all is as before.
func TestEachThereAndBack(t *testing.T) {
	for i, s := range killPlan().Steps {
		t.Run(s.ID, func(t *testing.T) {
			w := newWorld(t, killFiles())
			before := seen(t, w.root)
			steps := []setup.Step{s}
			if s.ID == "hold/hold" {
				steps = append([]setup.Step{killPlan().Steps[4]}, s)
			}
			all, err := w.Check(t.Context(), plan(steps...))
			assert.NilError(t, err)
			assert.Equal(t, all[len(all)-1].Is, ToDo, "%s", all[len(all)-1].Why)
			assert.Equal(t, seen(t, w.root), before, "a check changes nothing")

			id := w.apply(t, steps...)
			if u := s.Op.Unit; u == nil || u.Do != "reload" {
				assert.Assert(t, seen(t, w.root) != before)
				after, state := seen(t, w.root), seen(t, w.state)
				ran, err := w.Apply(t.Context(), "20991231-000000", plan(steps...))
				assert.NilError(t, err)
				assert.Assert(t, !ran, "step %d", i)
				assert.Equal(t, seen(t, w.root), after)
				assert.Equal(t, seen(t, w.state), state)
			}
			assert.NilError(t, w.Keep(t.Context(), id))
			assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
			assert.Equal(t, seen(t, w.root), before)
		})
	}
}

func daemonStep(dockerd string, edits ...setup.Edit) setup.Step {
	return step("runtime/daemon", setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Dockerd: dockerd, Edits: edits}})
}

func edit(value string, key ...string) setup.Edit {
	e := setup.Edit{Key: key}
	if value != "" {
		e.Value = []byte(value)
	}
	return e
}

func TestDaemonIsValidatedWithItsUnitsFlags(t *testing.T) {
	w := newWorld(t, killFiles())
	w.apply(t, daemonStep("/usr/bin/dockerd", edit("true", "features", "cdi")))
	i := slices.IndexFunc(w.programs().ran, func(line string) bool { return strings.HasPrefix(line, "/usr/bin/dockerd --validate") })
	assert.Assert(t, i >= 0)
	assert.Equal(t, w.programs().ran[i], "/usr/bin/dockerd --validate --config-file /srv/.docker-gpu.daemon.json.new -H fd:// --containerd=/run/c.sock")
	target, err := os.Readlink(filepath.Join(w.root, "etc/docker/daemon.json"))
	assert.NilError(t, err)
	assert.Equal(t, target, "../../srv/daemon.json")
}

func TestDaemonThatWouldNotStart(t *testing.T) {
	w := newWorld(t, killFiles())
	before := seen(t, w.root)
	id := "20261127-050000"
	_, err := w.Apply(t.Context(), id, plan(daemonStep("/usr/bin/dockerd", edit("1", "no-such-key"))))
	assert.ErrorContains(t, err, "dockerd would not start with the new /etc/docker/daemon.json, which was left as it is")
	assert.Equal(t, seen(t, w.root), before)
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, seen(t, w.root), before)
}

// TestDaemonEditedSince keeps what others wrote and takes back only what is ours.
func TestDaemonEditedSince(t *testing.T) {
	for name, c := range map[string]struct{ before, now, want, wrong string }{
		"another key":       {`{"a":1}`, `{"a":2,"b":3,"features":{"cdi":true}}`, `{"a":2,"b":3}`, ""},
		"our key, by them":  {`{"a":1}`, `{"a":1,"features":{"cdi":"x"}}`, "", "was changed by somebody else"},
		"none before":       {"", `{"features":{"cdi":true},"x":1}`, `{"x":1}`, ""},
		"none before, ours": {"", `{ "features": {"cdi": true} }`, "gone", ""},
		"broken":            {`{"a":1}`, `{"a":`, "", "was changed by somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			if c.before != "" {
				w.write(t, "etc/docker/daemon.json", c.before)
			}
			id := w.apply(t, daemonStep("", edit("true", "features", "cdi")))
			w.write(t, "etc/docker/daemon.json", c.now)
			err := w.Rollback(t.Context(), id, Back{})
			if c.wrong != "" {
				assert.ErrorContains(t, err, c.wrong)
				assert.Equal(t, w.read(t, "etc/docker/daemon.json"), c.now)
				return
			}
			assert.NilError(t, err)
			if c.want == "gone" {
				_, err := os.Stat(filepath.Join(w.root, "etc/docker"))
				assert.ErrorIs(t, err, os.ErrNotExist)
				return
			}
			assert.Equal(t, w.read(t, "etc/docker/daemon.json"), c.want)
		})
	}
}

func TestHooksAfterALogin(t *testing.T) {
	w := newWorld(t, killFiles())
	id := w.apply(t, step("hooks", setup.Op{Hooks: &setup.Hooks{Path: "/home/me/.docker/config.json"}}))
	w.write(t, "home/me/.docker/config.json", `{"auths":{"registry":{}},"plugins":{"gpu":"hook"}}`)
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, w.read(t, "home/me/.docker/config.json"), `{"auths":{"registry":{}}}`)
}

func TestHooksOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a folder away takes root")
	}
	w := newWorld(t, killFiles())
	assert.NilError(t, os.Chown(filepath.Join(w.root, "home/me"), 1000, 1000))
	assert.NilError(t, os.Chown(filepath.Join(w.root, "home/me/.docker"), 1000, 1000))
	for _, path := range []string{"/home/me/.docker/config.json", "/home/me/.other/config.json"} {
		_, err := w.Apply(t.Context(), "20261127-050000", plan(step("hooks", setup.Op{Hooks: &setup.Hooks{Path: path}})))
		assert.ErrorContains(t, err, "is in a folder of another user")
	}
}

func TestProgramsThatWereExchanged(t *testing.T) {
	w := newWorld(t, killFiles())
	_, err := w.Apply(t.Context(), "20261127-050000", plan(step("programs", setup.Op{Programs: &setup.Programs{From: "/opt/toolkit", To: "/usr/bin",
		Names: []string{"nvidia-ctk"}, Sums: map[string]string{"nvidia-ctk": tree.Sum([]byte("other"))}}})))
	assert.ErrorContains(t, err, "/opt/toolkit/nvidia-ctk is not the program that the plan was made of")
}

func TestSpecThatDoesNotFit(t *testing.T) {
	w := newWorld(t, killFiles())
	assert.NilError(t, os.Remove(filepath.Join(w.root, "dev/nvidia0")))
	_, err := w.Apply(t.Context(), "20261127-050000", plan(step("cdi", setup.Op{CDI: &setup.CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}})))
	assert.ErrorContains(t, err, "does not fit this machine: /dev/nvidia0 is not there")
	_, err = w.Apply(t.Context(), "20261127-050000", plan(step("cdi", setup.Op{CDI: &setup.CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/opt/nvidia-ctk"}})))
	assert.ErrorContains(t, err, "/opt/nvidia-ctk is not there")
}

func TestModule(t *testing.T) {
	w := newWorld(t, map[string]string{"proc/modules": "nvidia_uvm 1 0 - Live 0x0\n", "dev/nvidiactl": ""})
	for _, c := range []struct {
		m  setup.Module
		is Is
	}{
		{setup.Module{Name: "nvidia"}, ToDo}, {setup.Module{Name: "nvidia-uvm"}, IsDone}, {setup.Module{Name: "nvidia-uvm", Nodes: true}, ToDo},
	} {
		all, err := w.Check(t.Context(), plan(step("m", setup.Op{Module: &c.m})))
		assert.NilError(t, err)
		assert.Equal(t, all[0].Is, c.is, "%+v: %s", c.m, all[0].Why)
	}
	w.apply(t, step("m", setup.Op{Module: &setup.Module{Name: "nvidia"}}), step("n", setup.Op{Module: &setup.Module{Name: "nvidia-uvm", Nodes: true}}))
	assert.DeepEqual(t, w.programs().ran, []string{"modprobe nvidia", "nvidia-modprobe -u -c=0"})
}

// TestCtrlC ends a context between two steps.
func TestCtrlC(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	w.Tell = func(e Event) {
		if e.Kind == Done {
			cancel()
		}
	}
	id := "20261127-050000"
	_, err := w.Apply(ctx, id, plan(put("/etc/a", "a"), put("/etc/b", "b")))
	assert.Error(t, err, "stopped before \"the step put/etc/b\": `docker-gpu setup --resume` goes on, `docker-gpu setup rollback "+id+"` goes back")
	assert.ErrorIs(t, err, context.Canceled)
	assert.NilError(t, w.Resume(t.Context(), id))
	assert.Equal(t, w.read(t, "etc/b"), "b")
}
