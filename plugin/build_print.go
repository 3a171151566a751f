package plugin

import (
	"context"
	"fmt"

	"github.com/dockergpu/docker-gpu/buildkit"
	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
)

// printReasons prints the decision for people, which takes no engine.
func (r *buildRun) printReasons() error {
	for _, p := range r.plans {
		if _, err := fmt.Fprint(r.cli.Out(), harmless(resolve.Explain(p))); err != nil { // with names that a driver gives
			return err
		}
	}
	return nil
}

// printPlan prints the decision as JSON, which takes no engine, with the wheels
// where a lock still answers.
func (r *buildRun) printPlan(req *solve.Request) error {
	type planned struct {
		resolve.Plan
		Wheels []lock.Wheel `json:"wheels,omitempty"`
		// Drift is why the lock does not answer.
		Drift []string `json:"drift,omitempty"`
	}
	out := make([]planned, 0, len(r.plans))
	for _, p := range r.plans {
		one := planned{Plan: p}
		if r.lock != nil && r.lock.Platforms[p.Platform] != nil {
			if one.Drift = req.Drift(p); len(one.Drift) == 0 {
				one.Wheels = r.lock.Platforms[p.Platform].Wheels
			}
		}
		out = append(out, one)
	}
	if len(out) == 1 {
		return writeJSON(r.cli.Out(), out[0])
	}
	return writeJSON(r.cli.Out(), out)
}

// printGraph prints what a builder would be given, after resolving on it.
func (r *buildRun) printGraph(ctx context.Context, b *solve.Builder, wish *buildkit.Wish) error {
	if len(r.plans) != 1 {
		return flagError("--print=%s takes one platform", r.opts.print)
	}
	in, img, err := buildkit.Graph(ctx, b, wish, r.display(b))
	if err != nil {
		return err
	}
	if r.opts.print == "llb" {
		data, err := graph.LLB(ctx, *in)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(r.cli.Out(), escapeControls(string(data)))
		return err
	}
	text, err := graph.Dockerfile(*in, *img)
	if err != nil {
		return err
	}
	if r.cli.Out().IsTerminal() {
		text = harmless(text) // in a file it is what the base's config says
	}
	_, err = fmt.Fprint(r.cli.Out(), text)
	return err
}
