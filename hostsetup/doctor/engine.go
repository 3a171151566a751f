package doctor

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

func engineChecks() []Check {
	return slices.Concat(runtimeChecks(), deviceRuleChecks(), settingChecks(), containerChecks(), swarmChecks(), imageChecks())
}

// runtimeChecks compare daemon.json, what the daemon made of it, and what is installed.
func runtimeChecks() []Check {
	return []Check{
		{
			Code: "C005", Title: "the runtimes of daemon.json are in the daemon", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: otherDocker(),
			Symptoms: []string{"unknown or invalid runtime name: nvidia", "re:[Uu]nknown runtime specified nvidia", "re:unknown or invalid runtime name: nvidia-(cdi|legacy)"},
			Cause:    "No runtime of that name is registered in this daemon: it was never configured, Docker has not read daemon.json since, or reads another one (a --config-file flag, rootless, Docker Desktop).",
			Remedy:   "`nvidia-ctk runtime configure --runtime=docker`, then `systemctl reload docker`; or use `--gpus`, which needs no runtime",
			Link:     toolkitDocs + "install-guide.html#configuring-docker", Run: unreadRuntimes,
		}, {
			Code: "C007", Title: "the registered runtimes are installed", Group: Engine, Severity: Error, Needs: []Fact{Local, Docker}, After: append(otherDocker(), "C001", "C036"),
			Symptoms: []string{`re:exec: "?[^" ]*nvidia-container-runtime[^" ]*"?: (executable file not found|stat .*no such file)`, `re:fork/exec [^ ]*nvidia-container-runtime: no such file`},
			Cause:    "daemon.json names the nvidia runtime, but the toolkit was removed or moved. As the default runtime it stops every container.",
			Remedy:   "install the toolkit again, or take the entry out of daemon.json and reload Docker",
			Link:     toolkitDocs + "install-guide.html", Run: danglingRuntime,
		}, {
			Code: "C057", Title: "the default runtime exists", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: append(otherDocker(), "C005"),
			Symptoms: []string{"re:specified default runtime '[^']*' does not exist", "re:default runtime .* does not exist"},
			Cause:    "daemon.json makes a runtime the default that it does not define. Docker refuses to start with it.",
			Remedy:   "define the runtime in daemon.json or take default-runtime out, then reload Docker",
			Link:     "https://docs.docker.com/engine/daemon/alternative-runtimes/", Run: noDefaultRuntime,
		}, {
			Code: "C056", Title: "Docker has read daemon.json since it was changed", Group: Engine, Severity: Warning, Needs: []Fact{Local, Docker}, After: append(otherDocker(), "C005", "C057"),
			Symptoms: []string{"re:daemon\\.json .*(no effect|ignored|not applied)"},
			Cause:    "Docker reads daemon.json when it starts and when it is reloaded, not when the file changes.",
			Remedy:   "`systemctl reload docker` for runtimes, default-runtime, live-restore and labels; a restart for the rest",
			Link:     "https://docs.docker.com/reference/cli/dockerd/#configuration-reload-behavior", Run: newerConfig,
		}, {
			Code: "C032", Title: "the next restart of Docker keeps its images", Group: Engine, Severity: Warning, Needs: []Fact{Docker}, After: otherDocker(),
			Symptoms: []string{"re:images? (are|were|is|has|have)? ?(all )?(gone|vanished|disappeared) after", "re:No such image: .* after restart"},
			Cause:    "Docker has two image stores and shows what is in one. daemon.json asks for the other than the one that runs, often because a tool rewrote the features; the images of the first are then hidden, not lost.",
			Remedy:   "set features.containerd-snapshotter in daemon.json to what runs now",
			Link:     "https://docs.docker.com/engine/storage/containerd/", Run: otherStore,
		},
	}
}

// runtimesInFile are the runtimes of daemon.json with their paths.
func runtimesInFile(h *host.Host) map[string]string {
	out := map[string]string{}
	all, _ := daemonJSON(h)["runtimes"].(map[string]any)
	for name, v := range all {
		entry, _ := v.(map[string]any)
		out[name], _ = entry["path"].(string)
	}
	return out
}

func unreadRuntimes(h *host.Host, _ time.Time) []Finding {
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(runtimesInFile(h))) {
		if _, ok := h.Engine.Runtimes[name]; !ok {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 || len(h.Engine.Runtimes) == 0 {
		return nil
	}
	f := Finding{
		Summary:  fmt.Sprintf("%s defines what the daemon does not know: %s", shown(configFile(h)), listed(lost)),
		Evidence: []Evidence{{configFile(h), "runtimes: " + listed(lost)}, {"docker info", "runtimes: " + listed(slices.Sorted(maps.Keys(h.Engine.Runtimes)))}},
		Fixes:    []Fix{engineReload(h)},
	}
	if i := slices.IndexFunc(h.Engine.Args, func(a string) bool { return strings.HasPrefix(a, "--config-file") }); i >= 0 {
		f.Evidence = append(f.Evidence, Evidence{"dockerd's command line", shown(strings.Join(h.Engine.Args[i:], " "))})
		_, named, inOne := strings.Cut(h.Engine.Args[i], "=")
		if !inOne && i+1 < len(h.Engine.Args) {
			named = h.Engine.Args[i+1]
		}
		if named != configFile(h) {
			f.Fixes = []Fix{byHand("define them in "+shown(named)+", which this daemon reads, then systemctl reload docker", true, Reload)}
		}
	}
	return []Finding{f}
}

func danglingRuntime(h *host.Host, _ time.Time) (out []Finding) {
	if inMachine(h) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(h.Engine.Runtimes)) {
		file := h.Engine.Runtimes[name]
		program := path.Base(file)
		// Only the toolkit's programs are looked for.
		if !strings.HasPrefix(program, "nvidia-container-runtime") || onEnginePath(h, program) {
			continue
		}
		if slices.Contains(slices.Collect(maps.Values(h.Toolkit.Binaries)), file) {
			continue
		}
		f := Finding{
			Summary:  fmt.Sprintf("the runtime %s is %s, which is not installed", shown(name), shown(file)),
			Evidence: []Evidence{{"docker info", shown("runtime " + name + ": " + file)}},
		}
		if h.Engine.DefaultRuntime == name {
			f.Summary += ": as the default it stops every container"
		}
		f.Fixes = []Fix{toolkitInstall(h)}
		if onEnginePath(h, "nvidia-container-runtime") && plainName.MatchString(name) {
			f.Fixes[0] = configure(h, "name the installed program for "+name, engineReload(h), "--nvidia-runtime-name="+name)
		}
		remove := engineReload(h)
		remove.Title, remove.Argv = fmt.Sprintf("or take the runtime %s out of %s, then %s", shown(name), shown(configFile(h)), remove.Title), nil
		f.Fixes = append(f.Fixes, remove)
		out = append(out, f)
	}
	return out
}

