package plugin

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

type lsOptions struct {
	format     string
	quiet      bool
	noTrunc    bool
	engineOnly bool
}

// lsDeps are what the command works with; tests hand in hosts.
type lsDeps struct {
	facts    func(context.Context) (*host.Host, error)
	out, err io.Writer
}

const lsExamples = `  # The GPUs, and who uses them
  docker gpu ls

  # Their UUIDs, for --gpus device=UUID
  docker gpu ls -q

  # What a script needs
  docker gpu ls --format '{{.Index}} {{.MemoryUsed}} {{.UsedBy}}'`

func newLsCmd(dockerCLI command.Cli) *cobra.Command {
	var opts lsOptions
	cmd := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list"},
		Short:   "List the GPUs and who uses them",
		Example: lsExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runLs(cmd.Context(), lsDeps{lsFacts(dockerCLI, opts.engineOnly), dockerCLI.Out(), dockerCLI.Err()}, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.format, "format", formatter.TableFormatKey, `Format output: "table", "table TEMPLATE", "json" or a Go template`)
	flags.BoolVarP(&opts.quiet, "quiet", "q", false, "Only display UUIDs")
	flags.BoolVar(&opts.noTrunc, "no-trunc", false, "Don't shorten UUIDs, names and lists of users")
	flags.BoolVar(&opts.engineOnly, "engine-only", false, engineOnlyUsage)
	return cmd
}

// lsFacts are the facts of the current context's machine: another machine's GPUs are never
// told from this one's.
func lsFacts(dockerCLI command.Cli, engineOnly bool) func(context.Context) (*host.Host, error) {
	return func(ctx context.Context) (*host.Host, error) {
		g := newGatherer(dockerCLI)
		g.engineOnly = engineOnly
		h, err := g.facts(ctx, "")
		if err != nil {
			return nil, err
		}
		return &h, lsUnseen(&h)
	}
}

// lsUnseen says why nobody knows the GPUs of a machine elsewhere, if that is so.
func lsUnseen(h *host.Host) error {
	switch why := h.Unread["local"]; {
	case h.Local, why == "" && h.Engine.Kind != "desktop", len(h.GPUs) > 0 && h.Engine.Kind != "desktop":
		return nil
	case why != "":
		return fmt.Errorf("the engine of context %q is not on this machine (%s): %s; run docker gpu ls there", cell(h.Context), cell(h.Engine.Endpoint), cell(why))
	}
	return fmt.Errorf("the engine of context %q is not on this machine (%s): run docker gpu ls there", cell(h.Context), cell(h.Engine.Endpoint))
}

func runLs(ctx context.Context, deps lsDeps, opts lsOptions) error {
	h, err := deps.facts(ctx)
	if err != nil {
		return err
	}
	opts.noTrunc = opts.noTrunc || opts.quiet // --gpus device= and CDI want whole UUIDs
	rows := lsRows(h, !opts.noTrunc)
	if opts.quiet {
		// A GPU that is lost may have no UUID that is known.
		kept := rows[:0]
		for _, r := range rows {
			if r.gpu.UUID != "" {
				kept = append(kept, r)
			}
		}
		rows = kept
	}
	var list bytes.Buffer // the formatter keeps to itself what it cannot write
	if err := lsWrite(&list, opts, rows); err != nil {
		return usageError{fmt.Errorf("--format %q: %w", opts.format, err)}
	}
	if _, err := list.WriteTo(deps.out); err != nil {
		return fmt.Errorf("the list cannot be written: %w", err)
	}
	lsTalk(deps.err, h)
	return nil
}

// lsTalk says what the table cannot: that there is none, what is lost, what was not read.
func lsTalk(w io.Writer, h *host.Host) {
	why := cell(h.Unread["nvml"])
	switch {
	case len(h.GPUs) > 0:
		if why != "" {
			fmt.Fprintf(w, "Not all could be read: %s\n", why)
		}
	case why != "":
		fmt.Fprintf(w, "No GPU can be listed: %s\n", why)
	case h.Driver.Version == "":
		fmt.Fprintln(w, "No NVIDIA GPU is listed: no NVIDIA driver is loaded. `docker gpu doctor` looks for the cause.")
	default:
		fmt.Fprintf(w, "No NVIDIA GPU is listed: driver %s is loaded and finds none. `docker gpu doctor` looks for the cause.\n", cell(h.Driver.Version))
	}
	for _, g := range h.GPUs {
		if g.Lost {
			fmt.Fprintf(w, "GPU %d (%s) is lost: the driver lists it and cannot reach it. `docker gpu doctor` says what to do.\n", g.Index, cell(lsOr(g.PCI, "address unknown")))
		}
	}
}
