package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
)

// Party makes a user's steps of plans: a Machine here, or root's by a Helper.
type Party interface {
	Apply(ctx context.Context, id string, plan *setup.Plan) (ran bool, err error)
	Resume(ctx context.Context, id string) error
	Keep(ctx context.Context, id string) error
	Rollback(ctx context.Context, id string, b Back) error
	Runs(ctx context.Context) ([]Run, error)
}

// Setup carries plans out: what needs root first, then the user's own steps, then the proof.
type Setup struct {
	// Here makes the user's steps, and all of them if the user is root.
	Here *Machine
	// Root makes those that need root; nil if Here does.
	Root Party
	// Verify proves the result; nil proves nothing.
	Verify func(context.Context) error
}

// needsRoot says whether a plan has steps that Root makes.
func (s *Setup) needsRoot(plan *setup.Plan) bool {
	return s.Root != nil && slices.ContainsFunc(plan.Steps, func(step setup.Step) bool { return step.Root })
}

// Apply carries a plan out. The id is "" where there was nothing to do. What fails is taken
// back; Ctrl-C stops between two steps, and leaves what was done.
func (s *Setup) Apply(ctx context.Context, plan *setup.Plan) (id string, err error) {
	if id, err = s.Here.NewID(); err != nil {
		return "", err
	}
	ran := false
	if s.needsRoot(plan) {
		if last, err := s.Here.Last(); err != nil || last != "" {
			return "", errors.Join(err, s.Here.alone())
		}
		// What the user cannot do is said before root begins.
		if _, err := s.Here.possible(ctx, plan); err != nil {
			return "", err
		}
		// Root's journal comes first: the user's has nothing that root's steps need.
		if ran, err = s.Root.Apply(ctx, id, plan); err != nil {
			return s.failed(ctx, id, plan, ran, err)
		}
	}
	here, err := s.Here.Apply(ctx, id, plan)
	ran = ran || here
	if err != nil {
		return s.failed(ctx, id, plan, ran, err)
	}
	if !ran {
		return "", nil
	}
	return id, s.prove(ctx, id, plan)
}

// failed takes back what was done, unless the user stopped it or it waits for a reboot.
func (s *Setup) failed(ctx context.Context, id string, plan *setup.Plan, ran bool, err error) (string, error) {
	var stopped *Stopped
	if !ran || errors.As(err, &stopped) {
		if !ran {
			id = ""
		}
		return id, err
	}
	return id, s.takeBack(ctx, id, plan, err)
}

func (s *Setup) takeBack(ctx context.Context, id string, plan *setup.Plan, cause error) error {
	err := s.back(context.WithoutCancel(ctx), id, Back{Why: cause.Error()}, s.needsRoot(plan))
	if err != nil {
		return &Stuck{ID: id, err: cause, back: err}
	}
	return &Rolled{ID: id, err: cause}
}

// prove verifies a run that is made, and keeps it or takes it back.
func (s *Setup) prove(ctx context.Context, id string, plan *setup.Plan) error {
	if s.Verify != nil {
		if err := s.Verify(ctx); err != nil {
			if ctx.Err() != nil {
				return &Stopped{ID: id, Next: "the proof", err: ctx.Err()}
			}
			return s.takeBack(ctx, id, plan, &Unproven{err})
		}
	}
	if s.needsRoot(plan) {
		if err := known(s.Root.Keep(ctx, id)); err != nil {
			return err
		}
	}
	return known(s.Here.Keep(ctx, id))
}

// known leaves out that a party has no part in a run.
func known(err error) error {
	var none *journal.NoRun
	if errors.As(err, &none) {
		return nil
	}
	return err
}

// Resume goes on with a run, the last unfinished one if id is "".
func (s *Setup) Resume(ctx context.Context, id string) (string, error) {
	r, err := s.find(ctx, id, Run.Open)
	if err != nil {
		return "", err
	}
	back := r.State == RollingBack
	for _, p := range s.parties(r.Plan, back) {
		err := p.Resume(ctx, r.ID)
		var none *journal.NoRun
		var never *NeverBegan
		if (errors.As(err, &none) || errors.As(err, &never)) && !back {
			// It was cut off before this party began.
			_, err = p.Apply(ctx, r.ID, r.Plan)
		}
		if err := known(err); err != nil {
			_, err = s.failed(ctx, r.ID, r.Plan, !back, err)
			return r.ID, err
		}
	}
	if back {
		return r.ID, nil
	}
	return r.ID, s.prove(ctx, r.ID, r.Plan)
}

// Rollback takes a run back, the newest that is not taken back if id is "".
func (s *Setup) Rollback(ctx context.Context, id string, b Back) (string, error) {
	r, err := s.find(ctx, id, func(r Run) bool { return r.State != RolledBack })
	if err != nil {
		return "", err
	}
	return r.ID, s.back(ctx, r.ID, b, s.needsRoot(r.Plan))
}

// back takes the user's steps back first, which were made last.
func (s *Setup) back(ctx context.Context, id string, b Back, root bool) error {
	if err := known(s.Here.Rollback(ctx, id, b)); err != nil {
		return err
	}
	if !root {
		return nil
	}
	return known(s.Root.Rollback(ctx, id, b))
}

// Uninstall takes back all runs, the newest first: what they added, and nothing else.
func (s *Setup) Uninstall(ctx context.Context, b Back) error {
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.State == Damaged {
			return errors.New(r.Why)
		}
	}
	for _, r := range slices.Backward(runs) {
		if r.State == RolledBack {
			continue
		}
		if err := s.back(ctx, r.ID, b, s.needsRoot(r.Plan)); err != nil {
			return fmt.Errorf("run %s: %w", r.ID, err)
		}
	}
	return nil
}

// parties are those of a plan, in the order in which they work.
func (s *Setup) parties(plan *setup.Plan, back bool) []Party {
	all := []Party{s.Here}
	if s.needsRoot(plan) {
		all = append([]Party{s.Root}, all...)
	}
	if back {
		slices.Reverse(all)
	}
	return all
}

// find is a run by its name, or the newest one of a kind.
func (s *Setup) find(ctx context.Context, id string, fits func(Run) bool) (Run, error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return Run{}, err
	}
	i := lastIndex(runs, func(r Run) bool { return id == r.ID || id == "" && fits(r) })
	switch {
	case i >= 0 && runs[i].State == Damaged:
		return Run{}, errors.New(runs[i].Why)
	case i >= 0:
		return runs[i], nil
	case id != "":
		return Run{}, &journal.NoRun{ID: id}
	}
	return Run{}, errors.New("there is no run: `docker-gpu setup history` lists them")
}

// Runs are all runs, the oldest first; of one that both parties had a part in, the state
// that it is not finished by counts.
func (s *Setup) Runs(ctx context.Context) ([]Run, error) {
	all, err := s.Here.Runs(ctx)
	if err != nil || s.Root == nil {
		return all, err
	}
	roots, err := s.Root.Runs(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range roots {
		i := slices.IndexFunc(all, func(h Run) bool { return h.ID == r.ID })
		switch {
		case i < 0:
			all = append(all, r)
		case !all[i].Open() || r.State == RollingBack || r.State == Damaged:
			all[i] = r
		}
	}
	slices.SortStableFunc(all, func(a, b Run) int { return journal.Compare(a.ID, b.ID) })
	return all, nil
}
