package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// setupHosts are package setup's recorded hosts and scenarios.
const setupHosts = "../hostsetup/setup/testdata/"

func plannedAt() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func setupHost(t *testing.T, name string) host.Host {
	t.Helper()
	h, err := replayed(setupHosts + "hosts/" + name + ".json")
	assert.NilError(t, err)
	return h
}

// doings notes what is asked of it.
type doings struct {
	called []string
	plan   *setup.Plan
	runs   []setupRecord
}

func (d *doings) note(format string, args ...any) {
	d.called = append(d.called, fmt.Sprintf(format, args...))
}

func (d *doings) Apply(_ context.Context, p *setup.Plan) (string, error) {
	d.plan = p
	d.note("apply")
	return "20261124-120000", nil
}

func (d *doings) Resume(_ context.Context, id string) (string, error) {
	d.note("resume %q", id)
	return "20261124-120000", nil
}

func (d *doings) Rollback(_ context.Context, id string, leave bool) (string, error) {
	d.note("rollback %s %v", id, leave)
	return id, nil
}

func (d *doings) Uninstall(_ context.Context, leave bool) error {
	d.note("uninstall %v", leave)
	return nil
}

func (d *doings) Runs(context.Context) ([]setupRecord, error) { return d.runs, nil }

// settingUp is a run of setup on a recorded host.
func settingUp(t *testing.T, s screen, name string, args ...string) (*setupRun, *doings) {
	t.Helper()
	opts := &setupOptions{}
	cmd := &cobra.Command{}
	opts.install(cmd)
	assert.NilError(t, cmd.Flags().Parse(args))
	assert.NilError(t, opts.check(cmd.Flags()))
	d := &doings{}
	return &setupRun{cli: s.cli, opts: opts, now: plannedAt(), edit: daemonjson.Apply, fates: func(context.Context) ([]engine.Fate, error) { return []engine.Fate{{Name: "train"}}, nil }, owner: "/home/user-1/.docker/config.json",
		facts: func(context.Context, string) (host.Host, error) { return setupHost(t, name), nil },
		doer:  func() (setupDoer, error) { return d, nil }}, d
}

// The plans of package setup's scenarios for people: within 80 columns, without anything
// that steers a terminal.
func TestSetupText(t *testing.T) {
	data, err := os.ReadFile(setupHosts + "scenarios.json")
	assert.NilError(t, err)
	var all []struct {
		Name, Host string
		Wishes     setup.Wishes
	}
	assert.NilError(t, json.Unmarshal(data, &all))
	assert.Assert(t, len(all) > 70)
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			s := newScreen(t, false, "")
			r, _ := settingUp(t, s, c.Host)
			h := setupHost(t, c.Host)
			plan, err := setup.Make(&h, c.Wishes, plannedAt())
			assert.NilError(t, err)
			assert.NilError(t, r.show(t.Context(), &h, plan))
			golden.Assert(t, s.out.String(), "setup/"+c.Name+".txt")
			for line := range strings.Lines(s.out.String()) {
				// What is copied stands whole, however long.
				long := strings.HasPrefix(line, detail+"+") || strings.HasPrefix(line, detail+"-") || strings.Contains(line, "https://") || !strings.Contains(strings.TrimSpace(line), " ")
				assert.Assert(t, long || utf8.RuneCountInString(line) <= width+1, line)
			}
		})
	}
}

