package setup

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// plannedAt is the day as of which plans are made here.
func plannedAt() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// scenario is a recorded host and what somebody wants of it.
type scenario struct {
	Name   string `json:"name"`
	Host   string `json:"host"`
	Wishes Wishes `json:"wishes"`
}

// scenarios are those of testdata; package plugin prints the same.
func scenarios(t testing.TB) (all []scenario) {
	t.Helper()
	strict(t, "testdata/scenarios.json", &all)
	assert.Assert(t, len(all) > 70, "%d", len(all))
	return all
}

func recorded(t testing.TB, name string) *host.Host {
	t.Helper()
	var h host.Host
	strict(t, filepath.Join("testdata/hosts", name+".json"), &h)
	return &h
}

func strict(t testing.TB, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	assert.NilError(t, d.Decode(v), file)
}

// The plan of each scenario, as JSON.
func TestPlans(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			plan, err := Make(recorded(t, s.Host), s.Wishes, plannedAt())
			assert.NilError(t, err)
			plan.Facts = "" // of which other tests are
			data, err := json.MarshalIndent(plan, "", " ")
			assert.NilError(t, err)
			golden.Assert(t, string(data)+"\n", filepath.Join("plans", s.Name+".json"))
		})
	}
}

// Every recorded host is in a scenario or a refusal.
func TestHostsAreUsed(t *testing.T) {
	used := map[string]bool{"remote": true}
	for _, s := range scenarios(t) {
		used[s.Host] = true
	}
	files, err := filepath.Glob("testdata/hosts/*.json")
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 50)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		assert.Assert(t, used[name], "no scenario is of %s", name)
	}
}
