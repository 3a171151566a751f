package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const toolkitDocs = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/"

// startedWithin is how exactly the start of a process is known: its time since boot is,
// when the machine booted is rounded. On an H200 machine a toolkit unpacked a second
// before dockerd seemed to have come after it.
const startedWithin = 5 * time.Second

func toolkitChecks() []Check {
	return slices.Concat(reachChecks(), wslChecks(), hookChecks(), toolkitStateChecks(), toolkitVersionChecks(), sourceChecks(), cdiChecks())
}

// hookChecks ask whether the engine has a program that brings GPUs into containers.
func hookChecks() []Check {
	return []Check{
		{
			Code: "C008", Title: "the driver's libraries are installed", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Module}, After: []string{"G001", "C002", "C027"},
			Symptoms: []string{"load library failed: libnvidia-ml.so.1", "libnvidia-ml.so.1: cannot open shared object file", "libcuda.so.1: cannot open shared object file"},
			Cause:    "The kernel module is there without the libraries that belong to it; containers get the host's copies.",
			Remedy:   "install the driver's compute libraries and utilities in the module's version",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/154", Run: noLibraries,
		}, {
			Code: "C036", Title: "dockerd's PATH leads to the toolkit", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Docker, Tools}, After: append(otherDocker(), "G001"),
			Symptoms: []string{noDriver, `re:exec: "?nvidia-container-runtime-hook"?: executable file not found`, `re:exec: "?nvidia-ctk"?: executable file not found`, `re:exec: "?nvidia-cdi-hook"?: executable file not found`},
			Cause:    "The toolkit is installed where the engine does not look: its systemd unit sets a PATH of its own, or the toolkit is below /nix or /usr/local.",
			Remedy:   "name the toolkit's directory in the PATH of dockerd's unit and restart Docker",
			Link:     "https://docs.docker.com/engine/daemon/proxy/#systemd-unit-file", Run: hookNotOnPath,
		}, {
			Code: "C001", Title: "--gpus has a way to the GPU", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Docker, Module}, After: append(otherDocker(), "G001", "C027", "C036"),
			Rarity:   Often,
			Symptoms: []string{noDriver, "failed to discover GPU vendor from CDI: no known GPU vendor found"},
			Cause: "Docker looks for NVIDIA's hook on its PATH once, when it starts. It is not installed, or was installed after that. " +
				"An entry in daemon.json has nothing to do with it.",
			Remedy: "install the NVIDIA Container Toolkit, then restart Docker once",
			Link:   toolkitDocs + "install-guide.html", Run: noHook,
		}, {
			Code: "C015", Title: "containers get forward-compatibility libraries", Group: Toolkit, Severity: Warning, Needs: []Fact{Tools},
			Symptoms: []string{"the provided PTX was compiled with an unsupported toolchain", "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "cudaErrorUnsupportedPtxVersion"},
			Cause:    "PTX newer than the driver's compiler takes the image's forward-compatibility libraries, which toolkit 1.17.4 does not use; it came back with 1.17.5.",
			Remedy:   "upgrade the toolkit, or the driver",
			Link:     toolkitDocs + "release-notes.html", Run: toolkitFault("1.17.5"),
		},
	}
}

// missingLibraries are those of the driver that nothing works without.
func missingLibraries(h *host.Host) (names []string) {
	if h.Driver.NVML != "" || len(h.GPUs) > 0 || h.Unread["libraries"] != "" {
		return nil // there is one where nobody looked
	}
	for _, want := range []string{"libnvidia-ml.so", "libcuda.so"} {
		if !slices.ContainsFunc(h.Driver.Libraries, func(l host.Library) bool { return strings.Contains(l.Path, want) }) {
			names = append(names, want+".1")
		}
	}
	return names
}

