package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// containerChecks look at the containers that have or want a GPU.
func containerChecks() []Check {
	return []Check{
		{
			Code: "C037", Title: "running containers have the driver's present libraries", Group: Engine, Severity: Warning, Needs: []Fact{Local, Docker}, After: append(otherDocker(), "G001", "G002"),
			Symptoms: []string{"re:(version of|file) .*libcuda\\.so\\.[0-9.]+ .*(mismatch|deleted)", "re:forward compatibility was attempted on non supported HW"},
			Cause:    "A container gets the driver's libraries when it starts and keeps them. After an upgrade of the driver they do not fit the module any more.",
			Remedy:   "recreate the containers",
			Link:     "https://github.com/NVIDIA/nvidia-docker/issues/365", Run: olderThanDriver,
		}, {
			Code: "C038", Title: "containers get the driver's parts that they need", Group: Engine, Severity: Warning, Needs: []Fact{Docker}, After: otherDocker(),
			Symptoms: []string{`re:exec: "?nvidia-smi"?: executable file not found`, "nvidia-smi: command not found", "nvidia-smi: not found", "Cannot load libnvidia-encode.so.1", "Cannot load libnvcuvid.so.1", "re:libnvidia-encode\\.so\\.1: cannot open"},
			Cause:    "NVIDIA_DRIVER_CAPABILITIES says which libraries the hook brings: without utility no nvidia-smi, without compute no CUDA, without video no NVENC.",
			Remedy:   "`-e NVIDIA_DRIVER_CAPABILITIES=compute,utility` (and video or graphics), or all; by CDI everything comes",
			Link:     toolkitDocs + "docker-specialized.html", Run: lacksCapabilities,
		}, {
			Code: "C030", Title: "GPU containers have shared memory", Group: Engine, Severity: Note, Needs: []Fact{Docker}, After: otherDocker(),
			Symptoms: []string{"insufficient shared memory (shm)", "re:unable to (open|write|mmap) (shared memory|file) .*/dev/shm", "re:Error while creating shared memory segment", "re:No space left on device.*/dev/shm"},
			Cause:    "/dev/shm is 64 MiB in a container. Data loaders and NCCL pass more than that between processes and die of a bus error.",
			Remedy:   "`--shm-size=16g` or `--ipc=host`; in Compose `shm_size: 16gb`",
			Link:     "https://docs.docker.com/reference/cli/docker/container/run/", Run: littleShm,
		}, {
			Code: "C028", Title: "no image brings the driver's libraries along", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: otherDocker(),
			Symptoms: []string{"re:file creation failed: .*lib(nvidia|cuda)[^ ]*: file exists", "re:mount error: file creation failed"},
			Cause:    "The image holds libraries of the driver, put there by `apt-get install nvidia-*` in its Dockerfile; the hook cannot put the host's in their place.",
			Remedy:   "build the image without packages of the driver; CUDA's own libraries may stay",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/289", Run: bakedDriver,
		}, {
			Code: "C059", Title: "containers came back after the boot", Group: Engine, Severity: Error, Needs: []Fact{Docker}, After: append(otherDocker(), "G001", "C001", "C036", "C017", "C018", "C019", "C007", "C028"),
			Symptoms: []string{"re:Exited \\(128\\)"},
			Cause:    "Docker started containers before the CDI spec of this boot was written. Until toolkit 1.20.1 nothing orders the two, and Docker does not try again.",
			Remedy:   "start them; upgrade the toolkit to 1.20.1, or order docker.service after nvidia-cdi-refresh.service",
			Link:     "https://github.com/NixOS/nixpkgs/issues/353059", Run: failedAtBoot,
		}, {
			Code: "C067", Title: "--gpus goes by CDI where it can", Group: Engine, Severity: Warning, Needs: []Fact{Docker, Local}, After: append(otherDocker(), "C051", "C052", "C016", "C019", "C054", "C021", "C055"),
			Symptoms: []string{"Ignoring previous errors updating spec"},
			Cause:    "CDI failed for the container and the engine took the hook without a word, except in its log. Such containers lose the GPU at a daemon-reload.",
			Remedy:   "`journalctl -u docker | grep 'errors updating spec'` says why; then recreate the containers",
			Link:     "https://github.com/moby/moby/pull/52704", Run: fellBack,
		}, {
			Code: "C065", Title: "containers that want one GPU each do not share the first", Group: Engine, Severity: Note, Needs: []Fact{Docker, NVML}, After: otherDocker(),
			Symptoms: []string{"re:(both|all) (services|containers) (use|get|land on) GPU 0"},
			Cause:    "`count: 1` and `--gpus 1` mean the first GPU, for everyone: the engine hands out nothing.",
			Remedy:   "name the GPUs: device_ids: [\"0\"] and [\"1\"], or their UUIDs",
			Link:     "https://github.com/docker/compose/issues/11863", Run: sameGPU,
		},
	}
}

