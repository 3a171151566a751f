//go:build linux

package tree

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// made makes files below a new root: a content that begins with "→" is a link, a name
// that ends with "/" a folder.
func made(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, ok := strings.CutPrefix(content, "→"); ok {
			assert.NilError(t, os.Symlink(target, path))
		} else if strings.HasSuffix(name, "/") {
			assert.NilError(t, os.MkdirAll(path, 0o755))
		} else {
			assert.NilError(t, os.WriteFile(path, []byte(content), 0o644))
		}
	}
	return &Tree{Root: root}
}

func mine(mode uint32) Attr { return Attr{Mode: mode, UID: os.Geteuid(), GID: os.Getegid()} }

func TestWhereNamesLead(t *testing.T) {
	tr := made(t, map[string]string{
		"etc/real.json": "x", "etc/link.json": "→real.json", "etc/abs.json": "→/etc/real.json",
		"var/run": "→/run", "run/": "", "up": "→../../../etc", "etc/loop": "→loop", "etc/dangling": "→gone/file",
		"etc/chain": "→/up/link.json", "tmp/evil": "→/etc/real.json", "tmp/dir": "→/etc", "etc/file/": "",
	})
	assert.NilError(t, os.Chmod(filepath.Join(tr.Root, "tmp"), 0o777|os.ModeSticky))
	for name, c := range map[string]struct{ want, wrong string }{
		"/etc/real.json":          {"/etc/real.json", ""},
		"/etc/link.json":          {"/etc/real.json", ""},
		"/etc/abs.json":           {"/etc/real.json", ""},
		"/etc/chain":              {"/etc/real.json", ""},
		"/up/../etc/./real.json":  {"/etc/real.json", ""},
		"/var/run/cdi/spec.yaml":  {"/run/cdi/spec.yaml", ""},
		"/new/deep/file":          {"/new/deep/file", ""},
		"/etc/loop":               {"", "too many links"},
		"/etc/dangling":           {"", "link to /etc/gone/file, which is not there"},
		"/etc/real.json/x":        {"", "/etc/real.json is not a folder"},
		"/etc/nothing/../../etc2": {"", "does not exist"},
		"/tmp/evil":               {"", "a link in a folder that everyone may write"},
		"/tmp/dir/real.json":      {"", "a link in a folder that everyone may write"},
		"/etc/file":               {"", "not a regular file"},
		"relative":                {"", "not an absolute path"},
		"/":                       {"", "folder"},
	} {
		n, err := tr.Look(name)
		if c.wrong != "" {
			assert.ErrorContains(t, err, c.wrong, name)
			assert.Assert(t, !strings.Contains(err.Error(), tr.Root), "it shows the test's root: %v", err)
			continue
		}
		assert.NilError(t, err, name)
		assert.Equal(t, n.Path, c.want, name)
	}
	n, err := tr.Look("/new/deep/file")
	assert.NilError(t, err)
	assert.DeepEqual(t, n.Missing, []string{"/new", "/new/deep"})
}

func TestPutKeepsWhatAFileHas(t *testing.T) {
	tr := made(t, map[string]string{"etc/a": "before"})
	path := filepath.Join(tr.Root, "etc/a")
	assert.NilError(t, os.Chmod(path, 0o640|os.ModeSetuid))
	if err := unix.Setxattr(path, "user.note", []byte("kept"), 0); err != nil {
		t.Logf("this file system has no extended attributes: %v", err)
	}
	if os.Geteuid() == 0 {
		assert.NilError(t, os.Chown(path, 123, 456))
		assert.NilError(t, os.Chmod(path, 0o640|os.ModeSetuid))
	}
	old := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	assert.NilError(t, os.Chtimes(path, old, old))
	before, err := tr.Look("/etc/a")
	assert.NilError(t, err)
	assert.Equal(t, before.Mode, uint32(0o4640))

	attr := before.Attr
	attr.Time = time.Time{}
	assert.NilError(t, tr.Put("/etc/a", strings.NewReader("after"), attr))
	data, after, err := tr.Read("/etc/a")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "after")
	assert.Assert(t, after.Time.After(before.Time))
	after.Sum, after.Size = before.Sum, before.Size
	assert.Assert(t, after.Same(before), "%+v\n%+v", after, before)

	assert.NilError(t, tr.Put("/etc/a", strings.NewReader("before"), before.Attr))
	back, err := tr.Look("/etc/a")
	assert.NilError(t, err)
	assert.DeepEqual(t, back, before)
	names, err := tr.List("/etc")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"a"})
}

