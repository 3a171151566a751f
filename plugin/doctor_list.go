package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
)

// printList prints the checks: a table, or one JSON object per line.
func (r *doctorRun) printList(chosen selection) error {
	if r.opts.format == "json" {
		return listJSON(r.cli.Out(), chosen.listed())
	}
	w := tabwriter.NewWriter(r.cli.Out(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CODE\tGROUP\tSEVERITY\tWHEN ALL IS WELL")
	for _, c := range chosen.listed() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Code, c.Group, c.Severity, c.Title)
	}
	return w.Flush()
}

func listJSON(w io.Writer, checks []doctor.Check) error {
	for _, c := range checks {
		data, err := json.Marshal(struct {
			Code     string          `json:"code"`
			Title    string          `json:"title"`
			Group    doctor.Group    `json:"group"`
			Severity doctor.Severity `json:"severity"`
			Needs    []doctor.Fact   `json:"needs,omitempty"`
			After    []string        `json:"after,omitempty"`
			Symptoms []string        `json:"symptoms,omitempty"`
			Cause    string          `json:"cause,omitempty"`
			Link     string          `json:"link,omitempty"`
		}{c.Code, c.Title, c.Group, c.Severity, c.Needs, c.After, c.Symptoms, c.Cause, c.Link})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, strings.TrimSpace(escapeControls(string(data)))+"\n"); err != nil {
			return err
		}
	}
	return nil
}