func noLibraries(h *host.Host, _ time.Time) []Finding {
	missing := missingLibraries(h)
	if len(missing) == 0 {
		return nil
	}
	return []Finding{{
		Summary:  "driver " + shown(h.Driver.Version) + " is loaded, but this host has no " + strings.Join(missing, " and no "),
		Evidence: []Evidence{{"libraries of the driver", count(len(h.Driver.Libraries), "file")}},
		Fixes:    []Fix{installLibraries(h)},
	}}
}

// installLibraries installs the driver's libraries in the module's version.
func installLibraries(h *host.Host) Fix {
	fix := Fix{Title: "install the libraries of driver " + shown(h.Driver.Version), Root: true, Disruption: None}
	branch, _, _ := strings.Cut(h.Driver.Version, ".")
	switch {
	case inContainer(h):
		return manual("start the container anew with NVIDIA_DRIVER_CAPABILITIES=compute,utility, or by CDI: it has its host's libraries", Restart)
	case !release.MatchString(h.Driver.Version): // no part of an argument
	case h.OS.ID == "ubuntu":
		flavour := strings.TrimSuffix(driverFlavour(h), "-open")
		if flavour == "" {
			flavour = branch + map[bool]string{false: "-server"}[hasScreen(h)]
		}
		fix.Argv = installPackages(h, "nvidia-utils-"+flavour, "libnvidia-compute-"+flavour)
	case packager(h) == "dnf":
		fix.Argv = installPackages(h, "nvidia-driver-cuda-"+h.Driver.Version)
	}
	return fix
}

func hookNotOnPath(h *host.Host, _ time.Time) []Finding {
	wanted := hooksOf(h)
	if inMachine(h) || slices.ContainsFunc(wanted, func(p string) bool { return onEnginePath(h, p) }) || !ownsHook(h, wanted) {
		return nil
	}
	f := Finding{
		Summary:  "the toolkit is installed, but the engine does not find " + strings.Join(wanted, " or "),
		Evidence: []Evidence{{"nvidia-ctk", shown(h.Toolkit.Version)}},
	}
	if h.Engine.Path != "" {
		f.Evidence = append(f.Evidence, Evidence{"PATH of dockerd", shown(h.Engine.Path)})
	}
	restart := engineRestart(h)
	restart.Title = "give dockerd a PATH with the toolkit's directory: `systemctl edit docker` with [Service] and Environment=PATH=…; then " + restart.Title
	restart.Argv = nil
	f.Fixes = []Fix{restart}
	return []Finding{f}
}

// ownsHook says whether one of the packages that hold the hooks is installed; where
// packages are not known, any toolkit is taken to be whole.
func ownsHook(h *host.Host, wanted []string) bool {
	holds := map[string]string{runtimeHook: "nvidia-container-toolkit", cdiHook: "nvidia-container-toolkit-base"}
	known := packageVersion(h, "nvidia-container-toolkit") + packageVersion(h, "nvidia-container-toolkit-base")
	return known == "" || slices.ContainsFunc(wanted, func(p string) bool { return packageVersion(h, holds[p]) != "" })
}

