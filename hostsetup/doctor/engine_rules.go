package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// deviceRuleChecks ask whether containers may use the devices that they are given,
// and keep them.
func deviceRuleChecks() []Check {
	return []Check{
		{
			Code: "C058", Title: "the toolkit sets device rules for containers of root", Group: Toolkit, Severity: Error, Needs: []Fact{Docker, Tools}, After: otherDocker(),
			Symptoms: []string{"Failed to initialize NVML: Unknown Error"},
			Cause:    "no-cgroups = true is for rootless engines. For one that runs as root it leaves containers without permission for the devices they see.",
			Remedy:   "`nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false`",
			Link:     toolkitDocs + "install-guide.html#rootless-mode", Run: noCgroupsForRoot,
		}, {
			Code: "C009", Title: "the hook can set device rules", Group: Toolkit, Severity: Error, Needs: []Fact{Docker, Tools}, After: append(otherDocker(), "C058"),
			Symptoms: []string{"failed to add device rules", "bpf_prog_query(BPF_CGROUP_DEVICE) failed", "re:bpf_prog_(query|attach).*operation not permitted"},
			Cause:    "Rootless engines, and engines in an unprivileged container, may not change device rules of cgroup v2, which the hook tries.",
			Remedy:   "`nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true` for a rootless engine, or CDI",
			Link:     toolkitDocs + "install-guide.html#rootless-mode", Run: noDeviceRules,
		}, {
			Code: "C010", Title: "containers keep their GPUs through a daemon-reload", Group: Engine, Severity: Warning, Needs: []Fact{Local, Docker, Module}, After: append(otherDocker(), "G001", "G002", "C001", "C036", "C058", "C009"),
			Rarity:   Often,
			Symptoms: []string{"Failed to initialize NVML: Unknown Error", "re:NVML: Unknown Error"},
			Cause: "The hook gives devices behind systemd's back. At each `systemctl daemon-reload`, which every package upgrade does, systemd sets the device rules of running " +
				"containers again and takes the GPUs away.",
			Remedy: "give GPUs by CDI (`--device nvidia.com/gpu=all`, or `--gpus` from Docker 29.2 on) and recreate the containers; or set native.cgroupdriver=cgroupfs",
			Link:   "https://github.com/NVIDIA/nvidia-container-toolkit/issues/48", Run: lostAtReload,
		}, {
			Code: "C011", Title: "SELinux lets containers use the devices", Group: Engine, Severity: Warning, Needs: []Fact{Docker, Module}, After: append(otherDocker(), "G001", "C001", "C036"),
			Symptoms: []string{"Failed to initialize NVML: Insufficient Permissions"},
			Cause:    "SELinux is enforcing and Docker labels its containers; the policy gives containers no NVIDIA devices.",
			Remedy:   "`setsebool -P container_use_devices 1`, or `--security-opt label=disable` for the container",
			Link:     toolkitDocs + "troubleshooting.html", Run: selinux,
		}, {
			Code: "C040", Title: "containers' root may open the devices", Group: Engine, Severity: Warning, Needs: []Fact{Docker, Module}, After: append(otherDocker(), "G001"),
			Symptoms: []string{"re:userns-remap.*(nvidia|permission)"},
			Cause:    "With userns-remap, root in a container is an ordinary user of the host, to whom device nodes of mode 0660 are closed.",
			Remedy:   "`--userns=host` for GPU containers, or device nodes that all may open (NVreg_DeviceFileMode=0666)",
			Link:     "https://docs.docker.com/engine/security/userns-remap/", Run: remapped,
		}, {
			Code: "C023", Title: "containers see no GPUs that they did not ask for", Group: Engine, Severity: Warning, Needs: []Fact{Docker, Tools}, After: otherDocker(),
			Symptoms: []string{"re:every container sees all (the )?GPUs"},
			Cause:    "With nvidia as the default runtime, NVIDIA_VISIBLE_DEVICES in an image is enough to get all GPUs, and CUDA images set it to all.",
			Remedy:   "`nvidia-ctk config --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=false`, or make runc the default runtime again",
			Link:     toolkitDocs + "docker-specialized.html", Run: allForAll,
		},
	}
}

const noCgroups = "nvidia-container-cli.no-cgroups"

