package plugin

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// contextPatience bounds what is waited for one context among many.
const contextPatience = 10 * time.Second

// outcome is a row: a judged host, or why it could not be judged.
type outcome struct {
	Context string `json:"context"`
	*judgement
	Error string `json:"error,omitempty"`
}

// many examines the hosts of several contexts side by side and prints one table.
func (r *doctorRun) many(ctx context.Context, chosen selection, ignore []ignoreRule) error {
	names, err := r.contextNames()
	if err != nil {
		return err
	}
	rows := r.examine(ctx, names, contextPatience, chosen, ignore)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.printMany(rows); err != nil {
		return err
	}
	return r.verdict(worst(rows))
}

// contextNames are those asked for, each once; one that does not exist is refused.
func (r *doctorRun) contextNames() ([]string, error) {
	known, err := engine.Contexts(r.cli.ContextStore())
	if err != nil {
		return nil, err
	}
	if r.opts.allContexts {
		return known, nil
	}
	var names []string
	for _, name := range r.opts.contexts {
		if !slices.Contains(known, name) {
			return nil, flagError("--contexts: %w%s", &engine.UnknownContextError{Name: clean(name, 80), Known: known}, didYouMean(name, known))
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// examine waits for each context no longer than patience, also where what is below it
// does not end when it is told to.
func (r *doctorRun) examine(parent context.Context, names []string, patience time.Duration, chosen selection, ignore []ignoreRule) []outcome {
	rows := make([]outcome, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(parent, patience)
			defer cancel()
			type answer struct {
				host host.Host
				err  error
			}
			done := make(chan answer, 1)
			go func() {
				h, err := r.facts(ctx, name)
				done <- answer{h, err}
			}()
			var a answer
			select {
			case a = <-done:
			case <-ctx.Done():
				a.err = fmt.Errorf("no answer within %s", patience)
				if parent.Err() != nil { // interrupted: what was started there is removed first
					select {
					case <-done:
					case <-time.After(removal):
					}
				}
			}
			rows[i] = outcome{Context: name}
			switch {
			case a.err != nil:
				rows[i].Error = clean(a.err.Error(), 300)
			case a.host.Engine.Version == "" && !a.host.Local:
				rows[i].Error = clean(a.host.Engine.Error, 300)
			default:
				rows[i].judgement = r.judge(a.host, chosen, ignore)
				rows[i].judgement.Context = name
			}
		})
	}
	all.Wait()
	return rows
}

// worst is the severity of the worst row; a host that does not answer is an error.
func worst(rows []outcome) (s doctor.Severity) {
	for _, row := range rows {
		of := doctor.Error
		if row.judgement != nil {
			of = row.Worst()
		}
		if of != "" && (s == "" || rank(of) < rank(s)) {
			s = of
		}
	}
	return s
}

func (r *doctorRun) printMany(rows []outcome) error {
	w := r.cli.Out()
	switch r.opts.format {
	case "json":
		return writeJSON(w, struct {
			SchemaVersion int       `json:"schemaVersion"`
			Contexts      []outcome `json:"contexts"`
		}{1, rows})
	case "junit":
		return writeJUnit(w, rows)
	case "markdown":
		for i, row := range rows {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if row.judgement == nil {
				fmt.Fprintf(w, "### docker gpu doctor\n\ncontext %s cannot be examined: %s\n", markdown(clean(row.Context, 60)), markdown(row.Error))
				continue
			}
			if err := writeMarkdown(w, row.judgement); err != nil {
				return err
			}
		}
		return nil
	}
	return r.table(w, rows)
}

// table has a row for each context, with its first and worst finding.
func (r *doctorRun) table(out io.Writer, rows []outcome) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CONTEXT\tENGINE\tGPUS\tSTATE\tFIRST FINDING")
	for _, row := range rows {
		engine, gpus, state, first := "-", "-", "unreachable", row.Error
		if j := row.judgement; j != nil {
			if v := j.host.Engine.Version; v != "" {
				engine = clean(v, 20)
			}
			gpus, state, first = gpuCount(j.host), "ok", ""
			errors, warnings, _ := j.counts()
			switch {
			case errors > 0:
				state = plural(errors, "error")
			case warnings > 0:
				state = plural(warnings, "warning")
			}
			if errors+warnings > 0 {
				first = j.Findings[0].Code + " " + j.Findings[0].Summary
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", clean(row.Context, 30), engine, gpus, state, clean(first, 60))
	}
	_ = w.Flush()
	for line := range strings.Lines(b.String()) { // the last column is empty where all is well
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// looked says whether the engine's machine was looked at for GPUs, here or by containers there.
func looked(h *host.Host) bool {
	return h.Local || h.Kernel.Release != "" && h.Unread["local"] == "" && h.Unread["nvml"] == "" && h.Engine.Kind != "desktop"
}

// gpuCount is the number of GPUs: of the machine where it was looked at, else of the
// numbered CDI devices; "-" where neither tells.
func gpuCount(h *host.Host) string {
	if len(h.GPUs) > 0 || h.Unread["nvml"] == "" && looked(h) {
		return fmt.Sprint(len(h.GPUs))
	}
	n := 0
	for _, d := range h.Engine.CDIDevices {
		if name, ok := strings.CutPrefix(d, "nvidia.com/gpu="); ok && strings.Trim(name, "0123456789") == "" {
			n++
		}
	}
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
