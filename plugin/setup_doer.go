package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// carrier carries plans out on this machine.
type carrier struct {
	*apply.Setup
	proof func() *proof
}

// newSetupDoer joins what makes steps with what only a command knows: the engine, the
// user's terminal, and how a result is proven.
func newSetupDoer(cli command.Cli, opts *setupOptions) (setupDoer, error) {
	here, err := newMachine(cli)
	if err != nil {
		return nil, err
	}
	here.Tell = teller{cli.Err()}.tell
	here.Ask = func(ctx context.Context, question string) (bool, error) { return confirm(ctx, cli, opts.yes, question) }
	s := &apply.Setup{Here: here}
	if here.Whose != apply.All {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("this program cannot be found, and root is to start it: %w", err)
		}
		s.Root = &apply.Helper{Start: apply.Elevate(self, cli.Err()), Tell: here.Tell, Ask: here.Ask}
	}
	return carrier{s, func() *proof { return newProof(cli) }}, nil
}

// newMachine is this machine with what edits its files and asks its engine.
func newMachine(cli command.Cli) (*apply.Machine, error) {
	m, err := apply.Here()
	if err != nil {
		return nil, err
	}
	g := newGatherer(cli)
	m.EditDaemon, m.RevertDaemon = daemonjson.Apply, daemonjson.Revert
	m.EditHooks = func(text []byte, enable bool) ([]byte, error) {
		return (&hooksRun{cli: cli, client: engine.ClientVersion, enabled: enable}).edit(context.Background(), text)
	}
	m.Engine = func(ctx context.Context) (*apply.Engine, error) { return g.running(ctx) }
	return m, nil
}

// running is what an engine must not lose.
func (g *gatherer) running(ctx context.Context) (*apply.Engine, error) {
	e, err := g.open("")
	if err != nil {
		return nil, err
	}
	defer e.API.Close()
	facts := e.Facts(ctx)
	if facts.Version == "" {
		return nil, errors.New(facts.Error)
	}
	names, err := e.Running(ctx)
	if err != nil {
		return nil, err
	}
	return &apply.Engine{Running: names, Runtimes: slices.Sorted(maps.Keys(facts.Runtimes)), Store: facts.Store, LiveRestore: facts.LiveRestore}, nil
}

// Apply implements setupDoer.
func (c carrier) Apply(ctx context.Context, plan *setup.Plan) (string, error) {
	c.prove(plan)
	return c.Setup.Apply(ctx, plan)
}

// prove has a plan's result proven, against how the machine is now.
func (c carrier) prove(plan *setup.Plan) {
	proof := c.proof()
	c.Verify = func(ctx context.Context) error { return proof.prove(ctx, plan) }
}

// Resume implements setupDoer.
func (c carrier) Resume(ctx context.Context, id string) (string, error) {
	runs, err := c.Setup.Runs(ctx)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(runs, func(r apply.Run) bool { return r.ID == id }); i >= 0 {
		c.prove(runs[i].Plan)
	}
	return c.Setup.Resume(ctx, id)
}

// Rollback implements setupDoer.
func (c carrier) Rollback(ctx context.Context, id string, leave bool) (string, error) {
	return c.Setup.Rollback(ctx, id, apply.Back{Leave: leave})
}

// Uninstall implements setupDoer.
func (c carrier) Uninstall(ctx context.Context, leave bool) error {
	return c.Setup.Uninstall(ctx, apply.Back{Leave: leave})
}

// Runs implements setupDoer. What root has done is in a journal of root's, so a user becomes
// root for it.
func (c carrier) Runs(ctx context.Context) (out []setupRecord, err error) {
	runs, err := c.Setup.Runs(ctx)
	for _, r := range runs {
		out = append(out, setupRecord{ID: r.ID, State: string(r.State), Started: r.Started, Ended: r.Ended, Plan: r.Plan, Why: r.Why, Open: r.Open()})
	}
	return out, err
}

// teller writes what happens as lines of talk.
type teller struct{ w io.Writer }

func (t teller) tell(e apply.Event) {
	text := clean(e.Text, 400)
	switch e.Kind {
	case apply.Started:
		fmt.Fprintln(t.w, "+ "+text)
	case apply.Undoing:
		fmt.Fprintln(t.w, "- "+text)
	case apply.Skipped:
		fmt.Fprintln(t.w, "= "+clean(e.Step, 60)+": "+text)
	case apply.Waiting, apply.Note:
		fmt.Fprintln(t.w, "  "+text)
	case apply.Program:
		if e.Code != 0 {
			fmt.Fprintf(t.w, "  `%s` ended with exit code %d\n", shellLine(e.Argv), e.Code)
		}
	}
}

// newSetupHelperCmd is what root runs for a setup of a user's: typed operations come in on
// standard input, what happens goes out on standard output.
func newSetupHelperCmd(cli command.Cli) *cobra.Command {
	return &cobra.Command{
		Use: apply.HelperCommand, Short: "Make the steps of a setup that need root", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveSetup(cmd.Context(), cli, os.Geteuid()) },
	}
}

func serveSetup(ctx context.Context, cli command.Cli, uid int) error {
	if uid != 0 {
		return errors.New("this is started by docker gpu setup, as root")
	}
	m, err := newMachine(cli)
	if err != nil {
		return err
	}
	return apply.Serve(ctx, cli.In(), cli.Out(), *m)
}
