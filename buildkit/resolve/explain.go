package resolve

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Explain is a plan's reasoning for people.
func Explain(p Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.Platform)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range p.Reasons {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Topic, r.Choice, r.Because)
	}
	_ = w.Flush()
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "  note: %s\n", warning)
	}
	return b.String()
}
