package plugin

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// The tests that docs/setup.md names are there: a promise without one would be none.
func TestPromisesHaveTests(t *testing.T) {
	text := content(t, "../docs/setup.md")
	row := regexp.MustCompile(`(?m)^\| ([0-9]+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$`)
	rows := row.FindAllStringSubmatch(text, -1)
	assert.Equal(t, len(rows), 14)
	for _, r := range rows {
		count := 0
		for place := range strings.SplitSeq(r[2], "; ") {
			words := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(place, "`", ""), ",", ""))
			files, err := filepath.Glob(filepath.Join("..", words[0], "*_test.go"))
			assert.NilError(t, err)
			var all strings.Builder
			for _, f := range files {
				data, err := os.ReadFile(f)
				assert.NilError(t, err)
				all.Write(data)
			}
			for _, name := range words[1:] {
				count++
				assert.Assert(t, strings.Contains(all.String(), "\nfunc "+name+"(t *testing.T) {"), "promise %s: %s has no %s", r[1], words[0], name)
			}
		}
		assert.Assert(t, count > 0, "promise %s has no test", r[1])
	}
}
