package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/version"
)

// writeMarkdown writes a report to paste into an issue.
func writeMarkdown(w io.Writer, j *judgement) error {
	var b strings.Builder
	errors, warnings, notes := j.counts()
	fmt.Fprintf(&b, "### docker gpu doctor\n\n%s\n\n", markdown(subject(j.host)))
	fmt.Fprintf(&b, "%s, %s, %s; %d passed, %d not made, %d could not be made. docker gpu %s, %s.\n",
		plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note"), len(j.Passed), len(j.Hidden), len(j.Unread),
		markdown(version.String()), j.host.Taken.UTC().Format("2006-01-02 15:04 MST"))
	for _, f := range j.Findings {
		fmt.Fprintf(&b, "\n#### %s (%s): %s\n\n", f.Code, f.Severity, markdown(clean(f.Summary, 400)))
		if f.Cause != "" {
			fmt.Fprintf(&b, "%s\n", markdown(clean(f.Cause, 1000)))
		}
		for i, e := range f.Evidence {
			if i == 0 {
				b.WriteString("\n") // ends the paragraph, so that the list is one
			}
			fmt.Fprintf(&b, "- %s: %s\n", markdown(clean(e.Source, 100)), code(clean(e.Text, 500)))
		}
		for _, fix := range f.Fixes {
			fmt.Fprintf(&b, "\n%s (%s)\n", markdown(clean(fix.Title, 400)), disruption(fix.Disruption))
			for i, argv := range fix.Argv {
				if i == 0 {
					b.WriteString("\n")
				}
				if fix.Root {
					argv = append([]string{"sudo"}, argv...)
				}
				fmt.Fprintf(&b, "    %s\n", shellLine(argv))
			}
		}
		if f.Link != "" {
			fmt.Fprintf(&b, "\n<%s>\n", strings.NewReplacer("<", "", ">", "").Replace(clean(f.Link, 300)))
		}
	}
	for _, u := range j.Unread {
		fmt.Fprintf(&b, "\n%s could not be checked: %s\n", u.Code, markdown(clean(u.Why, 300)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown keeps a text from being read as anything but text.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]<>|#@&~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// code is a text in fixed width; more backticks around it than it has in a row.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + " " + text + " " + fence
}