func TestSetupAsksAndApplies(t *testing.T) {
	for name, c := range map[string]struct {
		host     string
		terminal bool
		typed    string
		args     []string
		called   int
		says     string
		fails    string
	}{
		"yes":               {"ubuntu2404-docker294-running", true, "y\n", nil, 1, "Make 5 steps? [y/N]", ""},
		"no":                {"ubuntu2404-docker294-running", true, "n\n", nil, 0, "Make 5 steps? [y/N]", ""},
		"unasked":           {"ubuntu2404-docker294-running", false, "", []string{"-y"}, 1, "", ""},
		"no terminal":       {"ubuntu2404-docker294-running", false, "", nil, 0, "", "say -y (--yes) to go on, or --dry-run"},
		"dry run":           {"ubuntu2404-docker294-running", false, "", []string{"--dry-run"}, 0, "", ""},
		"nothing to do":     {"ubuntu2404-all-right", false, "", nil, 0, "", ""},
		"restart, asked":    {"rocky9-docker24-running", true, "y\n", nil, 1, "[y/N]", ""},
		"restart, unasked":  {"rocky9-docker24-running", false, "", []string{"-y"}, 0, "", "the plan restarts Docker while containers run, and -y alone does not consent to that: say --allow-restart too, or --skip runtime"},
		"restart, allowed":  {"rocky9-docker24-running", false, "", []string{"-y", "--allow-restart"}, 1, "", ""},
		"restart, skipped":  {"rocky9-docker24-running", false, "", []string{"-y", "--skip", "runtime"}, 1, "", ""},
		"restart of nobody": {"ubuntu2204-docker25-idle", false, "", []string{"-y"}, 1, "", ""},
		"a wish":            {"ubuntu2404-docker294-running", false, "", []string{"-y", "--driver-branch", "570"}, 0, "", "driver branch 570 gets no more fixes"},
		"another machine":   {"remote", false, "", []string{"-y"}, 0, "", `the engine of context "far" is not on it`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, c.terminal, c.typed)
			r, d := settingUp(t, s, c.host, append(c.args, "--skip", "hooks")...)
			err := r.do(t.Context())
			if c.fails != "" {
				assert.ErrorContains(t, err, c.fails)
			} else {
				assert.NilError(t, err)
			}
			assert.Equal(t, len(d.called), c.called)
			assert.Assert(t, strings.Contains(s.err.String(), c.says), s.err)
			if c.called > 0 {
				h := setupHost(t, c.host)
				assert.Equal(t, d.plan.Facts, setup.Facts(&h))
			}
		})
	}
}

// JSON on standard output is the plan and nothing else.
func TestSetupJSON(t *testing.T) {
	s := newScreen(t, false, "")
	r, _ := settingUp(t, s, "ubuntu2404-server-h100", "--format", "json", "--dry-run")
	assert.NilError(t, r.do(t.Context()))
	var plan setup.Plan
	dec := json.NewDecoder(strings.NewReader(s.out.String()))
	dec.DisallowUnknownFields()
	assert.NilError(t, dec.Decode(&plan))
	assert.Equal(t, plan.SchemaVersion, setup.SchemaVersion)
	assert.Equal(t, plan.Steps[0].ID, "driver/packages")
	assert.Equal(t, s.err.String(), "")
}

// A plan that was written is applied while the machine is the same and the plan is ours.
func TestSetupApplyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	s := newScreen(t, false, "")
	r, d := settingUp(t, s, "ubuntu2404-docker294-running", "--plan-out", file)
	assert.NilError(t, r.do(t.Context()))
	assert.Equal(t, len(d.called), 0)
	assert.Assert(t, strings.Contains(s.err.String(), "docker gpu setup apply "+file), s.err)
	text, err := os.ReadFile(file)
	assert.NilError(t, err)
	info, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))

	for name, c := range map[string]struct {
		host  string
		text  string
		fails string
	}{
		"as it is": {"ubuntu2404-docker294-running", string(text), ""},
		"another machine": {"ubuntu2404-docker283-running", string(text),
			"was made for other facts than this machine has now"},
		"a path": {"ubuntu2404-docker294-running", strings.Replace(string(text), "/etc/apt/sources.list.d/nvidia-container-toolkit.sources", "/etc/cron.d/own", 1),
			"has a step that would not be planned now (toolkit/source)"},
		"a key":       {"ubuntu2404-docker294-running", strings.Replace(string(text), "C95B321B", "00000000", 1), "has a step that would not be planned now (toolkit/key)"},
		"a step less": {"ubuntu2404-docker294-running", without1(t, text), "has a step that would not be planned now (toolkit/source)"},
		"a wish":      {"ubuntu2404-docker294-running", strings.Replace(string(text), `"wishes": {`, `"wishes": {"hold": true,`, 1), "has a step that would not be planned now (hold/packages)"},
		"a version":   {"ubuntu2404-docker294-running", `{"schemaVersion": 2}`, "is a plan of schema version 2, and this docker gpu knows 1"},
		"a field":     {"ubuntu2404-docker294-running", strings.Replace(string(text), `"steps"`, `"stepz"`, 1), `is no plan: json: unknown field "stepz"`},
		"no JSON":     {"ubuntu2404-docker294-running", "steps: []", "is no plan: invalid character"},
		"too long":    {"ubuntu2404-docker294-running", strings.Repeat(" ", mostPlan+1), "is longer than 1048576 bytes, and no plan"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Assert(t, c.text != string(text) || c.host != "ubuntu2404-docker294-running" || name == "as it is", "nothing was changed")
			file := filepath.Join(t.TempDir(), "plan.json")
			assert.NilError(t, os.WriteFile(file, []byte(c.text), 0o600))
			r, d := settingUp(t, newScreen(t, false, ""), c.host, "-y")
			err := r.applyFile(t.Context(), file)
			if c.fails != "" {
				assert.ErrorContains(t, err, c.fails)
				assert.Equal(t, len(d.called), 0)
				return
			}
			assert.NilError(t, err)
			assert.DeepEqual(t, d.called, []string{"apply"})
		})
	}
	r, _ = settingUp(t, newScreen(t, false, ""), "ubuntu2404-docker294-running", "-y")
	assert.ErrorContains(t, r.applyFile(t.Context(), filepath.Join(t.TempDir(), "none")), "the plan cannot be read")
}

