package plugin

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// keeps says whether running containers stay up while Docker restarts.
func keeps(h *host.Host, plan *setup.Plan) bool {
	return h.Engine.LiveRestore || slices.ContainsFunc(plan.Steps, func(s setup.Step) bool { return s.ID == "runtime/keep" })
}

// stopping says of each container that runs what the restart does to it.
func (r *setupRun) stopping(ctx context.Context, w io.Writer) {
	fates, err := r.fates(ctx)
	fmt.Fprintln(w, "\n"+r.paint.bold("What the restart of Docker stops"))
	for _, f := range fates {
		text := "stays stopped, for somebody to start it again"
		switch {
		case f.Removed:
			text = "is removed, with what it wrote (--rm)"
		case f.Restart == "on-failure":
			text = "comes back only if it then counts as failed (on-failure)"
		case f.Restart != "":
			text = "comes back by its restart policy (" + f.Restart + ")"
		}
		paragraph(w, "  "+clean(f.Name, 60)+"  ", text)
	}
	if err != nil {
		paragraph(w, "  ", "Not all could be looked at: "+clean(err.Error(), 300))
	}
}

// fates are those of the current context's containers.
func (g *gatherer) fates(ctx context.Context) ([]engine.Fate, error) {
	e, err := g.open("")
	if err != nil {
		return nil, err
	}
	defer e.API.Close()
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	return e.Fates(ctx)
}
