package doctor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// The report's JSON is public: what scripts read stays where it is.
func TestJSONOfAReport(t *testing.T) {
	c := always("A", Error)
	c.Title, c.Link = "all is well", "https://example.com/a"
	c.Run = func(*host.Host, time.Time) []Finding {
		return []Finding{{Summary: "it is not", GPU: "GPU-1", Evidence: []Evidence{{"NVML", "85 °C"}},
			Fixes: []Fix{{Title: "mend it", Argv: [][]string{{"true"}}, Root: true, Disruption: Reload, Undo: [][]string{{"false"}}, Safe: true}, {Title: "look", Disruption: None}}}}
	}
	h := &host.Host{Unread: map[string]string{"nvml": "no answer"}, Engine: host.Engine{Version: "29"}}
	r := Examine(h, []Check{c, always("B", Error, "A"), never("C", NVML), never("D", PCI), never("E")}, time.Time{})
	data, err := json.MarshalIndent(r, "", " ")
	assert.NilError(t, err)
	assert.Equal(t, string(data), `{
 "schemaVersion": 1,
 "findings": [
  {
   "code": "A",
   "title": "all is well",
   "group": "driver",
   "severity": "error",
   "summary": "it is not",
   "evidence": [
    {
     "source": "NVML",
     "text": "85 °C"
    }
   ],
   "cause": "because of A",
   "fixes": [
    {
     "title": "mend it",
     "argv": [
      [
       "true"
      ]
     ],
     "root": true,
     "disruption": "reload",
     "undo": [
      [
       "false"
      ]
     ],
     "safe": true
    },
    {
     "title": "look",
     "disruption": "none"
    }
   ],
   "link": "https://example.com/a",
   "gpu": "GPU-1"
  }
 ],
 "passed": [
  "E"
 ],
 "hidden": [
  {
   "code": "B",
   "because": "A"
  }
 ],
 "unread": [
  {
   "code": "C",
   "why": "no answer"
  }
 ],
 "absent": [
  "D"
 ]
}`)
	var back Report
	assert.NilError(t, json.Unmarshal(data, &back))
	assert.DeepEqual(t, &back, r)
	// Nothing found is an empty list, not null: jq '.findings[]' works.
	data, err = json.Marshal(Examine(&host.Host{}, nil, time.Time{}))
	assert.NilError(t, err)
	assert.Equal(t, string(data), `{"schemaVersion":1,"findings":[]}`)
}

func TestJSONOfAnAnswer(t *testing.T) {
	data, err := json.Marshal(Explain("unknown or invalid runtime name: nvidia", recorded(t, "broken-runtime-not-reloaded"), judgedAt()))
	assert.NilError(t, err)
	var answers []map[string]any
	assert.NilError(t, json.Unmarshal(data, &answers))
	for _, key := range []string{"code", "title", "group", "matched", "cause", "remedy", "link", "host", "found", "findings", "fixes"} {
		assert.Assert(t, answers[0][key] != nil, "%s is not in %s", key, data)
	}
	assert.Equal(t, answers[0]["code"], "C005")
}

// What a check found is complete: code, title, group, severity, cause and link are the
// check's where the finding says nothing of its own.
func TestFindingsAreCompletedByTheirCheck(t *testing.T) {
	c := Check{Code: "X", Title: "title", Group: Toolkit, Severity: Warning, Cause: "the check's", Link: "https://check"}
	for _, x := range map[string]struct{ in, want Finding }{
		"nothing of its own": {Finding{Summary: "s"}, Finding{Code: "X", Title: "title", Group: Toolkit, Severity: Warning, Summary: "s", Cause: "the check's", Link: "https://check"}},
		"all of its own": {Finding{Summary: "s", Severity: Note, Cause: "its own", Link: "https://own", Code: "Y"},
			Finding{Code: "X", Title: "title", Group: Toolkit, Severity: Note, Summary: "s", Cause: "its own", Link: "https://own"}},
		"what a machine says": {Finding{Summary: "s", GPU: "GPU-\x1b", Evidence: []Evidence{{"/etc/\x1b[2J\n", "t"}}},
			Finding{Code: "X", Title: "title", Group: Toolkit, Severity: Warning, Summary: "s", Cause: "the check's", Link: "https://check", GPU: "GPU-", Evidence: []Evidence{{"/etc/[2J", "t"}}}},
	} {
		assert.DeepEqual(t, c.complete(x.in), x.want)

	}
	in := []Evidence{{"\x1b", "t"}}
	c.complete(Finding{Evidence: in})
	assert.Equal(t, in[0].Source, "\x1b", "what was handed in stays as it was")
}

