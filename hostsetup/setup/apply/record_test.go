//go:build linux

package apply

import (
	"encoding/json"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// TestStates is the state machine of a run.
func TestStates(t *testing.T) {
	begin := record{Kind: began, Format: format, Plan: plan(put("/a", ""), put("/b", ""))}
	intend := func(i int) record { return record{Kind: intends, Step: i, Before: &Before{}} }
	for name, c := range map[string]struct {
		records []record
		want    State
		open    bool
	}{
		"begun":               {[]record{begin}, Applying, true},
		"in a step":           {[]record{begin, intend(0)}, Applying, true},
		"waiting":             {[]record{begin, intend(0), {Kind: waits}}, WaitsReboot, true},
		"gone on":             {[]record{begin, intend(0), {Kind: waits}, {Kind: did}, intend(1)}, Applying, true},
		"applied":             {[]record{begin, intend(0), {Kind: did}, {Kind: applied}}, Applied, true},
		"kept":                {[]record{begin, {Kind: applied}, {Kind: kept}}, Kept, false},
		"going back":          {[]record{begin, intend(0), {Kind: backwards, Why: "no GPU"}}, RollingBack, true},
		"going back, a step":  {[]record{begin, intend(0), {Kind: backwards}, {Kind: undid}}, RollingBack, true},
		"back":                {[]record{begin, intend(0), {Kind: backwards, Why: "x"}, {Kind: undid}, {Kind: ended}}, RolledBack, false},
		"kept, and then back": {[]record{begin, {Kind: applied}, {Kind: kept}, {Kind: backwards}, {Kind: ended}}, RolledBack, false},
	} {
		var raw []json.RawMessage
		for _, r := range c.records {
			r.Time = time.Now()
			data, err := json.Marshal(r)
			assert.NilError(t, err)
			raw = append(raw, data)
		}
		r, err := replay("20261127-050000", raw)
		assert.NilError(t, err, name)
		assert.Equal(t, r.State, c.want, name)
		assert.Equal(t, r.Open(), c.open, name)
		assert.Equal(t, r.Ended.IsZero(), c.open, name)
	}
	for name, raw := range map[string][]json.RawMessage{
		"no plan":   {json.RawMessage(`{"kind":"began","format":1}`)},
		"no before": {json.RawMessage(`{"kind":"began","format":1,"plan":{"steps":[{"id":"a"}]}}`), json.RawMessage(`{"kind":"intends"}`)},
		"no step":   {json.RawMessage(`{"kind":"began","format":1,"plan":{"steps":[]}}`), json.RawMessage(`{"kind":"did","step":0}`)},
		"minus":     {json.RawMessage(`{"kind":"began","format":1,"plan":{"steps":[{"id":"a"}]}}`), json.RawMessage(`{"kind":"undid","step":-1}`)},
		"two":       {json.RawMessage(`{"kind":"began","format":1,"plan":{"steps":[]}}`), json.RawMessage(`{"kind":"began","format":1,"plan":{"steps":[]}}`)},
	} {
		_, err := replay("x", raw)
		assert.Assert(t, err != nil, name)
	}
}

func TestKeepAndResumeWhereThereIsNothing(t *testing.T) {
	w := newWorld(t, killFiles())
	id := w.apply(t, put("/etc/x", "x"))
	assert.NilError(t, w.Resume(t.Context(), id), "it is applied")
	assert.NilError(t, w.Keep(t.Context(), id))
	assert.NilError(t, w.Keep(t.Context(), id))
	assert.NilError(t, w.Resume(t.Context(), id), "it is done")
	assert.NilError(t, w.Rollback(t.Context(), id, Back{Why: "no longer wanted"}))
	assert.ErrorContains(t, w.Keep(t.Context(), id), "is rolled back, it cannot be kept")
	assert.NilError(t, w.Resume(t.Context(), id))
	runs, err := w.History()
	assert.NilError(t, err)
	assert.Equal(t, runs[0].Why, "no longer wanted")

	other := machine(w.root, w.state)
	other.Whose = User
	assert.ErrorContains(t, other.Rollback(t.Context(), id, Back{}), "was made by root alone, this is user")
}

func TestNamesOfRunsInOneSecond(t *testing.T) {
	w := newWorld(t, nil)
	w.Now = func() time.Time { return time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC) }
	for _, want := range []string{"20261127-050000", "20261127-050000-2", "20261127-050000-3"} {
		id := w.apply(t, put("/etc/"+want, "x"))
		assert.Equal(t, id, want)
		assert.NilError(t, w.Keep(t.Context(), id))
	}
	runs, err := w.Runs(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(runs), 3)
	assert.Equal(t, runs[2].ID, "20261127-050000-3")
}
