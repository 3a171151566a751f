package resolve

import "strings"

// Conflict is wishes that cannot be had together, and what can.
type Conflict struct {
	What    string // the thing and the value
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
