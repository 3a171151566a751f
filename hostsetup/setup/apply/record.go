package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
)

// format is that of the records; a journal of another one is not touched.
const format = 1

// record is one line of a journal.
type record struct {
	Kind what      `json:"kind"`
	Time time.Time `json:"time"`

	// Of the first record.
	Format int         `json:"format,omitempty"`
	Whose  Whose       `json:"whose,omitempty"`
	Plan   *setup.Plan `json:"plan,omitempty"`

	// Of a step.
	Step   int     `json:"step,omitempty"`
	Before *Before `json:"before,omitempty"`
	After  *After  `json:"after,omitempty"`

	Why string `json:"why,omitempty"`
}

type what string

const (
	began     what = "began"
	intends   what = "intends" // a step is about to be made; again, with what more it may write
	did       what = "did"
	waits     what = "waits"        // for a reboot
	applied   what = "applied"      // all steps are made, and not yet proven
	kept      what = "kept"         // proven
	backwards what = "rolling back" // from here on steps are taken back
	undid     what = "undid"
	ended     what = "rolled back"
)

// State is where a run stands.
type State string

const (
	Applying    State = "applying"
	WaitsReboot State = "waiting for a reboot"
	Applied     State = "applied, not proven"
	Kept        State = "done"
	RollingBack State = "rolling back"
	RolledBack  State = "rolled back"
	Damaged     State = "damaged"
)

// made is how far a step of a run has come.
type made struct {
	before *Before
	after  *After
	did    bool
	undid  bool
}

// Run is a run as history tells it.
type Run struct {
	ID      string      `json:"id"`
	State   State       `json:"state"`
	Started time.Time   `json:"started,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"`
	Plan    *setup.Plan `json:"plan,omitempty"`
	// Why is what ended it, if not success.
	Why string `json:"why,omitempty"`
}

// Open says that it can be gone on with.
func (r Run) Open() bool {
	return r.State == Applying || r.State == WaitsReboot || r.State == Applied || r.State == RollingBack
}

// run is a run with its journal.
type run struct {
	Run
	whose   Whose
	steps   []made
	journal *journal.Journal
	now     func() time.Time
}

// replay reads a run's records.
func replay(id string, records []json.RawMessage) (*run, error) {
	r := &run{Run: Run{ID: id}}
	for i, raw := range records {
		var rec record
		if err := json.Unmarshal(raw, &rec); err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		if (i == 0) != (rec.Kind == began) {
			return nil, fmt.Errorf("record %d is %q", i+1, rec.Kind)
		}
		if i == 0 && rec.Format != format {
			return nil, fmt.Errorf("it has format %d, this docker-gpu knows %d: use the version that made it", rec.Format, format)
		}
		if err := r.take(rec); err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
	}
	return r, nil
}

// take moves a run on by a record.
func (r *run) take(rec record) error {
	var s *made
	switch rec.Kind {
	case intends, did, undid:
		if rec.Step < 0 || rec.Step >= len(r.steps) {
			return fmt.Errorf("there is no step %d", rec.Step)
		}
		s = &r.steps[rec.Step]
	}
	switch rec.Kind {
	case began:
		if rec.Plan == nil {
			return errors.New("it has no plan")
		}
		r.Started, r.Plan, r.whose, r.State = rec.Time, rec.Plan, rec.Whose, Applying
		r.steps = make([]made, len(rec.Plan.Steps))
	case intends:
		if rec.Before == nil {
			return errors.New("it lacks what there was before")
		}
		s.before, r.State = rec.Before, Applying
	case did:
		s.did, s.after = true, rec.After
	case waits:
		r.State = WaitsReboot
	case applied:
		r.State = Applied
	case kept:
		r.State, r.Ended = Kept, rec.Time
	case backwards:
		r.State, r.Why = RollingBack, rec.Why
	case undid:
		s.undid = true
	case ended:
		r.State, r.Ended = RolledBack, rec.Time
	default:
		return fmt.Errorf("%q is not known", rec.Kind)
	}
	return nil
}

// write puts a record into the journal, synced, and moves the run on by it.
func (r *run) write(rec record) error {
	rec.Time = r.now().UTC()
	if err := r.journal.Append(rec); err != nil {
		return err
	}
	return r.take(rec)
}

func (r *run) close() { _ = r.journal.Close() }

// begin makes the journal of a new run.
func (m *Machine) begin(id string, plan *setup.Plan) (*run, error) {
	rec := record{Kind: began, Format: format, Whose: m.Whose, Plan: plan, Time: m.now().UTC()}
	j, err := m.store().Begin(id, rec)
	if err != nil {
		return nil, fmt.Errorf("the journal cannot be begun: %w", err)
	}
	r := &run{Run: Run{ID: id}, journal: j, now: m.now}
	return r, r.take(rec)
}

// open reads a run.
func (m *Machine) open(id string) (*run, error) {
	j, records, err := m.store().Open(id)
	if err != nil {
		return nil, err
	}
	r, err := replay(id, records)
	if err != nil {
		_ = j.Close()
		return nil, fmt.Errorf("the journal of run %s cannot be read: %w", id, err)
	}
	r.journal, r.now = j, m.now
	return r, nil
}

// Runs are all runs, the oldest first.
func (m *Machine) Runs(context.Context) ([]Run, error) { return m.History() }

// History is Runs for callers on this machine.
func (m *Machine) History() ([]Run, error) {
	ids, err := m.store().List()
	if err != nil {
		return nil, err
	}
	var all []Run
	for _, id := range ids {
		r, err := m.open(id)
		switch {
		case errors.Is(err, journal.ErrTorn):
			continue // nothing was done in it
		case err != nil:
			all = append(all, Run{ID: id, State: Damaged, Why: err.Error()})
			continue
		}
		r.close()
		all = append(all, r.Run)
	}
	return all, nil
}

// NewID is the name of a run that begins now.
func (m *Machine) NewID() (string, error) {
	ids, err := m.store().List()
	if err != nil {
		return "", err
	}
	base := m.now().UTC().Format("20060102-150405")
	id := base
	for n := 2; slices.Contains(ids, id); n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	return id, nil
}
