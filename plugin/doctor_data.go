package plugin

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// writeJSON writes one object. Inside strings, what could steer a terminal is escaped
// also where JSON would let it pass.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeControls(b.String()))
	return err
}

// escapeControls escapes what encoding/json leaves raw: DEL, C1 and marks of direction.
// All of them can only be inside strings.
func escapeControls(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Name    string       `xml:"name,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes each group of each host as a suite and each check as a case: errors
// and warnings are failures, checks that were not made are skipped.
func writeJUnit(w io.Writer, rows []outcome) error {
	doc := junitSuites{Name: "docker gpu doctor"}
	for _, row := range rows {
		j := row.judgement
		if j == nil {
			doc.Suites = append(doc.Suites, junitSuite{Name: row.Context, Tests: 1, Failures: 1, Cases: []junitCase{{
				Name: "the host can be examined", Class: "docker-gpu." + row.Context, Failure: &junitMessage{Message: row.Error, Type: "error"}}}})
			continue
		}
		for _, g := range groups {
			suite := junitSuite{Name: string(g)}
			if j.Context != "" {
				suite.Name = j.Context + "." + suite.Name
			}
			for _, c := range j.checks {
				if c.Group != g {
					continue
				}
				one := j.junit(c.Code, suite.Name)
				one.Name = c.Code + " " + c.Title
				suite.Tests++
				if one.Failure != nil {
					suite.Failures++
				}
				if one.Skipped != nil {
					suite.Skipped++
				}
				suite.Cases = append(suite.Cases, one)
			}
			if suite.Tests > 0 {
				doc.Suites = append(doc.Suites, suite)
			}
		}
	}
	data, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}

func (j *judgement) junit(code, class string) junitCase {
	c := junitCase{Class: "docker-gpu." + class}
	for _, f := range j.Findings {
		if f.Code != code {
			continue
		}
		text := clean(f.Summary, 400) + "\n" + clean(f.Cause, 1000) + "\n"
		for _, e := range f.Evidence {
			text += clean(e.Source, 100) + ": " + clean(e.Text, 500) + "\n"
		}
		for _, fix := range f.Fixes {
			text += "fix: " + clean(fix.Title, 400) + "\n"
			for _, argv := range fix.Argv {
				text += "  " + shellLine(argv) + "\n"
			}
		}
		switch {
		case f.Severity == "note":
			c.Output += text
		case c.Failure == nil:
			c.Failure = &junitMessage{Message: clean(f.Summary, 400), Type: string(f.Severity), Text: text}
		default:
			c.Failure.Text += text
		}
	}
	skip := func(why string) { c.Skipped = &junitMessage{Message: why} }
	for _, i := range j.Ignored {
		if i.Code == code && c.Failure == nil {
			skip(strings.TrimSpace("ignored: " + clean(i.Summary, 400) + " " + i.Reason))
		}
	}
	for _, h := range j.Hidden {
		if h.Code == code {
			skip("because of " + h.Because)
		}
	}
	for _, u := range j.Unread {
		if u.Code == code {
			skip(clean(u.Why, 300))
		}
	}
	for _, a := range j.Absent {
		if a == code {
			skip("what it is about is not here")
		}
	}
	return c
}
