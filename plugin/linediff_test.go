package plugin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestLineDiff(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		around        int
		want          string
	}{
		"nothing":     {"a\n", "a\n", 0, ""},
		"new":         {"", "a\nb\n", 0, "@@ -1,0 +1,2 @@\n+a\n+b\n"},
		"two places":  {"a\nb\nc\nd\ne\n", "a\nB\nc\nd\ne\nf\n", 0, "@@ -2,1 +2,1 @@\n-b\n+B\n@@ -6,0 +6,1 @@\n+f\n"},
		"taken out":   {"a\nb\nc", "a\nc", 0, "@@ -2,1 +2,0 @@\n-b\n"},
		"inner":       {"x\na\nb\ny", "x\nb\na\ny", 0, "@@ -2,1 +2,0 @@\n-a\n@@ -4,0 +3,1 @@\n+a\n"},
		"secrets":     {`{"auths":{"r":{"auth":"abc","IdentityToken": "t"}},"HttpHeaders":{"A":"b"},"p":"http://u:pw@h"}`, "{}", 0, "@@ -1,1 +1,1 @@\n" + `-{"auths":{"r":{"auth":"***","IdentityToken": "***"}},"HttpHeaders":{***},"p":"http://***@h"}` + "\n+{}\n"},
		"around":      {"a\nb\nc\nd\ne\nf\ng\n", "a\nb\nC\nd\ne\nf\ng\n", 1, "@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n"},
		"joined":      {"a\nb\nc\nd\ne\nf\ng\n", "b\nc\nd\nE\nf\ng\nh\n", 2, "@@ -1,7 +1,7 @@\n-a\n b\n c\n d\n-e\n+E\n f\n g\n+h\n"},
		"apart":       {"a\nb\nc\nd\ne\nf\ng\n", "b\nc\nd\ne\nf\ng\nh\n", 1, "@@ -1,2 +1,1 @@\n-a\n b\n@@ -7,1 +6,2 @@\n g\n+h\n"},
		"no terminal": {"a\x1b[2Jb", "a", 0, "@@ -1,1 +1,1 @@\n-a [2Jb\n+a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, lineDiff("f", []byte(c.before), []byte(c.after), c.around), "--- f\n+++ f\n"+c.want)
		})
	}
}

// The lines that go and come turn the one file into the other, and are as few as can be.
func TestChangesAreRightAndFew(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		file := func() (lines []string) {
			for range r.IntN(12) {
				lines = append(lines, string(rune('a'+r.IntN(4))))
			}
			return lines
		}
		a, b := file(), file()
		var got []string
		at, moved := 0, 0
		for _, c := range changes(a, b) {
			got = append(append(got, a[at:c.a]...), b[c.b:c.toB]...)
			at, moved = c.toA, moved+c.toA-c.a+c.toB-c.b
		}
		got = append(got, a[at:]...)
		assert.Assert(t, slices.Equal(got, b), "%q to %q gives %q", a, b, got)
		assert.Equal(t, moved, len(a)+len(b)-2*longest(a, b), "%q to %q", a, b)
	}
}

// longest is the length of the longest common subsequence, by its definition.
func longest(a, b []string) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0] == b[0]:
		return 1 + longest(a[1:], b[1:])
	}
	return max(longest(a[1:], b), longest(a, b[1:]))
}

// A large file costs what its changes cost; one that is new altogether is shown whole.
func TestLineDiffOfLargeFiles(t *testing.T) {
	var text strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	before := "first\n" + text.String() + "last\n"
	assert.Equal(t, lineDiff("f", []byte(before), []byte("FIRST\n"+text.String()+"LAST\n"), 1),
		"--- f\n+++ f\n@@ -1,2 +1,2 @@\n-first\n+FIRST\n line 0\n@@ -200001,2 +200001,2 @@\n line 199999\n-last\n+LAST\n")
	other := strings.ReplaceAll(before, "line", "row")
	assert.Equal(t, strings.Count(lineDiff("f", []byte(before), []byte(other), 0), "\n"), 3+2*200_000)
}

// On a line that is too long to be shown, what changes is.
func TestLineDiffOfALongLine(t *testing.T) {
	long := `{"labels": [` + strings.Repeat(`"é", `, 100_000) + `"x"], "features": {"cdi": `
	got := lineDiff("f", []byte(long+"false}}"), []byte(long+"true}}"), 0)
	assert.Assert(t, strings.Contains(got, `"cdi": false}}`) && strings.Contains(got, `"cdi": true}}`), got)
	assert.Assert(t, len(got) < 5000 && strings.Contains(got, "-…"), "%d", len(got))
}