func olderThanDriver(h *host.Host, _ time.Time) []Finding {
	var changed time.Time
	for _, l := range h.Driver.Libraries {
		if l.Changed.After(changed) {
			changed = l.Changed
		}
	}
	var old []string
	var oldest host.Container
	for _, c := range runningOnGPUs(h) {
		if !c.Started.IsZero() && c.Started.Before(changed) {
			old = append(old, c.Name)
			if oldest.Started.IsZero() || c.Started.Before(oldest.Started) {
				oldest = c
			}
		}
	}
	if len(old) == 0 {
		return nil
	}
	return []Finding{{
		Summary: fmt.Sprintf("%s from before the driver's upgrade: %s", count(len(old), "container"), listed(old)),
		Evidence: []Evidence{{"driver's libraries", "put there " + changed.UTC().Format(time.DateTime)},
			{"docker inspect", shown(oldest.Name + " started " + oldest.Started.UTC().Format(time.DateTime))}},
		Fixes: []Fix{restartContainers(old)},
	}}
}

// restartContainers starts containers anew, which mounts the host's present libraries.
func restartContainers(names []string) Fix {
	return Fix{Title: "start " + listed(names) + " again", Disruption: Restart, Argv: [][]string{append([]string{"docker", "restart", "--"}, names...)}}
}

func lacksCapabilities(h *host.Host, _ time.Time) (out []Finding) {
	for _, c := range h.Engine.Containers {
		if c.Capabilities == "" || c.Route == byCDI {
			continue
		}
		if lacks := missingCapabilities(c.Capabilities); len(lacks) > 0 {
			out = append(out, Finding{
				Summary:  fmt.Sprintf("%s has no %s: NVIDIA_DRIVER_CAPABILITIES is %q", shown(c.Name), strings.Join(lacks, " and no "), shown(c.Capabilities)),
				Evidence: []Evidence{{"docker inspect", shown(c.Name + ": NVIDIA_DRIVER_CAPABILITIES=" + c.Capabilities)}},
				Fixes:    []Fix{byHand("recreate it with NVIDIA_DRIVER_CAPABILITIES="+shown(strings.Join(append(capabilities(c.Capabilities), lacks...), ",")), false, Restart)},
			})
		}
	}
	return out
}

