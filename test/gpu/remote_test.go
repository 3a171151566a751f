//go:build gpu

package gpu

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestElsewhere asks the engine over TCP, as if it were on another machine: its GPUs are
// then seen through containers there, and the worker's image is assembled there.
func TestElsewhere(t *testing.T) {
	b := theMachine(t)
	const address = "tcp://127.0.0.1:23755"
	b.restart(t, os.Getenv("PATH"), func(c map[string]any) { c["hosts"] = []string{os.Getenv("DOCKER_HOST"), address} })
	t.Cleanup(func() {
		b.restart(t, os.Getenv("PATH"), func(c map[string]any) { c["hosts"] = []string{os.Getenv("DOCKER_HOST")} })
	})
	here, _ := b.run(t, b.plugin, "ls", "--format", "json")
	t.Setenv("DOCKER_HOST", address)
	found, code := b.doctor(t)
	assert.Equal(t, code, 0)
	for _, f := range found {
		assert.Equal(t, f.Severity, "note", "%s %s", f.Code, f.Summary)
	}
	there, code := b.run(t, b.plugin, "ls", "--format", "json")
	assert.Equal(t, code, 0)
	assert.Equal(t, uuids(t, there), uuids(t, here))
	b.run(t, b.plugin, "ls")
	broken, _, code := b.smoke(t)
	assert.Equal(t, broken, "")
	assert.Equal(t, code, 0)
}

// uuids are those of a list of GPUs in JSON, one object a line.
func uuids(t *testing.T, list string) (all string) {
	t.Helper()
	for line := range strings.Lines(list) {
		var g struct{ UUID string }
		assert.NilError(t, json.Unmarshal([]byte(line), &g))
		all += g.UUID + " "
	}
	assert.Assert(t, all != "")
	return all
}
