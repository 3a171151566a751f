package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// swarmChecks are about nodes of a swarm. Swarm knows neither CDI nor device requests:
// a node offers GPUs as generic resources, and the nvidia runtime, which must be the
// default, reads from a variable which of them a task got.
// Source: moby daemon/cluster/executor/container/container.go; 2026-11-23.
func swarmChecks() []Check {
	return []Check{
		{
			Code: "C062", Title: "the GPUs offered to the swarm are this node's", Group: Engine, Severity: Error, Needs: []Fact{Docker, NVML}, After: otherDocker(),
			Symptoms: []string{"re:unknown device.*GPU-[0-9a-f]", "re:device error: GPU-[0-9a-f-]+: unknown device"},
			Cause:    "node-generic-resources names GPUs that this node does not have: the file came from another node, or a GPU was replaced. Tasks placed on them fail.",
			Remedy:   "list this node's own UUIDs (`nvidia-smi -L`) in daemon.json and restart Docker",
			Link:     "https://docs.docker.com/reference/cli/dockerd/#node-generic-resources", Run: foreignGPUs,
		}, {
			Code: "C060", Title: "the swarm knows of this node's GPUs", Group: Engine, Severity: Note, Needs: []Fact{Docker, NVML}, After: append(otherDocker(), "C062"),
			Symptoms: []string{"re:no suitable node \\(insufficient resources", "insufficient resources on"},
			Cause:    "A node offers GPUs only if daemon.json lists them under node-generic-resources.",
			Remedy:   `list each GPU in daemon.json: "node-generic-resources": ["NVIDIA-GPU=GPU-…"], and restart Docker`,
			Link:     "https://docs.docker.com/reference/cli/dockerd/#node-generic-resources", Run: notOffered,
		}, {
			Code: "C063", Title: "swarm tasks get the nvidia runtime", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: append(otherDocker(), "C005", "C007", "C057"),
			Cause:  "Services cannot name a runtime, so tasks run with the default one. If that is not nvidia, they are placed by GPU and get none.",
			Remedy: "`nvidia-ctk runtime configure --runtime=docker --set-as-default`, then `systemctl reload docker`",
			Link:   "https://docs.docker.com/reference/cli/dockerd/#node-generic-resources", Run: taskRuntime,
		}, {
			Code: "C061", Title: "the toolkit reads which GPUs a task got", Group: Engine, Severity: Error, Needs: []Fact{Docker, Tools}, After: append(otherDocker(), "C063"),
			Symptoms: []string{"DOCKER_RESOURCE_NVIDIA-GPU", "DOCKER_RESOURCE_GPU"},
			Cause:    "The engine names a task's GPUs in DOCKER_RESOURCE_ and the resource's kind. If swarm-resource in the toolkit's config.toml is another name, the task sees all GPUs.",
			Remedy:   "`nvidia-ctk config --in-place --set swarm-resource=DOCKER_RESOURCE_NVIDIA-GPU`",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/57", Run: otherKind,
		}, {
			Code: "C064", Title: "the toolkit gives GPUs to swarm tasks", Group: Engine, Severity: Error, Needs: []Fact{Docker, Tools}, After: append(otherDocker(), "C063"),
			Cause:  "Toolkits 1.18 make CDI specs by themselves and there overlook what Swarm says; 1.19 mends it.",
			Remedy: "upgrade the toolkit to " + policy.ToolkitCurrent,
			Link:   "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1599", Run: swarmToolkit,
		},
	}
}

func inSwarm(h *host.Host) bool { return h.Engine.Swarm.State == "active" }

// offers says whether the node offers GPUs to a swarm.
func offers(h *host.Host) bool { return inSwarm(h) && len(h.Engine.Swarm.GPUs) > 0 }

