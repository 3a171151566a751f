package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const noDriver = `re:could not select device driver "?(nvidia)?"? ?with capabilities: \[\[`

// unreachable and otherDocker are causes that make most looks at an engine pointless.
func unreachable() []string { return []string{"C039", "C006", "C050"} }
func otherDocker() []string { return append(unreachable(), "C002", "C003", "C004") }

// reachChecks ask whether there is an engine to talk to and whether it is a Docker
// Engine of this machine: causes of most of what the toolkit's checks would find.
func reachChecks() []Check {
	return []Check{
		{
			Code: "C039", Title: "this user may talk to Docker", Group: Engine, Severity: Error,
			Symptoms: []string{"permission denied while trying to connect to the Docker daemon socket", "permission denied while trying to connect to the docker API",
				"re:dial unix [^ ]*docker\\.sock: connect: permission denied"},
			Cause:  "The engine's socket belongs to root and the group docker; this user is neither.",
			Remedy: "run the command as root, use rootless Docker, or join the group docker, which is as good as being root",
			Link:   "https://docs.docker.com/engine/install/linux-postinstall/", Run: socketDenied,
		}, {
			Code: "C006", Title: "daemon.json is one that Docker starts with", Group: Engine, Severity: Error,
			Symptoms: []string{"unable to configure the Docker daemon with file", "the following directives are specified both as a flag and in the configuration file",
				"the following directives don't match any configuration option"},
			Cause:  "daemon.json is no valid JSON, names a key that Docker does not know, or repeats what a flag of dockerd's unit says already. Docker refuses to start with it.",
			Remedy: "put the file right (`dockerd --validate --config-file FILE` says where it is wrong), then start Docker",
			Link:   "https://docs.docker.com/engine/daemon/troubleshoot/", Run: brokenConfig,
		}, {
			Code: "C050", Title: "the engine answers", Group: Engine, Severity: Error, After: []string{"C039", "C006"},
			Symptoms: []string{"Cannot connect to the Docker daemon", "Is the docker daemon running?", "failed to connect to the docker API"},
			Cause:    "Docker is not running, or the current context leads to an engine that does not answer.",
			Remedy:   "start Docker (`systemctl start docker`), or choose another context (`docker context ls`)",
			Link:     "https://docs.docker.com/engine/daemon/troubleshoot/", Run: noAnswer,
		}, {
			Code: "C002", Title: "the engine is not Docker Desktop's virtual machine", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: unreachable(),
			Rarity:   Seldom,
			Symptoms: []string{noDriver},
			Cause:    "Docker Desktop for Linux runs its engine in a virtual machine, which has no GPU; on a Mac there is none to give.",
			Remedy:   "use the Docker Engine of the machine itself: `docker context use default`",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/814", Run: desktop,
		}, {
			Code: "C003", Title: "Docker is not confined as a snap", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: unreachable(),
			Rarity:   Seldom,
			Symptoms: []string{noDriver, "re:/var/snap/docker/[^ ]*daemon\\.json", "snap.docker.dockerd"},
			Cause:    "The snap's engine sees neither the host's toolkit nor /etc/docker/daemon.json; its own is /var/snap/docker/current/config/daemon.json.",
			Remedy:   "replace the snap by docker-ce from download.docker.com",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/522", Run: snap,
		}, {
			Code: "C004", Title: "the engine is Docker's, not Podman's", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: unreachable(),
			Rarity:   Seldom,
			Symptoms: []string{noDriver, "Emulate Docker CLI using podman", "re:unresolvable CDI devices [^ ]+ .*podman"},
			Cause:    "podman-docker answers in Docker's place. It knows no `--gpus` hook; it gives GPUs by CDI alone.",
			Remedy:   "use `--device nvidia.com/gpu=all` with a CDI spec, or install Docker Engine",
			Link:     "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html", Run: podman,
		},
	}
}

func socketDenied(h *host.Host, _ time.Time) []Finding {
	// An engine behind SSH denies by other means: C050 tells of it.
	if !strings.Contains(strings.ToLower(h.Engine.Error), "permission denied") || !localSocket(h) {
		return nil
	}
	return []Finding{{
		Summary:  "this user may not open the engine's socket " + shown(strings.TrimPrefix(h.Engine.Endpoint, "unix://")),
		Evidence: []Evidence{{"engine", shown(h.Engine.Error)}},
		Fixes: []Fix{
			byHand("run the command as root: sudo docker-gpu doctor", true, None),
			byHand("join the group docker, which is as good as being root, and log in again: usermod -aG docker USER", true, None),
		},
	}}
}

// localSocket says whether the engine is reached by a socket of this machine.
func localSocket(h *host.Host) bool {
	scheme, _, _ := strings.Cut(h.Engine.Endpoint, "://")
	return scheme == "unix" || scheme == "npipe"
}

