//go:build linux

package apply

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// TestExec runs real programs.
func TestExec(t *testing.T) {
	t.Setenv("LD_PRELOAD", "/nowhere.so")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("PATH", "/tmp/evil")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1")
	t.Setenv("https_proxy", "http://proxy:3128")
	r, err := Exec{}.Run(t.Context(), Command{Argv: []string{"env"}, Env: []string{"DEBIAN_FRONTEND=noninteractive"}})
	assert.NilError(t, err)
	env := string(r.Out)
	for _, want := range []string{"LC_ALL=C\n", "PATH=/usr/local/sbin:", "DEBIAN_FRONTEND=noninteractive\n", "https_proxy=http://proxy:3128\n", "HOME=/\n"} {
		assert.Assert(t, strings.Contains(env, want), "%q is not in %s", want, env)
	}
	assert.Assert(t, !strings.Contains(env, "LD_PRELOAD") && !strings.Contains(env, "XDG_RUNTIME_DIR"), env)
	r, err = Exec{}.Run(t.Context(), Command{Argv: []string{"env"}, Session: true})
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(r.Out), "XDG_RUNTIME_DIR=/run/user/1\n"))

	r, err = Exec{}.Run(t.Context(), Command{Argv: []string{"sh", "-c", "echo out; echo err >&2; exit 7"}})
	assert.NilError(t, err)
	assert.Equal(t, string(r.Out)+string(r.Err), "out\nerr\n")
	assert.Equal(t, r.Code, 7)

	_, err = Exec{}.Run(t.Context(), Command{Argv: []string{"no-such-program"}})
	assert.ErrorIs(t, err, exec.ErrNotFound)
	_, err = Exec{}.Run(t.Context(), Command{Argv: []string{"sh", "-c", "kill -9 $$"}})
	assert.ErrorContains(t, err, "killed")
}

// TestProgramsAreNotHitByCtrlC has them in a process group of their own.
func TestProgramsAreNotHitByCtrlC(t *testing.T) {
	r, err := Exec{}.Run(t.Context(), Command{Argv: []string{"sh", "-c", "ps -o pgid= -p $$ || cut -d' ' -f5 /proc/$$/stat"}})
	assert.NilError(t, err)
	own, err := unix.Getpgid(0)
	assert.NilError(t, err)
	assert.Assert(t, strings.TrimSpace(string(r.Out)) != "" && strings.TrimSpace(string(r.Out)) != strconv.Itoa(own))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Exec{}.Run(ctx, Command{Argv: []string{"sleep", "60"}})
	assert.Assert(t, err != nil, "a program that may be ended is ended")
}

func TestLookupBelowARoot(t *testing.T) {
	root := t.TempDir()
	for name, mode := range map[string]os.FileMode{"usr/bin/tool": 0o755, "usr/sbin/tool": 0o755, "usr/bin/text": 0o644, "opt/x/tool": 0o755} {
		assert.NilError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(root, name), nil, mode))
	}
	assert.NilError(t, os.Symlink("/etc/alternatives/awk", filepath.Join(root, "usr/bin/awk")))
	for name, want := range map[string]string{"tool": "/usr/sbin/tool", "/opt/x/tool": "/opt/x/tool", "text": "", "/usr/bin/text": "", "none": "", "awk": "/usr/bin/awk"} {
		got, err := lookup(root, name)
		assert.Equal(t, got, want)
		assert.Equal(t, err != nil, want == "")
	}
}

func TestFailedInWords(t *testing.T) {
	err := &Failed{Argv: apt{}.get("install", "--", "toolkit=1").Argv, Code: 100, Said: "E: no"}
	assert.Error(t, err, "`apt-get install toolkit=1` failed with code 100: E: no")
	assert.Error(t, &Failed{Argv: []string{"x"}, Code: 1}, "`x` failed with code 1")
	for want, r := range map[string]Result{
		"E: first\n  why":                        {Err: []byte("W: noise\nE: first\n  why\n"), Out: []byte("out")},
		"last":                                   {Out: []byte("last\n")},
		"Error: dnf's":                           {Err: []byte("noise\nError: dnf's\n")},
		"":                                       {},
		"2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13": {Err: []byte("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n")},
	} {
		assert.Equal(t, lastLines(r), want)
	}
}

func TestLogOfProgramsIsShort(t *testing.T) {
	long := indented([]byte(strings.Repeat("line\n", 1000)))
	assert.Assert(t, strings.HasPrefix(long, "    … 940 lines\n    line\n"))
	assert.Equal(t, strings.Count(long, "\n"), mostLogged+1)
	assert.Equal(t, indented([]byte("a\n\nb\n")), "    a\n    b\n")
	assert.Equal(t, indented(nil), "")
}

func TestHere(t *testing.T) {
	m, err := Here()
	assert.NilError(t, err)
	assert.Equal(t, m.Root, "/")
	if os.Geteuid() == 0 {
		assert.Equal(t, m.State, "/var/lib/docker-gpu")
		assert.Equal(t, m.Whose, All)
		return
	}
	assert.Equal(t, m.Whose, User)
	t.Setenv("XDG_STATE_HOME", "/x")
	m, err = Here()
	assert.NilError(t, err)
	assert.Equal(t, m.State, "/x/docker-gpu")
}

// TestFaultsThroughThePipe come out as what they went in.
func TestFaultsThroughThePipe(t *testing.T) {
	edited := errors.Join(&Edited{Path: "/a", Wrote: []byte("w")}, &Edited{Path: "/b", Gone: true})
	in := &Stuck{ID: "x", err: &WrongKey{From: "u", Has: "A", Want: []string{"B"}}, back: errors.Join(errors.New("step"), edited)}
	f := faultOf(in)
	assert.Equal(t, f.Error(), in.Error())
	var wrong *WrongKey
	assert.Assert(t, errors.As(f, &wrong) && wrong.Has == "A")
	assert.Equal(t, len(f.Edited), 2)
	var one *Edited
	assert.Assert(t, errors.As(f, &one) && one.Path == "/a")
	assert.Equal(t, len(f.Unwrap()), 3)
	assert.Assert(t, faultOf(nil) == nil)
	for _, err := range []error{&Unfinished{Run{ID: "r"}}, &Declined{"q"}, &NeverBegan{"n"}, &Stopped{ID: "s", Next: "n"}} {
		f := faultOf(err)
		assert.Equal(t, f.Error(), err.Error())
		assert.Equal(t, len(f.Unwrap()), 1)
		assert.Equal(t, f.Unwrap()[0].Error(), err.Error())
	}
}
