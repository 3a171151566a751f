package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// setupDoer carries plans out and takes them back. What it makes has an id.
type setupDoer interface {
	// Apply makes the steps of a plan; the id is "" where all were made already.
	Apply(ctx context.Context, plan *setup.Plan) (id string, err error)
	// Resume goes on with a run that was interrupted, by a restart of the machine as a rule.
	Resume(ctx context.Context, id string) (string, error)
	// Rollback takes a run back, the last one if id is empty. With leave, what others have
	// changed since stays; without, it is an error.
	Rollback(ctx context.Context, id string, leave bool) (string, error)
	// Uninstall takes all runs back, the last first.
	Uninstall(ctx context.Context, leave bool) error
	// Runs are all that there were, the first first.
	Runs(ctx context.Context) ([]setupRecord, error)
}

// setupRecord is a run that there was.
type setupRecord struct {
	ID      string
	State   string // "done", "rolled back", …
	Started time.Time
	Ended   time.Time
	Plan    *setup.Plan
	Why     string // what ended it, if not success
	Open    bool   // it was cut off, or waits
}

// setupRun is one run of the command, with what it depends on.
type setupRun struct {
	cli   command.Cli
	opts  *setupOptions
	facts func(ctx context.Context, contextName string) (host.Host, error)
	doer  func() (setupDoer, error)
	// fates are what a stop of Docker does to the containers that run.
	fates func(ctx context.Context) ([]engine.Fate, error)
	// edit is a daemon.json with edits made, for the diff.
	edit  func(text []byte, edits []setup.Edit) ([]byte, error)
	root  bool   // this process may do what root may
	sudo  bool   // it is root on behalf of another user
	owner string // the Docker client's configuration
	now   time.Time
	paint paint
}

func newSetupRun(cli command.Cli, opts *setupOptions) *setupRun {
	g := newGatherer(cli)
	return &setupRun{
		cli: cli, opts: opts, facts: g.facts, fates: g.fates, doer: func() (setupDoer, error) { return newSetupDoer(cli, opts) }, edit: daemonjson.Apply,
		root: os.Geteuid() == 0, sudo: os.Geteuid() == 0 && os.Getenv("SUDO_USER") != "", owner: cli.ConfigFile().GetFilename(), now: time.Now(), paint: paintFor(cli),
	}
}

// do plans, shows, asks and applies.
func (r *setupRun) do(ctx context.Context) error {
	if r.opts.resume {
		return r.resume(ctx)
	}
	h, err := r.host(ctx)
	if err != nil {
		return err
	}
	wishes, err := r.wishes()
	if err != nil {
		return err
	}
	plan, err := setup.Make(&h, wishes, r.now)
	if err != nil {
		return err
	}
	if err := r.show(ctx, &h, plan); err != nil {
		return err
	}
	if err := r.write(plan); err != nil {
		return err
	}
	if r.opts.dryRun || r.opts.replay != "" || r.opts.planOut != "" || len(plan.Steps) == 0 {
		return nil
	}
	return r.apply(ctx, &h, plan)
}

// applyFile applies a plan that was made before, if the same one would be made now: what
// runs as root is planned by this program, whoever wrote the file.
func (r *setupRun) applyFile(ctx context.Context, file string) error {
	plan, err := readPlan(file)
	if err != nil {
		return err
	}
	h, err := r.host(ctx)
	if err != nil {
		return err
	}
	if facts := setup.Facts(&h); facts != plan.Facts {
		return fmt.Errorf("%s was made for other facts than this machine has now (%.12s, and now %.12s): make a new plan", file, clean(plan.Facts, 64), facts)
	}
	again, err := setup.Make(&h, plan.Wishes, r.now)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if id := setup.Difference(plan, again); id != "" {
		return fmt.Errorf("%s has a step that would not be planned now (%s): it was changed, or made by another version of docker gpu; make a new plan", file, clean(id, 80))
	}
	if err := r.show(ctx, &h, plan); err != nil || len(plan.Steps) == 0 || r.opts.dryRun {
		return err
	}
	return r.apply(ctx, &h, plan)
}

