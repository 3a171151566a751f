package doctor

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const (
	runtimeHook = "nvidia-container-runtime-hook"
	cdiHook     = "nvidia-cdi-hook"
	gpuKind     = "nvidia.com/gpu"
)

// The ways in which --gpus reaches a GPU.
const (
	byCDI  = "cdi"
	byHook = "hook"
)

// routeOfGPUs is the way that `docker run --gpus` takes on a host, "" if it has none.
// The engine looks for the hooks on its search path once, when it starts. Source:
// moby daemon/devices_nvidia_linux.go; 2026-11-23.
func routeOfGPUs(h *host.Host) string {
	switch {
	case policy.EngineOf(h.Engine.Version).GPUsByCDI && onEnginePath(h, cdiHook) && len(devicesOfEngine(h)) > 0:
		return byCDI
	case onEnginePath(h, runtimeHook):
		return byHook
	}
	return ""
}

// onEnginePath says whether the engine finds a program of the toolkit.
func onEnginePath(h *host.Host, program string) bool { return h.Toolkit.Binaries[program] != "" }

// inMachine says whether the engine runs in a virtual machine of its own, whose files
// are not this host's.
func inMachine(h *host.Host) bool { return h.Engine.Kind == "desktop" }

// hooksOf are the programs of which an engine needs one for --gpus.
func hooksOf(h *host.Host) []string {
	if policy.EngineOf(h.Engine.Version).GPUsByCDI {
		return []string{cdiHook, runtimeHook}
	}
	return []string{runtimeHook}
}

// devicesOfEngine are the NVIDIA GPUs that the engine found in CDI specs, as names: "0".
// Engines before 28.2 do not tell.
func devicesOfEngine(h *host.Host) (names []string) {
	for _, d := range h.Engine.CDIDevices {
		if name, ok := strings.CutPrefix(d, gpuKind+"="); ok {
			names = append(names, name)
		}
	}
	return names
}

// cdiIsOn says whether the engine takes CDI devices at all.
func cdiIsOn(h *host.Host) bool { return len(h.Engine.CDIDirs) > 0 }

// specsOfGPUs are the specs of NVIDIA's GPUs that can be read.
func specsOfGPUs(h *host.Host) (specs []host.CDISpec) {
	for _, s := range h.CDI.Specs {
		if s.Kind == gpuKind && s.Error == "" {
			specs = append(specs, s)
		}
	}
	return specs
}

// looksInto says whether the engine reads a spec's directory. An engine that says
// nothing of its directories is one without CDI, for which the defaults count.
func looksInto(h *host.Host, spec string) bool {
	dirs := h.Engine.CDIDirs
	if len(dirs) == 0 {
		dirs = []string{"/etc/cdi", "/var/run/cdi"}
	}
	return slices.ContainsFunc(dirs, func(d string) bool { return find.SameDir(d, path.Dir(spec)) })
}

// sameDir compares directories.
// shadowed says whether all devices of a spec are defined again in a directory that
// counts more, so that nobody gets what the spec says.
func shadowed(h *host.Host, spec host.CDISpec) bool {
	rank := func(p string) int {
		dirs := h.Engine.CDIDirs
		if len(dirs) == 0 {
			dirs = h.CDI.Dirs
		}
		return slices.IndexFunc(dirs, func(d string) bool { return find.SameDir(d, path.Dir(p)) })
	}
	for _, d := range spec.Devices {
		if !slices.ContainsFunc(h.CDI.Specs, func(o host.CDISpec) bool {
			return o.Error == "" && o.Kind == spec.Kind && rank(o.Path) > rank(spec.Path) && slices.Contains(o.Devices, d)
		}) {
			return false
		}
	}
	return len(spec.Devices) > 0
}

// daemonJSON is what daemon.json says, nil where it says nothing or cannot be read.
func daemonJSON(h *host.Host) map[string]any {
	all, err := daemonjson.Read([]byte(h.Engine.Config))
	if h.Engine.ConfigError != "" || err != nil {
		return nil
	}
	out := map[string]any{}
	for key, value := range all {
		var v any
		_ = json.Unmarshal(value, &v) // it was read as JSON
		out[key] = v
	}
	return out
}

// feature is a value of daemon.json's features; set is false where it is not named.
func feature(h *host.Host, name string) (on, set bool) {
	features, _ := daemonJSON(h)["features"].(map[string]any)
	on, set = features[name].(bool)
	return on, set
}

// runningOnGPUs are the running containers that have a GPU.
func runningOnGPUs(h *host.Host) (out []host.Container) {
	for _, c := range h.Engine.Containers {
		if c.State == "running" {
			out = append(out, c)
		}
	}
	return out
}

// shown makes a machine's text fit for a line: without control characters, not
// longer than a few lines of a terminal.
func shown(text string) string {
	const most = 300
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text[:min(len(text), 16*most)])
	clean = strings.Join(strings.Fields(clean), " ")
	if len(clean) <= most {
		return clean
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(clean[cut]) {
		cut--
	}
	return clean[:cut] + "…"
}

// listed names a few things and counts the rest.
func listed(names []string) string {
	const most = 4
	if len(names) == 0 {
		return "none"
	}
	var out []string
	for i, n := range names {
		if i == most {
			out = append(out, "and "+count(len(names)-most, "other"))
			break
		}
		out = append(out, shown(n))
	}
	return strings.Join(out, ", ")
}
