package plugin

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// step is a fix that --fix makes, and what it mends.
type step struct {
	codes []string
	fix   doctor.Fix
}

// steps are the first safe fix of each finding, each once: several findings may have one
// cause and one fix.
func steps(j *judgement) (out []step) {
	for _, f := range j.Findings {
		i := slices.IndexFunc(f.Fixes, func(x doctor.Fix) bool {
			return x.Safe && len(x.Argv) > 0 && (x.Disruption == doctor.None || x.Disruption == doctor.Reload)
		})
		if i < 0 {
			continue
		}
		fix := f.Fixes[i]
		same := slices.IndexFunc(out, func(s step) bool { return slices.EqualFunc(s.fix.Argv, fix.Argv, slices.Equal[[]string]) })
		if same < 0 {
			out = append(out, step{[]string{f.Code}, fix})
		} else if !slices.Contains(out[same].codes, f.Code) {
			out[same].codes = append(out[same].codes, f.Code)
		}
	}
	return out
}

// mend makes the safe fixes after asking. It says whether anything was done, so that the
// host has to be examined again; one that fails ends it.
func (r *doctorRun) mend(ctx context.Context, j *judgement) (done bool, err error) {
	w := r.cli.Err()
	todo := steps(j)
	if len(todo) == 0 {
		if errs, warnings, _ := j.counts(); errs+warnings > 0 {
			fmt.Fprintln(w, "Nothing of it can be mended without a restart or a decision: see the report.")
		}
		return false, nil
	}
	if !j.host.Local {
		return false, fmt.Errorf("--fix mends this machine, and the engine of context %q is not on it: run docker gpu doctor --fix there", clean(j.host.Context, 80))
	}
	fmt.Fprintln(w, "To mend what takes no restart:")
	for _, s := range todo {
		paragraph(w, "  ", fmt.Sprintf("%s: %s (%s)", s.named(), clean(s.fix.Title, 300), disruption(s.fix.Disruption)))
		for _, line := range r.lines(j, s.fix.Argv, s.fix.Root) {
			fmt.Fprintln(w, "    "+line)
		}
	}
	if r.opts.dryRun {
		fmt.Fprintln(w, "Nothing was done (--dry-run).")
		return false, nil
	}
	ok, err := confirm(ctx, r.cli, r.opts.yes, fmt.Sprintf("Run %s?", plural(len(todo), "fix")))
	if err != nil || !ok {
		return false, err
	}
	for _, s := range todo {
		for i, argv := range s.fix.Argv {
			if s.fix.Root && !r.root {
				argv = append([]string{"sudo"}, argv...)
			}
			fmt.Fprintln(w, "+ "+shellLine(argv))
			if err := r.run(ctx, argv); err != nil {
				return true, r.failed(s, i, argv, err)
			}
		}
	}
	fmt.Fprintln(w)
	return true, nil
}

func (s step) named() string {
	text := s.codes[0]
	for _, c := range s.codes[1:] {
		text += ", " + c
	}
	return text
}

// failed names the command that failed and what takes back those before it.
func (r *doctorRun) failed(s step, i int, argv []string, err error) error {
	text := fmt.Sprintf("%s was not mended: `%s` failed: %v", s.named(), shellLine(argv), err)
	if errors.Is(err, exec.ErrNotFound) {
		text = fmt.Sprintf("%s was not mended: there is no %s here; run `%s` as root", s.named(), argv[0], shellLine(s.fix.Argv[i]))
	}
	if i > 0 && len(s.fix.Undo) > 0 {
		text += "\nWhat was done before it is taken back by:"
		for _, undo := range s.fix.Undo {
			text += "\n  " + shellLine(undo)
		}
	}
	return errors.New(text)
}

// command runs a fix's command as it is, without a shell. What it prints is shown where it
// fails, or with -v: nvidia-ctk writes a line for each file that it takes. sudo asks for a
// password on the terminal itself.
func (r *doctorRun) command(ctx context.Context, argv []string) (err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	said := &bounded.Writer{Most: 1 << 20}
	cmd.Stdout, cmd.Stderr = said, said
	defer func() {
		if err != nil || r.opts.verbose {
			_, _ = r.cli.Err().Write(said.Bytes())
		}
	}()
	if in, ok := r.cli.In().File(); ok {
		cmd.Stdin = in // sudo asks for a password
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd.Run()
}