func notOffered(h *host.Host, _ time.Time) []Finding {
	if !inSwarm(h) {
		return nil
	}
	var lacks, all []string
	for _, g := range h.GPUs {
		if g.UUID == "" {
			continue
		}
		all = append(all, `"NVIDIA-GPU=`+g.UUID+`"`)
		// A kind with a number ("NVIDIA-GPU=2") offers without names.
		if !slices.ContainsFunc(h.Engine.Swarm.GPUs, func(r string) bool {
			_, v, _ := strings.Cut(r, "=")
			return v == g.UUID || len(v) >= len("GPU-12345678") && strings.HasPrefix(g.UUID, v) || strings.Trim(v, "0123456789") == ""
		}) {
			lacks = append(lacks, g.UUID)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	f := Finding{
		Summary:  fmt.Sprintf("this node of a swarm offers %d of its %s", len(all)-len(lacks), count(len(all), "GPU")),
		Evidence: []Evidence{{"docker info", "generic resources: " + listed(h.Engine.Swarm.GPUs)}},
	}
	restart := engineRestart(h)
	restart.Title = `put "node-generic-resources": [` + shown(strings.Join(all, ", ")) + "] into " + shown(configFile(h)) + ", then " + restart.Title
	restart.Argv = nil
	f.Fixes = []Fix{restart}
	if offers(h) {
		f.Severity = Warning // somebody wants them offered, and forgot one
	}
	return []Finding{f}
}

func foreignGPUs(h *host.Host, _ time.Time) []Finding {
	if !inSwarm(h) {
		return nil
	}
	var foreign []string
	for _, r := range h.Engine.Swarm.GPUs {
		_, v, _ := strings.Cut(r, "=")
		if strings.HasPrefix(v, "GPU-") && !slices.ContainsFunc(h.GPUs, func(g host.GPU) bool { return strings.HasPrefix(g.UUID, v) }) {
			foreign = append(foreign, v)
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	var own []string
	for _, g := range h.GPUs {
		own = append(own, g.UUID)
	}
	restart := engineRestart(h)
	restart.Title, restart.Argv = "list this node's own GPUs in "+shown(configFile(h))+", then "+restart.Title, nil
	return []Finding{{
		Summary:  "this node offers the swarm GPUs that it does not have: " + listed(foreign),
		Evidence: []Evidence{{"docker info", "generic resources: " + listed(h.Engine.Swarm.GPUs)}, {"NVML", listed(own)}},
		Fixes:    []Fix{restart},
	}}
}

func taskRuntime(h *host.Host, _ time.Time) []Finding {
	if !offers(h) || strings.HasPrefix(h.Engine.DefaultRuntime, "nvidia") {
		return nil
	}
	reload := configure(h, "make nvidia the default runtime", engineReload(h), "--set-as-default")
	return []Finding{{
		Summary:  "this node offers GPUs to the swarm, but its default runtime is " + shown(h.Engine.DefaultRuntime) + ": tasks get none",
		Evidence: []Evidence{{"docker info", shown("default runtime " + h.Engine.DefaultRuntime)}, {"docker info", "generic resources: " + listed(h.Engine.Swarm.GPUs)}},
		Fixes:    []Fix{reload},
	}}
}

func otherKind(h *host.Host, _ time.Time) []Finding {
	if !offers(h) {
		return nil
	}
	kind, _, _ := strings.Cut(h.Engine.Swarm.GPUs[0], "=")
	want := "DOCKER_RESOURCE_" + strings.ToUpper(kind)
	is := h.Toolkit.Config["swarm-resource"]
	if slices.Contains(strings.Split(strings.ReplaceAll(is, " ", ""), ","), want) {
		return nil
	}
	value := is
	if is == "" {
		value = "not set"
	}
	fix := ctkConfig("have the toolkit read "+shown(want), "swarm-resource", want, is)
	if is == "" {
		fix.Undo = [][]string{{"sed", "-i", "/^swarm-resource/d", "/etc/nvidia-container-runtime/config.toml"}}
	}
	return []Finding{{
		Summary:  fmt.Sprintf("tasks get their GPUs in %s, but the toolkit's swarm-resource is %s: they see all GPUs", shown(want), shown(value)),
		Evidence: []Evidence{{"docker info", "generic resources: " + listed(h.Engine.Swarm.GPUs)}, {"/etc/nvidia-container-runtime/config.toml", shown("swarm-resource: " + value)}},
		Fixes:    []Fix{fix},
	}}
}

func swarmToolkit(h *host.Host, now time.Time) []Finding {
	if !offers(h) {
		return nil
	}
	if mode := h.Toolkit.Config["nvidia-container-runtime.mode"]; mode == "legacy" || mode == "cdi" {
		return nil
	}
	return toolkitFault("1.19.0")(h, now)
}