// A report stays readable whatever a host holds, and the worst is in it.
func TestManyOfOneKind(t *testing.T) {
	many := func(n int, worst int) Check {
		c := always("A", Warning)
		c.Run = func(*host.Host, time.Time) (out []Finding) {
			for i := range n {
				f := Finding{Summary: "one"}
				if i == worst {
					f = Finding{Summary: "the worst", Severity: Error}
				}
				out = append(out, f)
			}
			return out
		}
		return c
	}
	for n, want := range map[int]int{0: 0, 1: 1, 32: 32, 33: 33, 34: 33, 10_000: 33} {
		r := Examine(&host.Host{}, []Check{many(n, n-1), always("B", Error, "A")}, time.Time{})
		got := 0
		for _, f := range r.Findings {
			if f.Code == "A" {
				got++
			}
		}
		assert.Equal(t, got, want, "%d", n)
		if n > 0 {
			assert.Equal(t, r.Findings[0].Summary, "the worst", "%d: an error among warnings hides what follows", n)
			assert.Equal(t, len(r.Hidden), 1)
		}
		if n > 33 {
			last := r.Findings[len(r.Findings)-1].Summary
			assert.Assert(t, strings.HasPrefix(last, "and ") && strings.Contains(last, "more of the kind"), last)
		}
	}
	c := always("A", Note)
	c.Run = func(*host.Host, time.Time) []Finding {
		return []Finding{{Summary: "x", Evidence: make([]Evidence, 100)}}
	}
	e := Examine(&host.Host{}, []Check{c}, time.Time{}).Findings[0].Evidence
	assert.Equal(t, len(e), 33)
	assert.Equal(t, e[32], Evidence{"and", "68 more pieces of evidence"})
}

// Each need of a check: there, not there, and not readable.
func TestNeeds(t *testing.T) {
	whole := recorded(t, "healthy-docker29-cdi")
	for need, without := range map[Fact]func(h *host.Host){
		Local:   func(h *host.Host) { h.Kernel.Release = "" },
		PCI:     func(h *host.Host) { h.PCI = []host.PCI{{Class: "0680"}, {Class: "0403"}} },
		Module:  func(h *host.Host) { h.Driver.Version = "" },
		Nodes:   func(h *host.Host) { h.Kernel.Release = "" },
		Bridges: func(h *host.Host) { h.Kernel.Release = "" },
		NVML:    func(h *host.Host) { h.GPUs = nil },
		KLog:    func(h *host.Host) { h.Kernel.Release = "" },
		Docker:  func(h *host.Host) { h.Engine.Version = "" },
		Specs:   func(h *host.Host) { h.CDI.Specs = nil },
		Tools:   func(h *host.Host) { h.Toolkit.Version = "" },
		Systemd: func(h *host.Host) { h.Units = nil },
	} {
		checks := []Check{never("A", need)}
		h := *whole
		assert.DeepEqual(t, Examine(&h, checks, time.Time{}).Passed, []string{"A"})
		h.Unread = map[string]string{string(need): "permission denied"}
		assert.DeepEqual(t, Examine(&h, checks, time.Time{}).Unread, []Unread{{"A", "permission denied"}})
		h = *whole
		without(&h)
		assert.DeepEqual(t, Examine(&h, checks, time.Time{}).Absent, []string{"A"})
	}
	assert.Assert(t, !has(whole, "something else"), "what nobody knows is on no host")
	// The first need that is not there decides; what could not be read counts for more.
	h := &host.Host{Unread: map[string]string{"nvml": "no answer"}}
	assert.DeepEqual(t, Examine(h, []Check{never("A", NVML, PCI)}, time.Time{}).Unread, []Unread{{"A", "no answer"}})
}

// All checks name what they look at: none panics on a host that has all facts and nothing in them.
func TestEveryNeedIsKnown(t *testing.T) {
	known := []Fact{Local, PCI, Module, Nodes, Bridges, NVML, KLog, Docker, Specs, Tools, Systemd, textOnly}
	for _, c := range All() {
		for _, n := range c.Needs {
			found := false
			for _, k := range known {
				found = found || n == k
			}
			assert.Assert(t, found, "%s needs %q, which nothing gathers", c.Code, n)
		}
		assert.Assert(t, c.Rarity >= Often && c.Rarity <= Seldom, c.Code)
	}
}
