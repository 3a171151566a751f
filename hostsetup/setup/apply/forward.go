package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
)

// Stopped is a run that was stopped between two steps, by Ctrl-C or to wait for a reboot.
type Stopped struct {
	ID     string
	Next   string // the step that comes next
	Reboot string // why a reboot is waited for
	err    error
}

// Error implements error.
func (s *Stopped) Error() string {
	if s.Reboot != "" {
		return fmt.Sprintf("reboot this machine (%s), then run `docker-gpu setup --resume`; `docker-gpu setup rollback %s` goes back", s.Reboot, s.ID)
	}
	return fmt.Sprintf("stopped before %q: `docker-gpu setup --resume` goes on, `docker-gpu setup rollback %s` goes back", s.Next, s.ID)
}

// Unwrap implements errors.Unwrap.
func (s *Stopped) Unwrap() error { return s.err }

// Unfinished is a run that another one cannot begin beside.
type Unfinished struct{ Run Run }

// Error implements error.
func (u *Unfinished) Error() string {
	return fmt.Sprintf("run %s was cut off (%s): `docker-gpu setup --resume` goes on with it, `docker-gpu setup rollback %s` takes it back",
		u.Run.ID, u.Run.State, u.Run.ID)
}

// Apply makes the steps of a plan in a run of that name. Where there is nothing to do
// nothing is written, and the answer is false. A step that fails leaves the run as it is:
// a Setup rolls it back.
func (m *Machine) Apply(ctx context.Context, id string, plan *setup.Plan) (ran bool, err error) {
	if plan.SchemaVersion != setup.SchemaVersion {
		return false, fmt.Errorf("the plan has schemaVersion %d, this docker-gpu knows %d: make it anew", plan.SchemaVersion, setup.SchemaVersion)
	}
	all, err := m.possible(ctx, plan)
	if err != nil {
		return false, err
	}
	if nothing(all) {
		for _, s := range all {
			m.tell(Event{Step: s.Step, Kind: Skipped, Text: s.Why})
		}
		return false, nil
	}
	unlock, err := m.store().Lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	if err := m.alone(); err != nil {
		return false, err
	}
	r, err := m.begin(id, plan)
	if err != nil {
		return false, err
	}
	defer r.close()
	return true, m.forward(ctx, r)
}

// possible is Check, with a step that cannot be done as an error.
func (m *Machine) possible(ctx context.Context, plan *setup.Plan) ([]Standing, error) {
	all, err := m.Check(ctx, plan)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Is == Impossible {
			return nil, fmt.Errorf("%s cannot be done: %s", s.Step, s.Why)
		}
	}
	return all, nil
}

// alone refuses to begin beside a run that is not finished, and clears away those that
// never began.
func (m *Machine) alone() error {
	ids, err := m.store().List()
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := m.open(id)
		switch {
		case errors.Is(err, journal.ErrTorn):
			if err := m.store().Drop(id); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		r.close()
		if r.Open() {
			return &Unfinished{r.Run}
		}
	}
	return nil
}

// Last is the newest run that is not finished, "" if there is none.
func (m *Machine) Last() (string, error) {
	runs, err := m.History()
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Open() {
			return runs[i].ID, err
		}
	}
	return "", err
}

// Resume goes on with a run in the direction that it had: to the goal, or back.
func (m *Machine) Resume(ctx context.Context, id string) error {
	return m.locked(id, func(r *run) error {
		switch r.State {
		case Applying, WaitsReboot:
			return m.forward(ctx, r)
		case RollingBack:
			return m.back(ctx, r, Back{Why: r.Why})
		}
		return nil
	})
}

// Keep notes that a run was proven.
func (m *Machine) Keep(_ context.Context, id string) error {
	return m.locked(id, func(r *run) error {
		switch r.State {
		case Kept:
			return nil
		case Applied:
			return r.write(record{Kind: kept})
		}
		return fmt.Errorf("run %s is %s, it cannot be kept", id, r.State)
	})
}

// locked has a run's journal open while no other setup runs.
func (m *Machine) locked(id string, f func(*run) error) error {
	unlock, err := m.store().Lock()
	if err != nil {
		return err
	}
	defer unlock()
	r, err := m.open(id)
	if errors.Is(err, journal.ErrTorn) {
		return errors.Join(&NeverBegan{id}, m.store().Drop(id))
	}
	if err != nil {
		return err
	}
	defer r.close()
	if r.whose != m.Whose {
		return fmt.Errorf("run %s was made by %s, this is %s", id, orAll(r.whose), orAll(m.Whose))
	}
	return f(r)
}

// NeverBegan is a run that was cut off before it did anything.
type NeverBegan struct{ ID string }

// Error implements error.
func (n *NeverBegan) Error() string {
	return fmt.Sprintf("run %s was cut off before it began: there is nothing to go on with, run `docker-gpu setup` again", n.ID)
}

func orAll(w Whose) string {
	if w == All {
		return "root alone"
	}
	return string(w)
}

// forward makes the steps that are not made yet.
func (m *Machine) forward(ctx context.Context, r *run) error {
	usualUmask()
	acted := false
	for i, step := range r.Plan.Steps {
		if !m.Whose.has(step) {
			continue
		}
		if r.steps[i].did {
			acted = acted || step.Op.Unit == nil
			continue
		}
		if err := ctx.Err(); err != nil {
			return &Stopped{ID: r.ID, Next: step.Title, err: err}
		}
		j := &job{Machine: m, plan: r.Plan, index: i, run: r, acted: acted}
		made, err := m.make(ctx, j)
		if err != nil {
			return err
		}
		acted = acted || made && step.Op.Unit == nil
	}
	if err := r.write(record{Kind: applied}); err != nil {
		return err
	}
	m.tell(Event{Run: r.ID, Kind: Finished})
	return nil
}

// make makes one step, with what was there before in the journal first.
func (m *Machine) make(ctx context.Context, j *job) (bool, error) {
	step := j.step()
	d, err := doerOf(step)
	if err != nil {
		return false, err
	}
	wrong := func(err error) error { return fmt.Errorf("%s: %w", step.ID, err) }
	before := j.run.steps[j.index].before
	if before == nil {
		s, err := d.check(ctx, j)
		switch {
		case err != nil:
			return false, wrong(err)
		case s.Is == IsDone:
			j.say(Skipped, "%s", s.Why)
			return false, nil
		case s.Is == Impossible:
			return false, wrong(errors.New(s.Why))
		}
		if before, err = d.note(ctx, j); err != nil {
			return false, wrong(err)
		}
		if err := j.run.write(record{Kind: intends, Step: j.index, Before: before}); err != nil {
			return false, wrong(err)
		}
	}
	j.say(Started, "%s", step.Title)
	after, err := d.do(ctx, j, before)
	if err != nil {
		return false, wrong(err)
	}
	if err := j.run.write(record{Kind: did, Step: j.index, After: after}); err != nil {
		return false, wrong(err)
	}
	j.say(Done, "%s", step.Title)
	return true, nil
}
