package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
)

func newSetupApplyCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "apply [OPTIONS] FILE",
		Short: "Carry out a plan that was made before",
		Long: `Carry out a plan that --plan-out wrote. It is refused when the machine has changed
since, or when another plan would be made today.`,
		Args: oneArg("the file of a plan"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.format != "text" && opts.format != "json" {
				return flagError("--format %q is not one of text, json", opts.format)
			}
			return newSetupRun(cli, opts).applyFile(cmd.Context(), args[0])
		},
	}
	opts.ask(cmd, "Show the plan, and do nothing")
	cmd.Flags().StringVar(&opts.format, "format", "text", "Format of the plan: text, json")
	return cmd
}

// oneArg is cobra.ExactArgs(1) in our words.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return seeHelp(cmd, fmt.Sprintf("%q takes %s, but was given %s.", cmd.CommandPath(), what, plural(len(args), "argument")))
	}
}

// ask installs the flags of what asks before it does something.
func (o *setupOptions) ask(cmd *cobra.Command, dryRun string) {
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "Do not ask")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, dryRun)
}

func newSetupRollbackCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "rollback [OPTIONS] [ID]",
		Short: "Take back what a setup did",
		Long: `Take back what a setup did: files, packages and services are as they were before.
Without ID, that is the last one; "docker gpu setup history" lists them.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return nil
			}
			return seeHelp(cmd, fmt.Sprintf("%q takes one ID, but was given %d.", cmd.CommandPath(), len(args)))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			return newSetupRun(cli, opts).rollback(cmd.Context(), id)
		},
	}
	opts.ask(cmd, "Show what would be taken back, and do nothing")
	cmd.Flags().BoolVar(&opts.leave, "leave", false, "Leave alone what others have changed since")
	return cmd
}

// States of runs: one of which nothing is left, and one on its way there.
const (
	rolledBack  = string(apply.RolledBack)
	rollingBack = string(apply.RollingBack)
)

// rollback takes one run back: the last of which something is left, if none is named.
func (r *setupRun) rollback(ctx context.Context, id string) error {
	doer, runs, err := r.runs(ctx)
	if err != nil {
		return err
	}
	i := len(runs) - 1
	for ; i >= 0; i-- {
		if id == runs[i].ID || id == "" && runs[i].State != rolledBack {
			break
		}
	}
	switch {
	case i < 0 && id != "":
		return fmt.Errorf("there was no setup %q: docker gpu setup history lists them", clean(id, 80))
	case i < 0:
		return errors.New("there is no setup to take back")
	case runs[i].State == rolledBack:
		return fmt.Errorf("the setup %s was taken back already", clean(id, 80))
	}
	return r.back(ctx, runs[i:i+1], func() error {
		_, err := doer.Rollback(ctx, runs[i].ID, r.opts.leave)
		return err
	})
}

// uninstall takes all back.
func (r *setupRun) uninstall(ctx context.Context) error {
	doer, runs, err := r.runs(ctx)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(x setupRecord) bool { return x.State == rolledBack })
	if len(runs) == 0 {
		fmt.Fprintln(r.cli.Err(), "There is no setup to take back.")
		return nil
	}
	return r.back(ctx, runs, func() error { return doer.Uninstall(ctx, r.opts.leave) })
}

func (r *setupRun) runs(ctx context.Context) (setupDoer, []setupRecord, error) {
	doer, err := r.doer()
	if err != nil {
		return nil, nil, err
	}
	runs, err := doer.Runs(ctx)
	return doer, runs, err
}

// back says what is taken back, the last step first, asks and does it.
func (r *setupRun) back(ctx context.Context, runs []setupRecord, do func() error) error {
	for _, x := range slices.Backward(runs) {
		r.undoing(r.cli.Out(), x)
	}
	if r.opts.dryRun {
		return nil
	}
	ok, err := confirm(ctx, r.cli, r.opts.yes, fmt.Sprintf("Take %s back?", plural(len(runs), "setup")))
	if err != nil || !ok {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	fmt.Fprintln(r.cli.Err(), "All is as before.")
	return nil
}

// title names a run in a line.
func (x setupRecord) title() string {
	return clean(fmt.Sprintf("Setup %s of %s, %s", x.ID, x.Started.UTC().Format("2006-01-02 15:04"), x.State), width)
}

func (r *setupRun) undoing(w io.Writer, x setupRecord) {
	fmt.Fprintln(w, r.paint.bold(x.title()))
	if x.Plan == nil {
		return
	}
	for _, s := range slices.Backward(x.Plan.Steps) {
		if s.Op.Reboot == nil {
			paragraph(w, "  - ", clean(upperFirst(s.Title), 300)+": "+clean(s.Undo, 200)+".")
		}
	}
}

func newSetupUninstallCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "uninstall [OPTIONS]",
		Short: "Take back all that setups did on this machine, and nothing else",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return newSetupRun(cli, opts).uninstall(cmd.Context())
		},
	}
	opts.ask(cmd, "Show what would be taken back, and do nothing")
	cmd.Flags().BoolVar(&opts.leave, "leave", false, "Leave alone what others have changed since")
	return cmd
}
