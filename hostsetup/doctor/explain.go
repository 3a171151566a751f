package doctor

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Answer is what a text means.
type Answer struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Group Group  `json:"group"`
	// Matched is the text that gave it away, as it stands in the input; "" if Near.
	Matched string `json:"matched,omitempty"`
	// Near says that the text only resembles what is known of this code.
	Near  bool   `json:"near,omitempty"`
	Cause string `json:"cause,omitempty"`
	// Remedy is what mends it on any host; Fixes are for this one, where it was found.
	Remedy string `json:"remedy,omitempty"`
	Link   string `json:"link,omitempty"`
	// Host says what this host's facts tell: "on this host: …"; "" if they tell nothing.
	Host string `json:"host,omitempty"`
	// Found says that the check fires on this host, or that what causes it was found there.
	Found    bool      `json:"found,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	Fixes    []Fix     `json:"fixes,omitempty"`
}

// limits of Explain: what is read of a text, and how much is answered.
const (
	mostText    = 8 << 20 // bytes, the last of a longer text: errors stand at the end
	mostAnswers = 6
	mostNear    = 3
)

// Explain finds the known symptoms in a text of any length and says what they mean on
// a host: what was found there comes first, then the longest match, which is the most
// specific, then the commonest cause. A text that holds none gives the codes that it
// resembles, marked Near, or nothing. A text that is a code is answered with that. h may be nil.
func Explain(text string, h *host.Host, now time.Time) []Answer {
	return explain(text, h, All(), now)
}

func explain(text string, h *host.Host, checks []Check, now time.Time) []Answer {
	if len(text) > mostText {
		text = text[len(text)-mostText:]
	}
	t := fold(text)
	type hit struct {
		Answer
		length   int // of what it matched in the text
		rarity   Rarity
		order    int // among the checks
		distance int // from this host: 0 for what was found on it
	}
	var hits []hit
	for i, c := range checks {
		if strings.EqualFold(strings.TrimSpace(text), c.Code) {
			hits = []hit{{Answer: answerOf(c, ""), order: i}}
			break
		}
		matched, length := t.find(c.Symptoms)
		if length > 0 {
			hits = append(hits, hit{Answer: answerOf(c, matched), length: length, rarity: c.Rarity, order: i})
		}
	}
	near := len(hits) == 0
	if near {
		for _, n := range nearest(text, checks) {
			a := answerOf(checks[n], "")
			a.Near = true
			hits = append(hits, hit{Answer: a, order: n})
		}
	}
	if len(hits) == 0 {
		return nil
	}
	if h != nil {
		report := Examine(h, checks, now)
		for i := range hits {
			hits[i].distance = light(&hits[i].Answer, report)
		}
		// What follows from another answer adds nothing to it.
		given := map[string]bool{}
		for _, h := range hits {
			given[h.Code] = h.distance == 0
		}
		hits = slices.DeleteFunc(hits, func(h hit) bool { return h.distance == 1 && given[h.Findings[0].Code] })
	}
	if !near {
		slices.SortStableFunc(hits, func(a, b hit) int {
			return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.length, a.length), cmp.Compare(a.rarity, b.rarity), cmp.Compare(a.order, b.order))
		})
	}
	var out []Answer
	for _, h := range hits[:min(len(hits), mostAnswers)] {
		out = append(out, h.Answer)
	}
	return out
}

func answerOf(c Check, matched string) Answer {
	return Answer{Code: c.Code, Title: c.Title, Group: c.Group, Matched: matched, Cause: c.Cause, Remedy: c.Remedy, Link: c.Link}
}

// light puts an answer in the light of what was found on a host. It returns 0 for what
// was found there, 1 for what may follow from something found, 2 for the rest.
func light(a *Answer, r *Report) int {
	for _, f := range r.Findings {
		if f.Code == a.Code {
			a.Findings = append(a.Findings, f)
			a.Fixes = append(a.Fixes, f.Fixes...)
		}
	}
	if len(a.Findings) > 0 {
		a.Found = true
		a.Host = "on this host: " + a.Findings[0].Summary
		if a.Findings[0].Cause != "" {
			a.Cause = a.Findings[0].Cause
		}
		return 0
	}
	for _, hidden := range r.Hidden {
		if hidden.Code != a.Code {
			continue
		}
		for _, f := range r.Findings {
			if f.Code == hidden.Because {
				a.Host = fmt.Sprintf("on this host it may follow from %s: %s", f.Code, f.Summary)
				a.Found = true
				a.Findings, a.Fixes = append(a.Findings, f), append(a.Fixes, f.Fixes...)
			}
		}
		return 1
	}
	for _, u := range r.Unread {
		if u.Code == a.Code {
			a.Host = "on this host it could not be looked at: " + shown(u.Why)
			return 2
		}
	}
	switch {
	case slices.Contains(r.Passed, a.Code):
		a.Host = "on this host nothing of it is seen now"
	case slices.Contains(r.Absent, a.Code):
		a.Host = "on this host it does not apply: what it is about is not there"
	}
	return 2
}

// folded is a text prepared for finding symptoms in it.
type folded struct {
	text string
	// bare has neither blanks nor quotes nor backslashes, in lower case: terminals wrap
	// lines, logs escape quotes. at[i] is where bare[i*step] stands in text.
	bare string
	at   []int
	// line has each run of white space as one blank, for regular expressions.
	line string
}

const step = 64

// ignored says whether a byte is of no account in literal symptoms.
func ignored(b byte) bool {
	return b <= ' ' || b == 0x7f || b == '"' || b == '\'' || b == '`' || b == '\\'
}

// colour is a terminal's escape sequence.
var colour = regexp.MustCompile("\x1b\\[[0-9;?]*[@-~]")

func fold(text string) folded {
	if strings.IndexByte(text, 0x1b) >= 0 {
		text = colour.ReplaceAllString(text, "")
	}
	f := folded{text: text}
	bare, line := make([]byte, 0, len(text)), make([]byte, 0, len(text))
	blank := false
	for i := 0; i < len(text); i++ {
		b := text[i]
		if b <= ' ' || b == 0x7f {
			blank = true
		} else {
			if blank && len(line) > 0 {
				line = append(line, ' ')
			}
			blank = false
			if b != '\\' {
				line = append(line, b)
			}
		}
		if ignored(b) {
			continue
		}
		if len(bare)%step == 0 {
			f.at = append(f.at, i)
		}
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		bare = append(bare, b)
	}
	f.bare, f.line = string(bare), string(line)
	return f
}

// find is the longest match among symptoms, as it stands in the text.
func (f folded) find(symptoms []string) (matched string, length int) {
	for _, s := range symptoms {
		if pattern, ok := strings.CutPrefix(s, "re:"); ok {
			re, err := regexp.Compile(pattern)
			if err != nil {
				continue // a test sees to it that there is none
			}
			if m := re.FindString(f.line); len(strings.TrimSpace(m)) > length {
				matched, length = shown(m), len(m)
			}
			continue
		}
		want := fold(s).bare
		if len(want) <= length || want == "" {
			continue
		}
		if i := strings.Index(f.bare, want); i >= 0 {
			matched, length = shown(f.around(i, len(want))), len(want)
		}
	}
	return matched, length
}

// around is the piece of the text that bare[i:i+n] came from.
func (f folded) around(i, n int) string {
	from := f.at[i/step]
	for skip := i % step; skip > 0 || ignored(f.text[from]); from++ {
		if !ignored(f.text[from]) {
			skip--
		}
	}
	end := from
	for left := n; left > 0 && end < len(f.text); end++ {
		if !ignored(f.text[end]) {
			left--
		}
	}
	return f.text[from:end]
}
