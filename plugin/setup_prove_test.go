package plugin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
)

// climbed is a report of smoke whose rungs hold, but for those that are broken.
func climbed(broken ...string) *verify.SmokeReport {
	r := &verify.SmokeReport{OK: len(broken) == 0}
	for _, name := range []string{"engine", "gpus", "cdi", "kernel"} {
		r.Rungs = append(r.Rungs, verify.Rung{Name: name, Title: "the rung " + name, Layer: "the layer of " + name, OK: true})
	}
	for _, name := range broken {
		for i := range r.Rungs {
			if r.Rungs[i].Name == name {
				r.Rungs[i].OK = false
			}
		}
	}
	if len(broken) > 0 {
		r.Broken = broken[0]
	}
	return r
}

// promising is a plan that makes GPUs work in containers.
func promising() *setup.Plan {
	return &setup.Plan{Steps: []setup.Step{{ID: "runtime/spec", Part: setup.RuntimePart}}, Left: []setup.Note{{Part: setup.DriverPart, Text: "an older branch"}}}
}

func without(h host.Host, change func(*host.Host)) host.Host { change(&h); return h }

// A setup is proven by doctor and smoke; what is wrong with what it promised is an error,
// after which it is taken back.
func TestProof(t *testing.T) {
	noDocker := func(h *host.Host) { h.Engine = host.Engine{Error: "permission denied\x1b[2J"} }
	partly := &setup.Plan{Steps: []setup.Step{{ID: "driver/packages", Part: setup.DriverPart}}}
	leaving := promising()
	leaving.Left = append(leaving.Left, setup.Note{Part: setup.RuntimePart, Text: "restart Docker"})
	for name, c := range map[string]struct {
		before, after host.Host
		plan          *setup.Plan
		report        *verify.SmokeReport
		smoke         error
		says          string
		fails         string
	}{
		"all":                    {before: machine(""), after: machine(""), says: "Proven: GPUs work in containers: 4 of 4 rungs hold"},
		"one way":                {before: machine(""), after: machine(""), report: climbed("gpus"), says: "Proven: a container computes on the GPU, though not by every way. The first rung that breaks is \"the rung gpus\""},
		"no way":                 {before: machine(""), after: machine(""), report: climbed("gpus", "kernel"), fails: `docker gpu smoke: The first rung that breaks is "the rung gpus"; look at: the layer of gpus`},
		"no smoke":               {before: machine(""), after: machine(""), smoke: errors.New("no space left"), fails: "no space left"},
		"a new error":            {before: machine(""), after: machine("badconfig"), fails: "docker gpu doctor finds T004, which was not there before"},
		"an old error":           {before: machine("badconfig"), after: machine("badconfig"), says: "Proven: GPUs work"},
		"an old and new ones":    {before: machine("badconfig"), after: machine("badconfig+nomodule+nonodes"), fails: "docker gpu doctor finds T001, which was not there before"},
		"one that another hid":   {before: machine("nomodule+nonodes"), after: machine("nonodes"), says: "Proven: GPUs work"},
		"one mended":             {before: machine("badconfig"), after: machine(""), says: "Proven: GPUs work"},
		"a warning":              {before: machine(""), after: machine("hot"), says: "Proven: GPUs work"},
		"no driver":              {before: machine(""), after: without(machine(""), func(h *host.Host) { h.Driver.Version = "" }), smoke: errors.New("unused"), says: "Nothing was computed: no driver is loaded yet. `docker gpu smoke` proves it later.\n"},
		"no Docker before":       {before: without(machine(""), noDocker), after: without(machine(""), noDocker), smoke: errors.New("unused"), says: "Nothing was computed: permission denied [2J. `docker gpu smoke` proves it later.\n"},
		"no Docker at all":       {before: without(machine(""), func(h *host.Host) { h.Engine = host.Engine{} }), after: without(machine(""), func(h *host.Host) { h.Engine = host.Engine{} }), says: "Nothing was computed: there is no Docker."},
		"Docker gone":            {before: machine(""), after: without(machine(""), noDocker), fails: "docker answered before, and does not now: permission denied [2J"},
		"Docker gone, a part":    {before: machine(""), after: without(machine(""), noDocker), plan: partly, fails: "docker answered before, and does not now"},
		"a part alone":           {before: machine(""), after: machine(""), plan: partly, report: climbed("kernel"), says: "GPUs do not work in containers yet, which these steps alone were not to bring: docker gpu smoke: The first rung"},
		"a part, and a new code": {before: machine(""), after: machine("badconfig"), plan: partly, says: "yet, which these steps alone were not to bring: docker gpu doctor finds T004"},
		"a restart that is left": {before: machine(""), after: machine(""), plan: leaving, report: climbed("kernel"), says: "GPUs do not work in containers yet"},
		"left, and it works":     {before: machine(""), after: machine(""), plan: leaving, says: "Proven: GPUs work"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			p := &proof{cli: s.cli, checks: testChecks(), now: func() time.Time { return today },
				facts: func(context.Context, string) (host.Host, error) { return c.after, nil },
				smoke: func(_ context.Context, h *host.Host) (*verify.SmokeReport, error) {
					assert.Equal(t, h.Engine.Version, "29.7.2")
					if c.report == nil {
						c.report = climbed()
					}
					return c.report, c.smoke
				}}
			p.look(&c.before)
			if c.plan == nil {
				c.plan = promising()
			}
			err := p.prove(t.Context(), c.plan)
			if c.fails != "" {
				assert.ErrorContains(t, err, c.fails)
				assert.Equal(t, s.err.String(), "")
				return
			}
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(s.err.String(), c.says), s.err)
			assert.Equal(t, s.out.String(), "")
		})
	}
}

