package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// former texts of a daemon.json, of which the engine is to read one after the other.
type formerConfig struct {
	path   string
	saved  Saved  // before all steps
	before []byte // its text
	// off is before with the defaults of keys that steps had added: an engine that reads a
	// file without a key keeps what the key said.
	off []byte
	// with is before with live-restore on; nil where no step switched that on.
	with []byte
}

// former is the daemon.json that the steps before this one changed; nil if none did.
func (u unitOp) former(j *job) (*formerConfig, error) {
	f := &formerConfig{}
	var edits []setup.Edit
	for i, s := range j.plan.Steps {
		d, before := s.Op.Daemon, j.run.steps[i].before
		if d == nil || before == nil {
			continue
		}
		if f.path == "" {
			f.path, f.saved = d.Path, before.Files[0]
		}
		edits = append(edits, d.Edits...)
	}
	if f.path == "" {
		return nil, nil
	}
	var err error
	if f.saved.There {
		if f.before, err = j.run.journal.Kept(f.saved.Sum); err != nil {
			return nil, err
		}
	}
	var defaults []setup.Edit
	for _, e := range edits {
		key := e.Key[:1]
		value := policy.DaemonDefault(key[0])
		if value == "" || slices.ContainsFunc(defaults, func(d setup.Edit) bool { return d.Key[0] == key[0] }) {
			continue
		}
		without, err := j.EditDaemon(f.before, []setup.Edit{{Key: key}})
		if err != nil {
			return nil, err
		}
		if len(f.before) == 0 || bytes.Equal(without, f.before) { // there was no such key
			defaults = append(defaults, setup.Edit{Key: key, Value: json.RawMessage(value)})
		}
		if key[0] == "live-restore" && string(e.Value) == "true" {
			if f.with, err = j.EditDaemon(f.before, []setup.Edit{e}); err != nil {
				return nil, err
			}
		}
	}
	if f.off = f.before; len(defaults) > 0 {
		f.off, err = j.EditDaemon(f.before, defaults)
	}
	return f, err
}

// again has the engine take what was put back: a reload, or a restart that leaves containers
// running where that of the plan did; also where the engine did not come back from that one.
func (u unitOp) again(ctx context.Context, j *job, active bool) error {
	f, err := u.former(j)
	if err != nil {
		return err
	}
	gentle := f != nil && f.with != nil && u.Do == "restart" && j.runsContainers(ctx)
	if f == nil || u.Do == "restart" && !gentle || !gentle && bytes.Equal(f.off, f.before) {
		return u.act(ctx, j)
	}
	// After a kill the text may be one of those that are there in between.
	now, n, err := j.tree().Read(f.path)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc([][]byte{f.before, f.with, f.off}, func(text []byte) bool { return bytes.Equal(text, now) }) {
		if gentle {
			j.say(Note, "containers run, and %s was changed by somebody else: restart Docker when it suits", f.path)
			return nil
		}
		return u.act(ctx, j)
	}
	attr := target{}.attr(f.saved)
	if n.There {
		attr = n.Attr
	}
	reload := unitOp{&setup.Unit{Name: u.Name, Do: "reload", User: u.User, PID: u.PID}}
	read := func(text []byte, steps ...unitOp) error {
		if err := j.tree().Put(f.path, bytes.NewReader(text), attr); err != nil {
			return err
		}
		for _, step := range steps {
			if err := step.act(ctx, j); err != nil {
				return err
			}
			if _, err := j.awaitEngine(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if gentle {
		steps := []unitOp{reload, u}
		if !active { // there is nobody to read it before
			steps = steps[1:]
		}
		if err := read(f.with, steps...); err != nil {
			return err
		}
	}
	if err := read(f.off, reload); err != nil {
		return err
	}
	back := f.saved
	back.Wants = []Want{target{content: f.off}.want()}
	return j.restore(back, nil)
}

// runsContainers says whether any container runs, as far as the engine tells.
func (j *job) runsContainers(ctx context.Context) bool {
	if j.Engine == nil {
		return true
	}
	e, err := j.Engine(ctx)
	return err != nil || len(e.Running) > 0
}