func noHook(h *host.Host, now time.Time) []Finding {
	wanted := hooksOf(h)
	there := slices.ContainsFunc(wanted, func(p string) bool { return onEnginePath(h, p) })
	late := there && !h.Engine.Started.IsZero() && h.Toolkit.Installed.After(h.Engine.Started.Add(startedWithin))
	var f Finding
	switch {
	case there && !late, inMachine(h):
		return nil
	case late:
		// A toolkit that was merely upgraded since has changed too, and then --gpus works.
		if _, registered := h.Engine.Runtimes["nvidia"]; registered || slices.ContainsFunc(h.Engine.Containers, func(c host.Container) bool {
			return c.Route == byHook || c.Route == byCDI && policy.EngineOf(h.Engine.Version).GPUsByCDI
		}) {
			return nil
		}
		f.Summary = "the toolkit was installed after Docker started, so `--gpus` does not know it yet"
		f.Evidence = []Evidence{{"dockerd", "started " + h.Engine.Started.UTC().Format(time.DateTime)}, {"toolkit", "installed " + h.Toolkit.Installed.UTC().Format(time.DateTime)}}
		if policy.EngineOf(h.Engine.Version).CDI == "default" && cdiIsOn(h) {
			now := makeSpec(h)
			if len(devicesOfEngine(h)) > 0 {
				now = Fix{Disruption: None}
			}
			now.Title = "use the GPUs without a restart: docker run --device nvidia.com/gpu=all"
			f.Fixes = append(f.Fixes, now)
		}
		f.Fixes = append(f.Fixes, engineRestart(h))
	case h.Toolkit.Version != "":
		f.Summary = fmt.Sprintf("Docker %s needs %s for `--gpus`; this host has the toolkit's base package only", shown(h.Engine.Version), runtimeHook)
		f.Evidence = []Evidence{{"toolkit", shown("version " + h.Toolkit.Version)}}
		f.Fixes = afterInstall(h)
		for _, off := range cdiOff(h, now) { // which this finding hides
			f.Evidence = append(f.Evidence, off.Evidence...)
			off.Fixes[0].Title = "or go by CDI: " + off.Fixes[0].Title + "; then docker run --device nvidia.com/gpu=all"
			f.Fixes = append(f.Fixes, off.Fixes[0])
		}
	default:
		f.Summary = "the NVIDIA Container Toolkit is not installed: containers get no GPU"
		where := "PATH of dockerd"
		if h.Engine.Path == "" { // from outside of the machine it cannot be read
			where = "usual folders of programs"
		}
		f.Evidence = []Evidence{{"driver", shown("version " + h.Driver.Version)}, {where, "no " + strings.Join(wanted, ", no ")}}
		f.Fixes = afterInstall(h)
		if file, ok := h.Engine.Runtimes[h.Engine.DefaultRuntime]; ok && strings.Contains(file, "nvidia-container-runtime") {
			f.Summary = "the NVIDIA Container Toolkit is not installed, but its runtime is the default: no container starts"
			f.Evidence = append(f.Evidence, Evidence{"docker info", shown("default runtime " + h.Engine.DefaultRuntime + ": " + file)})
		}
	}
	return []Finding{f}
}

// afterInstall installs the toolkit and does what makes the engine see it.
func afterInstall(h *host.Host) []Fix {
	fix, restart := toolkitInstall(h), engineRestart(h)
	if fix.Argv == nil {
		return []Fix{fix, restart}
	}
	plain := fix
	fix.Title, fix.Disruption, fix.Argv = fix.Title+" and "+restart.Title, Restart, slices.Concat(fix.Argv, restart.Argv)
	if policy.EngineOf(h.Engine.Version).CDI == "default" && cdiIsOn(h) {
		// Engines since 28.2 see new specs at once.
		plain.Title += "; then docker run --device nvidia.com/gpu=all works without a restart"
		plain.Argv, plain.Undo = slices.Concat(plain.Argv, makeSpec(h).Argv), slices.Concat(makeSpec(h).Undo, plain.Undo)
		return []Fix{plain, fix}
	}
	return []Fix{fix}
}

// toolkitFault finds the fault that was fixed in a release.
func toolkitFault(fixed string) func(*host.Host, time.Time) []Finding {
	return func(h *host.Host, _ time.Time) []Finding {
		flaw, ok := policy.ToolkitFault(h.Toolkit.Version, fixed)
		if !ok {
			return nil
		}
		return []Finding{{
			Summary:  fmt.Sprintf("toolkit %s: %s; fixed in %s", shown(h.Toolkit.Version), flaw.What, flaw.Fixed),
			Evidence: []Evidence{{"nvidia-ctk", shown("version " + h.Toolkit.Version)}, {flaw.Source, flaw.Date}},
			Fixes:    []Fix{toolkitUpgrade(h)},
		}}
	}
}