func TestPutThroughALinkKeepsTheLink(t *testing.T) {
	tr := made(t, map[string]string{"etc/docker/daemon.json": "→../../srv/d.json", "srv/d.json": "{}"})
	assert.NilError(t, tr.Put("/etc/docker/daemon.json", strings.NewReader("new"), mine(0o600)))
	target, err := os.Readlink(filepath.Join(tr.Root, "etc/docker/daemon.json"))
	assert.NilError(t, err)
	assert.Equal(t, target, "../../srv/d.json")
	data, n, err := tr.Read("/srv/d.json")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "new")
	assert.Equal(t, n.Mode, uint32(0o600))
}

func TestModesAreThoseAskedForWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	tr := made(t, map[string]string{"etc/": ""})
	assert.NilError(t, tr.Put("/etc/apt/keyrings/k.asc", strings.NewReader("k"), mine(0o644)))
	for name, want := range map[string]os.FileMode{"etc/apt": 0o755, "etc/apt/keyrings": 0o755, "etc/apt/keyrings/k.asc": 0o644} {
		fi, err := os.Stat(filepath.Join(tr.Root, name))
		assert.NilError(t, err)
		assert.Equal(t, fi.Mode().Perm(), want, name)
	}
}

// failing is a content that ends in the middle.
type failing struct{ sent bool }

func (f *failing) Read(p []byte) (int, error) {
	if f.sent {
		return 0, errors.New("torn off")
	}
	f.sent = true
	return copy(p, "half"), nil
}

func TestNothingHalfWritten(t *testing.T) {
	tr := made(t, map[string]string{"etc/a": "whole"})
	assert.ErrorContains(t, tr.Put("/etc/a", &failing{}, mine(0o644)), "torn off")
	data, _, err := tr.Read("/etc/a")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "whole")
	names, _ := tr.List("/etc")
	assert.DeepEqual(t, names, []string{"a"})
}

func TestTemporaryOfAKilledSetup(t *testing.T) {
	tr := made(t, map[string]string{"etc/a": "x", "etc/.docker-gpu.a.new": "half", "srv/target": "precious"})
	assert.NilError(t, tr.Sweep("/etc/a"))
	names, _ := tr.List("/etc")
	assert.DeepEqual(t, names, []string{"a"})
	// One that is a link is taken away, not written through.
	assert.NilError(t, os.Symlink("../srv/target", filepath.Join(tr.Root, "etc/.docker-gpu.a.new")))
	assert.NilError(t, tr.Put("/etc/a", strings.NewReader("y"), mine(0o644)))
	data, _, err := tr.Read("/srv/target")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "precious")
}

func TestRemoveAndFolders(t *testing.T) {
	tr := made(t, map[string]string{"etc/d/a": "x", "etc/full/b": "y"})
	assert.NilError(t, tr.Remove("/etc/d/a"))
	assert.NilError(t, tr.Remove("/etc/d/a"))
	assert.NilError(t, tr.Remove("/nowhere/at/all"))
	assert.NilError(t, tr.Rmdir("/etc/d"))
	assert.NilError(t, tr.Rmdir("/etc/d"))
	assert.NilError(t, tr.Rmdir("/etc/full"))
	names, err := tr.List("/etc")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"full"})
	names, err = tr.List("/nowhere")
	assert.NilError(t, err)
	assert.Equal(t, len(names), 0)
}

func TestFullAndReadOnlyDisks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("this machine mounts nothing: %v", err)
	}
	defer func() { assert.NilError(t, unix.Unmount(dir, 0)) }()
	tr := &Tree{Root: dir}
	assert.NilError(t, tr.Put("/a", strings.NewReader("small"), mine(0o644)))
	err := tr.Put("/a", bytes.NewReader(make([]byte, 1<<20)), mine(0o644))
	assert.ErrorContains(t, err, "free some space")
	data, _, err := tr.Read("/a")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "small")
	names, _ := tr.List("/")
	assert.DeepEqual(t, names, []string{"a"})

	assert.NilError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	assert.ErrorContains(t, tr.Put("/a", strings.NewReader("x"), mine(0o644)), "mounted read-only")
	assert.ErrorContains(t, tr.Remove("/a"), "mounted read-only")
}

func TestExistsAndForeign(t *testing.T) {
	tr := made(t, map[string]string{"etc/a": "x", "etc/l": "→a", "etc/gone": "→nothing", "home/me/": ""})
	for name, want := range map[string]bool{"/etc/a": true, "/etc": true, "/etc/l": true, "/etc/gone": false, "/etc/b": false, "/x/y/z": false} {
		got, err := tr.Exists(name)
		if name == "/etc/gone" {
			assert.ErrorContains(t, err, "which is not there")
			continue
		}
		assert.NilError(t, err, name)
		assert.Equal(t, got, want, name)
	}
	foreign, err := tr.Foreign("/home/me/.docker")
	assert.NilError(t, err)
	assert.Assert(t, !foreign)
	if os.Geteuid() == 0 {
		assert.NilError(t, os.Chown(filepath.Join(tr.Root, "home/me"), 1234, 1234))
		for _, dir := range []string{"/home/me", "/home/me/.docker", "/home/me/.config/deep"} {
			foreign, err = tr.Foreign(dir)
			assert.NilError(t, err)
			assert.Assert(t, foreign, dir)
		}
	}
}

