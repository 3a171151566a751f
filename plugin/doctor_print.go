package plugin

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// print writes a judgement in the format that was asked for.
func (r *doctorRun) print(j *judgement) error {
	switch r.opts.format {
	case "json":
		return writeJSON(r.cli.Out(), j)
	case "junit":
		return writeJUnit(r.cli.Out(), []outcome{{judgement: j}})
	case "markdown":
		return writeMarkdown(r.cli.Out(), j)
	}
	var b strings.Builder
	r.text(&b, j)
	_, err := io.WriteString(r.cli.Out(), b.String())
	return err
}

// text is the report for people: what was looked at, what is right, what is wrong.
func (r *doctorRun) text(w io.Writer, j *judgement) {
	paragraph(w, "", "docker gpu doctor: "+subject(j.host))
	fmt.Fprintln(w)
	r.groups(w, j)
	r.findings(w, j)
	if r.opts.verbose {
		r.rest(w, j)
	}
	fmt.Fprintln(w)
	r.aside(w, j)
	r.summary(w, j)
}

// findings are all of them, each below an empty line.
func (r *doctorRun) findings(w io.Writer, j *judgement) {
	for i, f := range j.Findings {
		if !r.opts.verbose && i > 0 && (f.Severity == doctor.Note && j.Findings[i-1].Severity == doctor.Note || sameCause(j.Findings[i-1], f)) {
			r.headline(w, f) // the same of another GPU; notes of one line each
			continue
		}
		fmt.Fprintln(w)
		r.finding(w, j, f)
	}
}

// subject names the host in a few words.
func subject(h *host.Host) string {
	var parts []string
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, clean(value, 60)))
		}
	}
	add("context %s", h.Context)
	add("%s", gpuNames(h))
	add("driver %s", h.Driver.Version)
	switch format := map[string]string{"podman": "Podman %s", "desktop": "Docker Desktop, engine %s", "snap": "Docker (snap) %s"}[h.Engine.Kind]; {
	case h.Engine.Version == "":
		parts = append(parts, "no engine answers")
	case format != "":
		add(format, h.Engine.Version)
	default:
		add("Docker %s", h.Engine.Version)
	}
	return strings.Join(parts, ", ")
}

// gpuNames counts the GPUs by name: "8 × NVIDIA H200".
func gpuNames(h *host.Host) string {
	var names []string
	count := map[string]int{}
	for _, g := range h.GPUs {
		name := cmp.Or(clean(g.Name, 40), "GPU")
		if count[name] == 0 {
			names = append(names, name)
		}
		count[name]++
	}
	for i, name := range names {
		if count[name] > 1 {
			names[i] = fmt.Sprintf("%d × %s", count[name], name)
		}
	}
	if len(names) == 0 && looked(h) {
		return "no GPU seen"
	}
	return strings.Join(names, " and ")
}

// groups tells in one line for each group what came of it.
func (r *doctorRun) groups(w io.Writer, j *judgement) {
	for _, g := range groups {
		of := map[string]bool{}
		for _, c := range j.checks {
			if c.Group == g {
				of[c.Code] = true
			}
		}
		if len(of) == 0 {
			continue
		}
		var errors, warnings, notes int
		for _, f := range j.Findings {
			if f.Group == g && of[f.Code] {
				switch f.Severity {
				case doctor.Error:
					errors++
				case doctor.Warning:
					warnings++
				default:
					notes++
				}
			}
		}
		passed := len(slices.DeleteFunc(slices.Clone(j.Passed), func(code string) bool { return !of[code] }))
		open := 0
		for _, h := range j.Hidden {
			if of[h.Code] {
				open++
			}
		}
		for _, u := range j.Unread {
			if of[u.Code] {
				open++
			}
		}
		known := 0
		for _, i := range j.Ignored {
			if of[i.Code] {
				known++
			}
		}
		word, colour := "ok", r.paint.green
		switch {
		case errors > 0:
			word, colour = plural(errors, "error"), r.paint.red
		case warnings > 0:
			word, colour = plural(warnings, "warning"), r.paint.yellow
		case notes > 0:
			word, colour = plural(notes, "note"), r.paint.green
		case passed == 0 && known > 0:
			word, colour = "ignored", r.paint.faint
		case passed == 0 && open > 0:
			word, colour = "not checked", r.paint.faint
		case passed == 0:
			word, colour = "-", r.paint.faint
		}
		var parts []string
		if errors > 0 && warnings > 0 {
			parts = append(parts, plural(warnings, "warning"))
		}
		if passed > 0 {
			parts = append(parts, fmt.Sprintf("%d passed", passed))
		}
		if open > 0 {
			parts = append(parts, fmt.Sprintf("%d not made", open))
		}
		if known > 0 {
			parts = append(parts, fmt.Sprintf("%d ignored", known))
		}
		if len(parts) == 0 && word == "-" {
			parts = append(parts, "nothing of it is here")
		}
		pad := strings.Repeat(" ", max(1, 13-len(word)))
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-9s%s%s%s", g, colour(word), pad, strings.Join(parts, ", ")), " "))
	}
}

// aside tells what else a reader has to know: checks that could not be made, and what
// the file of ignored findings did.
func (r *doctorRun) aside(w io.Writer, j *judgement) {
	if !r.opts.verbose {
		var whys []string
		count := map[string]int{}
		for _, u := range j.Unread {
			if count[u.Why] == 0 {
				whys = append(whys, u.Why)
			}
			count[u.Why]++
		}
		for _, why := range whys {
			paragraph(w, "", fmt.Sprintf("%s could not be made: %s.", plural(count[why], "check"), strings.TrimRight(clean(why, 300), ".")))
		}
	}
	for _, i := range j.Ignored {
		text := fmt.Sprintf("Ignored: %s, %s", i.Code, clean(i.Summary, 200))
		if i.Reason != "" {
			text += " (" + i.Reason + ")"
		}
		if i.Until != "" {
			text += ", until " + i.Until
		}
		paragraph(w, "", text+".")
	}
	for _, e := range j.Expired {
		text := fmt.Sprintf("No longer ignored: %s, since %s is over", e.Code, e.Until)
		if e.Reason != "" {
			text += " (" + e.Reason + ")"
		}
		paragraph(w, "", text+".")
	}
}

// summary is the last line.
func (r *doctorRun) summary(w io.Writer, j *judgement) {
	errors, warnings, notes := j.counts()
	if errors+warnings == 0 {
		text := "Nothing is wrong: "
		switch {
		case len(j.Ignored) > 0:
			text = "Nothing else is wrong: "
		case len(j.Passed) == 0:
			text = "Nothing was found, but no check could be made either: "
		}
		text += plural(len(j.Passed), "check") + " passed"
		if notes > 0 {
			text += ", " + plural(notes, "note")
		}
		fmt.Fprintln(w, r.paint.green(text+"."))
		return
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{errors, "error"}, {warnings, "warning"}, {notes, "note"}} {
		if p.n > 0 {
			parts = append(parts, plural(p.n, p.word))
		}
	}
	line := r.paint.bold(strings.Join(parts, ", ") + ".")
	if !r.opts.verbose {
		line += " -v shows the evidence and all fixes."
	}
	fmt.Fprintln(w, line)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
