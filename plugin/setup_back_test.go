package plugin

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// someRuns are three runs, of which the middle one was taken back.
func someRuns(t *testing.T) []setupRecord {
	t.Helper()
	plan := func(host string, w setup.Wishes) *setup.Plan {
		h := setupHost(t, host)
		p, err := setup.Make(&h, w, plannedAt())
		assert.NilError(t, err)
		return p
	}
	at := plannedAt()
	return []setupRecord{
		{ID: "20261124-120000", State: "done", Started: at, Ended: at.Add(1e9), Plan: plan("ubuntu2404-desktop-nouveau-secureboot", setup.Wishes{})},
		{ID: "20261124-130000", State: rolledBack, Started: at.Add(3600e9), Plan: plan("ubuntu2404-docker294-running", setup.Wishes{}), Why: "the engine did not come back"},
		{ID: "20261124-140000", State: "done", Started: at.Add(7200e9), Plan: plan("ubuntu2404-all-right", setup.Wishes{NvidiaRuntime: true, Hold: true})},
	}
}

func TestSetupRollback(t *testing.T) {
	for name, c := range map[string]struct {
		id     string
		args   []string
		typed  string
		none   bool
		called []string
		fails  string
		shows  string
	}{
		"the last":       {typed: "y\n", called: []string{"rollback 20261124-140000 false"}, shows: "Setup 20261124-140000 of 2026-11-24 14:00, done\n"},
		"not":            {typed: "n\n", shows: "put daemon.json back as it\n"},
		"by name":        {id: "20261124-120000", args: []string{"-y"}, called: []string{"rollback 20261124-120000 false"}, shows: "Install Docker Engine"},
		"leaving others": {args: []string{"-y", "--leave"}, called: []string{"rollback 20261124-140000 true"}},
		"to look at":     {args: []string{"--dry-run"}, shows: "Keep upgrades away from the driver and the toolkit: release those that were\n"},
		"no terminal":    {fails: "say -y (--yes)"},
		"unknown":        {id: "x\x1b[2J", args: []string{"-y"}, fails: `there was no setup "x [2J": docker gpu setup history lists them`},
		"again":          {id: "20261124-130000", args: []string{"-y"}, fails: "the setup 20261124-130000 was taken back already"},
		"nothing":        {none: true, args: []string{"-y"}, fails: "there is no setup to take back"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, c.typed != "", c.typed)
			t.Setenv("NO_COLOR", "1")
			r, d := goingBack(t, s, c.args...)
			if !c.none {
				d.runs = someRuns(t)
			}
			err := r.rollback(t.Context(), c.id)
			if c.fails == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, c.fails)
			}
			assert.DeepEqual(t, d.called, c.called)
			assert.Assert(t, strings.Contains(s.out.String(), c.shows), s.out)
		})
	}
}

func TestSetupUninstall(t *testing.T) {
	s := newScreen(t, true, "y\n")
	t.Setenv("NO_COLOR", "1")
	r, d := goingBack(t, s)
	d.runs = someRuns(t)
	assert.NilError(t, r.uninstall(t.Context()))
	assert.DeepEqual(t, d.called, []string{"uninstall false"})
	golden.Assert(t, s.out.String(), "setup-uninstall.txt")
	assert.Equal(t, s.err.String(), "Take 2 setups back? [y/N] All is as before.\n")

	s = newScreen(t, false, "")
	r, d = goingBack(t, s, "-y")
	assert.NilError(t, r.uninstall(t.Context()))
	assert.Equal(t, len(d.called), 0)
	assert.Equal(t, s.err.String(), "There is no setup to take back.\n")
}

func TestSetupHistory(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		quiet  bool
		want   string
	}{
		"table": {format: "table", want: "ID                STARTED                STATE         STEPS     PARTS\n" +
			"20261124-140000   2026-11-24T14:00:00Z   done          3         runtime, hold\n" +
			"20261124-130000   2026-11-24T13:00:00Z   rolled back   5         toolkit, runtime\n" +
			"20261124-120000   2026-11-24T12:00:00Z   done          12        driver, docker, toolkit, runtime\n"},
		"quiet":    {format: "table", quiet: true, want: "20261124-140000\n20261124-130000\n20261124-120000\n"},
		"template": {format: "{{.ID}} {{.Why}}", want: "20261124-140000 \n20261124-130000 the engine did not come back\n20261124-120000 \n"},
		"json": {format: "json", want: `{"ID":"20261124-140000","Parts":"runtime, hold","Started":"2026-11-24T14:00:00Z","State":"done","Steps":"3","Why":""}` + "\n" +
			`{"ID":"20261124-130000","Parts":"toolkit, runtime","Started":"2026-11-24T13:00:00Z","State":"rolled back","Steps":"5","Why":"the engine did not come back"}` + "\n" +
			`{"ID":"20261124-120000","Parts":"driver, docker, toolkit, runtime","Started":"2026-11-24T12:00:00Z","State":"done","Steps":"12","Why":""}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			r, d := goingBack(t, s)
			d.runs, r.opts.format, r.opts.quiet = someRuns(t), c.format, c.quiet
			assert.NilError(t, r.history(t.Context()))
			assert.Equal(t, s.out.String(), c.want)
		})
	}
	s := newScreen(t, false, "")
	r, _ := goingBack(t, s)
	r.opts.format = "table"
	assert.NilError(t, r.history(t.Context()))
	assert.Equal(t, s.err.String(), "There was no setup on this machine.\n")
	r, d := goingBack(t, newScreen(t, false, ""))
	d.runs, r.opts.format = someRuns(t), "{{.Nothing}}"
	var wrong usageError
	assert.Assert(t, errors.As(r.history(t.Context()), &wrong))
}

// goingBack is a run of rollback or uninstall.
func goingBack(t *testing.T, s screen, args ...string) (*setupRun, *doings) {
	t.Helper()
	r, d := settingUp(t, s, "ubuntu2404-all-right")
	for _, a := range args {
		switch a {
		case "-y":
			r.opts.yes = true
		case "--dry-run":
			r.opts.dryRun = true
		case "--leave":
			r.opts.leave = true
		}
	}
	return r, d
}

// A command of a command says how it is used, and no more.
func TestUsageOfSubcommands(t *testing.T) {
	for args, want := range map[string]string{
		"setup rollback --help": "Usage:  docker-gpu setup rollback [OPTIONS] [ID]\n",
		"setup apply --help":    "Usage:  docker-gpu setup apply [OPTIONS] FILE\n",
		"hooks enable --help":   "Usage:  docker-gpu hooks enable [OPTIONS]\n",
	} {
		r := run(t, strings.Fields(args)...)
		assert.Equal(t, r.code, 0)
		assert.Assert(t, strings.HasPrefix(r.out, want), r.out)
	}
}
