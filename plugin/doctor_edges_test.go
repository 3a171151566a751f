package plugin

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// unreadable is a machine whose GPUs and toolkit could not be looked at.
func unreadable(wrong, why string) host.Host {
	h := machine(wrong)
	h.Unread = map[string]string{"nvml": why, "toolkit": why}
	return h
}

// judged is a judgement of the tests' checks as JSON.
func judged(t *testing.T, h host.Host, args ...string) (doc struct {
	Findings []struct{ Code, Severity, Summary string }
	Passed   []string
	Hidden   []struct{ Code, Because string }
	Unread   []struct{ Code, Why string }
	Ignored  []struct{ Code, Reason, Until string }
	Expired  []ignoreRule
	Images   []string
}, code int) {
	t.Helper()
	s := newScreen(t, false, "")
	r, _ := examining(t, s, h, append([]string{"--format=json"}, args...)...)
	code = status(t, r.do(t.Context()))
	assert.NilError(t, json.Unmarshal(s.out.Bytes(), &doc), s.out.String())
	return doc, code
}

func codes[T any](list []T, code func(T) string) string {
	var out []string
	for _, x := range list {
		out = append(out, code(x))
	}
	return strings.Join(out, " ")
}

// Every check ends in one place of the report, whatever was asked for.
func TestEveryCheckIsToldOnce(t *testing.T) {
	for name, c := range map[string]struct {
		host                          host.Host
		args                          string
		found, passed, hidden, unread string
		code                          int
	}{
		"all is well":            {machine(""), "", "", "T001 T002 T003 T004 T005 T006", "", "", 0},
		"a cause":                {machine("nomodule+nonodes"), "", "T001", "T003 T004 T005 T006", "T002", "", 1},
		"a cause not asked for":  {machine("nomodule+nonodes"), "--only=T002", "T001", "", "T002", "", 1},
		"a cause left out":       {machine("nomodule+nonodes"), "--skip=T001", "T002", "T003 T004 T005 T006", "", "", 1},
		"two of one check":       {machine("hot"), "", "T003 T003", "T001 T002 T004 T005 T006", "", "", 0},
		"two, strictly":          {machine("hot"), "--strict", "T003 T003", "T001 T002 T004 T005 T006", "", "", 2},
		"an error, strictly":     {machine("hot+badconfig"), "--strict", "T004 T003 T003", "T001 T002 T005 T006", "", "", 1},
		"a note, strictly":       {machine("old"), "--strict", "T005", "T001 T002 T003 T004 T006", "", "", 0},
		"what cannot be read":    {unreadable("hot+old", "no permission"), "", "", "T001 T002 T004 T006", "", "T003 T005", 0},
		"that alone":             {unreadable("hot+old", "no permission"), "--group=health", "", "", "", "T003", 0},
		"a group of a group":     {machine("nomodule+hot"), "--group=driver --only=T001,T003", "T001", "", "", "", 1},
		"nothing that was asked": {machine("nomodule+hot"), "--only=T004", "", "T004", "", "", 0},
		"all of them left out":   {machine("nomodule"), "--skip=T001,T002,T003,T004,T005,T006", "", "", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			doc, code := judged(t, c.host, strings.Fields(c.args)...)
			assert.Equal(t, code, c.code)
			assert.Equal(t, codes(doc.Findings, func(f struct{ Code, Severity, Summary string }) string { return f.Code }), c.found)
			assert.Equal(t, strings.Join(doc.Passed, " "), c.passed)
			assert.Equal(t, codes(doc.Hidden, func(h struct{ Code, Because string }) string { return h.Code }), c.hidden)
			assert.Equal(t, codes(doc.Unread, func(u struct{ Code, Why string }) string { return u.Code }), c.unread)
		})
	}
}

