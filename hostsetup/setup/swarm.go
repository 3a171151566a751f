package setup

import (
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// gpuResource is the kind of generic resource that a node offers its GPUs as.
const gpuResource = "NVIDIA-GPU"

// swarmPart plans what a node of a swarm needs: Swarm knows neither CDI nor device requests,
// so the GPUs are generic resources, and the default runtime reads which of them a task got.
// Source: moby daemon/cluster/executor/container; NVIDIA/nvidia-container-toolkit#57, #1599.
func (p *planner) swarmPart() error {
	h := p.h
	if !p.wanted(SwarmPart) {
		return nil
	}
	switch {
	case p.engine.foreign != "" || p.engine.none || p.engine.unknown:
		p.left(SwarmPart, "a node of a swarm needs a Docker Engine that setup may configure")
		return nil
	case p.toolkit.version == "" || !p.toolkit.runtime:
		p.left(SwarmPart, "tasks of a swarm get GPUs by the runtime nvidia, which is in the toolkit's packages: they are not installed")
		return nil
	case len(h.GPUs) == 0:
		p.left(SwarmPart, "the node's GPUs are offered by their UUIDs, which the driver tells when it is loaded: run this again then")
		return nil
	}
	if mode := h.Toolkit.Config["nvidia-container-runtime.mode"]; mode != "legacy" && mode != "cdi" {
		if flaw, ok := policy.ToolkitFault(p.toolkit.version, "1.19.0"); ok {
			p.left(SwarmPart, "toolkit %s: %s; fixed in %s", p.toolkit.version, flaw.What, flaw.Fixed)
		}
	}
	kind := gpuResource
	var want, others []string
	for _, r := range stringsOf(config(h)["node-generic-resources"]) {
		k, v, _ := strings.Cut(r, "=")
		if strings.HasPrefix(v, "GPU-") {
			kind = k // the services out there ask for it by this name
		} else {
			others = append(others, r)
		}
	}
	for _, g := range h.GPUs {
		if uuid.MatchString(g.UUID) {
			want = append(want, kind+"="+g.UUID)
		}
	}
	if len(want) < len(h.GPUs) {
		p.left(SwarmPart, "%d of the %d GPUs have no UUID that can be offered", len(h.GPUs)-len(want), len(h.GPUs))
	}
	p.nvidiaRuntime("tasks get GPUs by it")
	p.offer(append(want, others...))
	if is, _ := config(h)["default-runtime"].(string); is != "nvidia" {
		p.edit(SwarmPart, Edit{Key: []string{"default-runtime"}, Value: value("nvidia")})
		p.daemon.reload = append(p.daemon.reload, "services cannot name a runtime, so tasks run with the default one")
	} else if h.Engine.DefaultRuntime != "nvidia" && h.Engine.Version != "" {
		p.daemon.reload = append(p.daemon.reload, "the default runtime of daemon.json is not that of the Docker that runs")
	} else {
		p.right(SwarmPart, "nvidia is the default runtime")
	}
	p.swarmResource("DOCKER_RESOURCE_" + strings.ToUpper(kind))
	return nil
}

// offer lists the GPUs in daemon.json, which Docker reads when it starts.
func (p *planner) offer(resources []string) {
	have := stringsOf(config(p.h)["node-generic-resources"])
	if !sameSet(have, resources) {
		p.edit(SwarmPart, Edit{Key: []string{"node-generic-resources"}, Value: value(resources)})
		p.daemon.restart = append(p.daemon.restart, "Docker reads which GPUs the node offers only when it starts")
		return
	}
	if s := p.h.Engine.Swarm; s.State == "active" && slices.ContainsFunc(resources, func(r string) bool { return !slices.Contains(s.GPUs, r) }) {
		p.daemon.restart = append(p.daemon.restart, "daemon.json offers GPUs that the running Docker does not yet")
		return
	}
	p.right(SwarmPart, "the node offers its GPUs")
}

// swarmResource tells the toolkit in which variable the engine names a task's GPUs.
func (p *planner) swarmResource(want string) {
	is := p.h.Toolkit.Config["swarm-resource"]
	if slices.Contains(strings.Split(strings.ReplaceAll(is, " ", ""), ","), want) {
		p.right(SwarmPart, "the toolkit reads %s", want)
		return
	}
	value := want
	if is != "" {
		value = is + "," + want
	}
	p.step(Step{ID: "swarm/resource", Part: SwarmPart, Title: "have the toolkit read which GPUs a task got, from " + want, Why: "without it every task sees all GPUs", Root: true,
		Op: Op{Toolkit: &Toolkit{Path: toolkitConfig, Tool: p.toolkit.ctk, Set: map[string]string{"swarm-resource": value}}}})
}

func stringsOf(v any) (out []string) {
	all, _ := v.([]any)
	for _, x := range all {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
