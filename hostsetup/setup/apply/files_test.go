//go:build linux

package apply

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

func put(path, content string) setup.Step {
	return step("put"+path, setup.Op{File: &setup.File{Path: path, Content: content}})
}

func takeAway(path string) setup.Step {
	return step("remove"+path, setup.Op{File: &setup.File{Path: path, Absent: true}})
}

func TestFileThereAndBack(t *testing.T) {
	w := newWorld(t, killFiles())
	path := filepath.Join(w.root, "etc/apt/sources.list")
	assert.NilError(t, os.Chmod(path, 0o640))
	if os.Geteuid() == 0 {
		assert.NilError(t, os.Lchown(path, 12, 34))
	}
	_ = unix.Setxattr(path, "user.note", []byte("mine"), 0)
	before := seen(t, w.root)

	id := w.apply(t, put("/etc/apt/sources.list", "new\n"), put("/etc/new/file", "x"), takeAway("/usr/bin/nvidia-ctk"),
		step("mode", setup.Op{File: &setup.File{Path: "/etc/mode", Content: "m", Mode: 0o600}}))
	assert.Equal(t, w.read(t, "etc/apt/sources.list"), "new\n")
	fi, err := os.Stat(path)
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o644))
	if os.Geteuid() == 0 {
		assert.Equal(t, fi.Sys().(*syscall.Stat_t).Uid, uint32(12), "a file that was there keeps its owner")
	}
	fi, err = os.Stat(filepath.Join(w.root, "etc/mode"))
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o600))

	assert.NilError(t, w.Keep(t.Context(), id))
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, seen(t, w.root), before)
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}), "a second time there is nothing to do")
	assert.Equal(t, seen(t, w.root), before)
}

func TestSecondRunWritesNothing(t *testing.T) {
	w := newWorld(t, killFiles())
	steps := killPlan().Steps
	w.apply(t, steps...)
	root, state := seen(t, w.root), seen(t, w.state)
	ran, err := w.Apply(t.Context(), "20991231-000000", plan(steps...))
	assert.NilError(t, err)
	assert.Assert(t, !ran)
	assert.Equal(t, seen(t, w.root), root)
	// A run that is not proven yet is no reason to say anything but "nothing to do".
	assert.Equal(t, seen(t, w.state), state)
	assert.Equal(t, w.events[len(w.events)-1].Kind, Skipped)
}

func TestNothingToDoNeedsNoStateDirectory(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/a": "x"})
	ran, err := w.Apply(t.Context(), "20991231-000000", plan(put("/etc/a", "x"), takeAway("/etc/b")))
	assert.NilError(t, err)
	assert.Assert(t, !ran)
	_, err = os.Stat(w.state)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestEditedSince has somebody else change a file after us: nothing is taken back, and
// what they did is shown.
func TestEditedSince(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(t *testing.T, w *world)
		want string
	}{
		"changed": {func(t *testing.T, w *world) { w.write(t, "etc/a", "theirs") }, "/etc/a was changed by somebody else"},
		"removed": {func(t *testing.T, w *world) { assert.NilError(t, os.Remove(filepath.Join(w.root, "etc/a"))) }, "/etc/a was removed since"},
		"a link now": {func(t *testing.T, w *world) {
			assert.NilError(t, os.Rename(filepath.Join(w.root, "etc/a"), filepath.Join(w.root, "etc/c")))
			w.write(t, "etc/a", "→c")
		}, "/etc/a was changed by somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{"etc/a": "before"})
			id := w.apply(t, put("/etc/a", "ours"), put("/etc/b", "ours"))
			c.edit(t, w)
			theirs := seen(t, w.root)
			err := w.Rollback(t.Context(), id, Back{})
			assert.ErrorContains(t, err, c.want)
			assert.Equal(t, seen(t, w.root), theirs, "nothing may be changed")
			var edited *Edited
			assert.Assert(t, errors.As(err, &edited))
			assert.Equal(t, string(edited.Wrote), "ours")

			assert.NilError(t, w.Rollback(t.Context(), id, Back{Leave: true}))
			_, err = os.Stat(filepath.Join(w.root, "etc/b"))
			assert.ErrorIs(t, err, os.ErrNotExist, "the rest is taken back")
		})
	}
}