// capabilities are the words of NVIDIA_DRIVER_CAPABILITIES.
func capabilities(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// missingCapabilities are those of compute and utility that a value lacks.
func missingCapabilities(value string) (lacks []string) {
	have := capabilities(value)
	for _, want := range []string{"compute", "utility"} {
		if !slices.Contains(have, want) && !slices.Contains(have, "all") {
			lacks = append(lacks, want)
		}
	}
	return lacks
}

func littleShm(h *host.Host, _ time.Time) []Finding {
	var small, died []string
	for _, c := range h.Engine.Containers {
		if c.IPC != "" || c.Shm == 0 || c.Shm > policy.DockerShm {
			continue
		}
		const sigbus = 128 + 7
		switch {
		case c.State == "running":
			small = append(small, c.Name)
		case c.Exit == sigbus:
			died = append(died, c.Name)
		}
	}
	fix := byHand("recreate with --shm-size=16g, or in Compose shm_size: 16gb", false, Restart)
	ev := []Evidence{{"docker inspect", fmt.Sprintf("ShmSize at most %d MiB", policy.DockerShm>>20)}}
	switch {
	case len(died) > 0:
		return []Finding{{Severity: Warning, Summary: "ended by a bus error with 64 MiB of shared memory: " + listed(died), Evidence: append(ev, Evidence{"docker ps", "exit code 135"}), Fixes: []Fix{fix}}}
	case len(small) > 0:
		return []Finding{{Summary: "64 MiB of shared memory, too little for data loaders and NCCL: " + listed(small), Evidence: ev, Fixes: []Fix{fix}}}
	}
	return nil
}

var libraryExists = regexp.MustCompile(`file creation failed: .*lib(nvidia|cuda)[^ ]*: file exists`)

func bakedDriver(h *host.Host, _ time.Time) (out []Finding) {
	for _, c := range h.Engine.Containers {
		if text := c.Error[:min(len(c.Error), 1<<16)]; libraryExists.MatchString(text) {
			out = append(out, Finding{
				Summary:  fmt.Sprintf("%s cannot start: its image %s holds libraries of the driver", shown(c.Name), shown(c.Image)),
				Evidence: []Evidence{{"docker inspect", shown(c.Error)}},
				Fixes:    []Fix{byHand("build "+shown(c.Image)+" without packages named nvidia-* or libnvidia-*", false, None)},
			})
		}
	}
	return out
}

func failedAtBoot(h *host.Host, _ time.Time) []Finding {
	var failed []string
	f := Finding{}
	for _, c := range h.Engine.Containers {
		if c.State == "running" || c.Exit != 128 || (c.Restart != "always" && c.Restart != "unless-stopped") {
			continue
		}
		failed = append(failed, c.Name)
		if c.Error != "" && len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, Evidence{"docker inspect", shown(c.Name + ": " + c.Error)})
		}
	}
	if len(failed) == 0 {
		return nil
	}
	f.Summary = "did not start with Docker, in spite of a restart policy: " + listed(failed)
	f.Evidence = append(f.Evidence, Evidence{"docker ps", "exit code 128"})
	f.Fixes = []Fix{{Title: "start them", Disruption: None, Safe: true, Argv: [][]string{append([]string{"docker", "start", "--"}, failed...)}, Undo: [][]string{append([]string{"docker", "stop", "--"}, failed...)}}}
	if h.Toolkit.Version != "" && policy.Compare(h.Toolkit.Version, policy.ToolkitBeforeDocker) < 0 {
		f.Fixes = append(f.Fixes, toolkitUpgrade(h))
		f.Evidence = append(f.Evidence, Evidence{"nvidia-ctk", shown("version " + h.Toolkit.Version + ": its service is not ordered before Docker")})
	}
	return []Finding{f}
}

// fallenBack are containers that have their GPU by the hook on an engine that has
// devices to give by CDI.
func fallenBack(h *host.Host) (names []string) {
	if routeOfGPUs(h) != byCDI {
		return nil
	}
	for _, c := range runningOnGPUs(h) {
		// What started before the engine did, under another one, may have had no other way.
		if c.Route == byHook && (h.Engine.Started.IsZero() || c.Started.After(h.Engine.Started)) {
			names = append(names, c.Name)
		}
	}
	return names
}

func fellBack(h *host.Host, _ time.Time) []Finding {
	hooked := fallenBack(h)
	if len(hooked) == 0 {
		return nil
	}
	return []Finding{{
		Summary:  "the engine has CDI devices, yet gave the GPU by the hook: " + listed(hooked),
		Evidence: []Evidence{{"docker inspect", "NVIDIA_VISIBLE_DEVICES is not void"}, {"docker info", listed(h.Engine.CDIDevices)}},
		Fixes: []Fix{{Title: "see why CDI failed", Root: true, Disruption: None, Argv: [][]string{{"journalctl", "-u", "docker", "--no-pager", "--grep", "errors updating spec"}}},
			restartContainers(hooked)},
	}}
}

func sameGPU(h *host.Host, _ time.Time) []Finding {
	if len(h.GPUs) < 2 {
		return nil
	}
	var counted []string
	for _, c := range runningOnGPUs(h) {
		if len(c.GPUs) != 1 || c.GPUs[0] == "" || strings.Trim(c.GPUs[0], "0123456789") != "" || c.Project == "" {
			continue
		}
		counted = append(counted, c.Project+"/"+c.Service)
	}
	if len(counted) < 2 {
		return nil
	}
	return []Finding{{
		Summary:  fmt.Sprintf("each asks for a number of GPUs and has the same first ones of %d: %s", len(h.GPUs), listed(counted)),
		Evidence: []Evidence{{"docker inspect", "device requests with a count"}},
		Fixes:    []Fix{byHand("give each service its own device_ids in the Compose file", false, Restart)},
	}}
}
