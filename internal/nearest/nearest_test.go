package nearest

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWord(t *testing.T) {
	known := []string{"python", "packages", "platforms"}
	for word, want := range map[string]string{"pyhton": "python", "package": "packages", "PYTHON": "", "x": "", "": ""} {
		assert.Equal(t, Word(word, known, nil), want, word)
	}
	assert.Equal(t, Word("PYTHON", known, strings.ToLower), "python")
	assert.Equal(t, Word("g1", []string{"G001", "G01"}, strings.ToUpper), "G01", "the nearest, not the first")
}
