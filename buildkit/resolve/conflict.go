package resolve

import "strings"

// Conflict is wishes that cannot be had together, and what can. Its text names
// the thing and the value in the first line; each way out follows in its own.
type Conflict struct {
	What    string // the thing and the value: "--cuda 13.0 with driver 535"
	Why     string
	WaysOut []string
}

func (e *Conflict) Error() string {
	var b strings.Builder
	b.WriteString(e.What + ": " + e.Why)
	for _, w := range e.WaysOut {
		b.WriteString("\n  - " + w)
	}
	return b.String()
}
