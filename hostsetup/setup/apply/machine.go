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
	// LiveRestore says that containers stay up while it restarts.
	LiveRestore bool `json:"liveRestore,omitempty"`
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
