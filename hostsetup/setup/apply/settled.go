package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// settled waits until the engine has taken what its configuration says of live-restore and
// of the plan's runtimes: a reload is asked for and not waited for. A restart that overtakes
// it stops every container, and a text that is changed again behind it is never read. Before a
// restart only what keeps containers counts: the restart brings the rest.
func (j *job) settled(ctx context.Context, restart bool) error {
	if j.Engine == nil {
		return nil
	}
	patience := cmp.Or(j.Patience, usualPatience)
	for most := j.now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		e, err := j.Engine(ctx)
		if err != nil {
			return nil // one that is down reads it when it starts
		}
		key := j.untaken(e, restart)
		if key == "" {
			return nil
		}
		if j.now().After(most) {
			return fmt.Errorf("the engine did not take %s from its configuration within %s", key, patience)
		}
	}
}

// untaken is a key of daemon.json that the plan is about, and that says something else than
// the engine does; "" if there is none. What a text does not name an engine keeps.
func (j *job) untaken(e *Engine, restart bool) string {
	for _, s := range j.plan.Steps {
		d := s.Op.Daemon
		if d == nil {
			continue
		}
		var says struct {
			LiveRestore *bool          `json:"live-restore"`
			Runtimes    map[string]any `json:"runtimes"`
		}
		text, _, err := j.tree().Read(d.Path)
		if err != nil || json.Unmarshal(text, &says) != nil {
			continue
		}
		for _, edit := range d.Edits {
			switch {
			case restart && (edit.Key[0] != "live-restore" || says.LiveRestore == nil || !*says.LiveRestore):
			case edit.Key[0] == "live-restore" && says.LiveRestore != nil && *says.LiveRestore != e.LiveRestore:
				return "live-restore"
			case edit.Key[0] == "runtimes" && len(edit.Key) > 1 && says.Runtimes != nil:
				if _, named := says.Runtimes[edit.Key[1]]; named != slices.Contains(e.Runtimes, edit.Key[1]) {
					return "runtimes." + edit.Key[1]
				}
			}
		}
	}
	return ""
}
