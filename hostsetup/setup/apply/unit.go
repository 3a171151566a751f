package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// unitOp changes the state of a systemd unit.
type unitOp struct{ *setup.Unit }

// Unit is how a unit is.
type Unit struct {
	Loaded  bool `json:"loaded,omitempty"`
	Active  bool `json:"active,omitempty"`
	Enabled bool `json:"enabled,omitempty"`
}

// systemd says whether it runs this machine.
func (j *job) systemd() bool {
	ok, _ := j.tree().Exists("/run/systemd/system")
	return ok
}

func (u unitOp) systemctl(args ...string) Command {
	c := Command{Argv: []string{"systemctl"}}
	if u.User {
		c.Argv, c.Session = append(c.Argv, "--user"), true
	}
	c.Argv = append(c.Argv, args...)
	return c
}

func (u unitOp) state(ctx context.Context, j *job) (Unit, error) {
	if u.PID > 0 {
		return Unit{Loaded: true, Active: true}, nil
	}
	r, err := j.program(ctx, u.systemctl("show", "--property=LoadState,ActiveState,UnitFileState", u.Name))
	if err != nil {
		return Unit{}, err
	}
	var s Unit
	for line := range strings.Lines(string(r.Out)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "LoadState":
			s.Loaded = value == "loaded"
		case "ActiveState":
			s.Active = slices.Contains([]string{"active", "reloading", "activating"}, value)
		case "UnitFileState":
			s.Enabled = strings.HasPrefix(value, "enabled") || value == "alias"
		}
	}
	return s, nil
}

// check has a reload or restart made where a step before changed something, or where it is
// what the plan is about.
func (u unitOp) check(ctx context.Context, j *job) (Standing, error) {
	if u.PID > 0 && u.Do != "reload" {
		return Standing{Is: Impossible, Why: "only a reload can be made by a signal"}, nil
	}
	if u.PID == 0 && !j.systemd() {
		return Standing{Is: Impossible, Why: "systemd does not run this machine"}, nil
	}
	switch u.Do {
	case "reload", "restart":
		changes := slices.ContainsFunc(j.plan.Steps[:j.index], func(s setup.Step) bool { return s.Op.Unit == nil })
		if changes && !j.acted {
			return Standing{Is: IsDone, Why: "nothing before it changed anything"}, nil
		}
		return Standing{Is: ToDo, Why: u.Name + " is to take the changes"}, nil
	case "enable", "start":
		s, err := u.state(ctx, j)
		switch {
		case err != nil:
			return Standing{}, err
		case s.Active && (s.Enabled || u.Do == "start"):
			return Standing{Is: IsDone, Why: u.Name + " runs"}, nil
		case !s.Loaded && !j.acted:
			return Standing{Is: Impossible, Why: "there is no unit " + u.Name}, nil
		}
		return Standing{Is: ToDo, Why: u.Name + " does not run, or not after a boot"}, nil
	}
	return Standing{Is: Impossible, Why: fmt.Sprintf("%q is nothing that is done to a unit", u.Do)}, nil
}

func (u unitOp) note(ctx context.Context, j *job) (*Before, error) {
	s, err := u.state(ctx, j)
	if err != nil {
		return nil, err
	}
	b := &Before{Unit: &s}
	if strings.HasPrefix(u.Name, "nvidia-cdi-refresh.") {
		if b.Spec, err = j.saveSpec(); err != nil {
			return nil, err
		}
	}
	if s.Active && u.engine(j) {
		if b.Engine, err = j.Engine(ctx); err != nil {
			// It may be down, which is what the restart is for.
			j.say(Note, "the engine does not answer before: %v", err)
		}
	}
	return b, nil
}

func (u unitOp) do(ctx context.Context, j *job, b *Before) (*After, error) {
	ctx = context.WithoutCancel(ctx)
	if err := u.act(ctx, j); err != nil {
		return nil, err
	}
	if !u.engine(j) {
		return nil, nil
	}
	e, err := j.awaitEngine(ctx)
	if err != nil {
		return nil, err
	}
	return nil, j.compare(b.Engine, e)
}

func (u unitOp) act(ctx context.Context, j *job) error {
	if u.Do == "restart" && u.engine(j) { // a run that was cut off may come from before the reload
		if err := j.settled(ctx, true); err != nil {
			return err
		}
	}
	if err := u.ask(ctx, j); err != nil || u.Do != "reload" || !u.engine(j) {
		return err
	}
	return j.settled(ctx, false)
}

func (u unitOp) ask(ctx context.Context, j *job) error {
	if u.PID > 0 {
		return j.hangup(u.PID)
	}
	argv := map[string][]string{"enable": {"enable", "--now"}, "start": {"start"}, "reload": {"reload"}, "restart": {"restart"}}[u.Do]
	_, err := j.program(ctx, u.systemctl(append(argv, u.Name)...))
	return err
}

// hangup has a dockerd without systemd read its configuration anew.
func (j *job) hangup(pid int) error {
	name := "/proc/" + strconv.Itoa(pid) + "/comm"
	data, _, err := j.tree().Read(name)
	if err != nil {
		return err
	}
	if comm := strings.TrimSpace(string(data)); comm != "dockerd" {
		return fmt.Errorf("process %d is no dockerd any more: make the plan anew", pid)
	}
	return hangup(pid)
}

func (unitOp) blocked(context.Context, *job, *Before, *After) error { return nil }

// undo brings back how the unit was; a reload or restart is made again.
func (u unitOp) undo(ctx context.Context, j *job, b *Before, _ *After) error {
	ctx = context.WithoutCancel(ctx)
	before := b.Unit
	switch {
	case u.PID > 0:
		if err := u.again(ctx, j, true); err != nil {
			j.say(Note, "the engine did not take what was put back: %v", err)
			return nil
		}
		_, err := j.awaitEngine(ctx)
		return err
	case u.Do == "enable" || u.Do == "start":
		return errors.Join(u.as(ctx, j, *before), j.restoreSpec(b))
	case !before.Active:
		return nil
	}
	now, err := u.state(ctx, j)
	if err != nil || !now.Loaded {
		return err // its package went with this rollback
	}
	// A unit that failed too often would refuse to start.
	if _, err := j.try(ctx, u.systemctl("reset-failed", u.Name)); err != nil {
		return err
	}
	switch {
	case u.Do == "reload" && u.restarts(j):
		return nil // the restart of this plan does for the reloads
	case u.Do == "reload" && !now.Active:
		_, err = j.program(ctx, u.systemctl("restart", u.Name))
	default:
		err = u.again(ctx, j, now.Active)
	}
	if err != nil || !u.engine(j) {
		return err
	}
	e, err := j.awaitEngine(ctx)
	if err != nil {
		return err
	}
	return j.compare(b.Engine, e)
}

// restarts says whether the plan restarts the unit too.
func (u unitOp) restarts(j *job) bool {
	for i, s := range j.plan.Steps {
		if other := s.Op.Unit; other != nil && other.Name == u.Name && other.Do == "restart" && j.run.steps[i].before != nil {
			return true
		}
	}
	return false
}

func (u unitOp) as(ctx context.Context, j *job, before Unit) error {
	now, err := u.state(ctx, j)
	if err != nil || !now.Loaded {
		return err
	}
	var all error
	if now.Enabled && !before.Enabled && u.Do == "enable" {
		_, err := j.program(ctx, u.systemctl("disable", u.Name))
		all = errors.Join(all, err)
	}
	if now.Active && !before.Active {
		_, err := j.program(ctx, u.systemctl("stop", u.Name))
		all = errors.Join(all, err)
	}
	return all
}
