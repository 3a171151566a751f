package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Back is how a run is taken back.
type Back struct {
	// Why is kept in the journal.
	Why string `json:"why,omitempty"`
	// Leave leaves alone what somebody else has changed since, instead of refusing all.
	Leave bool `json:"leave,omitempty"`
}

// Rollback takes a run back.
func (m *Machine) Rollback(ctx context.Context, id string, b Back) error {
	err := m.locked(id, func(r *run) error {
		if r.State == RolledBack {
			return nil
		}
		return m.back(ctx, r, b)
	})
	var never *NeverBegan
	if errors.As(err, &never) {
		return nil
	}
	return err
}

// back takes a run's steps back, the last first. Reloads and restarts come at the end,
// in their order, so that what was put back counts.
func (m *Machine) back(ctx context.Context, r *run, b Back) error {
	usualUmask()
	todo, err := m.takeBacks(r, b)
	if err != nil {
		return err
	}
	if !b.Leave {
		var all error
		seen := map[string]bool{}
		for _, t := range todo {
			if t.covered(seen) {
				continue
			}
			if err := t.d.blocked(ctx, t.j, t.before, t.after); err != nil {
				all = errors.Join(all, fmt.Errorf("%s: %w", t.j.step().ID, err))
			}
		}
		if all != nil {
			return all
		}
	}
	if r.State != RollingBack {
		if err := r.write(record{Kind: backwards, Why: b.Why}); err != nil {
			return err
		}
	}
	for _, t := range todo {
		if err := ctx.Err(); err != nil {
			return &Stopped{ID: r.ID, Next: "undo of " + t.j.step().Title, err: err}
		}
		if err := t.undo(ctx); err != nil {
			return fmt.Errorf("%s cannot be taken back: %w", t.j.step().ID, err)
		}
	}
	if err := r.write(record{Kind: ended}); err != nil {
		return err
	}
	m.tell(Event{Run: r.ID, Kind: Finished})
	return nil
}

// takeBack is a step to be taken back.
type takeBack struct {
	d      doer
	j      *job
	before *Before
	after  *After
}

// covered says whether all files of a step are those of steps that are taken back before it:
// it will then find them as it left them, whatever they are now.
func (t takeBack) covered(seen map[string]bool) bool {
	all := len(t.before.Files) > 0
	for _, f := range t.before.Files {
		all = all && seen[f.Path]
		seen[f.Path] = true
	}
	return all
}

func (m *Machine) takeBacks(r *run, b Back) (todo []takeBack, err error) {
	var late []takeBack
	for i, step := range slices.Backward(r.Plan.Steps) {
		s := r.steps[i]
		if s.before == nil || s.undid || !m.Whose.has(step) {
			continue
		}
		d, err := doerOf(step)
		if err != nil {
			return nil, err
		}
		t := takeBack{d, &job{Machine: m, plan: r.Plan, index: i, run: r, leave: b.Leave}, s.before, s.after}
		if u := step.Op.Unit; u != nil && (u.Do == "reload" || u.Do == "restart") {
			late = append([]takeBack{t}, late...)
			continue
		}
		todo = append(todo, t)
	}
	return append(todo, late...), nil
}

func (t takeBack) undo(ctx context.Context) error {
	t.j.say(Undoing, "%s", t.j.step().Title)
	err := t.d.undo(ctx, t.j, t.before, t.after)
	if err != nil {
		return err
	}
	if err := t.j.run.write(record{Kind: undid, Step: t.j.index}); err != nil {
		return err
	}
	t.j.say(Undone, "%s", t.j.step().Undo)
	return nil
}

func lastIndex[T any](all []T, f func(T) bool) int {
	for i, v := range slices.Backward(all) {
		if f(v) {
			return i
		}
	}
	return -1
}
