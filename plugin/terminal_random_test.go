package plugin

import (
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
)

// What is copied from a report does what was meant, to a real shell.
func TestShellLinesInAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here")
	}
	const letters = "ab-_./:=,@%+ '\"$`\\!*?[]{}()<>|&;#~^é漢"
	random := rand.New(rand.NewPCG(3, 4))
	runes := []rune(letters)
	for range 60 {
		argv := []string{"printf", `%s\n`}
		var want []string
		for range 1 + random.IntN(4) {
			var word strings.Builder
			for range random.IntN(8) {
				word.WriteRune(runes[random.IntN(len(runes))])
			}
			argv, want = append(argv, word.String()), append(want, word.String())
		}
		line := shellLine(argv)
		out, err := exec.Command(sh, "-c", line).Output()
		assert.NilError(t, err, line)
		assert.Equal(t, string(out), strings.Join(want, "\n")+"\n", line)
	}
}

// Whatever a machine says: nothing in it acts, it is text, and saying it twice is saying it once.
func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[2J", "a\r\nb\r", "\u202e\u2066\u2028", "\xff\xc3", "\t\x00\x7f\u009b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := harmless(text)
		if !utf8.ValidString(got) || got != harmless(got) {
			t.Fatalf("%q → %q", text, got)
		}
		for _, r := range got {
			if r != '\n' && unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) {
				t.Fatalf("%q is in %q", r, got)
			}
		}
		line := clean(text, 20)
		if strings.ContainsAny(line, "\n") || utf8.RuneCountInString(line) > 20 || line != clean(line, 20) {
			t.Fatalf("%q → %q", text, line)
		}
		if escaped := escapeControls(cell(text)); !utf8.ValidString(escaped) {
			t.Fatalf("%q", escaped)
		}
	})
}

// The list of checks as people and programs read it: the same ones, whole.
func TestListOfTheRealChecks(t *testing.T) {
	offline(t)
	table, data := run(t, "doctor", "--list"), run(t, "doctor", "--list", "--format=json")
	assert.Equal(t, table.code+data.code, 0, table.err+data.err)
	assert.Equal(t, strings.Count(table.out, "\n"), 1+strings.Count(data.out, "\n"))
	var codes []string
	for line := range strings.Lines(data.out) {
		var c struct{ Code, Title, Group, Severity, Cause string }
		assert.NilError(t, json.Unmarshal([]byte(line), &c), line)
		assert.Assert(t, c.Title != "" && c.Cause != "", line)
		assert.Assert(t, slices.Contains(groupNames(), c.Group), line)
		assert.Assert(t, rank(doctor.Severity(c.Severity)) >= 0, line)
		assert.Assert(t, strings.Contains(table.out, c.Code) && strings.Contains(table.out, c.Title), line)
		assert.Assert(t, !slices.Contains(codes, c.Code), "%s is there twice", c.Code)
		codes = append(codes, c.Code)
		// Each can be asked for by its code in any letters.
		one := run(t, "doctor", "--list", "--only", strings.ToLower(c.Code))
		assert.Equal(t, strings.Count(one.out, "\n"), 2, one.out+one.err)
	}
	assert.Assert(t, len(codes) >= 60, "%d checks", len(codes))
}
