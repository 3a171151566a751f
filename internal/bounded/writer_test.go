package bounded

import (
	"errors"
	"io"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWriter(t *testing.T) {
	for name, c := range map[string]struct {
		writes []string
		strict bool
		want   string
		over   bool
		last   int // what the last Write says it took
	}{
		"nothing":          {nil, false, "", false, 0},
		"less":             {[]string{"ab", "c"}, false, "abc", false, 1},
		"just full":        {[]string{"abc", "de"}, false, "abcde", false, 2},
		"more":             {[]string{"abc", "defg"}, false, "abcde", true, 4},
		"more, twice":      {[]string{"abcdefg", "h"}, false, "abcde", true, 1},
		"strict":           {[]string{"abc", "defg"}, true, "abcde", true, 2},
		"strict, full":     {[]string{"abcde", "f"}, true, "abcde", true, 0},
		"strict, in bound": {[]string{"abcde", ""}, true, "abcde", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Writer{Most: 5, Strict: c.strict}
			var n int
			var err error
			for _, s := range c.writes {
				n, err = w.Write([]byte(s))
			}
			assert.Equal(t, string(w.Bytes()), c.want)
			assert.Equal(t, w.Over(), c.over)
			assert.Equal(t, n, c.last)
			assert.Equal(t, errors.Is(err, io.ErrShortWrite), c.strict && c.over)
		})
	}
}

// io.Copy must not find a way around the bound.
func TestCopyIsBounded(t *testing.T) {
	w := &Writer{Most: 10}
	n, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 1<<20)))
	assert.NilError(t, err)
	assert.Equal(t, n, int64(1<<20))
	assert.Equal(t, len(w.Bytes()), 10)
}