// without1 is a plan without its first step.
func without1(t *testing.T, text []byte) string {
	t.Helper()
	var plan setup.Plan
	assert.NilError(t, json.Unmarshal(text, &plan))
	plan.Steps = plan.Steps[1:]
	var b bytes.Buffer
	assert.NilError(t, writeJSON(&b, plan))
	return b.String()
}

func TestSetupResumes(t *testing.T) {
	runs := func(state string) []setupRecord {
		return []setupRecord{{ID: "20261124-110000", State: "applying", Open: true}, {ID: "20261124-120000", State: state, Started: plannedAt(), Open: true}, {ID: "20261124-130000", State: "done"}}
	}
	for name, c := range map[string]struct {
		runs     []setupRecord
		terminal bool
		typed    string
		args     []string
		called   []string
		says     string
		fails    string
	}{
		"asked":       {runs("waiting for a reboot"), true, "y\n", nil, []string{`resume "20261124-120000"`}, "Setup 20261124-120000 of 2026-11-24 12:00, waiting for a reboot\nGo on with it? [y/N] Done: `docker gpu setup rollback 20261124-120000` takes it back.\n", ""},
		"not":         {runs("applying"), true, "n\n", nil, nil, "applying\nGo on with it? [y/N]", ""},
		"backwards":   {runs(rollingBack), false, "", []string{"-y"}, []string{`resume "20261124-120000"`}, "rolling back\nAll is as before.\n", ""},
		"no terminal": {runs("applying"), false, "", nil, nil, "", "say -y (--yes)"},
		"nothing":     {runs("")[2:], false, "", []string{"-y"}, nil, "", "there is no setup to go on with"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, c.terminal, c.typed)
			r, d := settingUp(t, s, "ubuntu2404-all-right", append(c.args, "--resume")...)
			d.runs = c.runs
			err := r.do(t.Context())
			if c.fails != "" {
				assert.ErrorContains(t, err, c.fails)
			} else {
				assert.NilError(t, err)
			}
			assert.DeepEqual(t, d.called, c.called)
			assert.Assert(t, strings.Contains(s.err.String(), c.says), "%q", s.err.String())
		})
	}
}

// A daemon.json is shown as what changes in it, from step to step.
func TestSetupShowsTheDiff(t *testing.T) {
	s := newScreen(t, false, "")
	r, _ := settingUp(t, s, "rocky9-docker24-running", "--dry-run")
	assert.NilError(t, r.do(t.Context()))
	for _, want := range []string{
		"           --- /etc/docker/daemon.json\n           +++ /etc/docker/daemon.json\n           @@ -3,1 +3,1 @@\n           -  \"live-restore\": false\n           +  \"live-restore\": true\n",
		"           -  \"live-restore\": true\n           +  \"live-restore\": false\n",
	} {
		assert.Assert(t, strings.Contains(s.out.String(), want), s.out)
	}
	assert.Assert(t, !strings.Contains(s.out.String(), "log-driver"), "the rest of the file is nobody's business")
}

// What a machine says reaches no terminal raw.
func TestSetupOfAHostileMachine(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		s := newScreen(t, true, "n\n")
		t.Setenv("NO_COLOR", "1")
		r, _ := settingUp(t, s, "ubuntu2404-docker25-daemon-json-broken", "--dry-run", "--format", format)
		r.facts = func(context.Context, string) (host.Host, error) {
			h := setupHost(t, "ubuntu2404-docker25-daemon-json-broken")
			evil := "\x1b[2J\u009b31m\u202e\x07evil"
			h.OS.Pretty, h.Driver.Version, h.Engine.ConfigError, h.Context = evil, "580.1"+evil, evil, evil
			h.GPUs[0].Name, h.Engine.Version = evil, "25.0.8"+evil
			return h, nil
		}
		assert.NilError(t, r.do(t.Context()))
		assert.Assert(t, strings.Contains(s.out.String(), "evil"))
		for _, bad := range []string{"\x1b", "\u009b", "\u202e", "\x07"} {
			assert.Assert(t, !strings.Contains(s.out.String(), bad), "%q in %s", bad, format)
		}
	}
}
