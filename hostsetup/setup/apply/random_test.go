//go:build linux

package apply

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
)

// TestRandomHistories makes runs of random steps, kills some, goes on with them or takes
// them back, takes back kept ones, and at the end everything: after each of these the machine
// is as it must be, whatever came before.
func TestRandomHistories(t *testing.T) {
	seed := rand.Uint64()
	for n := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, n))
		t.Run(fmt.Sprintf("%d %d", seed, n), func(t *testing.T) {
			h := &randomHistory{world: newWorld(t, killFiles()), r: r}
			first := seen(t, h.root)
			for range 8 {
				h.next(t)
			}
			assert.NilError(t, (&Setup{Here: h.Machine}).Uninstall(t.Context(), Back{}))
			assert.Equal(t, seen(t, h.root), first)
		})
	}
}

// randomHistory is a machine with the states that it can go back to.
type randomHistory struct {
	*world
	r    *rand.Rand
	runs []string // kept, the newest last
	was  []string // what was seen before each
	made int
}

func (h *randomHistory) next(t *testing.T) {
	t.Helper()
	if len(h.runs) > 0 && h.r.IntN(4) == 0 {
		last := len(h.runs) - 1
		assert.NilError(t, h.Rollback(t.Context(), h.runs[last], Back{}))
		assert.Equal(t, seen(t, h.root), h.was[last])
		h.runs, h.was = h.runs[:last], h.was[:last]
		return
	}
	h.made++
	id := fmt.Sprintf("20261127-%06d", 50000+h.made)
	p := plan(h.steps()...)
	before := seen(t, h.root)
	ran := false
	killed := h.killed(h.r.IntN(80), func() (err error) { ran, err = h.Apply(t.Context(), id, p); return err })
	switch {
	case !killed && !ran:
		assert.Equal(t, seen(t, h.root), before, "there was nothing to do")
		return
	case killed && h.r.IntN(2) == 0:
		h.mend(t, id, func() error { return known(h.Rollback(t.Context(), id, Back{})) })
		assert.Equal(t, seen(t, h.root), before)
		return
	case killed:
		h.mend(t, id, func() error {
			err := h.Resume(t.Context(), id)
			var never *NeverBegan
			var none *journal.NoRun // it never began, and was cleared away
			if errors.As(err, &never) || errors.As(err, &none) {
				_, err = h.Apply(t.Context(), id, p)
			}
			return err
		})
	}
	if last, err := h.Last(); err != nil || last == "" { // it turned out that nothing was to be done
		assert.NilError(t, err)
		return
	}
	again, err := h.Check(t.Context(), p)
	assert.NilError(t, err)
	for _, s := range again {
		assert.Equal(t, s.Is, IsDone, "%s: %s", s.Step, s.Why)
	}
	assert.NilError(t, h.Keep(t.Context(), id))
	h.runs, h.was = append(h.runs, id), append(h.was, before)
}

// mend is killed a few times more, and then not.
func (h *randomHistory) mend(t *testing.T, id string, f func() error) {
	t.Helper()
	for range h.r.IntN(3) {
		h.killed(h.r.IntN(40), f)
	}
	h.killed(-1, func() error {
		err := f()
		assert.NilError(t, err, id)
		return nil
	})
}

type kill struct{}

// killed calls a func that is left at a point, if it gets that far.
func (h *randomHistory) killed(at int, f func() error) (killed bool) {
	points := 0
	h.point = func(what string) {
		if what == "kept a content" { // in a goroutine of its own
			return
		}
		if points++; points == at {
			panic(kill{})
		}
	}
	defer func() {
		h.point = nil
		if r := recover(); r != nil {
			if _, ours := r.(kill); !ours {
				panic(r)
			}
			killed = true
		}
	}()
	_ = f()
	return false
}

// steps are one to five of those that there are, in any order; packages and units stay in
// theirs, as a hold needs what it holds.
func (h *randomHistory) steps() (steps []setup.Step) {
	all := killPlan().Steps
	for _, i := range slices.Sorted(slices.Values(h.r.Perm(len(all))[:1+h.r.IntN(5)])) {
		if all[i].Op.Unit == nil || all[i].Op.Unit.Do != "reload" {
			steps = append(steps, all[i])
		}
	}
	for range h.r.IntN(3) {
		path := fmt.Sprintf("/etc/random/%d/%d", h.r.IntN(2), h.r.IntN(3))
		s := put(path, fmt.Sprint(h.r.IntN(4)))
		if h.r.IntN(3) == 0 {
			s = takeAway(path)
		}
		if !slices.ContainsFunc(steps, func(o setup.Step) bool { return o.Op.File != nil && o.Op.File.Path == path }) {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return []setup.Step{put("/etc/random/x", fmt.Sprint(h.r.IntN(4)))}
	}
	return steps
}
