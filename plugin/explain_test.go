package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestOneCauseOfSeveralTextsIsToldOnce(t *testing.T) {
	s := newScreen(t, false, "")
	r := explaining(s, host.Host{})
	fixes := []doctor.Fix{{Title: "start it", Disruption: doctor.None}}
	r.explain = func(string, *host.Host, time.Time) []doctor.Answer {
		const host = "on this host it may follow from C050: no engine answers"
		return []doctor.Answer{{Code: "A", Matched: "x", Cause: "one", Host: host, Fixes: fixes}, {Code: "B", Matched: "x", Cause: "two", Host: host, Fixes: fixes}, {Code: "C", Matched: "x", Host: host, Fixes: fixes}}
	}
	assert.NilError(t, r.do(t.Context(), []string{"x"}))
	assert.Equal(t, s.out.String(), `A  x
  one
  Here:  on this host it may follow from C050: no engine answers
  Fix:   start it (nothing stops)

B  x
  two
  Here:  as above

C  x
  Here:  as above
`)
}

// knowing answers a few texts; a host whose processor is "broken" has the first.
func knowing(text string, h *host.Host, _ time.Time) []doctor.Answer {
	fix := doctor.Fix{Title: "start it", Argv: [][]string{{"systemctl", "restart", "docker"}}, Root: true, Disruption: doctor.Restart}
	var out []doctor.Answer
	if strings.Contains(text, "could not select") {
		a := doctor.Answer{Code: "T001", Title: "the toolkit is there", Matched: `could not select device driver`, Cause: "The engine found no toolkit when it started.", Remedy: "install the toolkit, then restart Docker", Link: "https://example.com/T001"}
		if h != nil && h.Arch == "broken" {
			a.Found, a.Host = true, "on this host: the toolkit was installed after dockerd started"
			a.Fixes = []doctor.Fix{fix, {Title: "or wait for the next boot", Disruption: doctor.Reboot}}
			a.Findings = []doctor.Finding{{Code: "T001", Summary: "the toolkit was installed after dockerd started {{argValue 0}}", Fixes: a.Fixes}}
		}
		out = append(out, a)
	}
	if text == "t004" {
		out = append(out, doctor.Answer{Code: "T004", Title: "the driver is loaded", Cause: "It was not built.", Host: "on this host nothing of it is seen now"})
	}
	if strings.Contains(text, "hostile") {
		out = append(out, doctor.Answer{Code: "T002", Title: "x", Matched: "\x1b[2Jhostile\u202e", Cause: "a\x00b"})
	}
	if strings.Contains(text, "resembles") {
		out = append(out, doctor.Answer{Code: "T003", Title: "the driver is new enough", Near: true, Remedy: "upgrade it"})
	}
	return out
}

func explaining(s screen, h host.Host) *explainRun {
	return &explainRun{cli: s.cli, format: "text", explain: knowing, now: today, paint: paintFor(s.cli),
		facts: func(context.Context, string) (host.Host, error) { return h, nil }}
}

func TestExplanations(t *testing.T) {
	for name, c := range map[string]struct {
		arch, text, format string
		noFacts, terminal  bool
		code               int
	}{
		"explain-here.txt":      {arch: "broken", text: "Error: could not select device driver hostile"},
		"explain-elsewhere.txt": {text: "could not select device driver"},
		"explain-no-facts.txt":  {arch: "broken", text: "could not select device driver", noFacts: true},
		"explain-code.txt":      {text: "t004"},
		"explain-near.txt":      {text: "this resembles it", code: 1},
		"explain-hostile.txt":   {text: "hostile"},
		"explain-here.json":     {arch: "broken", text: "could not select device driver hostile", format: "json"},
		"explain-colours.txt":   {text: "could not select device driver", terminal: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, c.terminal, "")
			r := explaining(s, host.Host{Arch: c.arch})
			r.noFacts = c.noFacts
			if c.format != "" {
				r.format = c.format
			}
			assert.Equal(t, status(t, r.do(t.Context(), []string{c.text})), c.code)
			golden.Assert(t, s.out.String(), name)
			assert.Assert(t, c.terminal || !strings.ContainsAny(s.out.String(), "\x1b\x00\u202e"))
		})
	}
}

func TestTextsToExplain(t *testing.T) {
	s := newScreen(t, false, "log\ncould not select device driver\n")
	assert.NilError(t, explaining(s, host.Host{}).do(t.Context(), nil))
	assert.Assert(t, strings.HasPrefix(s.out.String(), "T001 "), s.out)
	s = newScreen(t, false, "could not select")
	assert.NilError(t, explaining(s, host.Host{}).do(t.Context(), []string{"-"}))
	// Words that the shell took apart.
	s = newScreen(t, true, "")
	assert.NilError(t, explaining(s, host.Host{}).do(t.Context(), []string{"could", "not", "select"}))

	s = newScreen(t, true, "typed")
	isUsage(t, explaining(s, host.Host{}).do(t.Context(), nil), "give the text, or pipe it in")
	s = newScreen(t, false, " \n")
	isUsage(t, explaining(s, host.Host{}).do(t.Context(), nil), "the text is empty")
	isUsage(t, explaining(s, host.Host{}).do(t.Context(), []string{""}), "the text is empty")
}

func TestATextThatIsNotKnown(t *testing.T) {
	s := newScreen(t, false, "")
	err := explaining(s, host.Host{}).do(t.Context(), []string{"out of \x1b[31mcheese"})
	assert.Error(t, err, "this text is not known: out of [31mcheese\nSee what is wrong with the host: docker gpu doctor")
	assert.Equal(t, s.out.String(), "")

	r := explaining(s, host.Host{})
	r.format = "json"
	assert.ErrorContains(t, r.do(t.Context(), []string{"out of cheese"}), "is not known")
	var doc struct {
		SchemaVersion int
		Answers       []any
	}
	assert.NilError(t, json.Unmarshal(s.out.Bytes(), &doc))
	assert.Assert(t, doc.SchemaVersion == 1 && doc.Answers != nil && len(doc.Answers) == 0)
}

func TestExplainNeedsNoHostOffline(t *testing.T) {
	s := newScreen(t, false, "")
	r := explaining(s, host.Host{})
	r.facts = func(context.Context, string) (host.Host, error) {
		return host.Host{}, errors.New(`there is no Docker context "x"`)
	}
	assert.Error(t, r.do(t.Context(), []string{"could not select"}), `there is no Docker context "x"`)
	r.noFacts = true
	assert.NilError(t, r.do(t.Context(), []string{"could not select"}))
	assert.Equal(t, run(t, "explain", "--format=yaml", "x").code, exitUsage)
}
