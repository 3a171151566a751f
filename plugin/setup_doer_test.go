package plugin

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
)

func TestTeller(t *testing.T) {
	var b bytes.Buffer
	tell := teller{&b}.tell
	for _, e := range []apply.Event{
		{Kind: apply.Started, Step: "runtime/edit", Text: "set features.cdi"},
		{Kind: apply.Program, Argv: []string{"systemctl", "show", "docker.service"}},
		{Kind: apply.Program, Argv: []string{"dockerd", "--validate", "a file"}, Code: 1},
		{Kind: apply.Waiting, Text: "for the engine"},
		{Kind: apply.Note, Text: "no longer running: evil\x1b[2J\u202e"},
		{Kind: apply.Done, Step: "runtime/edit", Text: "set features.cdi"},
		{Kind: apply.Skipped, Step: "runtime/spec", Text: "all files are as they should be"},
		{Kind: apply.Undoing, Text: "set features.cdi"},
		{Kind: apply.Undone, Text: "put daemon.json back"},
		{Kind: apply.Finished},
	} {
		tell(e)
	}
	assert.Equal(t, b.String(), `+ set features.cdi
  `+"`dockerd --validate 'a file'`"+` ended with exit code 1
  for the engine
  no longer running: evil [2J
= runtime/spec: all files are as they should be
- set features.cdi
`)
}

// carrying is a carrier on a folder that stands for a machine, whose proof is the test's.
func carrying(t *testing.T, s screen, p *proof) (carrier, string) {
	t.Helper()
	root := t.TempDir()
	return carrier{&apply.Setup{Here: &apply.Machine{Root: root, State: t.TempDir(), Tell: teller{s.cli.Err()}.tell}}, func() *proof { return p }}, root
}

// oneFile is a plan that promises GPUs, and writes a file.
func oneFile() *setup.Plan {
	return &setup.Plan{SchemaVersion: setup.SchemaVersion, Steps: []setup.Step{{ID: "runtime/spec", Part: setup.RuntimePart, Title: "write a spec",
		Op: setup.Op{File: &setup.File{Path: "/etc/cdi/nvidia.yaml", Content: "spec"}}}}}
}

// proving is a proof on a machine that is as named, before and after.
func proving(s screen, report *verify.SmokeReport) *proof {
	p := &proof{cli: s.cli, checks: testChecks(), now: func() time.Time { return today },
		facts: func(context.Context, string) (host.Host, error) { return machine(""), nil },
		smoke: func(context.Context, *host.Host) (*verify.SmokeReport, error) { return report, nil }}
	h := machine("")
	p.look(&h)
	return p
}

func TestCarrierThereAndBack(t *testing.T) {
	s := newScreen(t, false, "")
	c, root := carrying(t, s, proving(s, climbed()))
	id, err := c.Apply(t.Context(), oneFile())
	assert.NilError(t, err)
	file := filepath.Join(root, "etc/cdi/nvidia.yaml")
	assert.Equal(t, content(t, file), "spec")
	assert.Equal(t, s.err.String(), "+ write a spec\nProven: GPUs work in containers: 4 of 4 rungs hold, the others do not apply.\n")

	again, err := c.Apply(t.Context(), oneFile())
	assert.NilError(t, err)
	assert.Equal(t, again, "")

	runs, err := c.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(runs), 1)
	assert.Equal(t, runs[0].ID, id)
	assert.Equal(t, runs[0].State, "done")
	assert.Equal(t, runs[0].Plan.Steps[0].ID, "runtime/spec")
	assert.Assert(t, !runs[0].Started.IsZero() && !runs[0].Ended.Before(runs[0].Started))

	assert.NilError(t, os.WriteFile(file, []byte("mine"), 0o644))
	_, err = c.Rollback(t.Context(), id, false)
	assert.ErrorContains(t, err, "was changed by somebody else")
	assert.NilError(t, c.Uninstall(t.Context(), true))
	assert.Equal(t, content(t, file), "mine")
	runs, err = c.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, runs[0].State, rolledBack)
}

