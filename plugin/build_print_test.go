package plugin

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
)

// planOf is a plan as resolve makes it, with fixed facts: policy's tables change.
func planOf(platform string) resolve.Plan {
	return resolve.Plan{
		SchemaVersion: 1, Platform: platform, Torch: &resolve.Torch{Version: "2.14.0", Variant: "cu130", Known: true}, CUDA: "13.0",
		Python: "3.12", Base: "python:3.12-slim", MinDriver: "580.65.06", Archs: []string{"sm_90", "compute_120"}, Targets: []string{"9.0"},
		Reasons: []resolve.Reason{
			{Topic: "GPU", Choice: "h100 (sm_90)", Because: "asked for"},
			{Topic: "torch", Choice: "2.14.0", Because: "asked for", Source: "https://example.com/torch, 2026-11-01"},
			{Topic: "CUDA", Choice: "13.0", Because: "the newest that the driver runs", Source: "https://example.com/torch, 2026-11-01"},
			{Topic: "needs", Choice: "driver 580.65.06", Because: "the lowest that runs CUDA 13.0", Source: "https://example.com/driver"},
		},
		Warnings: []string{"no driver is known here"},
	}
}

func locked() *lock.Lock {
	return &lock.Lock{Version: 1, Platforms: map[string]*lock.Platform{"linux/amd64": {
		Inputs: map[string]string{"base": "python:3.12-slim", "packages": "torch==2.14.0", "python": "3.12"},
		Base:   lock.Base{Ref: "python:3.12-slim", Digest: "sha256:aa", Python: "3.12.1"},
		Wheels: []lock.Wheel{
			{Name: "idna", Version: "3.10", File: "idna-3.10-py3-none-any.whl", SHA256: "bb", Size: 70_442},
			{Name: "torch", Version: "2.14.0", File: "torch-2.14.0-cp312.whl", SHA256: "cc", Size: 912_000_000, Torch: true},
		},
	}}}
}

// drifted is a lock of another time.
func drifted() *lock.Lock {
	l := locked()
	l.Platforms["linux/amd64"].Inputs["packages"] = "torch==2.11.0"
	return l
}

func TestPrintPlan(t *testing.T) {
	for name, c := range map[string]struct {
		lock  *lock.Lock
		plans []resolve.Plan
	}{
		"plan.json":        {nil, []resolve.Plan{planOf("linux/amd64")}},
		"plan-locked.json": {locked(), []resolve.Plan{planOf("linux/amd64")}},
		// Wheels of something else are not shown as this plan's.
		"plan-drifted.json": {drifted(), []resolve.Plan{planOf("linux/amd64")}},
		// The lock has one of the two: the other has no wheels yet.
		"plans.json": {locked(), []resolve.Plan{planOf("linux/amd64"), planOf("linux/arm64")}},
	} {
		t.Run(name, func(t *testing.T) {
			r, out, stderr := building(t, "--print=plan")
			r.plans, r.lock = c.plans, c.lock
			assert.NilError(t, r.printPlan(&solve.Request{Lock: c.lock}))
			golden.Assert(t, out.String(), name)
			assert.Equal(t, stderr.String(), "", "what is piped into jq is alone on standard output")
		})
	}
}

// Scripts read one plan as an object and several as a list, back into what they were.
func TestPrintedPlansReadBack(t *testing.T) {
	r, out, _ := building(t, "--print=plan")
	r.plans = []resolve.Plan{planOf("linux/amd64")}
	assert.NilError(t, r.printPlan(nil))
	var one resolve.Plan
	assert.NilError(t, json.Unmarshal(out.Bytes(), &one))
	assert.DeepEqual(t, one, r.plans[0])

	r, out, _ = building(t, "--print=plan")
	r.plans = []resolve.Plan{planOf("linux/amd64"), planOf("linux/arm64")}
	assert.NilError(t, r.printPlan(nil))
	var both []resolve.Plan
	assert.NilError(t, json.Unmarshal(out.Bytes(), &both))
	assert.DeepEqual(t, both, r.plans)
}

func TestExplain(t *testing.T) {
	// With --print=plan besides, people's text is what comes.
	for _, args := range [][]string{{"--explain"}, {"--explain", "--print=plan"}} {
		r, out, _ := building(t, args...)
		bare := resolve.Plan{Platform: "linux/arm64", Reasons: []resolve.Reason{{Topic: "base", Choice: "debian:12", Because: "asked for"}}}
		r.plans = []resolve.Plan{planOf("linux/amd64"), bare}
		assert.NilError(t, r.printReasons())
		golden.Assert(t, out.String(), "explain.txt")
	}
}

// A graph is of one image; the refusal needs no builder.
func TestPrintGraphTakesOnePlatform(t *testing.T) {
	r, _, _ := building(t, "--print=llb")
	r.plans = []resolve.Plan{planOf("linux/amd64"), planOf("linux/arm64")}
	isUsage(t, r.printGraph(t.Context(), nil, nil), "--print=llb takes one platform")
}
