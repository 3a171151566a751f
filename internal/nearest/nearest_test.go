package nearest

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestWord(t *testing.T) {
	known := []string{"python", "packages", "platforms", "url", "G1"}
	for word, want := range map[string]string{
		"python":     "python",
		"pyhton":     "python", // two letters changed places
		"pythn":      "python",
		"pyython":    "python",
		"pythonic":   "python",
		"phyton3":    "", // three away
		"package":    "packages",
		"ulr":        "url",
		"u":          "url",
		"ackages":    "packages",
		"PYTHON":     "",
		"dependency": "",
		// A word of which no letter is left is not near, however short both are.
		"":   "",
		"x":  "",
		"xy": "",
		"g":  "",
		"G2": "G1",
		"ü":  "",
	} {
		assert.Equal(t, Word(word, known, nil), want, "%q", word)
	}
	assert.Equal(t, Word("python", nil, nil), "")
}

func TestWordIsTheNearestNotTheFirst(t *testing.T) {
	assert.Equal(t, Word("g1", []string{"G001", "G01"}, strings.ToUpper), "G01")
	assert.Equal(t, Word("C050", []string{"C051", "C050"}, nil), "C050")
	// Of two that are as near it is the first, each time.
	assert.Equal(t, Word("C05x", []string{"C050", "C051"}, nil), "C050")
}

// What is compared is folded, what is suggested is as it is written.
func TestWordFolded(t *testing.T) {
	assert.Equal(t, Word("PYTHON", []string{"python"}, strings.ToLower), "python")
	assert.Equal(t, Word("cuda_only", []string{"cuda-only"}, func(s string) string { return strings.ReplaceAll(s, "_", "-") }), "cuda-only")
	assert.Equal(t, Word("grüsse", []string{"GRÜßE"}, strings.ToLower), "GRÜßE")
}

// A letter is a letter, in any alphabet.
func TestWordOfLettersBesideASCII(t *testing.T) {
	assert.Equal(t, Word("häuser", []string{"hauser"}, nil), "hauser")
	assert.Equal(t, Word("плаген", []string{"плагин"}, nil), "плагин")
	assert.Equal(t, Word("ппаген", []string{"плагин"}, nil), "плагин")
	assert.Equal(t, Word("\xffython", []string{"python"}, nil), "python")
}

// A key in a file may be as long as the file.
func TestWordOfALongWordIsQuick(t *testing.T) {
	known := make([]string, 1000)
	for i := range known {
		known[i] = strings.Repeat("x", i)
	}
	began := time.Now()
	assert.Equal(t, Word(strings.Repeat("y", 1<<20), known, nil), "")
	assert.Assert(t, time.Since(began) < 2*time.Second, "%s", time.Since(began))
}
