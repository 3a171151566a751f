package verify

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the report for people: a line for each rung, then the verdict. Rungs one
// above the other that were not looked at for one reason share a line.
func (r *SmokeReport) Print(w io.Writer) error {
	var b strings.Builder
	for i := 0; i < len(r.Rungs); i++ {
		rung := r.Rungs[i]
		alike := 1
		for rung.Skipped != "" && i+alike < len(r.Rungs) && r.Rungs[i+alike].Skipped == rung.Skipped {
			alike++
		}
		if alike > 2 {
			fmt.Fprintf(&b, "-      %d rungs from %q on: %s\n", alike, rung.Title, rung.Skipped)
			i += alike - 1
			continue
		}
		b.WriteString(rung.line())
	}
	for _, n := range r.Notes {
		b.WriteString("note   " + n + "\n")
	}
	b.WriteString(r.Verdict() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (rung Rung) line() string {
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
	return line + "\n"
}

// Why is what the first broken rung broke with, "" if none is.
func (r *SmokeReport) Why() string {
	for _, rung := range r.Rungs {
		if rung.Name == r.Broken {
			return rung.Detail
		}
	}
	return ""
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
				text += fmt.Sprintf(" `docker gpu explain %s` says more.", r.See)
			}
			return text
		}
	}
	return "The ladder is broken."
}
