package plugin

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestLineDiffOfEachChange(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"both are empty":       {"", "", ""},
		"a file's end":         {"a\nb\n", "", "@@ -1,2 +1,0 @@\n-a\n-b\n"},
		"one line":             {"a", "b", "@@ -1,1 +1,1 @@\n-a\n+b\n"},
		"in the middle":        {"a\nb\nc\n", "a\nx\nc\n", "@@ -2,1 +2,1 @@\n-b\n+x\n"},
		"put in":               {"a\nc\n", "a\nb\nc\n", "@@ -2,0 +2,1 @@\n+b\n"},
		"at the beginning":     {"b\n", "a\nb\n", "@@ -1,0 +1,1 @@\n+a\n"},
		"at the end":           {"a\n", "a\nb\n", "@@ -2,0 +2,1 @@\n+b\n"},
		"twice":                {"a\nb\nc\nd\ne\n", "a\nx\nc\ny\ne\n", "@@ -2,1 +2,1 @@\n-b\n+x\n@@ -4,1 +4,1 @@\n-d\n+y\n"},
		"lines that are alike": {"a\na\na\n", "a\na\n", "@@ -3,1 +3,0 @@\n-a\n"},
		"moved":                {"a\nb\n", "b\na\n", "@@ -1,1 +1,0 @@\n-a\n@@ -3,0 +2,1 @@\n+a\n"},
		"the last line's end":  {"a\nb", "a\nb\n", ""},
		"indentation stays":    {"\ta\n", "  b\n", "@@ -1,1 +1,1 @@\n-    a\n+  b\n"},
		"of Windows":           {"a\r\n", "b\r\n", "@@ -1,1 +1,1 @@\n-a\n+b\n"},
		"an empty line":        {"a\n\nb\n", "a\nb\n", "@@ -2,1 +2,0 @@\n-\n"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, lineDiff("f", []byte(c.before), []byte(c.after), 0), "--- f\n+++ f\n"+c.want)
		})
	}
}

// A patch that is followed gives the file that is meant, whatever the two are.
func TestLineDiffCanBeFollowed(t *testing.T) {
	const alphabet = 3
	for n := range 3000 {
		before, after := word(n, alphabet), word(n*7919, alphabet)
		var got []string
		old, at := lines([]byte(before)), 0
		for line := range strings.Lines(lineDiff("f", []byte(before), []byte(after), 0)) {
			line = strings.TrimSuffix(line, "\n")
			var from, count, to, more int
			switch {
			case strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++"):
			case strings.HasPrefix(line, "@@"):
				_, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &from, &count, &to, &more)
				assert.NilError(t, err, line)
				got = append(got, old[at:from-1]...)
				at = from - 1
				assert.Equal(t, len(got)+1, to, "%q → %q", before, after)
			case line[0] == '-':
				assert.Equal(t, line[1:], old[at])
				at++
			default:
				got = append(got, line[1:])
			}
		}
		got = append(got, old[at:]...)
		assert.Equal(t, strings.Join(got, "\n"), strings.Join(lines([]byte(after)), "\n"), "%q → %q", before, after)
	}
}

// word is the nth text of lines of few kinds.
func word(n, kinds int) string {
	var b strings.Builder
	for ; n > 0; n /= kinds + 1 {
		b.WriteString(strings.Repeat("x", n%(kinds+1)+1) + "\n")
	}
	return b.String()
}

// A line that changes may hold what nobody wants on a screen, as where the file is one line.
func TestLineDiffHidesSecrets(t *testing.T) {
	for line, want := range map[string]string{
		`"auth": "bWU6c2VjcmV0"`: `"auth": "***"`,
		`{"auths":{"r":{"auth":"c2VjcmV0","identitytoken":"secret"}}}`: `{"auths":{"r":{"auth":"***","identitytoken":"***"}}}`,
		`"Password" : "a\"secret"`:                                     `"Password" : "***"`,
		`"password": "secret`:                                          `"password": "***"`,
		`"password": "a\\", "k": "v"`:                                  `"password": "***", "k": "v"`,
		`"registrytoken":"secret","x":1`:                               `"registrytoken":"***","x":1`,
		`"HttpHeaders": {"Authorization": "Bearer secret"}, "k": 1`:    `"HttpHeaders": {***}, "k": 1`,
		`"HttpHeaders": {"A": "}secret", "B": "secret"}, "k": 1`:       `"HttpHeaders": {***}, "k": 1`,
		`"httpProxy": "http://me:secret@proxy:3128"`:                   `"httpProxy": "http://***@proxy:3128"`,
		`"httpProxy": "http://me:s@secret@proxy:3128/a@b"`:             `"httpProxy": "http://***@proxy:3128/a@b"`,
		`"credsStore": "pass"`:                                         `"credsStore": "pass"`,
		`"authors": "me"`:                                              `"authors": "me"`,
	} {
		diff := lineDiff("f", nil, []byte(line), 0)
		assert.Equal(t, diff, "--- f\n+++ f\n@@ -1,0 +1,1 @@\n+"+want+"\n")
		assert.Assert(t, !strings.Contains(diff, "secret"), diff)
	}
}

func TestLineDiffOfHostileLines(t *testing.T) {
	diff := lineDiff("f", []byte("\x1b[2J\u202ea\x00\n"), []byte("b\u009b\n"+strings.Repeat("é", 5000)), 0)
	assert.Assert(t, !strings.ContainsAny(diff, "\x1b\x00\u009b\u202e"), "%q", diff)
	for line := range strings.Lines(diff) {
		assert.Assert(t, len([]rune(line)) < 2010, "%d", len([]rune(line)))
	}
}
