package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Parts are all parts, in the order in which they are made.
func Parts() []Part {
	return []Part{DriverPart, DockerPart, ToolkitPart, RuntimePart, SwarmPart, HooksPart, HoldPart}
}

// planner makes a plan: each part adds its steps and says what those after it build on.
type planner struct {
	h    *host.Host
	w    Wishes
	now  time.Time
	plan *Plan
	// fresh says that the lists of packages have been read since the last new source.
	fresh bool

	driver  driverComes
	engine  engineComes
	toolkit toolkitComes
	daemon  daemonComes
}

// Make plans what turns a host into one that was wished for. An error is a wish that
// cannot be had there, with the ways out; what is merely left to the user is in the plan.
func Make(h *host.Host, w Wishes, now time.Time) (*Plan, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	if !h.Local {
		return nil, fmt.Errorf("setup sets up the machine that it runs on, and the engine of context %q is not on it: run docker-gpu setup there", tidy(h.Context))
	}
	p := &planner{h: relevant(h), w: w, now: now, plan: &Plan{SchemaVersion: SchemaVersion, Facts: Facts(h), Wishes: w, Steps: []Step{}}}
	for _, part := range []func() error{p.driverPart, p.dockerPart, p.toolkitPart, p.runtimePart, p.swarmPart} {
		if err := part(); err != nil {
			return nil, errors.New(tidy(err.Error()))
		}
	}
	if p.driver.reboot == "" {
		p.specs()
	}
	p.engineSteps()
	p.hooksPart()
	p.holdPart()
	if p.driver.reboot != "" {
		p.rebootStep()
		p.specs()
	}
	return p.plan, nil
}

// check refuses wishes that no machine could fulfil.
func (w Wishes) check() error {
	for _, part := range slices.Concat(w.Only, w.Skip) {
		if !slices.Contains(Parts(), part) {
			return fmt.Errorf("%q is no part of a setup: they are %s", tidy(string(part)), partNames())
		}
	}
	switch {
	case w.DockerFrom != "" && w.DockerFrom != "docker" && w.DockerFrom != "distro":
		return fmt.Errorf("no Docker comes from %q: it is \"docker\" for Docker's own packages or \"distro\" for the distribution's", tidy(w.DockerFrom))
	case w.ToolkitVersion != "" && !versionText.MatchString(w.ToolkitVersion):
		return fmt.Errorf("%q is no version of the toolkit: they look like %s", tidy(w.ToolkitVersion), policy.ToolkitCurrent)
	case w.ToolkitPath != "" && w.Offline != "":
		return fmt.Errorf("the toolkit comes either as programs from %s or as packages from %s: name one", tidy(w.ToolkitPath), tidy(w.Offline))
	case w.ToolkitPath != "" && w.ToolkitVersion != "":
		return fmt.Errorf("the programs in %s have the version that they have: leave out %s", tidy(w.ToolkitPath), tidy(w.ToolkitVersion))
	}
	return nil
}

func partNames() string {
	var names []string
	for _, p := range Parts() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// wanted says whether a part is to be set up. Swarm and hold are asked for by themselves.
func (p *planner) wanted(part Part) bool {
	switch {
	case slices.Contains(p.w.Skip, part):
		return false
	case len(p.w.Only) > 0:
		return slices.Contains(p.w.Only, part)
	case part == SwarmPart:
		return p.w.Swarm
	case part == HoldPart:
		return p.w.Hold
	}
	return true
}

// blind says whether facts that a part is planned by could not be read: nothing is installed
// over what nobody has seen.
func (p *planner) blind(part Part, sources ...string) bool {
	for _, name := range sources {
		if why := p.h.Unread[name]; why != "" {
			p.left(part, "nothing is planned here, because not all could be read: %s", why)
			return true
		}
	}
	return false
}

func (p *planner) right(part Part, format string, args ...any) {
	p.plan.Right = append(p.plan.Right, Note{part, tidy(fmt.Sprintf(format, args...))})
}

func (p *planner) left(part Part, format string, args ...any) {
	p.plan.Left = append(p.plan.Left, Note{part, tidy(fmt.Sprintf(format, args...))})
}

// step adds one; an undo that is not said is that of its operation.
func (p *planner) step(s Step) {
	if s.Disruption == "" {
		s.Disruption = doctor.None
	}
	if s.Undo == "" {
		s.Undo = s.Op.undo()
	}
	s.Title, s.Why, s.Undo = tidy(s.Title), tidy(s.Why), tidy(s.Undo)
	p.plan.Steps = append(p.plan.Steps, s)
}

// undo says what rollback does to an operation where nothing particular is to be said.
func (o Op) undo() string {
	switch {
	case o.File != nil && o.File.Absent:
		return "put the file back"
	case o.File != nil, o.Key != nil && !o.Key.RPM:
		return "put back what was there, or remove the file"
	case o.Key != nil:
		return "take the key out of rpm's keyring, if it was not there"
	case o.Packages != nil:
		return "remove what came, bring back what went, at its version"
	case o.Hold != nil:
		return "release those that were not held before"
	case o.Programs != nil:
		return "put back what was there, or remove the programs"
	case o.Daemon != nil:
		return "put daemon.json back as it was"
	case o.CDI != nil:
		return "put back the spec that was there, or remove it"
	case o.Unit != nil && o.Unit.Do == "enable":
		return "enabled and active as before"
	case o.Unit != nil && (o.Unit.Do == "reload" || o.Unit.Do == "restart"):
		return o.Unit.Do + " again, so that what was put back counts"
	case o.Toolkit != nil:
		return "put config.toml back as it was"
	case o.Hooks != nil:
		return "as docker gpu hooks disable"
	}
	return "nothing: it disturbs nobody"
}
