package doctor

import (
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// cdiSeverity is how much it matters that CDI does not work: a lot where nothing
// else brings a GPU into a container or containers go by it, little where --gpus
// has the hook and always takes it.
func cdiSeverity(h *host.Host) Severity {
	used := slices.ContainsFunc(h.Engine.Containers, func(c host.Container) bool { return c.Route == byCDI })
	switch {
	case used || !onEnginePath(h, runtimeHook) && has(h, Local):
		return Error
	case policy.EngineOf(h.Engine.Version).GPUsByCDI:
		return Warning // it falls back to the hook, and says so in its log only
	}
	return Note
}

func cdiOff(h *host.Host, _ time.Time) []Finding {
	can := policy.EngineOf(h.Engine.Version).CDI
	if can == "no" || cdiIsOn(h) {
		return nil
	}
	f := Finding{
		Severity: cdiSeverity(h),
		Summary:  "CDI is off in Docker " + shown(h.Engine.Version) + ": `--device nvidia.com/gpu=all` does not work",
		Evidence: []Evidence{{"docker info", "no CDI spec directories"}},
	}
	title := `put "features": {"cdi": true} into ` + shown(configFile(h))
	if on, set := feature(h, "cdi"); set && !on {
		f.Summary = shown(configFile(h)) + " switches CDI off"
		f.Evidence = append(f.Evidence, Evidence{configFile(h), `"features": {"cdi": false}`})
		title = "take `\"cdi\": false` out of the features in " + shown(configFile(h))
		if f.Severity == Note {
			f.Severity = Warning
		}
	}
	restart := engineRestart(h)
	title += ", then " + restart.Title
	if policy.Compare(h.Toolkit.Version, policy.ToolkitCurrent) >= 0 && !h.Engine.Rootless {
		restart = configure(h, title, restart, "--cdi.enabled")
	} else { // earlier toolkits drop every other feature from the file
		restart.Title, restart.Argv = title, nil
	}
	f.Fixes = []Fix{restart}
	return []Finding{f}
}

// configFile is the engine's daemon.json.
func configFile(h *host.Host) string {
	switch {
	case h.Engine.ConfigFile != "":
		return h.Engine.ConfigFile
	case h.Engine.Kind == "snap":
		return "/var/snap/docker/current/config/daemon.json"
	case h.Engine.Rootless:
		return "~/.config/docker/daemon.json"
	}
	return "/etc/docker/daemon.json"
}

func engineWithoutCDI(h *host.Host, _ time.Time) []Finding {
	if policy.EngineOf(h.Engine.Version).CDI != "no" {
		return nil
	}
	f := Finding{
		Summary:  "Docker " + shown(h.Engine.Version) + " has no CDI: GPUs come by `--gpus` and the hook alone",
		Evidence: []Evidence{{"docker version", shown(h.Engine.Version)}},
		Fixes:    engineFixes(h),
	}
	if reloadTakes(h) {
		f.Summary += ", and containers lose them at a systemctl daemon-reload"
		f.Evidence = append(f.Evidence, Evidence{"docker info", "cgroup driver systemd"})
	}
	return []Finding{f}
}
