//go:build linux

package apply

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// What a reload brings is waited for before the next step, and a restart that would stop
// containers is not made.
func TestReloadIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		edit  setup.Edit
		was   Engine
		takes *Engine // what it says after a while; nil if it never takes it
		wrong string
	}{
		"live-restore":        {edit("true", "live-restore"), Engine{}, &Engine{LiveRestore: true}, ""},
		"live-restore, never": {edit("true", "live-restore"), Engine{}, nil, "the engine did not take live-restore from its configuration within 200ms"},
		"off, never":          {edit("false", "live-restore"), Engine{LiveRestore: true}, nil, "did not take live-restore"},
		"a runtime":           {edit(`{"path":"x"}`, "runtimes", "nvidia"), Engine{}, &Engine{Runtimes: []string{"nvidia"}}, ""},
		"a runtime, never":    {edit(`{"path":"x"}`, "runtimes", "nvidia"), Engine{}, nil, "did not take runtimes.nvidia"},
		"what it cannot tell": {edit("true", "features", "cdi"), Engine{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, killFiles())
			w.Patience = 200 * time.Millisecond
			asked, early := 0, false
			ran := func(what string) bool {
				return slices.ContainsFunc(w.programs().ran, func(l string) bool { return strings.HasPrefix(l, "systemctl "+what) })
			}
			w.Engine = func(context.Context) (*Engine, error) {
				if ran("reload") {
					asked++
				}
				if asked > 3 && c.takes != nil {
					return c.takes, nil
				}
				early = early || c.takes != nil && ran("restart")
				return &c.was, nil
			}
			_, err := w.Apply(t.Context(), "20261127-050000", plan(daemonStep("", c.edit), unitStep("docker.service", "reload"), unitStep("docker.service", "restart")))
			if c.wrong != "" {
				assert.ErrorContains(t, err, c.wrong)
				assert.Assert(t, !ran("restart"))
				return
			}
			assert.NilError(t, err)
			assert.Assert(t, ran("restart") && !early)
		})
	}
}

// A restart brings runtimes by itself.
func TestRestartBringsRuntimes(t *testing.T) {
	w := newWorld(t, killFiles())
	w.Patience = 200 * time.Millisecond
	w.Engine = func(context.Context) (*Engine, error) { return &Engine{}, nil }
	w.apply(t, daemonStep("", edit(`{"path":"x"}`, "runtimes", "nvidia")), unitStep("docker.service", "restart"))
}
