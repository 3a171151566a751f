package setup

import "slices"

// hooksPart has the Docker client call this plugin after a failure, in the configuration of
// the user who asks.
func (p *planner) hooksPart() {
	if !p.wanted(HooksPart) {
		return
	}
	hooks := p.h.Engine.Hooks
	switch {
	case (hooks["error-hooks"] != "" || hooks["hooks"] != "") && hooks["features.hooks"] == "true":
		p.right(HooksPart, "failing docker commands are explained")
	case !hasGPU(p.h) && !slices.Contains(p.w.Only, HooksPart):
		p.left(HooksPart, "failing docker commands are explained after `docker gpu hooks enable`; without a GPU here there is little to explain")
	case p.w.ClientConfig == "":
		p.left(HooksPart, "failing docker commands are explained after `docker gpu hooks enable`, by the user who wants it")
	case p.h.Engine.Client == "" && !p.engine.fresh:
		p.left(HooksPart, "there is no Docker client here that could explain failing commands")
	default:
		p.step(Step{ID: "hooks/enable", Part: HooksPart, Title: "have failing docker commands explained", Why: "the Docker client calls a plugin only if its configuration says so",
			Op: Op{Hooks: &Hooks{Path: p.w.ClientConfig}}})
	}
}
