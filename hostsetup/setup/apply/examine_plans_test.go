//go:build linux

package apply

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// TestExaminePlans has root's helper take every plan that the planner's own tests know.
func TestExaminePlans(t *testing.T) {
	files, err := filepath.Glob("../testdata/plans/*.json")
	assert.NilError(t, err)
	if len(files) == 0 {
		t.Skip("there are no recorded plans")
	}
	steps := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		assert.NilError(t, err)
		var p setup.Plan
		assert.NilError(t, json.Unmarshal(data, &p), file)
		assert.NilError(t, examine(&p), file)
		for _, s := range p.Steps {
			_, err := doerOf(s)
			assert.NilError(t, err, file)
		}
		steps += len(p.Steps)
	}
	assert.Assert(t, steps > len(files), "%d steps in %d plans", steps, len(files))
}