func (r *setupRun) apply(ctx context.Context, h *host.Host, plan *setup.Plan) error {
	if r.opts.yes && h.Engine.Running > 0 && !plan.Wishes.AllowRestart && restarts(plan) {
		return fmt.Errorf("the plan restarts Docker while %s, and -y alone does not consent to that: say --allow-restart too, or --skip runtime", map[bool]string{true: "a container runs", false: "containers run"}[h.Engine.Running == 1])
	}
	doer, err := r.doer()
	if err != nil {
		return err
	}
	ok, err := confirm(ctx, r.cli, r.opts.yes, fmt.Sprintf("Make %s?", plural(len(plan.Steps), "step")))
	if err != nil || !ok {
		return err
	}
	return r.made(doer.Apply(ctx, plan))
}

// made says where what was done is kept.
func (r *setupRun) made(id string, err error) error {
	if err == nil && id != "" {
		fmt.Fprintf(r.cli.Err(), "Done: `docker gpu setup rollback %s` takes it back.\n", clean(id, 80))
	}
	return err
}

// restarts says whether a plan restarts Docker, if only for a moment.
func restarts(plan *setup.Plan) bool {
	return slices.ContainsFunc(plan.Steps, func(s setup.Step) bool { return s.Disruption == doctor.Restart })
}

// resume goes on with the last run that was cut off or waits, in the direction that it had.
func (r *setupRun) resume(ctx context.Context) error {
	doer, runs, err := r.runs(ctx)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(x setupRecord) bool { return !x.Open })
	if len(runs) == 0 {
		return errors.New("there is no setup to go on with")
	}
	last := runs[len(runs)-1]
	fmt.Fprintln(r.cli.Err(), last.title())
	ok, err := confirm(ctx, r.cli, r.opts.yes, "Go on with it?")
	if err != nil || !ok {
		return err
	}
	id, err := doer.Resume(ctx, last.ID)
	if err == nil && last.State == rollingBack {
		fmt.Fprintln(r.cli.Err(), "All is as before.")
		return nil
	}
	return r.made(id, err)
}

func (r *setupRun) host(ctx context.Context) (host.Host, error) {
	if r.opts.replay != "" {
		return replayed(r.opts.replay)
	}
	return r.facts(ctx, "")
}

func newSetupCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "setup [OPTIONS]",
		Short: "Bring a machine from bare metal to working GPU containers",
		Long: `Bring a machine from bare metal to working GPU containers: driver, Docker, NVIDIA
Container Toolkit, and how Docker comes by GPUs. It shows what it would do and
why, asks, does it, and can take it back.

It never restarts Docker under running containers unless they stay up or
--allow-restart consents, and never restarts the machine. What is right already
stays as it is; a second run does nothing.

Parts, for --only and --skip: driver, docker, toolkit, runtime, swarm, hooks, hold.`,
		Example: `  # What would be done here?
  docker gpu setup --dry-run

  # Do it
  docker gpu setup

  # Only the toolkit and how Docker uses it
  docker gpu setup --skip driver,docker

  # Plan now, apply later
  docker gpu setup --plan-out plan.json
  docker gpu setup apply plan.json

  # Without a network
  docker gpu setup --offline /media/packages`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.check(cmd.Flags()); err != nil {
				return err
			}
			return newSetupRun(cli, opts).do(cmd.Context())
		},
	}
	cmd.SuggestionsMinimumDistance = 2 // as in a group: two letters swapped
	opts.install(cmd)
	cmd.AddCommand(newSetupApplyCmd(cli), newSetupRollbackCmd(cli), newSetupHistoryCmd(cli), newSetupUninstallCmd(cli))
	return cmd
}
