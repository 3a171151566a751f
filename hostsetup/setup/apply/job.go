package apply

import (
	"context"
	"fmt"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// job is one step at work.
type job struct {
	*Machine
	plan  *setup.Plan
	index int
	run   *run
	// acted says that a step before this one changed something.
	acted bool
	// others says that a step before this one is made by another user.
	others bool
	// leave leaves alone what somebody else has changed.
	leave bool
}

func (j *job) step() setup.Step { return j.plan.Steps[j.index] }

func (j *job) say(kind Kind, format string, args ...any) {
	e := Event{Step: j.step().ID, Kind: kind, Text: fmt.Sprintf(format, args...)}
	if j.run != nil {
		e.Run = j.run.ID
	}
	j.tell(e)
}

// doer is how one kind of operation is made.
type doer interface {
	// check says how it stands, and changes nothing.
	check(context.Context, *job) (Standing, error)
	// note says what there is before, enough to undo it.
	note(context.Context, *job) (*Before, error)
	// do does it. After a kill it is called again, with the same before.
	do(context.Context, *job, *Before) (*After, error)
	// blocked says why it cannot be taken back, nil if it can.
	blocked(context.Context, *job, *Before, *After) error
	// undo takes it back. After a kill it is called again.
	undo(context.Context, *job, *Before, *After) error
}

// doerOf is how a step's operation is made.
func doerOf(s setup.Step) (doer, error) {
	var found []doer
	add := func(set bool, d doer) {
		if set {
			found = append(found, d)
		}
	}
	op := s.Op
	add(op.File != nil, newFiles(fileOp{op.File}))
	if op.Key != nil && op.Key.RPM {
		add(true, rpmKey{keyOp{op.Key}})
	} else {
		add(op.Key != nil, newFiles(keyOp{op.Key}))
	}
	add(op.Packages != nil, packagesOp{op.Packages})
	add(op.Hold != nil, holdOp{op.Hold})
	add(op.Programs != nil, newFiles(programsOp{op.Programs}))
	add(op.Daemon != nil, daemon{newFiles(daemonOp{op.Daemon})})
	add(op.CDI != nil, newFiles(cdiOp{op.CDI}))
	add(op.Unit != nil, unitOp{op.Unit})
	add(op.Module != nil, moduleOp{op.Module})
	add(op.Toolkit != nil, newFiles(toolkitOp{op.Toolkit}))
	add(op.Hooks != nil, newFiles(hooksOp{op.Hooks}))
	add(op.Reboot != nil, rebootOp{op.Reboot})
	if len(found) != 1 {
		return nil, fmt.Errorf("step %q has %d operations instead of one", s.ID, len(found))
	}
	return found[0], nil
}

// Before is what there was before a step, by what it is about.
type Before struct {
	Files    []Saved    `json:"files,omitempty"`
	Spec     *Saved     `json:"spec,omitempty"` // the CDI spec that the toolkit writes by itself
	Keys     []string   `json:"keys,omitempty"` // of rpm
	Packages *Installed `json:"packages,omitempty"`
	Configs  []Saved    `json:"configs,omitempty"` // of packages, and what package managers put beside them
	Modules  []string   `json:"modules,omitempty"` // of dnf, that had a stream
	Held     []string   `json:"held,omitempty"`
	Unit     *Unit      `json:"unit,omitempty"`
	Engine   *Engine    `json:"engine,omitempty"`
	Boot     string     `json:"boot,omitempty"`
}

// After is what a step brought, as far as that shows afterwards only.
type After struct {
	Packages *Change  `json:"packages,omitempty"`
	Held     []string `json:"held,omitempty"`
}
