package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// asAbove is an answer's host where the answer before it has the same.
const asAbove = "as above"

// explainRun is one run of the command, with what it depends on.
type explainRun struct {
	cli     command.Cli
	format  string
	noFacts bool
	facts   func(ctx context.Context, contextName string) (host.Host, error)
	explain func(text string, h *host.Host, now time.Time) []doctor.Answer
	now     time.Time
	paint   paint
}

func (r *explainRun) do(ctx context.Context, args []string) error {
	text, err := r.text(args)
	if err != nil {
		return err
	}
	var h *host.Host
	if !r.noFacts {
		seen, err := r.facts(ctx, "")
		if err != nil {
			return err
		}
		h = &seen
	}
	answers := r.explain(text, h, r.now)
	if r.format == "json" {
		if answers == nil {
			answers = []doctor.Answer{}
		}
		if err := writeJSON(r.cli.Out(), struct {
			SchemaVersion int             `json:"schemaVersion"`
			Answers       []doctor.Answer `json:"answers"`
		}{1, answers}); err != nil {
			return err
		}
	}
	if len(answers) == 0 {
		return fmt.Errorf("this text is not known: %s\nSee what is wrong with the host: docker gpu doctor", clean(text, 120))
	}
	if r.format == "text" {
		if answers[0].Near {
			fmt.Fprintln(r.cli.Out(), "This text is not known. It resembles what is seen with:")
			fmt.Fprintln(r.cli.Out())
		}
		for i, a := range answers {
			if i > 0 {
				fmt.Fprintln(r.cli.Out())
			}
			if i > 0 && a.Host != "" && a.Host == answers[i-1].Host {
				a.Host, a.Fixes, a.Remedy = asAbove, nil, "" // one cause here, which several texts may come from
			}
			r.print(r.cli.Out(), a)
		}
	}
	if answers[0].Near {
		return cli.StatusError{StatusCode: exitFailed}
	}
	return nil
}

// text is what is to be explained: the arguments, or what comes in on standard input.
func (r *explainRun) text(args []string) (string, error) {
	const most = 64 << 20 // a log; Explain looks at its end
	text := strings.Join(args, " ")
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		if r.cli.In().IsTerminal() {
			return "", usageError{fmt.Errorf("there is nothing to explain: give the text, or pipe it in\nSee 'docker gpu explain --help'")}
		}
		data, err := io.ReadAll(io.LimitReader(r.cli.In(), most))
		if err != nil {
			return "", fmt.Errorf("standard input cannot be read: %w", err)
		}
		text = string(data)
	}
	if strings.TrimSpace(text) == "" {
		return "", usageError{fmt.Errorf("there is nothing to explain: the text is empty")}
	}
	return text, nil
}

func (r *explainRun) print(w io.Writer, a doctor.Answer) {
	head := clean(a.Title, 200)
	switch {
	case a.Matched != "":
		head = clean(a.Matched, 200)
	case !a.Near:
		head = "is told where this does not hold: " + head
	}
	fmt.Fprintln(w, r.paint.bold(a.Code)+"  "+head)
	if a.Cause != "" {
		paragraph(w, "  ", clean(a.Cause, 1000))
	}
	switch {
	case a.Host != "":
		paragraph(w, "  Here:  ", strings.TrimPrefix(clean(a.Host, 600), "on this host: "))
	case r.noFacts:
		paragraph(w, "  Here:  ", "not looked at (--no-facts)")
	}
	switch {
	case len(a.Fixes) > 0 || a.Host == asAbove:
	case a.Remedy != "":
		paragraph(w, "  Fix:   ", clean(a.Remedy, 600))
	case !a.Found:
		paragraph(w, "  Fix:   ", "it depends on the host: run docker gpu doctor there")
	}
	for i, fix := range a.Fixes {
		begin := "  Fix:   "
		if i > 0 {
			begin = "  Or:    "
		}
		if fix.Title != "" {
			paragraph(w, begin, clean(fix.Title, 400)+" ("+disruption(fix.Disruption)+")")
			begin = "         "
		}
		for _, argv := range fix.Argv {
			if fix.Root {
				argv = append([]string{"sudo"}, argv...)
			}
			fmt.Fprintln(w, begin+shellLine(argv))
			begin = "         "
		}
	}
	if a.Link != "" {
		fmt.Fprintln(w, "  See:   "+clean(a.Link, 300))
	}
}

func newExplainCmd(dockerCLI command.Cli) *cobra.Command {
	r := &explainRun{cli: dockerCLI, explain: doctor.Explain}
	cmd := &cobra.Command{
		Use:   "explain [OPTIONS] [TEXT]",
		Short: "Explain an error text of GPU containers",
		Long: `Explain an error text of GPU containers: its cause, whether it is so on this
host, and what mends it. TEXT may also be a code that doctor or smoke names.
Without TEXT, it is read from standard input.

Exit code: 0 it is known, 1 it is not, or only resembles what is.`,
		Example: `  docker gpu explain 'could not select device driver "" with capabilities: [[gpu]]'
  docker gpu explain C001
  docker compose up 2>&1 | docker gpu explain`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.format != "text" && r.format != "json" {
				return flagError("--format %q is not one of text, json", r.format)
			}
			g := newGatherer(dockerCLI)
			g.instead = "--no-facts looks at nothing"
			r.facts, r.now, r.paint = g.facts, time.Now(), paintFor(dockerCLI)
			return r.do(cmd.Context(), args)
		},
	}
	cmd.Flags().StringVar(&r.format, "format", "text", "Format: text, json")
	cmd.Flags().BoolVar(&r.noFacts, "no-facts", false, "Do not look at this host")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