func noCgroupsForRoot(h *host.Host, _ time.Time) []Finding {
	if h.Engine.Rootless || h.Toolkit.Config[noCgroups] != "true" || h.OS.Container != "" {
		return nil
	}
	f := Finding{
		Summary:  "no-cgroups is true, but this engine runs as root: the hook's containers may not use their GPUs",
		Evidence: []Evidence{{"/etc/nvidia-container-runtime/config.toml", noCgroups + " = true"}},
		Fixes:    []Fix{ctkConfig("let the toolkit set device rules", noCgroups, "false", "true")},
	}
	if routeOfGPUs(h) == byCDI {
		f.Severity = Warning // only the nvidia runtime goes by it
	}
	return []Finding{f}
}

func lostAtReload(h *host.Host, now time.Time) []Finding {
	if !reloadTakes(h) {
		return nil
	}
	var exposed []string
	fallen := fallenBack(h) // of whom C067 tells, and what becomes of them
	for _, c := range runningOnGPUs(h) {
		legacy := h.Toolkit.Config["nvidia-container-runtime.mode"] == "legacy" || policy.Compare(h.Toolkit.Version, policy.ToolkitJITCDI) < 0
		if (c.Route == byHook || c.Route == "runtime" && legacy) && !slices.Contains(fallen, c.Name) {
			exposed = append(exposed, c.Name)
		}
	}
	route := routeOfGPUs(h)
	if len(exposed) == 0 && (route != byHook || withoutCDI(h, now)) {
		return nil
	}
	f := Finding{
		Summary:  fmt.Sprintf("%s will lose the GPU at the next systemctl daemon-reload: %s", count(len(exposed), "running container"), listed(exposed)),
		Evidence: []Evidence{{"docker info", shown("cgroup driver systemd, cgroup version " + h.Engine.CgroupVersion)}, {"--gpus", "by " + map[string]string{byHook: "the hook", byCDI: "CDI", "": "nothing"}[route]}},
	}
	if len(exposed) == 0 {
		f.Severity = Note
		f.Summary = "containers started with --gpus lose the GPU at a systemctl daemon-reload, because the hook gives it"
	}
	engine := policy.EngineOf(h.Engine.Version)
	again := "start the containers again with --device nvidia.com/gpu=all in place of --gpus"
	switch {
	case engine.GPUsByCDI && route == byCDI && !slices.ContainsFunc(runningOnGPUs(h), func(c host.Container) bool { return c.Route == "runtime" }):
		start := restartContainers(exposed)
		start.Title += ": --gpus goes by CDI now"
		f.Fixes = append(f.Fixes, start)
	case engine.GPUsByCDI && route == byCDI:
		f.Fixes = append(f.Fixes, byHand("recreate the containers with --gpus, which goes by CDI now, in place of the nvidia runtime", false, Restart))
	case engine.GPUsByCDI:
		made := makeSpec(h)
		made.Title += ", and recreate the containers: --gpus then goes by CDI"
		f.Fixes = append(f.Fixes, made)
	case engine.CDI == "default" && cdiIsOn(h):
		if len(devicesOfEngine(h)) == 0 {
			made := makeSpec(h)
			made.Title += ", then " + again
			f.Fixes = append(f.Fixes, made)
		} else {
			f.Fixes = append(f.Fixes, byHand(again, false, Restart))
		}
	default:
		newer := engineFixes(h)
		newer[0].Title += "; from 29.2 on --gpus goes by CDI"
		f.Fixes = append(f.Fixes, newer...)
	}
	restart := engineRestart(h)
	restart.Title = `or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into ` + shown(configFile(h)) + ", then " + restart.Title
	restart.Argv = nil
	f.Fixes = append(f.Fixes, restart)
	return []Finding{f}
}

// reloadTakes says whether systemd takes devices back that the hook gave: not where it
// is not asked, and not where nobody sets device rules. A virtual machine's is its own.
func reloadTakes(h *host.Host) bool {
	return h.Engine.CgroupDriver == "systemd" && !h.Engine.Rootless && !inMachine(h) && h.Toolkit.Config[noCgroups] != "true"
}

