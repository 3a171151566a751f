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
	"time"

	"golang.org/x/sys/unix"
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

func packagesStep(install ...setup.Package) setup.Step {
	return step("toolkit/packages", setup.Op{Packages: &setup.Packages{Manager: "apt", Install: install}})
}

func TestPackagesNobodyPlanned(t *testing.T) {
	w := newWorld(t, killFiles())
	db := w.programs().db()
	db.Needs["base"] = []string{"old-docker"}
	w.programs().save(db)
	before := seen(t, w.root)
	_, err := w.Apply(t.Context(), "20261127-050000", plan(step("p", setup.Op{Packages: &setup.Packages{Manager: "apt", Remove: []string{"old-docker"}}})))
	assert.ErrorContains(t, err, "base would be removed, which is not in the plan: nothing was changed")
	assert.Equal(t, seen(t, w.root), before)
}

func TestVersionsThatCannotComeBack(t *testing.T) {
	for _, answer := range []string{"no", "yes", "nobody to ask"} {
		t.Run(answer, func(t *testing.T) {
			w := newWorld(t, killFiles())
			db := w.programs().db()
			db.Offered["lib"] = []string{"2"} // 1 is gone
			w.programs().save(db)
			before, asked := seen(t, w.root), ""
			if answer != "nobody to ask" {
				w.Ask = func(_ context.Context, q string) (bool, error) { asked = q; return answer == "yes", nil }
			}
			id := "20261127-050000"
			_, err := w.Apply(t.Context(), id, plan(packagesStep(setup.Package{Name: "lib", Version: "2"})))
			if answer == "yes" {
				assert.NilError(t, err)
				assert.Equal(t, asked, "No source has lib 1 any more: a rollback could not bring it back. Go on?")
				assert.ErrorContains(t, w.Rollback(t.Context(), id, Back{}), "no source has lib 1 any more")
				assert.NilError(t, w.Rollback(t.Context(), id, Back{Leave: true}))
				return
			}
			var declined *Declined
			assert.Assert(t, errors.As(err, &declined), "%v", err)
			assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
			assert.Equal(t, seen(t, w.root), before)
		})
	}
}

// TestPackagesAfterUs has somebody else use and upgrade packages of ours.
func TestPackagesAfterUs(t *testing.T) {
	w := newWorld(t, killFiles())
	id := w.apply(t, packagesStep(setup.Package{Name: "toolkit"}, setup.Package{Name: "lib", Version: "2"}))
	db := w.programs().db()
	db.Installed["theirs"], db.Needs["theirs"] = "1", []string{"toolkit-base"}
	w.programs().save(db)
	theirs := seen(t, w.root)
	assert.ErrorContains(t, w.Rollback(t.Context(), id, Back{}), "theirs needs what is to be removed")
	assert.Equal(t, seen(t, w.root), theirs)
	delete(db.Installed, "theirs")
	db.Installed["lib"] = "3"
	w.programs().save(db)
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Assert(t, w.said("lib was changed to 3 since, and stays"))
	assert.Equal(t, w.programs().db().Installed["lib"], "3")
	_, there := w.programs().db().Installed["toolkit-base"]
	assert.Assert(t, !there, "what came along goes too")
}

// TestNukeIsPutAway keeps images and volumes when docker.io is purged.
func TestNukeIsPutAway(t *testing.T) {
	w := newWorld(t, killFiles())
	db := w.programs().db()
	db.Offered["docker.io"] = []string{"20"}
	w.programs().save(db)
	id := w.apply(t, packagesStep(setup.Package{Name: "docker.io"}))
	w.write(t, nuke, "#!/bin/sh\nrm -rf /var/lib/docker\n")
	w.write(t, "var/lib/docker/volumes/data", "precious")
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	_, err := os.Stat(filepath.Join(w.root, nuke))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, w.read(t, "var/lib/docker/volumes/data"), "precious")
}

func TestFailingPackageManager(t *testing.T) {
	w := newWorld(t, killFiles())
	before := seen(t, w.root)
	w.programs().fail = "install -- toolkit"
	_, err := w.Apply(t.Context(), "20261127-050000", plan(packagesStep(setup.Package{Name: "toolkit"})))
	assert.ErrorContains(t, err, "failed with code 1: E: it failed")
	log, err := os.ReadFile(filepath.Join(w.state, "journal/20261127-050000/commands"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(log), "→ 1 ("), "%s", log)
	assert.NilError(t, w.Rollback(t.Context(), "20261127-050000", Back{}))
	assert.Equal(t, seen(t, w.root), before)
}

// TestLocksAreWaitedFor has another process hold dpkg's lock, as dpkg does.
func TestLocksAreWaitedFor(t *testing.T) {
	if path := os.Getenv("APPLY_TEST_LOCK"); path != "" {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
		assert.NilError(t, err)
		assert.NilError(t, unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
		fmt.Println("held")
		select {}
	}
	w := newWorld(t, killFiles())
	path := filepath.Join(w.root, "var/lib/dpkg/lock-frontend")
	holder := exec.Command(os.Args[0], "-test.run=^TestLocksAreWaitedFor$")
	holder.Env = append(os.Environ(), "APPLY_TEST_LOCK="+path)
	out, err := holder.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, holder.Start())
	_, err = out.Read(make([]byte, 5))
	assert.NilError(t, err)
	w.write(t, fmt.Sprintf("proc/%d/comm", holder.Process.Pid), "unattended-upgr\n")

	id := "20261127-050000"
	w.Patience = 300 * time.Millisecond
	_, err = w.Apply(t.Context(), id, plan(packagesStep(setup.Package{Name: "toolkit"})))
	assert.ErrorContains(t, err, fmt.Sprintf("packages are being changed by unattended-upgr (process %d, /var/lib/dpkg/lock-frontend)", holder.Process.Pid))
	assert.Assert(t, w.said("for unattended-upgr"))

	w.Patience = time.Minute
	time.AfterFunc(500*time.Millisecond, func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	assert.NilError(t, w.Resume(t.Context(), id))
	_, there := w.programs().db().Installed["toolkit"]
	assert.Assert(t, there)
}

func TestStalePIDFilesAreNoLock(t *testing.T) {
	w := newWorld(t, map[string]string{"run/zypp.pid": "4242\n"})
	j := &job{Machine: w.Machine, plan: plan(put("/x", ""))}
	l, err := j.locked(rpm{}.locks())
	assert.NilError(t, err)
	assert.Assert(t, l == nil, "%v", l)
	w.write(t, "proc/4242/comm", "zypper\n")
	l, err = j.locked(rpm{}.locks())
	assert.NilError(t, err)
	assert.Equal(t, l.Holder, "zypper")
}

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
	assert.NilError(t, w.Rollback(t.Context(), "", Back{}))
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
			w.Engine = (&engines{answers: []any{&Engine{Running: running}}}).ask
			id := w.apply(t, keep...)
			assert.Equal(t, w.read(t, "srv/daemon.json"), `{"features":{"cdi":true},"log-level":"warn"}`)
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
			assert.DeepEqual(t, texts, want)
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
		assert.DeepEqual(t, reads, []string{c.reads})
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
