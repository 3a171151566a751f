package resolve

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Explain is a plan's reasoning for people: each decision in a line, then what
// they should know besides, then where the facts are from.
func Explain(p Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.Platform)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var sources []string
	for _, r := range p.Reasons {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Topic, r.Choice, r.Because)
		if r.Source != "" && !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
	}
	_ = w.Flush()
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "  note: %s\n", warning)
	}
	for _, s := range sources {
		fmt.Fprintf(&b, "  source: %s\n", s)
	}
	return b.String()
}
