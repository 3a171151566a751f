package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// today is the day that recordings are judged on.
var today = judgedAt()

// recording is a recording of testdata, changed.
func recording(t testing.TB, name string, change func(h *host.Host)) *host.Host {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	assert.NilError(t, err)
	var h host.Host
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	assert.NilError(t, d.Decode(&h), name)
	if change != nil {
		change(&h)
	}
	return &h
}

// A sick host is a healthy recording with one thing broken.
type sick struct {
	name  string
	base  string // "workstation"
	spoil func(h *host.Host)
}

func check(t *testing.T, code string) Check {
	t.Helper()
	all := All()
	i := slices.IndexFunc(all, func(c Check) bool { return c.Code == code })
	assert.Assert(t, i >= 0, "there is no check %s", code)
	return all[i]
}

// finds makes one check of broken hosts and compares what it says of them; of the
// hosts that it was made from, all healthy, it must say nothing.
func finds(t *testing.T, code string, hosts ...sick) {
	t.Helper()
	t.Run(code, func(t *testing.T) {
		var out strings.Builder
		for _, s := range hosts {
			c := []Check{check(t, code)}
			c[0].After = nil // alone here; TestCausesHide… is of the whole graph
			well := Examine(recording(t, "healthy-"+s.base, nil), c, today)
			assert.Equal(t, len(well.Findings), 0, "%s of a healthy %s", code, s.base)
			r := Examine(recording(t, "healthy-"+s.base, s.spoil), c, today)
			assert.Assert(t, len(r.Findings) > 0, "%s does not see: %s", code, s.name)
			fmt.Fprintf(&out, "# %s\n", s.name)
			for _, f := range r.Findings {
				write(&out, f)
			}
		}
		goldenOf(t, code, out.String())
	})
}

func goldenOf(t *testing.T, code, text string) {
	t.Helper()
	golden.Assert(t, text, "findings/"+code+".golden")
}

// ignores makes one check of hosts that look broken and are not.
func ignores(t *testing.T, code string, hosts ...sick) {
	t.Helper()
	for _, s := range hosts {
		c := check(t, code)
		c.After = nil
		r := Examine(recording(t, "healthy-"+s.base, s.spoil), []Check{c}, today)
		assert.Equal(t, len(r.Findings), 0, "%s: %s: %+v", code, s.name, r.Findings)
	}
}

func write(out *strings.Builder, f Finding) {
	fmt.Fprintf(out, "%s %s: %s\n", f.Severity, f.Code, f.Summary)
	if f.GPU != "" {
		fmt.Fprintf(out, "  gpu: %s\n", f.GPU)
	}
	for _, e := range f.Evidence {
		fmt.Fprintf(out, "  seen: %s: %s\n", e.Source, e.Text)
	}
	fmt.Fprintf(out, "  cause: %s\n", f.Cause)
	for _, x := range f.Fixes {
		fmt.Fprintf(out, "  fix: %s [%s%s%s]\n", x.Title, x.Disruption, map[bool]string{true: ", root"}[x.Root], map[bool]string{true: ", safe"}[x.Safe])
		for _, a := range x.Argv {
			fmt.Fprintf(out, "    run: %s\n", quoted(a))
		}
		for _, a := range x.Undo {
			fmt.Fprintf(out, "    undo: %s\n", quoted(a))
		}
	}
}

func quoted(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = a
		if strings.ContainsAny(a, " '\"*>\n") {
			out[i] = fmt.Sprintf("%q", a)
		}
	}
	return strings.Join(out, " ")
}

var healthy = []string{"workstation", "dgx-h100", "laptop", "wsl2", "no-gpu-server", "mig-a100"}

func TestHealthyHostsHaveNoFindings(t *testing.T) {
	for _, name := range healthy {
		h := recording(t, "healthy-"+name, nil)
		assert.Equal(t, h.SchemaVersion, host.SchemaVersion)
		r := Examine(h, All(), today)
		assert.Equal(t, len(r.Findings), 0, "%s: %+v", name, r.Findings)
		assert.Equal(t, len(r.Hidden), 0, name)
	}
}

// mine are the checks that this file and its neighbours test.
func mine() []Check { return slices.Concat(driverChecks(), healthChecks(), versionChecks()) }

func TestEveryCheckHasAGoldenAndSaysEnough(t *testing.T) {
	for _, c := range mine() {
		_, err := os.Stat(filepath.Join("testdata", "findings", c.Code+".golden"))
		assert.NilError(t, err, "%s was never seen to find anything", c.Code)
		assert.Assert(t, c.Cause != "", "%s names no cause", c.Code)
		assert.Assert(t, len(c.Code) == 4 && strings.ContainsAny(c.Code[:1], "GHV"), c.Code)
		assert.Assert(t, c.Link == "" || strings.HasPrefix(c.Link, "https://"), c.Code)
		if c.Group == Driver {
			assert.Assert(t, len(c.Symptoms) > 0, "%s has no symptom to be found by", c.Code)
		}
	}
}

// What fixes promise is kept for all of them: what is safe disturbs nothing, what
// cannot be typed says so, and nothing of the machine's gets into a command unchecked.
func TestFixesKeepTheirWord(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "findings", "*.golden"))
	assert.NilError(t, err)
	assert.Assert(t, len(files) >= len(mine()))
	for _, file := range files {
		data, err := os.ReadFile(file)
		assert.NilError(t, err)
		for line := range strings.SplitSeq(string(data), "\n") {
			if strings.HasPrefix(line, "  fix:") && strings.Contains(line, ", safe]") {
				assert.Assert(t, strings.Contains(line, "[none") || strings.Contains(line, "[reload"), "%s: %s", file, line)
			}
			assert.Assert(t, len([]rune(line)) < 700, "%s: %s", file, line)
			assert.Assert(t, !strings.ContainsAny(line, "\x1b\x07\r"), "%s: %q", file, line)
		}
	}
}
