package doctor

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// everyRecording are the names of all recordings of testdata.
func everyRecording(t testing.TB) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 50)
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	return names
}

// unhidden are all checks, each made whatever was found before it.
func unhidden() []Check {
	all := All()
	for i := range all {
		all[i].After = nil
	}
	return all
}

// fitToShow sees to it that a report of any facts can be shown: one line each, no marks
// that do something to a terminal, no end without an end.
func fitToShow(t *testing.T, r *Report, of string) {
	t.Helper()
	seen := map[string]int{}
	for _, f := range r.Findings {
		seen[f.Code]++
		texts := []string{f.Summary, f.GPU}
		for _, e := range f.Evidence {
			assert.Assert(t, e.Source != "", "%s: %s shows evidence from nowhere: %q", of, f.Code, e.Text)
			texts = append(texts, e.Source, e.Text)
		}
		for _, x := range f.Fixes {
			assert.Assert(t, x.Title != "" && x.Disruption != "", "%s: %s: %+v", of, f.Code, x)
			assert.Assert(t, !x.Safe || len(x.Argv) > 0 && (x.Disruption == None || x.Disruption == Reload), "%s: %s is not safe: %+v", of, f.Code, x)
			texts = append(texts, x.Title)
			for _, argv := range slices.Concat(x.Argv, x.Undo) {
				assert.Assert(t, len(argv) > 0 && argv[0] != "", "%s: %s: %v", of, f.Code, x)
			}
		}
		assert.Assert(t, f.Summary != "", "%s: %s says nothing", of, f.Code)
		for _, text := range texts {
			odd := strings.IndexFunc(text, func(r rune) bool {
				return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
			})
			assert.Assert(t, odd < 0, "%s: %s: %q", of, f.Code, text)
			assert.Assert(t, len(text) < 2000, "%s: %s has a line of %d bytes", of, f.Code, len(text))
		}
		assert.Assert(t, len(f.Evidence) <= 64, "%s: %s has %d pieces of evidence", of, f.Code, len(f.Evidence))
	}
	for code, n := range seen {
		assert.Assert(t, n <= 64, "%s: %s is found %d times", of, code, n)
	}
}

// Whatever a machine says of itself, it is judged: nothing panics and the report can be shown.
func TestAnyFactsAreJudged(t *testing.T) {
	numbers := func(n float64) func(any) any {
		return func(v any) any {
			if _, ok := v.(float64); ok {
				return n
			}
			return v
		}
	}
	texts := func(f func(string) string) func(any) any {
		return func(v any) any {
			s, ok := v.(string)
			if _, err := time.Parse(time.RFC3339, s); !ok || err == nil {
				return v
			}
			return f(s)
		}
	}
	lists := func(f func([]any) []any) func(any) any {
		return func(v any) any {
			if l, ok := v.([]any); ok {
				return f(l)
			}
			return v
		}
	}
	for name, change := range map[string]func(any) any{
		"zero":          numbers(0),
		"one less":      numbers(-1),
		"an old limit":  numbers(math.MaxUint16),
		"large":         numbers(math.MaxInt32),
		"very negative": numbers(math.MinInt32),
		"a bit":         func(v any) any { b, ok := v.(bool); return map[bool]any{true: !b, false: v}[ok] },
		"no text":       texts(func(string) string { return "" }),
		"terminal":      texts(func(s string) string { return s + "\x1b]0;owned\a\x1b[2J\u202e\u200b\r\n" }),
		"commands":      texts(func(s string) string { return "--" + s + "; reboot $(reboot) `reboot`" }),
		"long":          texts(func(s string) string { return s + strings.Repeat("long ", 500) }),
		"not UTF-8":     texts(func(s string) string { return "\xff" + s + "\xc0\x80" }),
		"only dots":     texts(func(string) string { return "...:::..." }),
		"nothing":       lists(func([]any) []any { return nil }),
		"the first":     lists(func(l []any) []any { return l[:min(1, len(l))] }),
		"twice":         lists(func(l []any) []any { return slices.Concat(l, l) }),
		"many": lists(func(l []any) []any {
			if len(l) == 0 {
				return l
			}
			return slices.Repeat(l, 1+70/len(l))
		}),
	} {
		t.Run(name, func(t *testing.T) {
			for _, recording := range everyRecording(t) {
				if name == "many" && strings.HasPrefix(recording, "broken") && !strings.Contains(recording, "cdi") {
					continue // lists in lists are long
				}
				h := recorded(t, recording)
				data, err := json.Marshal(h)
				assert.NilError(t, err)
				var tree any
				assert.NilError(t, json.Unmarshal(data, &tree))
				data, err = json.Marshal(changed(tree, change))
				assert.NilError(t, err)
				var odd host.Host
				if err := json.Unmarshal(data, &odd); err != nil {
					// A field that takes no such number is refused before it gets here.
					assert.Assert(t, strings.Contains(err.Error(), "number"), "%s: %v", recording, err)
					continue
				}
				r := Examine(&odd, unhidden(), judgedAt())
				fitToShow(t, r, fmt.Sprintf("%s of %s", name, recording))
				fitToShow(t, Examine(&odd, All(), judgedAt()), recording)
			}
		})
	}
}

// changed puts a change to every leaf and list of a JSON value.
func changed(v any, change func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = changed(x, change)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = changed(x, change)
		}
		return change(out)
	}
	return change(v)
}

// Of a host of which nothing is known nothing is said, and nothing of one that is nil inside.
func TestOfNothingNothingIsSaid(t *testing.T) {
	for name, h := range map[string]host.Host{
		"zero":             {},
		"local":            {Local: true},
		"a kernel":         {Kernel: host.Kernel{Release: "6.8.0"}},
		"an empty GPU":     {Kernel: host.Kernel{Release: "6.8.0"}, Driver: host.Driver{Version: "580.95.05"}, GPUs: make([]host.GPU, 1), Nodes: []host.Node{{Path: "/dev/nvidiactl", Mode: 0o666}, {Path: "/dev/nvidia-uvm", Mode: 0o666}}},
		"an empty device":  {PCI: make([]host.PCI, 3)},
		"an empty engine":  {Engine: host.Engine{Containers: make([]host.Container, 2)}},
		"an empty spec":    {CDI: host.CDI{Specs: make([]host.CDISpec, 2)}},
		"empty units":      {Units: make([]host.Unit, 2), Packages: make([]host.Package, 2)},
		"an unread host":   {Unread: map[string]string{"local": "x", "nvml": "x", "klog": "x", "module": "x", "pci": "x"}},
		"empty everything": {Xids: make([]host.Xid, 0), Disks: make([]host.Disk, 1), Stuck: []host.Process{}},
	} {
		r := Examine(&h, All(), judgedAt())
		for _, f := range r.Findings {
			t.Errorf("%s: %s %s", name, f.Code, f.Summary)
		}
		assert.Equal(t, len(r.Passed)+len(r.Unread)+len(r.Absent), len(All()), "%s: each check is accounted for", name)
	}
}
