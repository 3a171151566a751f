//go:build gpu

package gpu

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// TestHealthy is a machine on which nothing is wrong: doctor finds nothing, in a second,
// and smoke climbs to the top.
func TestHealthy(t *testing.T) {
	b := theMachine(t)
	b.run(t, "nvidia-smi", "--query-gpu=index,name,driver_version,memory.total,compute_cap", "--format=csv")
	start := time.Now()
	b.run(t, b.plugin, "doctor")
	took := time.Since(start)
	found, code := b.doctor(t)
	for _, f := range found {
		assert.Equal(t, f.Severity, "note", "%s %s", f.Code, f.Summary)
	}
	assert.Equal(t, code, 0)
	assert.Assert(t, took < time.Second, took)
	b.run(t, b.plugin, "ls")
	broken, _, code := b.smoke(t)
	assert.Equal(t, broken, "")
	assert.Equal(t, code, 0)
	broken, _, code = b.smoke(t, "--image", "hostroot")
	assert.Equal(t, broken, "")
	assert.Equal(t, code, 0)
	out, err := exec.Command("docker", "ps", "-aq").Output()
	assert.NilError(t, err)
	assert.Equal(t, string(out), "", "containers are left over")
}

// TestSmokeIsQuick compares the routes with what people type, a bare `docker run …
// nvidia-smi -L`: the quickest takes at most half a second more. The others wait for its
// context on the same card, which the driver makes one at a time: 0.7 s.
func TestSmokeIsQuick(t *testing.T) {
	b := theMachine(t)
	var bare []float64
	routes := map[string][]float64{}
	for range 5 {
		start := time.Now()
		out, err := exec.Command("docker", "run", "--rm", "--network", "none", "--gpus", "all", "hostroot", "nvidia-smi", "-L").CombinedOutput()
		assert.NilError(t, err, string(out))
		bare = append(bare, time.Since(start).Seconds())
		text, code := b.run(t, b.plugin, "smoke", "--format", "json")
		assert.Equal(t, code, 0, text)
		var report struct {
			Routes []struct {
				Route   string
				Seconds float64
			}
		}
		assert.NilError(t, json.Unmarshal([]byte(text), &report))
		for _, r := range report.Routes {
			routes[r.Route] = append(routes[r.Route], r.Seconds)
		}
	}
	t.Logf("docker run --rm --gpus all hostroot nvidia-smi -L: %.2f s (median of %.2f)", median(bare), bare)
	quickest := 1e9
	for name, seconds := range routes {
		t.Logf("smoke, route %s: %.2f s (median of %.2f), %+.2f s", name, median(seconds), seconds, median(seconds)-median(bare))
		if median(seconds) > median(bare)+0.7 {
			t.Errorf("route %s takes more than 0.7 s longer", name)
		}
		quickest = min(quickest, median(seconds))
	}
	if quickest > median(bare)+0.5 {
		t.Errorf("the quickest route takes more than half a second longer")
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// TestPeers: with several GPUs, each reads what another one wrote.
func TestPeers(t *testing.T) {
	b := theMachine(t)
	out, code := b.run(t, b.plugin, "smoke", "--format", "json")
	assert.Equal(t, code, 0)
	var report struct {
		Rungs []struct {
			Name, Skipped string
			OK            bool
		}
		Outside []string
	}
	assert.NilError(t, json.Unmarshal([]byte(out), &report))
	i := slices.IndexFunc(report.Rungs, func(r struct {
		Name, Skipped string
		OK            bool
	}) bool {
		return r.Name == "peers"
	})
	peers := report.Rungs[i]
	t.Logf("%d GPUs (%s); peers: ok %v, skipped %q", len(report.Outside), strings.Join(report.Outside, " "), peers.OK, peers.Skipped)
	assert.Equal(t, peers.OK, len(report.Outside) > 1)
}
