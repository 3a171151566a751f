package plugin

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// A plan that restarts Docker says of each container what becomes of it; one that leaves
// them running, or restarts nothing, does not speak of them.
func TestSetupNamesWhatItStops(t *testing.T) {
	restart := setup.Step{ID: "runtime/restart", Title: "restart Docker", Why: "x", Undo: "x", Disruption: doctor.Restart, Op: setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart"}}}
	fates := []engine.Fate{{Name: "job", Removed: true}, {Name: "shell"}, {Name: "train", Restart: "on-failure"}, {Name: "web\x1b[2J", Restart: "always"}}
	for name, c := range map[string]struct {
		steps   []setup.Step
		running int
		live    bool
		err     error
		want    string
	}{
		"all sorts": {steps: []setup.Step{restart}, running: 4, want: `
What the restart of Docker stops
  job  is removed, with what it wrote (--rm)
  shell  stays stopped, for somebody to start it again
  train  comes back only if it then counts as failed (on-failure)
  web [2J  comes back by its restart policy (always)
`},
		"not all are told": {steps: []setup.Step{restart}, running: 4, err: errors.New("busy"), want: "(always)\n  Not all could be looked at: busy\n"},
		"nothing runs":     {steps: []setup.Step{restart}},
		"live-restore":     {steps: []setup.Step{restart}, running: 4, live: true},
		"for the time":     {steps: []setup.Step{{ID: "runtime/keep", Title: "x", Why: "x", Op: setup.Op{File: &setup.File{Path: "/x"}}}, restart}, running: 4},
		"no restart":       {steps: []setup.Step{{ID: "runtime/spec", Title: "x", Why: "x", Disruption: doctor.None, Op: setup.Op{File: &setup.File{Path: "/x"}}}}, running: 4},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			r, _ := settingUp(t, s, "ubuntu2404-all-right")
			r.fates = func(context.Context) ([]engine.Fate, error) { return fates, c.err }
			h := setupHost(t, "ubuntu2404-all-right")
			h.Engine.Running, h.Engine.LiveRestore = c.running, c.live
			assert.NilError(t, r.show(t.Context(), &h, &setup.Plan{Steps: c.steps}))
			if c.want == "" {
				assert.Assert(t, !strings.Contains(s.out.String(), "What the restart"), s.out)
				return
			}
			assert.Assert(t, strings.HasSuffix(s.out.String(), c.want), s.out)
		})
	}
}
