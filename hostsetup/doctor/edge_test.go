package doctor

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// An edge is a host near the line between well and ill: a healthy recording with one
// thing changed, and what a check says of it. What it says is written as write does, the
// cause left out where it is the check's own, and backquotes as quotes; it is empty where
// the change is none too much.
type edge struct {
	name string
	make func(h *host.Host)
	says string
}

// edges makes one check of hosts, whatever would hide it. Of the recording as it is it
// says nothing, and what it does say can be shown.
func edges(t *testing.T, code, base string, hosts ...edge) {
	t.Helper()
	t.Run(code+" of "+base, func(t *testing.T) {
		c := check(t, code)
		c.After = nil
		assert.Equal(t, len(Examine(recording(t, "healthy-"+base, nil), []Check{c}, today).Findings), 0, "%s of a healthy %s", code, base)
		for _, e := range hosts {
			t.Run(e.name, func(t *testing.T) {
				r := Examine(recording(t, "healthy-"+base, e.make), []Check{c}, today)
				fitToShow(t, r, e.name)
				assert.Equal(t, says(c, r.Findings), strings.TrimPrefix(e.says, "\n"))
			})
		}
	})
}

func says(c Check, findings []Finding) string {
	var out strings.Builder
	for _, f := range findings {
		write(&out, f)
	}
	text := strings.ReplaceAll(out.String(), "  cause: "+c.Cause+"\n", "")
	return strings.ReplaceAll(text, "`", "'")
}

// hides sees to it that what a check finds hides others, and only where it is an error.
func hides(t *testing.T, base, cause string, make func(h *host.Host), codes ...string) {
	t.Helper()
	r := Examine(recording(t, "healthy-"+base, make), All(), today)
	found := false
	for _, f := range r.Findings {
		found = found || f.Code == cause && f.Severity == Error
	}
	assert.Assert(t, found, "%s is not found as an error: %+v", cause, r.Findings)
	for _, code := range codes {
		because := fmt.Sprintf("%s is not hidden", code)
		for _, x := range r.Hidden {
			if x.Code == code {
				because = x.Because
			}
		}
		assert.Equal(t, because, cause, code)
	}
}