// The same judgement in the formats that machines read: what fails, what is left out and why.
func TestJUnitTellsWhyACheckIsLeftOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ignore")
	assert.NilError(t, os.WriteFile(file, []byte("T004 until=2026-12-31 ticket <7> & more\n"), 0o600))
	s := newScreen(t, false, "")
	r, _ := examining(t, s, unreadable("nomodule+nonodes+badconfig", "permission denied: /dev/nvidiactl\x1b[2J"), "--format=junit", "--ignore-file="+file)
	assert.Equal(t, status(t, r.do(t.Context())), exitFailed)
	quiet(t, s.out.String())
	var doc junitSuites
	assert.NilError(t, xml.Unmarshal(s.out.Bytes(), &doc))
	got := map[string]string{}
	tests, failures, skipped := 0, 0, 0
	for _, suite := range doc.Suites {
		tests, failures, skipped = tests+suite.Tests, failures+suite.Failures, skipped+suite.Skipped
		assert.Equal(t, suite.Tests, len(suite.Cases), suite.Name)
		for _, c := range suite.Cases {
			code, _, _ := strings.Cut(c.Name, " ")
			switch {
			case c.Failure != nil:
				got[code] = "failed as " + c.Failure.Type
			case c.Skipped != nil:
				got[code] = c.Skipped.Message
			default:
				got[code] = "passed"
			}
		}
	}
	assert.DeepEqual(t, got, map[string]string{
		"T001": "failed as error", "T002": "because of T001", "T003": "permission denied: /dev/nvidiactl [2J",
		"T004": "ignored: daemon.json ends in the middle ticket <7> & more", "T005": "permission denied: /dev/nvidiactl [2J", "T006": "passed",
	})
	assert.Equal(t, fmt.Sprint(tests, failures, skipped), "6 1 4")
}

func TestWhatCouldNotBeReadIsTold(t *testing.T) {
	s := newScreen(t, false, "")
	r, _ := examining(t, s, unreadable("", "no permission for /dev/nvidiactl\nand more."))
	assert.NilError(t, r.do(t.Context()))
	out := s.out.String()
	assert.Assert(t, strings.Contains(out, "2 checks could not be made: no permission for /dev/nvidiactl and more.\n"), out)
	assert.Assert(t, strings.Contains(out, "Nothing is wrong: 4 checks passed."), out)

	// Without a single check nobody can say that all is well.
	s = newScreen(t, false, "")
	r, _ = examining(t, s, unreadable("", "no permission"), "--group=health,toolkit")
	assert.NilError(t, r.do(t.Context()))
	assert.Assert(t, strings.Contains(s.out.String(), "Nothing was found, but no check could be made either: 0 checks passed."), s.out.String())
	assert.Assert(t, strings.Contains(s.out.String(), "not checked"), s.out.String())

	s = newScreen(t, false, "")
	r, _ = examining(t, s, unreadable("nomodule+nonodes", "no permission"), "-v")
	assert.Equal(t, status(t, r.do(t.Context())), exitFailed)
	for _, says := range []string{"Passed\n  T004  daemon.json can be read", "Not made, because of a cause above\n  T002  the device nodes are there (because of T001)",
		"Could not be made\n  T003  the GPUs are cool: no permission\n"} {
		assert.Assert(t, strings.Contains(s.out.String(), says), "%q is not in\n%s", says, s.out.String())
	}
}

func TestFactsThatCannotBeHad(t *testing.T) {
	for name, args := range map[string][]string{"alone": nil, "with a record": {"--record=/dev/null"}, "with --fix": {"--fix", "-y"}} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			r, ran := examining(t, s, host.Host{}, args...)
			r.facts = func(context.Context, string) (host.Host, error) {
				return host.Host{}, errors.New("there is no Docker context")
			}
			assert.Error(t, r.do(t.Context()), "there is no Docker context")
			assert.Equal(t, s.out.String(), "")
			assert.Equal(t, len(*ran), 0)
		})
	}
}

