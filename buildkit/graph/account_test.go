package graph

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/fixture"
)

// account runs user.py for the user of this process, who may give files to no one else.
func account(t *testing.T, files map[string]string) (layer string) {
	t.Helper()
	layer = t.TempDir()
	out, err := python(t, nil, "import user; user.main(*sys.argv[1:])", fixture.Tree(t, files), "app", strconv.Itoa(os.Getuid()), "/home/app", layer)
	assert.NilError(t, err, out)
	return layer
}

func TestAnAccountIsAdded(t *testing.T) {
	id := strconv.Itoa(os.Getuid())
	const passwd, group = "someone:x:4711:4711::/:/bin/sh\n", "someone:x:4711:\n"
	mine, ours := "app:x:"+id+":"+id+"::/home/app:/bin/sh\n", "app:x:"+id+":\n"
	for name, c := range map[string]struct{ passwd, group, wantPasswd, wantGroup string }{
		"beside others":   {passwd, group, passwd + mine, group + ours},
		"after no end":    {strings.TrimSpace(passwd), strings.TrimSpace(group), passwd + mine, group + ours},
		"the name":        {"app:x:4711:4711::/srv:/bin/bash\n", "app:x:4711:\n", "app:x:4711:4711::/srv:/bin/bash\n", "app:x:4711:\n"},
		"the number":      {"ubuntu:x:" + id + ":" + id + "::/:/bin/sh\n", "ubuntu:x:" + id + ":\n", "ubuntu:x:" + id + ":" + id + "::/:/bin/sh\n", "ubuntu:x:" + id + ":\n"},
		"only the group":  {passwd, "staff:x:" + id + ":\n", passwd + mine, "staff:x:" + id + ":\n"},
		"a name like it":  {"app2:x:4711:4711::/:/bin/sh\n", group, "app2:x:4711:4711::/:/bin/sh\n" + mine, group + ours},
		"a GID like it":   {"x:x:4711:" + id + "::/:/bin/sh\n", group, "x:x:4711:" + id + "::/:/bin/sh\n" + mine, group + ours},
		"without a group": {passwd, "", passwd + mine, ours},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"etc/passwd": c.passwd}
			if c.group != "" {
				files["etc/group"] = c.group
			}
			layer := account(t, files)
			for file, want := range map[string]string{"passwd": c.wantPasswd, "group": c.wantGroup} {
				data, err := os.ReadFile(filepath.Join(layer, "etc", file))
				assert.NilError(t, err)
				assert.Equal(t, string(data), want)
			}
		})
	}
}

// Also of a base that has no account files at all, as those FROM scratch.
func TestTheLayerOfAnAccount(t *testing.T) {
	layer := account(t, nil)
	var names []string
	assert.NilError(t, filepath.WalkDir(layer, func(file string, d fs.DirEntry, err error) error {
		fi, _ := d.Info()
		name, _ := filepath.Rel(layer, file)
		assert.Equal(t, fi.ModTime().UTC(), Epoch(), name)
		names = append(names, name)
		return err
	}))
	assert.DeepEqual(t, names, []string{".", "etc", "etc/group", "etc/passwd", "home", "home/app"})
	fi, err := os.Stat(filepath.Join(layer, "etc/passwd"))
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o644))
}

// apt runs apt.sh with an apt-get that is a shell script, and with nothing that
// could change this machine: it sees only the programs linked or written here.
func apt(t *testing.T, aptGet string, packages ...string) (calls, said string, err error) {
	t.Helper()
	bin, work := t.TempDir(), t.TempDir()
	for _, name := range []string{"cat", "cut", "grep", "mktemp", "tail", "tee", "tr"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skip("there is no " + name + " here")
		}
		assert.NilError(t, os.Symlink(path, filepath.Join(bin, name)))
	}
	log := filepath.Join(work, "calls")
	write := func(name, body string) {
		assert.NilError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	}
	write("touch", `for last; do :; done; case "$last" in `+work+`/*) : >"$last";; *) echo "touch $*" >>`+log+`;; esac`)
	write("rm", `case "$1" in `+work+`/*) PATH=/bin:/usr/bin rm "$1";; *) echo "rm $*" >>`+log+`;; esac`)
	write("find", `echo "find $*" >>`+log)
	write("chmod", ":")
	if aptGet != "" {
		write("apt-get", `echo "apt-get $*" >>`+log+"\n"+aptGet)
	}
	file := filepath.Join(work, "apt.sh")
	assert.NilError(t, os.WriteFile(file, Script("apt.sh"), 0o644))
	cmd := exec.Command("/bin/sh", append([]string{file}, packages...)...)
	cmd.Env = []string{"PATH=" + bin, "TMPDIR=" + work}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err = cmd.Run()
	data, _ := os.ReadFile(log)
	return string(data), strings.TrimSpace(stderr.String()), err
}

func TestAptInstallsAndLeavesNoTime(t *testing.T) {
	calls, said, err := apt(t, "exit 0", "ffmpeg", "git")
	assert.NilError(t, err, said)
	assert.Assert(t, strings.HasPrefix(calls, "apt-get -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 update -q\n"), calls)
	assert.Assert(t, strings.Contains(calls, " install -y -q --no-install-recommends --no-remove -- ffmpeg git\n"), calls)
	assert.Assert(t, strings.Contains(calls, "touch -h -d @315532800"), "files keep the time of the build: %s", calls)
	assert.Equal(t, Epoch().Unix(), int64(315532800))
}

func TestAptSaysWhatFailed(t *testing.T) {
	for name, c := range map[string]struct{ aptGet, says string }{
		"none":      {"", "gpu-error: apt: the base image has no apt-get, so --apt cannot be used with it"},
		"a package": {`case "$*" in *install*) echo Reading; echo "E: Unable to locate package x" >&2; echo "W: odd"; exit 100;; esac`, "gpu-error: apt: E: Unable to locate package x W: odd"},
		"the lists": {`echo "E: Failed to fetch http://deb.example.com"; exit 100`, "gpu-error: apt: E: Failed to fetch http://deb.example.com"},
		"mute":      {`echo first; echo "Segmentation fault"; exit 139`, "gpu-error: apt: Segmentation fault"},
	} {
		t.Run(name, func(t *testing.T) {
			calls, said, err := apt(t, c.aptGet, "x")
			assert.Assert(t, err != nil, "it ends well: %s", said)
			assert.Equal(t, said, c.says)
			assert.Assert(t, !strings.Contains(calls, "find /"), "it goes on after a failure: %s", calls)
		})
	}
}