func TestEditedBackIsNoEdit(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/a": "before"})
	id := w.apply(t, put("/etc/a", "ours"))
	w.write(t, "etc/a", "before")
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, w.read(t, "etc/a"), "before")
}

func TestLaterRunsFirst(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/a": "before", "etc/other": "x"})
	before := seen(t, w.root)
	one := w.apply(t, put("/etc/a", "one"))
	assert.NilError(t, w.Keep(t.Context(), one))
	two := w.apply(t, put("/etc/a", "two"), put("/etc/b", "two"))
	assert.NilError(t, w.Keep(t.Context(), two))
	err := w.Rollback(t.Context(), one, Back{})
	assert.ErrorContains(t, err, "/etc/a was changed by the later run "+two)
	runs, err := w.History()
	assert.NilError(t, err)
	assert.Equal(t, len(runs), 2)
	assert.Equal(t, runs[0].State, Kept)

	assert.NilError(t, (&Setup{Here: w.Machine}).Uninstall(t.Context(), Back{}))
	assert.Equal(t, seen(t, w.root), before)
	runs, err = w.History()
	assert.NilError(t, err)
	assert.Equal(t, fmt.Sprint(runs[0].State, runs[1].State), "rolled backrolled back")
	assert.NilError(t, (&Setup{Here: w.Machine}).Uninstall(t.Context(), Back{}))
	_, err = (&Setup{Here: w.Machine}).Rollback(t.Context(), "", Back{})
	assert.ErrorContains(t, err, "there is no run")
}

func TestUninstallLeavesOthersFiles(t *testing.T) {
	w := newWorld(t, nil)
	id := w.apply(t, put("/etc/apt/keyrings/ours.asc", "key"))
	w.write(t, "etc/apt/keyrings/theirs.asc", "key")
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	entries, err := os.ReadDir(filepath.Join(w.root, "etc/apt/keyrings"))
	assert.NilError(t, err)
	assert.Equal(t, len(entries), 1)
}

// TestEditedInBetween has somebody change a file between two runs of a killed setup.
func TestEditedInBetween(t *testing.T) {
	w := newWorld(t, killFiles())
	o := orders{Root: w.root, State: w.state, ID: "20261127-050000", Plan: killPlan(), Do: "apply"}
	for o.Kill = 1; ; o.Kill++ {
		o.carryOut(t)
		r, err := w.open(o.ID)
		if err == nil && r.steps[0].before != nil {
			break
		}
		assert.NilError(t, w.Rollback(t.Context(), o.ID, Back{}))
		assert.NilError(t, w.store().Drop(o.ID))
	}
	w.write(t, "etc/apt/sources.list.d/nvidia.list", "theirs")
	assert.ErrorContains(t, w.Resume(t.Context(), o.ID), "/etc/apt/sources.list.d/nvidia.list was changed by somebody else")
	assert.ErrorContains(t, w.Rollback(t.Context(), o.ID, Back{}), "was changed by somebody else")
	assert.Equal(t, w.read(t, "etc/apt/sources.list.d/nvidia.list"), "theirs")
}

func TestJournalsThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(log []byte) []byte
		want  string
	}{
		"another format": {func(log []byte) []byte {
			return relined(bytes.Replace(log, []byte(`"format":1`), []byte(`"format":7`), 1))
		}, "it has format 7, this docker-gpu knows 1"},
		"an unknown record": {func(log []byte) []byte {
			return relined(bytes.Replace(log, []byte(`"kind":"intends"`), []byte(`"kind":"explodes"`), 1))
		}, `"explodes" is not known`},
		"a step that is not there": {func(log []byte) []byte {
			return relined(bytes.Replace(log, []byte(`"step":1`), []byte(`"step":99`), 1))
		}, "there is no step 99"},
		"garbage":       {func(log []byte) []byte { return append([]byte("garbage\n"), log...) }, "damaged"},
		"no begin":      {func(log []byte) []byte { return log[bytes.IndexByte(log, '\n')+1:] }, `record 1 is "intends"`},
		"no JSON of us": {func([]byte) []byte { return relined([]byte("xxxxxxxx [1,2]\n")) }, "record 1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, killFiles())
			id := w.apply(t, killPlan().Steps...)
			log := filepath.Join(w.state, "journal", id, "log")
			data, err := os.ReadFile(log)
			assert.NilError(t, err)
			spoilt := c.spoil(data)
			assert.Assert(t, !bytes.Equal(spoilt, data))
			assert.NilError(t, os.WriteFile(log, spoilt, 0o600))
			root := seen(t, w.root)

			assert.ErrorContains(t, w.Rollback(t.Context(), id, Back{}), c.want)
			assert.ErrorContains(t, w.Resume(t.Context(), id), c.want)
			assert.ErrorContains(t, (&Setup{Here: w.Machine}).Uninstall(t.Context(), Back{}), c.want)
			_, err = w.Apply(t.Context(), "20991231-000000", plan(put("/etc/x", "x")))
			assert.ErrorContains(t, err, c.want)
			runs, err := w.History()
			assert.NilError(t, err)
			assert.Equal(t, runs[0].State, Damaged)
			assert.Equal(t, seen(t, w.root), root)
		})
	}
}

// relined gives each line the checksum that it should have.
func relined(log []byte) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(string(log)) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		fmt.Fprintf(&out, "%08x %s\n", castagnoli([]byte(rest)), rest)
	}
	return out.Bytes()
}

func TestUnfinishedRunComesFirst(t *testing.T) {
	w := newWorld(t, killFiles())
	o := orders{Root: w.root, State: w.state, ID: "20261127-050000", Plan: killPlan(), Do: "apply", Kill: 20}
	o.carryOut(t)
	_, err := w.Apply(t.Context(), "20991231-000000", plan(put("/etc/x", "x")))
	var unfinished *Unfinished
	assert.Assert(t, errors.As(err, &unfinished), "%v", err)
	assert.Equal(t, unfinished.Run.ID, o.ID)
	last, err := w.Last()
	assert.NilError(t, err)
	assert.Equal(t, last, o.ID)
}

func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	w := newWorld(t, map[string]string{"etc/a": "before"})
	small := filepath.Join(w.root, "small")
	assert.NilError(t, os.Mkdir(small, 0o755))
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("this machine mounts nothing: %v", err)
	}
	defer func() { assert.NilError(t, unix.Unmount(small, 0)) }()
	before := seen(t, w.root)
	_, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/a", "new"), put("/small/b", strings.Repeat("x", 1<<20))))
	assert.ErrorContains(t, err, "/small/b cannot be written: no space left on device: free some")
	assert.NilError(t, w.Rollback(t.Context(), "20261127-050000", Back{}))
	assert.Equal(t, seen(t, w.root), before)
}

// TestFullStateDisk has no space for the journal: nothing may be done then.
func TestFullStateDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	w := newWorld(t, map[string]string{"etc/a": strings.Repeat("a", 100<<10)})
	assert.NilError(t, os.Mkdir(w.state, 0o700))
	if err := unix.Mount("tmpfs", w.state, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		t.Skipf("this machine mounts nothing: %v", err)
	}
	defer func() { assert.NilError(t, unix.Unmount(w.state, 0)) }()
	before := seen(t, w.root)
	_, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/a", "new")))
	assert.ErrorContains(t, err, "no space left on device")
	assert.Equal(t, seen(t, w.root), before)
	assert.NilError(t, w.Rollback(t.Context(), "20261127-050000", Back{}))
}

