package plugin

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestFixAsksThenMendsThenExaminesAgain(t *testing.T) {
	s := newScreen(t, true, "y\n")
	t.Setenv("NO_COLOR", "1")
	r, ran := examining(t, s, host.Host{}, "--fix")
	r.facts = func(context.Context, string) (host.Host, error) {
		if len(*ran) > 0 {
			return machine(""), nil
		}
		return machine("nomodule+badconfig"), nil
	}
	assert.NilError(t, r.do(t.Context()))
	// What takes a restart is left to people.
	assert.DeepEqual(t, *ran, []string{"sudo modprobe nvidia"})
	assert.Equal(t, s.err.String(), `To mend what takes no restart:
  T001: load the module (nothing stops)
    sudo modprobe nvidia
Run 1 fix? [y/N] + sudo modprobe nvidia

`)
	assert.Assert(t, strings.Contains(s.out.String(), "Nothing is wrong"), s.out)
}

func TestFixThatIsNotWanted(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		typed    string
		args     []string
		says     string
		code     int
	}{
		"no":          {true, "n\n", nil, "Run 1 fix? [y/N]", 1},
		"dry run":     {false, "", []string{"--dry-run"}, "Nothing was done (--dry-run).", 1},
		"no terminal": {false, "y\n", nil, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, c.terminal, c.typed)
			r, ran := examining(t, s, machine("nomodule"), append(c.args, "--fix")...)
			err := r.do(t.Context())
			if name == "no terminal" {
				assert.ErrorContains(t, err, "say -y (--yes)")
			} else {
				assert.Equal(t, status(t, err), c.code)
			}
			assert.Assert(t, strings.Contains(s.err.String(), c.says), s.err)
			assert.Equal(t, len(*ran), 0)
		})
	}
}

func TestFixAsRootAndUnasked(t *testing.T) {
	s := newScreen(t, false, "")
	r, ran := examining(t, s, machine("nomodule"), "--fix", "-y")
	r.root = true
	assert.Equal(t, status(t, r.do(t.Context())), 1, "it is still wrong")
	assert.DeepEqual(t, *ran, []string{"modprobe nvidia"})
}

func TestFixWithNothingToDo(t *testing.T) {
	s := newScreen(t, false, "")
	r, ran := examining(t, s, machine("badconfig"), "--fix", "-y")
	assert.Equal(t, status(t, r.do(t.Context())), 1)
	assert.Equal(t, len(*ran), 0)
	assert.Assert(t, strings.Contains(s.err.String(), "without a restart"), s.err)
	s = newScreen(t, false, "")
	r, _ = examining(t, s, machine(""), "--fix")
	assert.NilError(t, r.do(t.Context()))
	assert.Equal(t, s.err.String(), "")
}

func TestFixOfAnotherMachineIsRefused(t *testing.T) {
	s := newScreen(t, false, "")
	h := machine("nomodule")
	h.Local, h.Context = false, "far"
	r, ran := examining(t, s, h, "--fix", "-y")
	assert.ErrorContains(t, r.do(t.Context()), `the engine of context "far" is not on it`)
	assert.Equal(t, len(*ran), 0)
}

func TestFixesOnceEach(t *testing.T) {
	safe := doctor.Fix{Title: "a", Argv: [][]string{{"a"}}, Safe: true, Disruption: doctor.Reload}
	unsafe := doctor.Fix{Title: "b", Argv: [][]string{{"b"}}, Disruption: doctor.None}
	wrongly := doctor.Fix{Title: "c", Argv: [][]string{{"c"}}, Safe: true, Disruption: doctor.Restart}
	byHand := doctor.Fix{Title: "d", Safe: true, Disruption: doctor.None}
	j := &judgement{Report: &doctor.Report{Findings: []doctor.Finding{
		{Code: "A", Fixes: []doctor.Fix{unsafe, safe}}, {Code: "B", Fixes: []doctor.Fix{safe}}, {Code: "B", Fixes: []doctor.Fix{safe}},
		{Code: "C", Fixes: []doctor.Fix{wrongly}}, {Code: "D", Fixes: []doctor.Fix{byHand}}, {Code: "E"}}}}
	got := steps(j)
	assert.Equal(t, len(got), 1)
	assert.Equal(t, got[0].named(), "A, B")
	assert.Equal(t, got[0].fix.Title, "a")
}

func TestFixThatFails(t *testing.T) {
	s := newScreen(t, false, "")
	r, ran := examining(t, s, machine("nomodule+hostile"), "--fix", "-y")
	r.checks[0].Run = testChecks()[0].Run
	two := doctor.Fix{Title: "two", Argv: [][]string{{"one"}, {"two", "x y"}}, Undo: [][]string{{"undo", "one"}}, Safe: true, Disruption: doctor.None}
	r.checks = []doctor.Check{wrongWhere("nomodule", doctor.Check{Code: "T001", Group: doctor.Driver, Severity: doctor.Error}, doctor.Finding{Summary: "x", Fixes: []doctor.Fix{two}})}
	r.run = func(_ context.Context, argv []string) error {
		*ran = append(*ran, argv[0])
		if argv[0] == "two" {
			return errors.New("exit status 3")
		}
		return nil
	}
	assert.Error(t, r.do(t.Context()), "T001 was not mended: `two 'x y'` failed: exit status 3\nWhat was done before it is taken back by:\n  undo one")
	assert.DeepEqual(t, *ran, []string{"one", "two"})
	r.run = func(_ context.Context, argv []string) error { return &exec.Error{Name: argv[0], Err: exec.ErrNotFound} }
	assert.Error(t, r.do(t.Context()), "T001 was not mended: there is no one here; run `one` as root")
}

// Commands run as they are: no shell sees them. What they print is talk, and is told with
// -v or where they fail.
func TestCommandsOfFixes(t *testing.T) {
	s := newScreen(t, false, "")
	r, _ := examining(t, s, machine(""))
	assert.NilError(t, r.command(t.Context(), []string{"echo", "$HOME; *"}))
	assert.Equal(t, s.err.String(), "")
	r.opts.verbose = true
	assert.NilError(t, r.command(t.Context(), []string{"echo", "$HOME; *"}))
	assert.Equal(t, s.err.String(), "$HOME; *\n")
	r.opts.verbose = false
	assert.ErrorContains(t, r.command(t.Context(), []string{"sh", "-c", "echo why; exit 3"}), "exit status 3")
	assert.Equal(t, s.err.String(), "$HOME; *\nwhy\n")
	assert.Equal(t, s.out.String(), "")
	assert.ErrorContains(t, r.command(t.Context(), []string{"sh", "-c", "exit 3"}), "exit status 3")
	assert.ErrorIs(t, r.command(t.Context(), []string{"no-such-program-here"}), exec.ErrNotFound)
}