func noDefaultRuntime(h *host.Host, _ time.Time) []Finding {
	if len(h.Engine.Runtimes) == 0 {
		return nil // it did not tell what it knows
	}
	inFile, _ := daemonJSON(h)["default-runtime"].(string)
	for _, c := range []struct{ name, source string }{{h.Engine.DefaultRuntime, "docker info"}, {inFile, configFile(h)}} {
		if c.name == "" || c.name == "runc" || strings.HasPrefix(c.name, "io.containerd.") {
			continue
		}
		_, known := h.Engine.Runtimes[c.name]
		_, defined := runtimesInFile(h)[c.name]
		if known || defined {
			continue
		}
		return []Finding{{
			Summary:  fmt.Sprintf("the default runtime is %q, which is not defined: Docker will not start with it", shown(c.name)),
			Evidence: []Evidence{{c.source, shown("default-runtime: " + c.name)}, {"docker info", "runtimes: " + listed(slices.Sorted(maps.Keys(h.Engine.Runtimes)))}},
			Fixes:    []Fix{byHand(fmt.Sprintf("define %s under runtimes in %s, or take default-runtime out; then systemctl reload docker", shown(c.name), shown(configFile(h))), true, Reload)},
		}}
	}
	return nil
}

func newerConfig(h *host.Host, _ time.Time) []Finding {
	e := h.Engine
	if e.Started.IsZero() || !e.ConfigChanged.After(e.Started) {
		return nil
	}
	// Whether it was reloaded since cannot be seen; what it says of itself can.
	var waits []string
	config := daemonJSON(h)
	if want, ok := config["live-restore"].(bool); ok && want != e.LiveRestore {
		waits = append(waits, "live-restore")
	}
	if want, ok := config["default-runtime"].(string); ok && e.DefaultRuntime != "" && want != e.DefaultRuntime {
		waits = append(waits, "default-runtime")
	}
	if on, set := feature(h, "cdi"); set && policy.EngineOf(e.Version).CDI != "no" && on != cdiIsOn(h) {
		waits = append(waits, "features.cdi")
	}
	for _, o := range anySlice(config["exec-opts"]) {
		if want, ok := strings.CutPrefix(o, "native.cgroupdriver="); ok && e.CgroupDriver != "" && want != e.CgroupDriver {
			waits = append(waits, "exec-opts")
		}
	}
	if want, ok := config["data-root"].(string); ok && e.Root != "" && path.Clean(want) != path.Clean(e.Root) {
		waits = append(waits, "data-root")
	}
	if len(waits) == 0 {
		return nil
	}
	fix := engineReload(h)
	if slices.ContainsFunc(waits, func(w string) bool { return policy.DaemonReload(w) == policy.AtStart }) {
		fix = engineRestart(h)
	}
	return []Finding{{
		Summary:  fmt.Sprintf("%s says otherwise than the running Docker: %s", shown(configFile(h)), listed(waits)),
		Evidence: []Evidence{{configFile(h), "changed " + e.ConfigChanged.UTC().Format(time.DateTime)}, {"dockerd", "started " + e.Started.UTC().Format(time.DateTime)}},
		Fixes:    []Fix{fix},
	}}
}

func anySlice(v any) (out []string) {
	all, _ := v.([]any)
	for _, x := range all {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func otherStore(h *host.Host, _ time.Time) []Finding {
	on, set := feature(h, "containerd-snapshotter")
	if !set || h.Engine.Store == "" || on == (h.Engine.Store == "containerd") {
		return nil
	}
	want := "the older store"
	if on {
		want = "containerd's store"
	}
	fix := byHand(fmt.Sprintf("set \"containerd-snapshotter\": %v under features in %s; `docker save` first whatever is to be moved", !on, shown(configFile(h))), true, None)
	return []Finding{{
		Summary:  fmt.Sprintf("Docker runs with the store %s, but %s asks for %s: its images are out of sight after the next restart", shown(h.Engine.Store), shown(configFile(h)), want),
		Evidence: []Evidence{{"docker info", shown("storage: " + h.Engine.Store)}, {configFile(h), fmt.Sprintf("features.containerd-snapshotter: %v", on)}},
		Fixes:    []Fix{fix},
	}}
}