// What was stopped is not taken for something that does not work yet.
func TestProofThatIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newScreen(t, false, "")
	p := &proof{cli: s.cli, now: time.Now, facts: func(context.Context, string) (host.Host, error) { return machine(""), nil },
		smoke: func(ctx context.Context, _ *host.Host) (*verify.SmokeReport, error) { cancel(); return nil, ctx.Err() }}
	assert.ErrorIs(t, p.prove(ctx, nil), context.Canceled)
	assert.Equal(t, s.err.String(), "")

	p.facts = func(context.Context, string) (host.Host, error) {
		return host.Host{}, errors.New(`no context "far"`)
	}
	assert.ErrorContains(t, p.prove(t.Context(), nil), `no context "far"`)
}

// Which of the recorded scenarios' plans promise GPUs in containers.
func TestPromises(t *testing.T) {
	for name, c := range map[string]struct {
		host   string
		wishes setup.Wishes
		want   bool
	}{
		"all of it":         {"ubuntu2404-docker283-idle", setup.Wishes{}, true},
		"without driver":    {"ubuntu2404-docker283-idle", setup.Wishes{Skip: []setup.Part{"driver", "docker"}}, true},
		"right already":     {"ubuntu2404-all-right", setup.Wishes{}, true},
		"a driver":          {"ubuntu2404-server-h100", setup.Wishes{Only: []setup.Part{"driver"}}, false},
		"a toolkit":         {"ubuntu2404-docker283-idle", setup.Wishes{Only: []setup.Part{"toolkit"}}, false},
		"hooks":             {"ubuntu2404-docker283-idle", setup.Wishes{Only: []setup.Part{"hooks"}, ClientConfig: "/home/user-1/.docker/config.json"}, false},
		"no toolkit":        {"ubuntu2404-docker283-idle", setup.Wishes{Skip: []setup.Part{"toolkit"}}, false},
		"a restart is left": {"ubuntu2404-docker283-running", setup.Wishes{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := setupHost(t, c.host)
			plan, err := setup.Make(&h, c.wishes, plannedAt())
			assert.NilError(t, err)
			assert.Equal(t, promises(plan), c.want, "%+v %+v", plan.Right, plan.Left)
		})
	}
	assert.Assert(t, !promises(nil))
}
