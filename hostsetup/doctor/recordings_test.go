package doctor

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// judgedAt is the day as of which recordings are judged.
func judgedAt() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// recorded reads a recording of testdata.
func recorded(t testing.TB, name string) *host.Host {
	t.Helper()
	return recording(t, name, nil)
}

// dockerRecordings are those of this test: hosts with something about Docker.
func dockerRecordings(t testing.TB) (names []string) {
	t.Helper()
	data, err := os.ReadFile("testdata/expected.txt")
	assert.NilError(t, err)
	for line := range strings.Lines(string(data)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, name)
		}
	}
	return names
}

// Each recording is judged to what testdata/expected.txt says of it: the codes of its
// findings with their severities, and what a cause hides.
func TestRecordingsOfDocker(t *testing.T) {
	var out strings.Builder
	for _, name := range dockerRecordings(t) {
		h := recorded(t, name)
		r := Examine(h, All(), judgedAt())
		fmt.Fprintf(&out, "%s:", name)
		for _, f := range r.Findings {
			fmt.Fprintf(&out, " %s=%s", f.Code, f.Severity)
		}
		if strings.HasPrefix(name, "healthy-") {
			for _, f := range r.Findings {
				assert.Assert(t, f.Severity == Note, "%s is healthy: %s %s", name, f.Code, f.Summary)
			}
		} else {
			assert.Assert(t, len(r.Findings) > 0, "%s is broken and nothing was found", name)
		}
		hidden := map[string]int{}
		for _, x := range r.Hidden {
			hidden[x.Because]++
		}
		for _, f := range r.Findings {
			if n := hidden[f.Code]; n > 0 {
				fmt.Fprintf(&out, " (%d hidden by %s)", n, f.Code)
				delete(hidden, f.Code)
			}
		}
		out.WriteByte('\n')
	}
	golden.Assert(t, out.String(), "expected.txt")
}

func ofDocker(code string) bool { return strings.HasPrefix(code, "C") }
