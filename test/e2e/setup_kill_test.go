//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
	"github.com/dockergpu/docker-gpu/test/counting"
)

// TestMain makes this test's own binary the setup that is killed.
func TestMain(m *testing.M) {
	if text := os.Getenv("SETUP_TEST_CHILD"); text != "" {
		os.Exit(carryOut(text))
	}
	os.Exit(m.Run())
}

// orders are what a setup in a process of its own does.
type orders struct {
	Daemon *daemon
	State  string
	Plan   *setup.Plan
	// Step and Kind are the event at which it is killed.
	Step string
	Kind apply.Kind
}

func carryOut(text string) int {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	here := party(setupRoot, o.State, o.Daemon, o.Daemon)
	here.Tell = func(e apply.Event) {
		if e.Step == o.Step && e.Kind == o.Kind {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if _, err := (&apply.Setup{Here: here}).Apply(context.Background(), o.Plan); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// party is what makes steps below a root.
func party(root, state string, programs apply.Runner, d *daemon) *apply.Machine {
	return &apply.Machine{Root: root, State: state, Programs: programs, EditDaemon: daemonjson.Apply, RevertDaemon: daemonjson.Revert,
		Engine: d.engine, Patience: engineTakes}
}

// byKills kills a setup around its restart of the engine, and then goes on with it, or back.
func (m *machine) byKills(t *testing.T) {
	for _, at := range []struct {
		step string
		kind apply.Kind
	}{
		{"runtime/keep", apply.Done},
		{"runtime/restart", apply.Started},
		{"runtime/restart", apply.Program}, // the restart is made, and not yet in the journal
		{"runtime/keep-off", apply.Done},
	} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s, back %v", at.step, at.kind, back), func(t *testing.T) {
				before, after, edit, gpu := m.needsRestart(t)
				counter := counting.Start(t, m.docker, m.image)
				files := m.files(t)
				h := m.facts(t, true)
				o := orders{Daemon: m.daemon, State: t.TempDir(), Step: at.step, Kind: at.kind,
					Plan: makes(t, &h, setup.Wishes{Only: runtimeOnly, AllowRestart: true}, restartSteps(edit)...)}
				text, err := json.Marshal(o)
				assert.NilError(t, err)
				c := exec.Command(os.Args[0])
				c.Env = append(os.Environ(), "SETUP_TEST_CHILD="+string(text))
				out, _ := c.CombinedOutput()
				assert.Equal(t, c.ProcessState.Sys().(syscall.WaitStatus).Signal(), syscall.SIGKILL, string(out))

				s := m.setup(t, setupRoot, m.daemon)
				s.Here.State = o.State
				want := before
				if back {
					_, err = s.Rollback(t.Context(), "", apply.Back{})
				} else {
					want = after
					_, err = s.Resume(t.Context(), "")
				}
				assert.NilError(t, err)
				assert.Equal(t, read(t, m.file()), string(want))
				m.keepsNothing(t)
				counter.Check(t)
				if back {
					assert.DeepEqual(t, m.files(t), files)
					return
				}
				_, err = m.docker(gpu...)
				assert.NilError(t, err)
			})
		}
	}
}

// breaking is a systemd under which the engine's first restart fails.
type breaking struct {
	*daemon
	flags []string
}

// Run implements apply.Runner.
func (b *breaking) Run(ctx context.Context, c apply.Command) (apply.Result, error) {
	if c.Argv[0] == "systemctl" && c.Argv[1] == "restart" && b.flags != nil {
		d := *b.daemon
		d.Flags, b.flags = b.flags, nil
		return d.Run(ctx, c)
	}
	return b.daemon.Run(ctx, c)
}
