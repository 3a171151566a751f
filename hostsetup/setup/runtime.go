package setup

import (
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// daemonComes is what has to change in the engine's configuration and process.
type daemonComes struct {
	edits   []Edit
	part    Part     // of the first edit
	reload  []string // why the engine has to read daemon.json again
	restart []string // why it has to be restarted
	gpus    bool     // a restart would only bring --gpus, and CDI works without it
	pending bool     // daemon.json says already what only a restart brings
}

// runtimePart plans how the engine comes by GPUs, by the least disruptive way that it has.
func (p *planner) runtimePart() error {
	if !p.wanted(RuntimePart) || p.blind(RuntimePart, "systemd", "toolkit") {
		return nil
	}
	h, e := p.h, p.engine
	switch {
	case e.foreign != "":
		if !p.wanted(DockerPart) {
			p.left(RuntimePart, "%s", e.foreign)
		}
		return nil
	case !hasGPU(h):
		p.left(RuntimePart, "there is no NVIDIA GPU here that containers could use")
		return nil
	case p.toolkit.version == "":
		p.left(RuntimePart, "containers get GPUs by the NVIDIA Container Toolkit, which is not installed")
		return nil
	case e.none:
		p.left(RuntimePart, "there is no Docker to set up; the CDI spec is for other engines too")
		return nil
	case e.unknown && e.fresh:
		// What works with any version: the switch does no harm where CDI is on by itself.
		p.edit(RuntimePart, Edit{Key: []string{"features", "cdi"}, Value: value(true)})
		p.daemon.restart = append(p.daemon.restart, "Docker looks for the toolkit, and before 28.2 for this switch, only when it starts")
		return nil
	case e.unknown:
		p.left(RuntimePart, "what Docker needs depends on its version, which is not known yet: run this again when it is installed and answers")
		return nil
	}
	p.route()
	if p.w.NvidiaRuntime {
		p.nvidiaRuntime("")
	}
	return nil
}

// hookKnown says whether the engine that runs found a program when it started: it looks
// along its PATH then, and never again. Of an upgraded one nobody can tell later whether it
// was there before, unless it was used.
func (p *planner) hookKnown(program string) bool {
	e := p.h.Engine
	if p.toolkit.upgrade && len(e.Containers) == 0 {
		return false
	}
	if p.h.Toolkit.Binaries[program] == "" {
		return false
	}
	if p.engine.fresh && e.PID == 0 || e.PID == 0 && e.Version == "" {
		return true // it is yet to start
	}
	return e.PID != 0 && e.Started.IsZero()
}

// route asks for what the engine lacks. Source: moby daemon/devices_nvidia_linux.go,
// daemon/cdi.go; reference findings 3 to 5.
func (p *planner) route() {
	engine := policy.EngineOf(p.engine.version)
	known := p.hookKnown(runtimeHook) || engine.GPUsByCDI && p.hookKnown(cdiHook)
	switch engine.CDI {
	case "no":
		if !p.toolkit.hook {
			p.left(RuntimePart, "Docker %s gives GPUs by %s only, which is in the toolkit's packages and not among its programs: install the packages, or a Docker from 28.2 on", p.engine.version, runtimeHook)
			return
		}
		p.rootlessHook()
		if !known {
			p.daemon.restart = append(p.daemon.restart, "Docker "+p.engine.version+" looks for the toolkit's hook only when it starts")
			return
		}
		p.right(RuntimePart, "`docker run --gpus all` works by the hook")
	case "feature":
		p.switchOn(known)
	default:
		p.cdiByDefault(known)
	}
}

// switchOn is for the engines that have CDI behind a switch, which they read at the start.
func (p *planner) switchOn(known bool) {
	h := p.h
	if on, _ := featureCDI(h); on && len(h.Engine.CDIDirs) > 0 && !p.engine.fresh {
		if known || !p.toolkit.hook {
			p.right(RuntimePart, "CDI is switched on in Docker %s", p.engine.version)
			return
		}
		p.daemon.restart, p.daemon.gpus = append(p.daemon.restart, "--gpus works only in a Docker that found the toolkit's hook when it started"), true
		return
	}
	if known && p.mayRun() && !p.w.AllowRestart {
		p.right(RuntimePart, "`docker run --gpus all` works by the hook")
		p.left(RuntimePart, "CDI devices (`--device nvidia.com/gpu=all`) take a restart of Docker %s: --allow-restart, or run this again when no container runs", p.engine.version)
		return
	}
	p.rootlessHook()
	if on, set := featureCDI(h); on && set {
		p.daemon.pending = true
	} else {
		p.edit(RuntimePart, Edit{Key: []string{"features", "cdi"}, Value: value(true)})
	}
	p.daemon.restart = append(p.daemon.restart, "Docker "+p.engine.version+" switches CDI on only when it starts")
}

// cdiByDefault is for engines that take CDI devices as they are, and see new specs at once.
func (p *planner) cdiByDefault(known bool) {
	h := p.h
	if on, set := featureCDI(h); set && !on {
		p.edit(RuntimePart, Edit{Key: []string{"features", "cdi"}, Value: value(true)})
		p.daemon.restart = append(p.daemon.restart, "daemon.json switches CDI off, which Docker reads only when it starts")
		return
	}
	if !p.engine.fresh && h.Engine.Version != "" && len(h.Engine.CDIDirs) == 0 {
		p.daemon.restart, p.daemon.pending = append(p.daemon.restart, "CDI is off in the Docker that runs, and on in its configuration"), true
		return
	}
	if known {
		p.right(RuntimePart, "Docker %s takes CDI devices and --gpus", p.engine.version)
		return
	}
	if !p.toolkit.hook && !policy.EngineOf(p.engine.version).GPUsByCDI {
		p.left(RuntimePart, "`docker run --gpus` of Docker %s needs %s of the toolkit's packages; `--device nvidia.com/gpu=all` works without", p.engine.version, runtimeHook)
		return
	}
	p.daemon.restart, p.daemon.gpus = append(p.daemon.restart, "--gpus works only in a Docker that found the toolkit when it started"), true
}

// featureCDI is what daemon.json says of CDI.
func featureCDI(h *host.Host) (on, set bool) {
	features, _ := config(h)["features"].(map[string]any)
	on, set = features["cdi"].(bool)
	return on, set
}

func (p *planner) edit(part Part, e Edit) {
	if len(p.daemon.edits) == 0 {
		p.daemon.part = part
	}
	p.daemon.edits = append(p.daemon.edits, e)
}

// nvidiaRuntime registers the runtime, which a reload is enough for.
func (p *planner) nvidiaRuntime(why string) {
	h := p.h
	part := RuntimePart
	if why != "" {
		part = SwarmPart
	}
	_, registered := h.Engine.Runtimes["nvidia"]
	runtimes, _ := config(h)["runtimes"].(map[string]any)
	_, named := runtimes["nvidia"]
	switch {
	case slices.ContainsFunc(p.daemon.edits, func(e Edit) bool { return e.Key[0] == "runtimes" }):
		return // another part registers it
	case !p.toolkit.runtime:
		p.left(part, "the runtime nvidia is nvidia-container-runtime, which is not among the toolkit's programs here")
		return
	case registered && named:
		p.right(part, "the runtime nvidia is registered")
		return
	case registered && !p.engine.fresh:
		p.right(part, "the runtime nvidia is registered on dockerd's command line")
		return
	case !named:
		p.edit(part, Edit{Key: []string{"runtimes", "nvidia"}, Value: value(map[string]any{"path": "nvidia-container-runtime", "args": []string{}})})
	}
	p.daemon.reload = append(p.daemon.reload, "Docker reads runtimes when it is told to")
}

// rootlessHook keeps the hook from setting device rules, which only root may.
func (p *planner) rootlessHook() {
	const key = "nvidia-container-cli.no-cgroups"
	if !p.h.Engine.Rootless || p.h.Toolkit.Config[key] == "true" || p.toolkit.ctk == "" {
		return
	}
	p.step(Step{ID: "runtime/no-cgroups", Part: RuntimePart, Title: "tell the toolkit's hook to leave device rules alone", Why: "the engine is rootless and may not set them", Root: true,
		Op: Op{Toolkit: &Toolkit{Path: toolkitConfig, Tool: p.toolkit.ctk, Set: map[string]string{key: "true"}}}})
}

const toolkitConfig = "/etc/nvidia-container-runtime/config.toml"

// engineDirs are the directories that the engine reads specs from, none for the usual ones.
// While CDI is switched off it tells of none, and its configuration does.
func engineDirs(h *host.Host) []string {
	if len(h.Engine.CDIDirs) > 0 {
		return h.Engine.CDIDirs
	}
	var dirs []string
	named, _ := config(h)["cdi-spec-dirs"].([]any)
	for _, d := range named {
		if dir, ok := d.(string); ok && dir != "" { // an empty one is none
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// engineReads says whether a directory is one that the engine reads specs from.
func engineReads(h *host.Host, dir string) bool {
	dirs := engineDirs(h)
	return len(dirs) == 0 || slices.ContainsFunc(dirs, func(d string) bool { return find.SameDir(d, dir) })
}