// withoutCDI says that another finding tells why --gpus goes by the hook: the engine
// has no CDI, or would go by it if that worked.
func withoutCDI(h *host.Host, now time.Time) bool {
	if policy.EngineOf(h.Engine.Version).CDI == "no" {
		return has(h, Module) // C069
	}
	if !policy.EngineOf(h.Engine.Version).GPUsByCDI {
		return false
	}
	for _, why := range []func(*host.Host, time.Time) []Finding{cdiOff, brokenSpec, doubleDevices, unknownFields, newSchema, noDevices} {
		if len(why(h, now)) > 0 {
			return true
		}
	}
	return false
}

func noDeviceRules(h *host.Host, _ time.Time) []Finding {
	confined := h.Engine.Rootless || h.OS.Container == "lxc"
	if !confined || h.Toolkit.Config[noCgroups] == "true" || routeOfGPUs(h) != byHook {
		return nil
	}
	why := "the engine is rootless"
	if !h.Engine.Rootless {
		why = "the engine runs in an unprivileged container"
	}
	f := Finding{
		Summary:  why + " and --gpus goes by the hook, which may not set device rules",
		Evidence: []Evidence{{"docker info", shown("security options: " + strings.Join(h.Engine.Security, ", "))}, {"/etc/nvidia-container-runtime/config.toml", noCgroups + " is not true"}},
		Fixes:    []Fix{ctkConfig("tell the hook to leave device rules alone", noCgroups, "true", "false")},
	}
	if policy.EngineOf(h.Engine.Version).CDI == "default" && len(devicesOfEngine(h)) > 0 {
		f.Fixes = append([]Fix{byHand("ask for the GPU by CDI: --device nvidia.com/gpu=all", false, None)}, f.Fixes...)
	}
	return []Finding{f}
}

func selinux(h *host.Host, _ time.Time) []Finding {
	labels := slices.ContainsFunc(h.Engine.Security, func(s string) bool { return strings.Contains(s, "selinux") })
	if h.OS.SELinux != "enforcing" || !labels {
		return nil
	}
	return []Finding{{
		Summary:  "SELinux is enforcing and Docker labels containers: GPUs are refused unless the policy allows devices",
		Evidence: []Evidence{{"getenforce", "enforcing"}, {"docker info", "security options: selinux"}},
		Fixes: []Fix{
			{Title: "allow devices in containers", Root: true, Disruption: None, Argv: [][]string{{"setsebool", "-P", "container_use_devices", "1"}}, Undo: [][]string{{"setsebool", "-P", "container_use_devices", "0"}}},
			byHand("or start the container with --security-opt label=disable", false, None),
		},
	}}
}

func remapped(h *host.Host, _ time.Time) []Finding {
	if !h.Engine.UserNS {
		return nil
	}
	var closed []string
	for _, n := range h.Nodes {
		if gpuNode.MatchString(n.Path) && n.Mode&0o006 != 0o006 {
			closed = append(closed, fmt.Sprintf("%s (%04o)", n.Path, n.Mode&0o7777))
		}
	}
	if len(closed) == 0 {
		return nil
	}
	return []Finding{{
		Summary:  "userns-remap is on and these devices are closed to ordinary users: " + listed(closed),
		Evidence: []Evidence{{"docker info", "security options: userns"}, {"/dev", listed(closed)}},
		Fixes:    []Fix{byHand("start GPU containers with --userns=host, or load the driver with NVreg_DeviceFileMode=0666", false, None)},
	}}
}

func allForAll(h *host.Host, _ time.Time) []Finding {
	const key = "accept-nvidia-visible-devices-envvar-when-unprivileged"
	// Swarm has no other way.
	if !strings.HasPrefix(h.Engine.DefaultRuntime, "nvidia") || h.Toolkit.Config[key] == "false" || inSwarm(h) {
		return nil
	}
	f := Finding{
		Summary:  "nvidia is the default runtime: any image that sets NVIDIA_VISIBLE_DEVICES gets every GPU",
		Evidence: []Evidence{{"docker info", shown("default runtime " + h.Engine.DefaultRuntime)}, {"/etc/nvidia-container-runtime/config.toml", key + " is not false"}},
		Fixes:    []Fix{ctkConfig("let only --gpus, CDI and privileged containers ask", key, "false", "true")},
	}
	return []Finding{f}
}
