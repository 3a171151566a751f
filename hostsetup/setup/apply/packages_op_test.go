//go:build linux

package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

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
