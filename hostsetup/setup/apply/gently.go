package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// gently restarts an engine on the way back. Where the plan had live-restore on for its
// restart, so that containers kept running, they keep running now too: it is switched on, the
// engine restarted, and switched off again.
func (u unitOp) gently(ctx context.Context, j *job) error {
	keep, s := u.keeper(j)
	if keep == nil || !j.runsContainers(ctx) {
		return u.act(ctx, j)
	}
	var before []byte
	if s.There {
		var err error
		if before, err = j.run.journal.Kept(s.Sum); err != nil {
			return err
		}
	}
	with, err := j.EditDaemon(before, []setup.Edit{{Key: []string{"live-restore"}, Value: json.RawMessage("true")}})
	if err != nil {
		return err
	}
	// After a kill the text may be the one with live-restore on.
	now, n, err := j.tree().Read(keep.Path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, before) && !bytes.Equal(now, with) {
		j.say(Note, "containers run, and %s was changed by somebody else: restart Docker when it suits", keep.Path)
		return nil
	}
	reload := unitOp{&setup.Unit{Name: u.Name, Do: "reload", User: u.User}}
	attr := target{}.attr(*s)
	if n.There {
		attr = n.Attr
	}
	if err := j.tree().Put(keep.Path, bytes.NewReader(with), attr); err != nil {
		return err
	}
	for _, step := range []unitOp{reload, u} {
		if err := step.act(ctx, j); err != nil {
			return err
		}
		if _, err := j.awaitEngine(ctx); err != nil {
			return err
		}
	}
	back := *s
	back.Wants = append(slices.Clone(s.Wants), target{content: with}.want())
	if err := j.restore(back, nil); err != nil {
		return err
	}
	return reload.act(ctx, j)
}

// keeper is the step that switched live-restore on, and the file before all steps.
func (u unitOp) keeper(j *job) (keep *setup.Daemon, first *Saved) {
	for i, s := range j.plan.Steps[:j.index] {
		d, before := s.Op.Daemon, j.run.steps[i].before
		if d == nil || before == nil {
			continue
		}
		if first == nil {
			first = &before.Files[0]
		}
		if slices.ContainsFunc(d.Edits, func(e setup.Edit) bool {
			return len(e.Key) == 1 && e.Key[0] == "live-restore" && string(e.Value) == "true"
		}) {
			keep = d
		}
	}
	return keep, first
}

// runsContainers says whether any container runs, as far as the engine tells.
func (j *job) runsContainers(ctx context.Context) bool {
	if j.Engine == nil {
		return true
	}
	e, err := j.Engine(ctx)
	return err != nil || len(e.Running) > 0
}
