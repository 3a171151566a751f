package apply

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree"
)

// Whose are the steps that a Machine makes of a plan.
type Whose string

const (
	All  Whose = ""     // of a caller who is root
	Root Whose = "root" // those that need root
	User Whose = "user" // the others
)

// has says whether a step is theirs. A reboot is waited for by all.
func (w Whose) has(s setup.Step) bool {
	return w == All || s.Op.Reboot != nil || (w == Root) == s.Root
}

// Machine is where steps are made: a root file system, its programs and its engine.
type Machine struct {
	// Root is "/", or a folder that stands for it.
	Root string
	// State is the folder that has the journals; it is this machine's own path, not below Root.
	State string
	Whose Whose
	// Programs runs programs.
	Programs Runner
	// Fetch gets a small file over https.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// EditDaemon edits the text of a daemon.json; RevertDaemon takes edits out of one that
	// others have changed since, but for those left whose members they have changed.
	EditDaemon   func(text []byte, edits []setup.Edit) ([]byte, error)
	RevertDaemon func(now, before []byte, edits []setup.Edit) (after []byte, left []setup.Edit, err error)
	// EditHooks puts the plugin's hooks into the text of a Docker client's config.json, or
	// takes them out.
	EditHooks func(text []byte, enable bool) ([]byte, error)
	// Engine asks the engine how it is; nil where none is to be waited for.
	Engine func(context.Context) (*Engine, error)
	// Tell is told what happens.
	Tell func(Event)
	// Ask asks before something that cannot be taken back; nil means no.
	Ask func(ctx context.Context, question string) (bool, error)
	// Patience is how long locks and the engine are waited for.
	Patience time.Duration
	Now      func() time.Time

	point func(string) // tests kill here
}

// Engine is what is compared before and after a reload or a restart.
type Engine struct {
	Running  []string `json:"running,omitempty"` // names of containers
	Runtimes []string `json:"runtimes,omitempty"`
	Store    string   `json:"store,omitempty"` // of images: another one hides them all
}

// Event is something that happened to a step.
type Event struct {
	Run  string `json:"run,omitempty"`
	Step string `json:"step,omitempty"`
	Kind Kind   `json:"kind"`
	Text string `json:"text,omitempty"`
	// Argv and Code are those of a program that ended.
	Argv []string `json:"argv,omitempty"`
	Code int      `json:"code,omitempty"`
}

// Kind is the kind of an event.
type Kind string

const (
	Started  Kind = "started"
	Done     Kind = "done"
	Skipped  Kind = "skipped" // it was done already
	Undoing  Kind = "undoing"
	Undone   Kind = "undone"
	Waiting  Kind = "waiting" // for a lock, an engine
	Note     Kind = "note"
	Program  Kind = "program"
	Finished Kind = "finished"
)

// Standing is how a step stands.
type Standing struct {
	Step string `json:"step"`
	Is   Is     `json:"is"`
	Why  string `json:"why,omitempty"`
}

// Is is what there is to do.
type Is string

const (
	IsDone     Is = "done"
	ToDo       Is = "to do"
	Impossible Is = "impossible"
)

// Here is the machine that this runs on, for root or for the user. What edits texts is for
// the caller to add.
func Here() (*Machine, error) {
	m := &Machine{Root: "/", State: "/var/lib/docker-gpu", Programs: Exec{}, Fetch: Fetcher{}.Get}
	if os.Geteuid() == 0 {
		return m, nil
	}
	m.Whose = User
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // as its specification says
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("there is nowhere to keep the journal of this user's setup: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	m.State = filepath.Join(state, "docker-gpu")
	return m, nil
}

func (m *Machine) store() *journal.Store {
	return &journal.Store{Dir: m.State, Point: m.point}
}

func (m *Machine) tree() *tree.Tree { return &tree.Tree{Root: m.Root, Point: m.point} }

func (m *Machine) at(what string) {
	if m.point != nil {
		m.point(what)
	}
}

func (m *Machine) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

func (m *Machine) tell(e Event) {
	if m.Tell != nil {
		m.Tell(e)
	}
}

// Check says how each of its steps of a plan stands. It changes nothing. A step that needs
// what one before it brings is to do.
func (m *Machine) Check(ctx context.Context, plan *setup.Plan) ([]Standing, error) {
	var all []Standing
	acted, others := false, false
	for i, step := range plan.Steps {
		if !m.Whose.has(step) {
			others = true
			continue
		}
		j := &job{Machine: m, plan: plan, index: i, acted: acted, others: others}
		d, err := doerOf(step)
		if err != nil {
			return nil, err
		}
		s, err := d.check(ctx, j)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.ID, err)
		}
		s.Step = step.ID
		acted = acted || s.Is == ToDo && step.Op.Unit == nil
		all = append(all, s)
	}
	return all, nil
}

func nothing(all []Standing) bool {
	return !slices.ContainsFunc(all, func(s Standing) bool { return s.Is != IsDone })
}

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