// A host that cannot be looked at again after it was mended is no success.
func TestFixThatBreaksTheHost(t *testing.T) {
	s := newScreen(t, false, "")
	r, ran := examining(t, s, host.Host{}, "--fix", "-y")
	r.facts = func(context.Context, string) (host.Host, error) {
		if len(*ran) > 0 {
			return host.Host{}, errors.New("no engine answers any more")
		}
		return machine("nomodule"), nil
	}
	assert.Error(t, r.do(t.Context()), "no engine answers any more")
	assert.Equal(t, s.out.String(), "", "the report of before is not the host's any more")
}

func TestFindingsOfImages(t *testing.T) {
	found := named("team/model:1", []doctor.Finding{{Summary: "it is for arm64"}, {Summary: "team/model:1 wants CUDA 14"}})
	assert.Equal(t, found[0].Summary, "image team/model:1: it is for arm64")
	assert.Equal(t, found[1].Summary, "team/model:1 wants CUDA 14", "what names it is not named twice")

	// They stand with those of the host, the worst first.
	s := newScreen(t, false, "")
	r, _ := examining(t, s, machine("hot+old"), "--format=json", "team/model:1")
	r.image = func(_ context.Context, _, name string) (doctor.ImageFacts, error) {
		return doctor.ImageFacts{Name: name, OS: "windows", Architecture: "amd64"}, nil
	}
	code := status(t, r.do(t.Context()))
	var doc struct {
		Images   []string
		Findings []struct{ Severity doctor.Severity }
	}
	assert.NilError(t, json.Unmarshal(s.out.Bytes(), &doc))
	assert.DeepEqual(t, doc.Images, []string{"team/model:1"})
	for i := 1; i < len(doc.Findings); i++ {
		assert.Assert(t, rank(doc.Findings[i-1].Severity) <= rank(doc.Findings[i].Severity), s.out.String())
	}
	assert.Equal(t, code == exitFailed, doc.Findings[0].Severity == doctor.Error)
}

// JSON of a text that only looks harmless: what encoding/json lets pass is escaped.
func TestJSONForATerminal(t *testing.T) {
	var out strings.Builder
	assert.NilError(t, writeJSON(&out, map[string]any{"a\x7f": "\u009b\u202e\x00\n<&>\u2028é漢"}))
	assert.Equal(t, out.String(), "{\n  \"a\\u007f\": \"\\u009b\\u202e\\u0000\\n<&>\\u2028é漢\"\n}\n")
	var back map[string]string
	assert.NilError(t, json.Unmarshal([]byte(out.String()), &back))
	assert.Equal(t, back["a\x7f"], "\u009b\u202e\x00\n<&>\u2028é漢")
	assert.ErrorContains(t, writeJSON(&out, func() {}), "unsupported type")
}

func TestMarkdownIsText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                       "plain",
		"<img src=x onerror=y>":       `\<img src=x onerror=y\>`,
		"[link](https://x) `code` #1": "\\[link\\](https://x) \\`code\\` \\#1",
		"*a* _b_ ~c~ {d} |e| @me & f": `\*a\* \_b\_ \~c\~ \{d\} \|e\| \@me \& f`,
		`a\b`:                         `a\\b`,
	} {
		assert.Equal(t, markdown(in), want)
	}
	for in, want := range map[string]string{"x": "` x `", "": "`  `", "a`b": "`` a`b ``", "```": "```` ``` ````"} {
		assert.Equal(t, code(in), want)
	}
}

func TestDisruptions(t *testing.T) {
	for d, want := range map[doctor.Disruption]string{
		doctor.None: "nothing stops", "": "nothing stops", doctor.Reload: "a daemon reloads its configuration; nothing stops",
		doctor.Restart: "restarts Docker or programs that use the GPU", doctor.Reboot: "takes effect with a reboot",
	} {
		assert.Equal(t, disruption(d), want)
	}
	for n, want := range map[int]string{0: "0 checks", 1: "1 check", 2: "2 checks"} {
		assert.Equal(t, plural(n, "check"), want)
	}
}
