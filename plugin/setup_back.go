package plugin

import (
	"context"
	"fmt"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
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
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "Do not ask")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "Show the plan, and do nothing")
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
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "Do not ask")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "Show what would be taken back, and do nothing")
	return cmd
}

func (r *setupRun) rollback(ctx context.Context, id string) error {
	doer, err := r.doer()
	if err != nil {
		return err
	}
	question := "Take the last setup back?"
	if id != "" {
		question = fmt.Sprintf("Take the setup %s back?", clean(id, 80))
	}
	return r.back(ctx, question, func(dryRun bool) error { return doer.Rollback(ctx, id, dryRun) })
}

// back shows what would be taken back, asks and does it.
func (r *setupRun) back(ctx context.Context, question string, do func(dryRun bool) error) error {
	if err := do(true); err != nil || r.opts.dryRun {
		return err
	}
	ok, err := confirm(ctx, r.cli, r.opts.yes, question)
	if err != nil || !ok {
		return err
	}
	return do(false)
}

func newSetupHistoryCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "history [OPTIONS]",
		Short: "List what setups did on this machine",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.format != "table" && opts.format != "json" {
				return flagError("--format %q is not one of table, json", opts.format)
			}
			r := newSetupRun(cli, opts)
			doer, err := r.doer()
			if err != nil {
				return err
			}
			return doer.History(cmd.Context(), cli.Out(), opts.format)
		},
	}
	cmd.Flags().StringVar(&opts.format, "format", "table", "Format of the list: table, json")
	return cmd
}

func newSetupUninstallCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "uninstall [OPTIONS]",
		Short: "Take back all that setups did on this machine, and nothing else",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := newSetupRun(cli, opts)
			doer, err := r.doer()
			if err != nil {
				return err
			}
			return r.back(cmd.Context(), "Take all setups back?", func(dryRun bool) error { return doer.Uninstall(cmd.Context(), dryRun) })
		},
	}
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "Do not ask")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "Show what would be taken back, and do nothing")
	return cmd
}