func brokenConfig(h *host.Host, _ time.Time) []Finding {
	file := h.Engine.ConfigFile
	if file == "" {
		file = "/etc/docker/daemon.json"
	}
	f := Finding{Severity: Error}
	switch {
	case h.Engine.ConfigError != "":
		f.Summary = shown(file) + " cannot be used"
		f.Evidence = []Evidence{{file, shown(h.Engine.ConfigError)}}
	default:
		var both []string
		for _, c := range daemonjson.Conflicts([]byte(h.Engine.Config), h.Engine.Args) {
			both = append(both, c.Key)
		}
		if len(both) == 0 {
			return nil
		}
		f.Summary = fmt.Sprintf("%s repeats what dockerd's flags say: %s", shown(file), listed(both))
		f.Evidence = []Evidence{{"dockerd's command line", shown(strings.Join(h.Engine.Args, " "))}}
	}
	f.Fixes = []Fix{
		{Title: "see what Docker says of the file", Disruption: None, Argv: [][]string{{"dockerd", "--validate", "--config-file", file}}},
		byHand("put "+shown(file)+" right or bring back its last good copy, then start Docker: systemctl restart docker", true, Restart),
	}
	if h.Engine.Version != "" {
		f.Severity = Warning // it runs with what the file said before
		f.Summary += "; Docker will not start with it the next time"
	}
	return []Finding{f}
}

func noAnswer(h *host.Host, _ time.Time) []Finding {
	if h.Engine.Error == "" {
		return nil
	}
	fix := engineRestart(h)
	fix.Title, fix.Disruption = "start Docker", None
	fix.Argv[0][slices.Index(fix.Argv[0], "restart")] = "start"
	why := Fix{Title: "see why it stopped", Disruption: None, Argv: [][]string{{"journalctl", "-u", "docker", "-n", "50", "--no-pager"}}}
	switch {
	case h.Engine.Kind == "snap":
		why.Argv = [][]string{{"snap", "logs", "docker"}}
	case h.Engine.Kind == "desktop":
		why.Argv = [][]string{{"docker", "desktop", "logs"}}
	case h.Engine.Rootless:
		why.Argv[0] = slices.Insert(why.Argv[0], 1, "--user")
	}
	fixes := []Fix{fix, why}
	if !h.Local || !localSocket(h) {
		fixes = []Fix{{Title: "see the contexts and choose another", Disruption: None, Argv: [][]string{{"docker", "context", "ls"}}}}
	}
	where := "at " + shown(h.Engine.Endpoint)
	if h.Engine.Endpoint == "" {
		where = "in the current context"
	}
	return []Finding{{Summary: "no engine answers " + where, Evidence: []Evidence{{"engine", shown(h.Engine.Error)}}, Fixes: fixes}}
}

func desktop(h *host.Host, _ time.Time) []Finding {
	// On Windows the engine's kernel is WSL's, which has the GPU.
	if h.Engine.Kind != "desktop" || h.OS.WSL > 0 || strings.Contains(strings.ToLower(h.Kernel.Release), "microsoft") || len(devicesOfEngine(h)) > 0 {
		return nil
	}
	f := Finding{
		Summary:  "the engine is Docker Desktop's, whose virtual machine has no GPU",
		Evidence: []Evidence{{"docker info", shown("OperatingSystem: " + h.Engine.OS)}},
		Fixes: []Fix{{Title: "use the engine of this machine", Disruption: None, Argv: [][]string{{"docker", "context", "use", "default"}},
			Undo: [][]string{{"docker", "context", "use", "desktop-linux"}}}},
	}
	if h.Context != "" {
		f.Evidence = append(f.Evidence, Evidence{"docker context", shown(h.Context)})
		f.Fixes[0].Undo = [][]string{{"docker", "context", "use", h.Context}}
	}
	if h.Context == "default" { // it leads there already
		f.Fixes = []Fix{{Title: "see whether a context leads to an engine of the machine itself, and use it; if none does, install Docker Engine", Disruption: None,
			Argv: [][]string{{"docker", "context", "ls"}}}}
	}
	if !has(h, PCI) && !has(h, Module) {
		f.Severity = Note // nothing is lost where there is no GPU
	}
	return []Finding{f}
}

func snap(h *host.Host, _ time.Time) []Finding {
	if h.Engine.Kind != "snap" {
		return nil
	}
	f := Finding{
		Summary:  "Docker was installed as a snap",
		Evidence: []Evidence{{"dockerd", shown(h.Engine.Binary + " " + strings.Join(h.Engine.Args, " "))}},
		Fixes: []Fix{byHand("install docker-ce (https://docs.docker.com/engine/install/), then remove the snap with `snap remove docker`: "+
			"its images and volumes go with it, so save them first", true, Restart)},
	}
	if _, ok := h.Engine.Runtimes["nvidia"]; ok || len(devicesOfEngine(h)) > 0 {
		f.Severity, f.Summary = Note, f.Summary+"; it has a way to the GPU of its own"
	}
	return []Finding{f}
}

func podman(h *host.Host, _ time.Time) []Finding {
	if h.Engine.Kind != "podman" {
		return nil
	}
	f := Finding{
		Summary:  "the engine is Podman " + shown(h.Engine.Version) + ", which has no `--gpus` hook",
		Evidence: []Evidence{{"docker version", shown("Podman Engine " + h.Engine.Version)}},
		Fixes:    []Fix{byHand("ask for the GPU by CDI: --device nvidia.com/gpu=all", false, None)},
	}
	if len(specsOfGPUs(h)) > 0 {
		f.Severity = Warning // CDI works
	} else {
		f.Fixes = append([]Fix{makeSpec(h)}, f.Fixes...)
	}
	return []Finding{f}
}
