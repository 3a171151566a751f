package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// quick are checks whose symptoms are texts of their own.
func quick(code string, found Severity, symptoms ...string) Check {
	c := always(code, found)
	c.Title, c.Symptoms, c.Remedy = "title of "+code, symptoms, "remedy of "+code
	if found == "" {
		c.Severity, c.Run = Error, func(*host.Host, time.Time) []Finding { return nil }
	}
	return c
}

func order(answers []Answer) string {
	var out []string
	for _, a := range answers {
		out = append(out, a.Code)
	}
	return strings.Join(out, " ")
}

// What was found on the host comes first, then the longest match, then the commonest,
// then the order of the checks.
func TestTheOrderOfAnswers(t *testing.T) {
	rare := func(c Check, r Rarity) Check { c.Rarity = r; return c }
	for name, c := range map[string]struct {
		checks []Check
		want   string
	}{
		"the longest match": {[]Check{quick("A", "", "the engine"), quick("B", "", "the engine broke")}, "B A"},
		"the commonest":     {[]Check{rare(quick("A", "", "the engine"), Seldom), quick("B", "", "the engine"), rare(quick("C", "", "the engine"), Often)}, "C B A"},
		"as they stand":     {[]Check{quick("A", "", "the engine"), quick("B", "", "the engine")}, "A B"},
		"length counts for more than how common it is": {[]Check{rare(quick("A", "", "the engine"), Often), rare(quick("B", "", "the engine broke"), Seldom)}, "B A"},
		"what was found counts for more than length":   {[]Check{quick("A", Note, "the engine"), quick("B", "", "the engine broke")}, "A B"},
		"the rest of what was found in their order":    {[]Check{quick("A", "", "the engine broke"), quick("B", Warning, "the"+" engine"), quick("C", Error, "engine broke down")}, "C B A"},
		"a pattern is as long as what it matches":      {[]Check{quick("A", "", "the engine"), quick("B", "", "re:the .* down")}, "B A"},
		"one answer for a check":                       {[]Check{quick("A", "", "the engine", "engine broke", "re:down")}, "A"},
		"none":                                         {[]Check{quick("A", "", "something else entirely")}, ""},
	} {
		assert.Equal(t, order(explain("the engine broke down", &host.Host{}, c.checks, time.Time{})), c.want, name)
	}
}

// A code is answered with what it stands for, whatever other texts it may lie in.
func TestACodeIsExplained(t *testing.T) {
	checks := []Check{quick("A1", "", "text with B2 in it", "b2"), quick("B2", Error, "other")}
	for _, text := range []string{"B2", " b2\n"} {
		assert.Equal(t, order(explain(text, nil, checks, time.Time{})), "B2", text)
	}
	a := explain("B2", &host.Host{}, checks, time.Time{})[0]
	assert.Equal(t, a.Host, "on this host: B2 is wrong")
	assert.Equal(t, a.Matched, "")
	assert.Assert(t, !a.Near)
	assert.Equal(t, order(explain("text with B2 in it", nil, checks, time.Time{})), "A1")
	for _, c := range All() {
		assert.Equal(t, first(Explain(c.Code, nil, time.Time{})), c.Code)
	}
}

func TestWhatTheHostSays(t *testing.T) {
	after := func(c Check, codes ...string) Check { c.After = codes; return c }
	needs := func(c Check, f Fact) Check { c.Needs = []Fact{f}; return c }
	h := &host.Host{Unread: map[string]string{"nvml": "NVML\x1b[2J did not answer"}}
	for name, c := range map[string]struct {
		checks []Check
		says   string
		found  bool
	}{
		"found":          {[]Check{quick("A", Error, "the text")}, "on this host: A is wrong", true},
		"not found":      {[]Check{quick("A", "", "the text")}, "on this host nothing of it is seen now", false},
		"hidden":         {[]Check{quick("B", Error, "other"), after(quick("A", Error, "the text"), "B")}, "on this host it may follow from B: B is wrong", true},
		"not read":       {[]Check{needs(quick("A", Error, "the text"), NVML)}, "on this host it could not be looked at: NVML[2J did not answer", false},
		"does not apply": {[]Check{needs(quick("A", Error, "the text"), PCI)}, "on this host it does not apply: what it is about is not there", false},
	} {
		a := explain("the text", h, c.checks, time.Time{})
		assert.Equal(t, len(a), 1, name)
		assert.Equal(t, a[0].Host, c.says, name)
		assert.Equal(t, a[0].Found, c.found, name)
		assert.Equal(t, a[0].Remedy, "remedy of A", name)
		assert.Equal(t, len(a[0].Findings) > 0, c.found, name)
	}
	assert.Equal(t, explain("the text", nil, []Check{quick("A", Error, "the text")}, time.Time{})[0].Host, "", "of no host nothing is said")
	// What follows from another answer is not given beside it.
	both := []Check{quick("B", Error, "the text"), after(quick("A", Error, "the text"), "B")}
	assert.Equal(t, order(explain("the text", h, both, time.Time{})), "B")
	// A cause of the finding's own is told in place of the check's.
	own := quick("A", Error, "the text")
	own.Run = func(*host.Host, time.Time) []Finding { return []Finding{{Summary: "s", Cause: "its own"}} }
	assert.Equal(t, explain("the text", h, []Check{own}, time.Time{})[0].Cause, "its own")
}

