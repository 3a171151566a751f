package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
)

// below is where the text of a finding stands.
const below = "         "

// headline tells what is wrong.
func (r *doctorRun) headline(w io.Writer, f doctor.Finding) {
	word, colour := "ERROR", r.paint.red
	switch f.Severity {
	case doctor.Warning:
		word, colour = "WARNING", r.paint.yellow
	case doctor.Note:
		word, colour = "NOTE", r.paint.faint
	}
	var b strings.Builder
	paragraph(&b, fmt.Sprintf("%-7s  ", word), f.Code+" "+clean(f.Summary, 400))
	text := b.String()
	fmt.Fprint(w, colour(text[:len(word)])+text[len(word):])
}

// sameCause says that two findings differ in what they were found on only.
func sameCause(a, b doctor.Finding) bool {
	same := func(x, y doctor.Fix) bool {
		return x.Title == y.Title && slices.EqualFunc(x.Argv, y.Argv, slices.Equal)
	}
	return a.Code == b.Code && a.Cause == b.Cause && slices.EqualFunc(a.Fixes, b.Fixes, same)
}

// finding tells one: what is wrong, why, and the one command that mends it.
func (r *doctorRun) finding(w io.Writer, j *judgement, f doctor.Finding) {
	r.headline(w, f)
	if f.Severity == doctor.Note && !r.opts.verbose {
		return
	}
	if f.Cause != "" {
		paragraph(w, below, clean(f.Cause, 1000))
	}
	if r.opts.verbose {
		for _, e := range f.Evidence {
			paragraph(w, below+"Seen:  ", clean(e.Source, 100)+": "+clean(e.Text, 500))
		}
	}
	fixes := f.Fixes
	if !r.opts.verbose && len(fixes) > 1 {
		fixes = fixes[:1]
	}
	for _, fix := range fixes {
		r.fix(w, j, fix)
	}
	if r.opts.verbose && f.Link != "" {
		fmt.Fprintln(w, below+"See:   "+clean(f.Link, 300))
	}
	first := slices.IndexFunc(j.Findings, func(o doctor.Finding) bool { return o.Code == f.Code })
	if n := j.hidden(f.Code); n > 0 && j.Findings[first].Summary == f.Summary { // the first of several tells it
		verb := "were"
		if n == 1 {
			verb = "was"
		}
		paragraph(w, below, fmt.Sprintf("Because of it, %s %s not made.", plural(n, "check"), verb))
	}
}

// fix tells how to mend something: commands stand whole on a line of their own, for copying.
func (r *doctorRun) fix(w io.Writer, j *judgement, fix doctor.Fix) {
	lines := r.lines(j, fix.Argv, fix.Root)
	begin := below + "Fix:   "
	if len(lines) == 0 {
		text := clean(fix.Title, 400)
		if fix.Disruption != doctor.None && fix.Disruption != "" {
			text += " (" + disruption(fix.Disruption) + ")"
		}
		paragraph(w, begin, text)
		return
	}
	if r.opts.verbose && fix.Title != "" {
		paragraph(w, begin, clean(fix.Title, 400)+" ("+disruption(fix.Disruption)+")")
		begin = below + "       "
	}
	for _, line := range lines {
		fmt.Fprintln(w, begin+r.paint.bold(line))
		begin = below + "       "
	}
	if !r.opts.verbose {
		if d := disruption(fix.Disruption); fix.Disruption != doctor.None && fix.Disruption != "" {
			paragraph(w, begin, "("+d+")")
		}
		return
	}
	for i, line := range r.lines(j, fix.Undo, fix.Root) {
		begin := below + "       "
		if i == 0 {
			begin = below + "Undo:  "
		}
		fmt.Fprintln(w, begin+line)
	}
}

// lines are commands as they are typed, with sudo where only root may and this is not root.
func (r *doctorRun) lines(j *judgement, commands [][]string, root bool) (out []string) {
	for _, argv := range commands {
		if len(argv) == 0 {
			continue
		}
		if root && !(r.root && j.host.Local && r.opts.replay == "") {
			argv = append([]string{"sudo"}, argv...)
		}
		out = append(out, shellLine(argv))
	}
	return out
}

func disruption(d doctor.Disruption) string {
	switch d {
	case doctor.Reload:
		return "a daemon reloads its configuration; nothing stops"
	case doctor.Restart:
		return "restarts Docker or programs that use the GPU"
	case doctor.Reboot:
		return "takes effect with a reboot"
	}
	return "nothing stops"
}

// rest tells with -v what was not found wrong, and what was not checked.
func (r *doctorRun) rest(w io.Writer, j *judgement) {
	titles := map[string]string{}
	for _, c := range j.checks {
		titles[c.Code] = c.Title
	}
	section := func(title string, n int) {
		if n > 0 {
			fmt.Fprintf(w, "\n%s\n", r.paint.bold(title))
		}
	}
	section("Passed", len(j.Passed))
	for _, code := range j.Passed {
		paragraph(w, "  "+code+"  ", clean(titles[code], 300))
	}
	section("Not made, because of a cause above", len(j.Hidden))
	for _, h := range j.Hidden {
		paragraph(w, "  "+h.Code+"  ", clean(titles[h.Code], 300)+" (because of "+h.Because+")")
	}
	section("Could not be made", len(j.Unread))
	for _, u := range j.Unread {
		paragraph(w, "  "+u.Code+"  ", clean(titles[u.Code], 300)+": "+clean(u.Why, 300))
	}
	section("Not made, for want of what they are about", len(j.Absent))
	if len(j.Absent) > 0 {
		paragraph(w, "  ", strings.Join(j.Absent, ", "))
	}
}