// A container that cannot compute takes all back.
func TestCarrierTakesBackWhatDoesNotWork(t *testing.T) {
	s := newScreen(t, false, "")
	c, root := carrying(t, s, proving(s, climbed("kernel")))
	id, err := c.Apply(t.Context(), oneFile())
	var rolled *apply.Rolled
	assert.Assert(t, errors.As(err, &rolled))
	assert.ErrorContains(t, err, `the result does not work: docker gpu smoke: The first rung that breaks is "the rung kernel"`)
	_, err = os.Stat(filepath.Join(root, "etc"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	runs, err := c.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, runs[0].ID, id)
	assert.Equal(t, runs[0].State, rolledBack)
	assert.Assert(t, strings.Contains(runs[0].Why, "the rung kernel"), runs[0].Why)
}

// What was cut off before its proof is proven when it goes on, by the plan that it had.
func TestCarrierResumes(t *testing.T) {
	s := newScreen(t, false, "")
	p := proving(s, climbed())
	c, root := carrying(t, s, p)
	ctx, cancel := context.WithCancel(t.Context())
	works := p.smoke
	p.smoke = func(context.Context, *host.Host) (*verify.SmokeReport, error) { cancel(); return nil, ctx.Err() }
	id, err := c.Apply(ctx, oneFile())
	assert.ErrorContains(t, err, `stopped before "the proof"`)
	assert.Equal(t, content(t, filepath.Join(root, "etc/cdi/nvidia.yaml")), "spec")
	runs, err := c.Runs(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, runs[0].Open)

	p.smoke = works
	resumed, err := c.Resume(t.Context(), id)
	assert.NilError(t, err)
	assert.Equal(t, resumed, id)
	assert.Assert(t, strings.Contains(s.err.String(), "Proven: "), s.err)
	_, err = c.Resume(t.Context(), "20200101-000000")
	assert.ErrorContains(t, err, "20200101-000000")
}

// running is what an engine must not lose.
func TestRunning(t *testing.T) {
	answers := small()
	answers["/info"] = `{"ID":"a","ServerVersion":"29.7.2","Driver":"overlay2","LiveRestoreEnabled":true,"Runtimes":{"runc":{"path":"runc"},"nvidia":{"path":"x"}}}`
	answers["/containers/json"] = `[{"Id":"2","Names":["/web"],"State":"running"},{"Id":"1","Names":["/db"],"State":"running"}]`
	contexts := map[string]string{"mine": engineAt(t, "unix", answers), "gone": "unix:///nowhere/docker.sock"}
	asked := func(name string) (*apply.Engine, error) {
		g := gathering(t, contexts, here)
		opts := cliflags.NewClientOptions()
		opts.Context = name
		assert.NilError(t, g.cli.(*command.DockerCli).Initialize(opts))
		return g.running(t.Context())
	}
	e, err := asked("mine")
	assert.NilError(t, err)
	assert.DeepEqual(t, e, &apply.Engine{Running: []string{"db", "web"}, Runtimes: []string{"nvidia", "runc"}, Store: "overlay2", LiveRestore: true})
	delete(answers, "/containers/json")
	_, err = asked("mine")
	assert.ErrorContains(t, err, "the engine does not list its containers")
	_, err = asked("gone")
	assert.ErrorContains(t, err, "no such file")
	_, err = asked("unknown")
	assert.ErrorContains(t, err, "unknown")
}

// The machine that steps are made on edits what there is to edit, and asks the engine.
func TestNewMachine(t *testing.T) {
	g := gathering(t, nil, func(context.Context, probe.Options) host.Host { return host.Host{} })
	m, err := newMachine(g.cli)
	assert.NilError(t, err)
	assert.Equal(t, m.Whose == apply.All, os.Geteuid() == 0)
	text, err := m.EditHooks([]byte(clientConfig), true)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(text), `"gpu"`))
	back, err := m.EditHooks(text, false)
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(back), `"gpu"`), string(back))
	text, err = m.EditDaemon([]byte("{\n}\n"), []setup.Edit{{Key: []string{"live-restore"}, Value: []byte("true")}})
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(text), `"live-restore": true`))
	assert.Assert(t, m.RevertDaemon != nil && m.Engine != nil)
}

// Root's helper is for root; a user who types its name changes nothing.
func TestSetupHelper(t *testing.T) {
	s := newScreenFrom(t, false, strings.NewReader(`{"do":"erase"}`+"\n"))
	assert.Error(t, serveSetup(t.Context(), s.cli, 1000), "this is started by docker gpu setup, as root")
	assert.Equal(t, s.out.String(), "")
	assert.NilError(t, serveSetup(t.Context(), s.cli, 0))
	assert.Equal(t, s.out.String(), `{"hello":1}`+"\n"+`{"result":{"fault":{"text":"root's helper was asked for erase"}}}`+"\n")
	cmd := newSetupHelperCmd(s.cli)
	assert.Assert(t, cmd.Hidden)
	assert.Equal(t, cmd.Name(), apply.HelperCommand)
}