func TestAnswersAreFew(t *testing.T) {
	var checks []Check
	for i := range 30 {
		checks = append(checks, quick(fmt.Sprintf("A%02d", i), "", "the very same text"))
	}
	assert.Equal(t, len(explain("the very same text", nil, checks, time.Time{})), mostAnswers)
	// What only resembles them is fewer still, and says so.
	near := explain("very same thing, text differs", nil, checks[:2], time.Time{})
	for _, a := range near {
		assert.Assert(t, a.Near && a.Matched == "", "%+v", a)
	}
	assert.Assert(t, len(near) <= mostNear)
}

// Words that all errors share tell nothing apart.
func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"the error of docker and the GPU":    "",
		"Unresolvable CDI devices":           "cdi devices unresolvable",
		"a bc 12 345 sm_90 x86":              "x86",
		strings.Repeat("x", 41) + " " + "yz": "",
		"größe Größe GRÖSSE":                 "grösse größe",
	} {
		var got []string
		for w := range wordsOf(text) {
			got = append(got, w)
		}
		slices.Sort(got)
		assert.Equal(t, strings.Join(got, " "), want, text)
	}
	assert.Equal(t, len(nearest("", All())), 0)
	assert.Equal(t, len(nearest("quux frobnicate blarg", All())), 0)
	near := nearest("CDI devices that are unresolvable: injection", All())
	assert.Equal(t, All()[near[0]].Code, "C018")
}

// Each literal symptom finds its check, alone, in a log, wrapped, escaped and coloured.
func TestEverySymptomIsFound(t *testing.T) {
	const before, after = "2026-11-24T10:00:00Z level=error msg=\"", "\" module=x\nnext line"
	for _, c := range All() {
		for _, s := range c.Symptoms {
			if strings.HasPrefix(s, "re:") {
				continue
			}
			half := len(s) / 2
			for how, text := range map[string]string{
				"alone":    s,
				"in a log": before + s + after,
				"escaped":  before + strings.ReplaceAll(s, `"`, `\"`) + after,
				"wrapped":  s[:half] + "\r\n   " + s[half:],
				"coloured": "\x1b[31m" + s[:half] + "\x1b[0m" + s[half:],
				"shouted":  strings.ToUpper(s),
			} {
				matched, n := fold(text).find([]string{s})
				assert.Assert(t, n > 0 && matched != "", "%s: %q is not found %s", c.Code, s, how)
				assert.Assert(t, !control.MatchString(matched), "%s: %q", c.Code, matched)
			}
			assert.Assert(t, slices.ContainsFunc(Explain(s, nil, judgedAt()), func(a Answer) bool { return a.Code == c.Code }), "%s is not among the answers to its own symptom %q", c.Code, s)
		}
	}
}

// A pattern of a symptom matches a line of some length, not a whole log.
func TestPatternsOfSymptomsAreTight(t *testing.T) {
	for _, c := range All() {
		for _, s := range c.Symptoms {
			p, ok := strings.CutPrefix(s, "re:")
			if !ok {
				continue
			}
			re := regexp.MustCompile(p)
			for _, text := range []string{"", "a", "docker", "nvidia", "error", "nvidia-smi", "Docker Engine started", "all is well with the GPU", strings.Repeat("level=info msg=\"pulled image\" ", 50)} {
				assert.Assert(t, !re.MatchString(text), "%s: %s is found in %q", c.Code, s, text[:min(len(text), 60)])
			}
		}
	}
}

// The end of a text is what is read of one too long: errors stand there.
func TestTextsOfAnyLength(t *testing.T) {
	c := []Check{quick("A", "", "the very text")}
	for name, x := range map[string]struct {
		text string
		want string
	}{
		"at the end":       {strings.Repeat("x", mostText) + " the very text", "A"},
		"before the limit": {"the very text" + strings.Repeat("x", mostText-len("the very text")), "A"},
		"beyond it":        {"the very text" + strings.Repeat("x", mostText), ""},
		"cut in a rune":    {strings.Repeat("é", mostText/2) + "the very text", "A"},
	} {
		assert.Equal(t, order(explain(x.text, nil, c, time.Time{})), x.want, name)
	}
}

// The place of a match is found in texts of any make.
func TestAroundAMatch(t *testing.T) {
	for _, filler := range []string{"", "x", " ", "\"", "\\\"", "é", "\x00", "\n", strings.Repeat(" \"", 100), strings.Repeat("word ", 100), strings.Repeat("\\", 63)} {
		for _, pad := range []int{0, 1, 63, 64, 65, 128} {
			text := strings.Repeat("a", pad) + filler + "Foo \"bar\"  baz" + filler
			matched, n := fold(text).find([]string{"foo bar baz"})
			assert.Equal(t, matched, `Foo "bar" baz`, "%q", text)
			assert.Equal(t, n, len("foobarbaz"))
		}
	}
}