func TestDraft(t *testing.T) {
	tr := made(t, map[string]string{"etc/docker/daemon.json": "→../../srv/d.json", "srv/d.json": "{}"})
	path, err := tr.Draft("/etc/docker/daemon.json", strings.NewReader("draft"))
	assert.NilError(t, err)
	assert.Equal(t, path, "/srv/.docker-gpu.d.json.new")
	data, n, err := tr.Read(path)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "draft")
	assert.Equal(t, n.Mode, uint32(0o600))
	_, err = tr.Draft("/etc/docker/daemon.json", strings.NewReader("again"))
	assert.NilError(t, err)
	assert.NilError(t, tr.Sweep("/etc/docker/daemon.json"))
	names, err := tr.List("/srv")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"d.json"})
	assert.Equal(t, Sum([]byte("{}")), func() string { n, _ := tr.Look("/srv/d.json"); return n.Sum }())
}

// TestHolder has another process hold a lock as dpkg does.
func TestHolder(t *testing.T) {
	if path := os.Getenv("TREE_TEST_LOCK"); path != "" {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		assert.NilError(t, err)
		assert.NilError(t, unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
		os.Stdout.WriteString("held\n")
		select {}
	}
	tr := made(t, map[string]string{"lock": ""})
	pid, err := tr.Holder("/lock")
	assert.NilError(t, err)
	assert.Equal(t, pid, 0)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	cmd.Env = append(os.Environ(), "TREE_TEST_LOCK="+filepath.Join(tr.Root, "lock"))
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	_, err = out.Read(make([]byte, 5))
	assert.NilError(t, err)
	pid, err = tr.Holder("/lock")
	assert.NilError(t, err)
	assert.Equal(t, pid, cmd.Process.Pid)
	assert.NilError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	for _, name := range []string{"/lock", "/none", "/no/such/folder/lock"} {
		pid, err = tr.Holder(name)
		assert.NilError(t, err)
		assert.Equal(t, pid, 0, name)
	}
}

// TestExchangedOnTheWay has the walk see another folder than the one that it looked at.
func TestExchangedOnTheWay(t *testing.T) {
	tr := made(t, map[string]string{"etc/a": "x", "other/a": "y"})
	root, err := os.OpenRoot(tr.Root)
	assert.NilError(t, err)
	w := &walk{root: tr.Root, open: []folder{root}}
	seen, err := root.Lstat("etc")
	assert.NilError(t, err)
	assert.NilError(t, os.Rename(filepath.Join(tr.Root, "etc"), filepath.Join(tr.Root, "was")))
	assert.NilError(t, os.Symlink("other", filepath.Join(tr.Root, "etc")))
	assert.ErrorContains(t, w.enter("etc", seen), "/etc was exchanged in the meantime")
	w.up(0)
}

// TestHomesThatMayOnlyBePassed has a user whose home lies in a folder that only root reads.
func TestHomesThatMayOnlyBePassed(t *testing.T) {
	if root := os.Getenv("TREE_TEST_USER"); root != "" {
		tr := &Tree{Root: root}
		assert.NilError(t, tr.Put("/home/me/.docker/config.json", strings.NewReader("{}"), mine(0o600)))
		data, _, err := tr.Read("/home/me/.docker/config.json")
		assert.NilError(t, err)
		assert.Equal(t, string(data), "{}")
		assert.ErrorContains(t, tr.Put("/home/x", strings.NewReader(""), mine(0o600)), "permission denied")
		_, err = tr.Look("/root/secret")
		assert.ErrorContains(t, err, "permission denied")
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("becoming another user takes root")
	}
	tr := made(t, map[string]string{"home/me/": "", "root/secret": ""})
	assert.NilError(t, os.Chown(filepath.Join(tr.Root, "home/me"), 65534, 65534))
	assert.NilError(t, os.Chmod(filepath.Join(tr.Root, "home"), 0o711))
	assert.NilError(t, os.Chmod(filepath.Join(tr.Root, "root"), 0o700))
	for dir := filepath.Dir(tr.Root); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		assert.NilError(t, os.Chmod(dir, 0o755))
	}
	assert.NilError(t, os.Chmod(tr.Root, 0o755))
	binary, err := os.ReadFile(os.Args[0])
	assert.NilError(t, err)
	copied := filepath.Join(tr.Root, "tree.test")
	assert.NilError(t, os.WriteFile(copied, binary, 0o755))
	cmd := exec.Command(copied, "-test.run=^TestHomesThatMayOnlyBePassed$")
	cmd.Env, cmd.Dir = append(os.Environ(), "TREE_TEST_USER="+tr.Root), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
}
