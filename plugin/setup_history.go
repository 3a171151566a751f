package plugin

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

const historyTable = "table {{.ID}}\t{{.Started}}\t{{.State}}\t{{.Steps}}\t{{.Parts}}"

// historyRow is a line: a run of setup.
type historyRow struct {
	formatter.HeaderContext
	run setupRecord
}

// MarshalJSON is what --format json prints.
func (r *historyRow) MarshalJSON() ([]byte, error) { return formatter.MarshalJSON(r) }

// ID is what rollback takes.
func (r *historyRow) ID() string { return cell(r.run.ID) }

// Started is when it began.
func (r *historyRow) Started() string { return r.run.Started.UTC().Format(time.RFC3339) }

// State is what became of it.
func (r *historyRow) State() string { return cell(r.run.State) }

// Why is what ended it, if not success.
func (r *historyRow) Why() string { return cell(r.run.Why) }

// Steps counts its plan's.
func (r *historyRow) Steps() string {
	if r.run.Plan == nil {
		return absent
	}
	return strconv.Itoa(len(r.run.Plan.Steps))
}

// Parts are those that its plan changed.
func (r *historyRow) Parts() string {
	var names []string
	seen := map[setup.Part]bool{}
	if r.run.Plan != nil {
		for _, s := range r.run.Plan.Steps {
			if !seen[s.Part] {
				seen[s.Part], names = true, append(names, cell(string(s.Part)))
			}
		}
	}
	return lsOr(strings.Join(names, ", "), absent)
}

// history lists the runs, the last first.
func (r *setupRun) history(ctx context.Context) error {
	_, runs, err := r.runs(ctx)
	if err != nil {
		return err
	}
	if err := historyWrite(r.cli.Out(), r.opts.format, r.opts.quiet, runs); err != nil {
		return usageError{fmt.Errorf("--format %q: %w", r.opts.format, err)}
	}
	if len(runs) == 0 {
		fmt.Fprintln(r.cli.Err(), "There was no setup on this machine.")
	}
	return nil
}

func historyWrite(out io.Writer, how string, quiet bool, runs []setupRecord) error {
	format := formatter.Format(how)
	switch {
	case how == formatter.TableFormatKey && quiet:
		format = "{{.ID}}"
	case how == formatter.TableFormatKey || how == "":
		format = historyTable
	}
	empty := &historyRow{}
	empty.Header = formatter.SubHeaderContext{"ID": "ID", "Started": "STARTED", "State": "STATE", "Steps": "STEPS", "Parts": "PARTS", "Why": "WHY"}
	ctx := formatter.Context{Output: out, Format: format}
	return ctx.Write(empty, func(write func(formatter.SubContext) error) error {
		for i := len(runs) - 1; i >= 0; i-- {
			if err := write(&historyRow{run: runs[i]}); err != nil {
				return err
			}
		}
		return nil
	})
}

func newSetupHistoryCmd(cli command.Cli) *cobra.Command {
	opts := &setupOptions{}
	cmd := &cobra.Command{
		Use:   "history [OPTIONS]",
		Short: "List what setups did on this machine",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return newSetupRun(cli, opts).history(cmd.Context()) },
	}
	cmd.Flags().StringVar(&opts.format, "format", formatter.TableFormatKey, `Format of the list: table, json, or a Go template`)
	cmd.Flags().BoolVarP(&opts.quiet, "quiet", "q", false, "Show the IDs only")
	return cmd
}