func TestNoPermission(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming nobody takes root")
	}
	w := newWorld(t, map[string]string{"etc/a": "before"})
	assert.NilError(t, os.Mkdir(w.state, 0o700))
	assert.NilError(t, os.Chown(w.state, 65534, 65534))
	for dir := w.state; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if dir != w.state {
			assert.NilError(t, os.Chmod(dir, 0o755))
		}
	}
	binary := filepath.Join(filepath.Dir(w.state), "apply.test")
	data, err := os.ReadFile(os.Args[0])
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(binary, data, 0o755))
	before := seen(t, w.root)
	o := orders{Root: w.root, State: w.state, ID: "20261127-050000", Plan: plan(put("/etc/a", "new")), Do: "apply"}
	cmd := o.command(t)
	cmd.Path, cmd.Args = binary, []string{binary}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	assert.Assert(t, errors.As(err, &exit), "%s", out)
	assert.Assert(t, strings.Contains(string(out), "put/etc/a: /etc/a cannot be written: permission denied: this user may not"), "%s", out)
	assert.Equal(t, seen(t, w.root), before)
}

func TestImmutableFile(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/a": "before"})
	path := filepath.Join(w.root, "etc/a")
	if out, err := exec.Command("chattr", "+i", path).CombinedOutput(); err != nil {
		t.Skipf("this file system knows no immutable files: %s", out)
	}
	defer func() { _ = exec.Command("chattr", "-i", path).Run() }()
	_, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/a", "new")))
	assert.ErrorContains(t, err, "chattr -i")
}

func TestReadOnlyFileIsReplacedAndStaysReadOnly(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/a": "before"})
	assert.NilError(t, os.Chmod(filepath.Join(w.root, "etc/a"), 0o444))
	before := seen(t, w.root)
	id := w.apply(t, step("a", setup.Op{File: &setup.File{Path: "/etc/a", Content: "new", Mode: 0o444}}))
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, seen(t, w.root), before)
}

func TestLinksOfOthers(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/shadow": "secret", "tmp/x": "→/etc/shadow", "tmp/dir": "→/etc"})
	assert.NilError(t, os.Chmod(filepath.Join(w.root, "tmp"), 0o777|os.ModeSticky))
	before := seen(t, w.root)
	for _, path := range []string{"/tmp/x", "/tmp/dir/shadow"} {
		_, err := w.Apply(t.Context(), "20261127-050000", plan(put(path, "new")))
		assert.ErrorContains(t, err, "a link in a folder that everyone may write")
	}
	assert.Equal(t, seen(t, w.root), before)
}

func TestStepsWithoutAnOperation(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.Apply(t.Context(), "20261127-050000", plan(step("none", setup.Op{})))
	assert.ErrorContains(t, err, `step "none" has 0 operations instead of one`)
	_, err = w.Apply(t.Context(), "20261127-050000", plan(step("two", setup.Op{File: &setup.File{Path: "/a"}, Reboot: &setup.Reboot{}})))
	assert.ErrorContains(t, err, `has 2 operations`)
	_, err = w.Apply(t.Context(), "20261127-050000", &setup.Plan{SchemaVersion: 9})
	assert.ErrorContains(t, err, "schemaVersion 9")
}

func TestTwoAtOnce(t *testing.T) {
	w := newWorld(t, killFiles())
	id := w.apply(t, put("/etc/x", "x"))
	unlock, err := w.store().Lock()
	assert.NilError(t, err)
	defer unlock()
	_, err = w.Apply(t.Context(), "20991231-000000", plan(put("/etc/y", "y")))
	assert.ErrorContains(t, err, fmt.Sprintf("another setup runs on this machine (process %d)", os.Getpid()))
	assert.ErrorContains(t, w.Rollback(t.Context(), id, Back{}), "another setup runs")
	assert.ErrorContains(t, w.Resume(t.Context(), id), "another setup runs")
	_, err = os.Stat(filepath.Join(w.root, "etc/y"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
