package verify

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the report for people: a line for each rung, then the verdict.
func (r *SmokeReport) Print(w io.Writer) error {
	var b strings.Builder
	for _, rung := range r.Rungs {
		mark, detail := "ok     ", rung.Detail
		switch {
		case rung.Skipped != "":
			mark, detail = "-      ", rung.Skipped
		case !rung.OK:
			mark = "FAILED "
		}
		line := mark + rung.Title
		if detail != "" {
			line += ": " + detail
		}
		if rung.Seconds >= 0.01 {
			line += fmt.Sprintf(" (%.2f s)", rung.Seconds)
		}
		b.WriteString(line + "\n")
	}
	for _, n := range r.Notes {
		b.WriteString("note   " + n + "\n")
	}
	b.WriteString(r.Verdict() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Verdict is the report in one line.
func (r *SmokeReport) Verdict() string {
	if r.OK {
		held := 0
		for _, rung := range r.Rungs {
			if rung.OK {
				held++
			}
		}
		return fmt.Sprintf("GPUs work in containers: %d of %d rungs hold, the others do not apply.", held, len(r.Rungs))
	}
	for _, rung := range r.Rungs {
		if rung.Name == r.Broken {
			text := fmt.Sprintf("The first rung that breaks is %q; look at: %s.", rung.Title, rung.Layer)
			if r.See != "" {
				text += fmt.Sprintf(" `docker gpu doctor` knows it as %s.", r.See)
			}
			return text
		}
	}
	return "The ladder is broken."
}
