package doctor

import (
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// file is what daemon.json says; changed an hour after Docker started where late.
func file(text string) func(h *host.Host) { return engine(func(e *host.Engine) { e.Config = text }) }

func lateFile(text string) func(h *host.Host) {
	return engine(func(e *host.Engine) { e.Config, e.ConfigChanged = text, e.Started.Add(time.Hour) })
}

func TestEdgesOfConfiguration(t *testing.T) {
	const nvidia = `{"runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}}}`
	edges(t, "C005", "docker29-cdi",
		edge{"not reloaded", file(nvidia), `
error C005: /etc/docker/daemon.json defines what the daemon does not know: nvidia
  seen: /etc/docker/daemon.json: runtimes: nvidia
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  fix: have Docker read daemon.json again [reload, root]
    run: systemctl reload docker
`},
		edge{"another file is read", both(file(nvidia), engine(func(e *host.Engine) { e.Args = []string{"-H", "fd://", "--config-file", "/srv/daemon.json"} })), `
error C005: /etc/docker/daemon.json defines what the daemon does not know: nvidia
  seen: /etc/docker/daemon.json: runtimes: nvidia
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  seen: dockerd's command line: --config-file /srv/daemon.json
  fix: define them in /srv/daemon.json, which this daemon reads, then systemctl reload docker [reload, root]
`},
		edge{"its own file by one word", both(file(nvidia), engine(func(e *host.Engine) {
			e.ConfigFile, e.Args = "/srv/daemon.json", []string{"--config-file=/srv/daemon.json"}
		})), `
error C005: /srv/daemon.json defines what the daemon does not know: nvidia
  seen: /srv/daemon.json: runtimes: nvidia
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  seen: dockerd's command line: --config-file=/srv/daemon.json
  fix: have Docker read daemon.json again [reload, root]
    run: systemctl reload docker
`},
		edge{"two of them, rootless", both(file(`{"runtimes": {"nvidia": {}, "nvidia-cdi": {"path": 7}}}`), engine(func(e *host.Engine) { e.Rootless = true })), `
error C005: /etc/docker/daemon.json defines what the daemon does not know: nvidia, nvidia-cdi
  seen: /etc/docker/daemon.json: runtimes: nvidia, nvidia-cdi
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  fix: have Docker read daemon.json again [reload]
    run: systemctl --user reload docker
`},
		edge{"a snap", both(file(nvidia), engine(func(e *host.Engine) { e.Kind = "snap" })), `
error C005: /etc/docker/daemon.json defines what the daemon does not know: nvidia
  seen: /etc/docker/daemon.json: runtimes: nvidia
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: snap restart docker
`},
		edge{"known", both(file(nvidia), engine(func(e *host.Engine) { e.Runtimes["nvidia"] = "nvidia-container-runtime" })), ""},
		edge{"an engine that tells no runtimes", both(file(nvidia), engine(func(e *host.Engine) { e.Runtimes = nil })), ""},
		edge{"no object", file(`{"runtimes": ["nvidia"]}`), ""},
		edge{"null", file(`{"runtimes": null}`), ""},
		edge{"a file that cannot be read, which C006 tells", both(file(nvidia), engine(func(e *host.Engine) { e.ConfigError = "EOF" })), ""},
	)
	edges(t, "C007", "docker29-cdi",
		edge{"not installed", engine(func(e *host.Engine) { e.Runtimes["nvidia"] = "/opt/old/nvidia-container-runtime.legacy" }), `
error C007: the runtime nvidia is /opt/old/nvidia-container-runtime.legacy, which is not installed
  seen: docker info: runtime nvidia: /opt/old/nvidia-container-runtime.legacy
  fix: name the installed program for nvidia [reload, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --nvidia-runtime-name=nvidia
    run: systemctl reload docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl reload docker
  fix: or take the runtime nvidia out of /etc/docker/daemon.json, then have Docker read daemon.json again [reload, root]
`},
		edge{"and it is the default", engine(func(e *host.Engine) {
			e.Runtimes["nvidia"], e.DefaultRuntime = "/opt/old/nvidia-container-runtime.legacy", "nvidia"
		}), `
error C007: the runtime nvidia is /opt/old/nvidia-container-runtime.legacy, which is not installed: as the default it stops every container
  seen: docker info: runtime nvidia: /opt/old/nvidia-container-runtime.legacy
  fix: name the installed program for nvidia [reload, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --nvidia-runtime-name=nvidia
    run: systemctl reload docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl reload docker
  fix: or take the runtime nvidia out of /etc/docker/daemon.json, then have Docker read daemon.json again [reload, root]
`},
		edge{"two names", both(tools(func(k *host.Toolkit) { delete(k.Binaries, "nvidia-container-runtime") }), engine(func(e *host.Engine) {
			e.Runtimes["nvidia"], e.Runtimes["gpu"] = "nvidia-container-runtime", "/usr/bin/nvidia-container-runtime"
		})), `
error C007: the runtime gpu is /usr/bin/nvidia-container-runtime, which is not installed
  seen: docker info: runtime gpu: /usr/bin/nvidia-container-runtime
  fix: install the NVIDIA Container Toolkit 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
  fix: or take the runtime gpu out of /etc/docker/daemon.json, then have Docker read daemon.json again [reload, root]
error C007: the runtime nvidia is nvidia-container-runtime, which is not installed
  seen: docker info: runtime nvidia: nvidia-container-runtime
  fix: install the NVIDIA Container Toolkit 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
  fix: or take the runtime nvidia out of /etc/docker/daemon.json, then have Docker read daemon.json again [reload, root]
`},
		edge{"by its name", engine(func(e *host.Engine) { e.Runtimes["nvidia"] = "nvidia-container-runtime" }), ""},
		edge{"by its path", engine(func(e *host.Engine) { e.Runtimes["nvidia"] = "/usr/bin/nvidia-container-runtime" }), ""},
		edge{"somebody else's", engine(func(e *host.Engine) { e.Runtimes["kata"] = "/opt/kata/bin/containerd-shim-kata-v2" }), ""},
		edge{"a virtual machine's", engine(func(e *host.Engine) { e.Kind, e.Runtimes["nvidia"] = "desktop", "/opt/gone/nvidia-container-runtime" }), ""},
	)
	edges(t, "C057", "docker29-cdi",
		edge{"in the file", file(`{"default-runtime": "nvidia"}`), `
error C057: the default runtime is "nvidia", which is not defined: Docker will not start with it
  seen: /etc/docker/daemon.json: default-runtime: nvidia
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  fix: define nvidia under runtimes in /etc/docker/daemon.json, or take default-runtime out; then systemctl reload docker [reload, root]
`},
		edge{"in the daemon", engine(func(e *host.Engine) { e.DefaultRuntime = "nvidia" }), `
error C057: the default runtime is "nvidia", which is not defined: Docker will not start with it
  seen: docker info: default-runtime: nvidia
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  fix: define nvidia under runtimes in /etc/docker/daemon.json, or take default-runtime out; then systemctl reload docker [reload, root]
`},
		edge{"hostile", file(`{"default-runtime": "\u001b[2Jx"}`), `
error C057: the default runtime is "[2Jx", which is not defined: Docker will not start with it
  seen: /etc/docker/daemon.json: default-runtime: [2Jx
  seen: docker info: runtimes: io.containerd.runc.v2, runc
  fix: define [2Jx under runtimes in /etc/docker/daemon.json, or take default-runtime out; then systemctl reload docker [reload, root]
`},
		edge{"defined beside it", file(`{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}`), ""},
		edge{"an engine that tells no runtimes", engine(func(e *host.Engine) { e.DefaultRuntime, e.Runtimes = "nvidia", nil }), ""},
		edge{"runc", file(`{"default-runtime": "runc"}`), ""},
		edge{"a shim of containerd's", file(`{"default-runtime": "io.containerd.kata.v2"}`), ""},
		edge{"no text", file(`{"default-runtime": 7}`), ""},
	)
	edges(t, "C056", "docker29-cdi",
		edge{"live-restore", lateFile(`{"live-restore": true}`), `
warning C056: /etc/docker/daemon.json says otherwise than the running Docker: live-restore
  seen: /etc/docker/daemon.json: changed 2026-11-20 09:00:05
  seen: dockerd: started 2026-11-20 08:00:05
  fix: have Docker read daemon.json again [reload, root]
    run: systemctl reload docker
`},
		edge{"what takes a restart", lateFile(`{"data-root": "/data", "exec-opts": ["native.cgroupdriver=cgroupfs"]}`), `
warning C056: /etc/docker/daemon.json says otherwise than the running Docker: exec-opts, data-root
  seen: /etc/docker/daemon.json: changed 2026-11-20 09:00:05
  seen: dockerd: started 2026-11-20 08:00:05
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: systemctl restart docker
`},
		edge{"both, rootless", both(lateFile(`{"live-restore": true, "features": {"cdi": false}}`), engine(func(e *host.Engine) { e.Rootless = true })), `
warning C056: /etc/docker/daemon.json says otherwise than the running Docker: live-restore, features.cdi
  seen: /etc/docker/daemon.json: changed 2026-11-20 09:00:05
  seen: dockerd: started 2026-11-20 08:00:05
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart]
    run: systemctl --user restart docker
`},
		edge{"the default runtime", lateFile(`{"default-runtime": "crun"}`), `
warning C056: /etc/docker/daemon.json says otherwise than the running Docker: default-runtime
  seen: /etc/docker/daemon.json: changed 2026-11-20 09:00:05
  seen: dockerd: started 2026-11-20 08:00:05
  fix: have Docker read daemon.json again [reload, root]
    run: systemctl reload docker
`},
		edge{"it says what runs", lateFile(`{"live-restore": false, "data-root": "/var/lib/docker/", "default-runtime": "runc", "features": {"cdi": true}, "exec-opts": ["native.cgroupdriver=systemd"]}`), ""},
		edge{"older than the daemon", file(`{"live-restore": true}`), ""},
		edge{"nobody knows when it started", both(lateFile(`{"live-restore": true}`), engine(func(e *host.Engine) { e.Started = time.Time{} })), ""},
		edge{"what does not matter here", lateFile(`{"debug": true, "exec-opts": "native.cgroupdriver=cgroupfs"}`), ""},
	)
	edges(t, "C032", "docker29-cdi",
		edge{"containerd's runs, the file asks for the other", file(`{"features": {"containerd-snapshotter": false}}`), `
warning C032: Docker runs with the store containerd, but /etc/docker/daemon.json asks for the older store: its images are out of sight after the next restart
  seen: docker info: storage: containerd
  seen: /etc/docker/daemon.json: features.containerd-snapshotter: false
  fix: set "containerd-snapshotter": true under features in /etc/docker/daemon.json; 'docker save' first whatever is to be moved [none, root]
`},
		edge{"the other way about", both(file(`{"features": {"containerd-snapshotter": true}}`), engine(func(e *host.Engine) { e.Store = "overlay2" })), `
warning C032: Docker runs with the store overlay2, but /etc/docker/daemon.json asks for containerd's store: its images are out of sight after the next restart
  seen: docker info: storage: overlay2
  seen: /etc/docker/daemon.json: features.containerd-snapshotter: true
  fix: set "containerd-snapshotter": false under features in /etc/docker/daemon.json; 'docker save' first whatever is to be moved [none, root]
`},
		edge{"what runs", file(`{"features": {"containerd-snapshotter": true}}`), ""},
		edge{"not named", file(`{"features": {}}`), ""},
		edge{"an engine that tells no store", both(file(`{"features": {"containerd-snapshotter": false}}`), engine(func(e *host.Engine) { e.Store = "" })), ""},
	)
}

func TestEdgesOfSettings(t *testing.T) {
	second := func(h *host.Host) { h.GPUs = append(h.GPUs, h.GPUs[0]) }
	edges(t, "C031", "docker29-cdi",
		edge{"two GPUs", second, `
note C031: containers with several GPUs may lock little memory: worker
  seen: default-ulimits: memlock not set
  fix: start them with --ulimit memlock=-1 --ulimit stack=67108864 [restart]
`},
		edge{"two GPUs, and little by default", both(second, func(h *host.Host) { h.Limits.Memlock = 8 << 20 }), `
note C031: containers with several GPUs may lock little memory: worker
  seen: default-ulimits: memlock 8388608 bytes
  fix: start them with --ulimit memlock=-1 --ulimit stack=67108864 [restart]
`},
		edge{"two of its GPUs by name", both(second, box(func(c *host.Container) { c.GPUs = []string{"0", "1"} })), `
note C031: containers with several GPUs may lock little memory: worker
  seen: default-ulimits: memlock not set
  fix: start them with --ulimit memlock=-1 --ulimit stack=67108864 [restart]
`},
		edge{"little of its own", both(second, box(func(c *host.Container) { c.Memlock = 1<<30 - 1 })), `
note C031: containers with several GPUs may lock little memory: worker
  seen: default-ulimits: memlock not set
  fix: start them with --ulimit memlock=-1 --ulimit stack=67108864 [restart]
`},
		edge{"enough of its own", both(second, box(func(c *host.Container) { c.Memlock = 1 << 30 })), ""},
		edge{"all of its own", both(second, box(func(c *host.Container) { c.Memlock = -1 })), ""},
		edge{"all by default", both(second, func(h *host.Host) { h.Limits.Memlock = -1 }), ""},
		edge{"one of two GPUs", both(second, box(func(c *host.Container) { c.GPUs = []string{"1"} })), ""},
		edge{"one that does not run", both(second, box(func(c *host.Container) { c.State = "exited" })), ""},
	)
	edges(t, "C066", "docker29-cdi",
		edge{"off", engine(func(e *host.Engine) { e.Hooks = nil }), `
note C066: failing docker commands are not explained: this plugin's hook is off
  seen: ~/.docker/config.json: names no hooks of this plugin
  fix: have them explained [none]
    run: docker gpu hooks enable
    undo: docker gpu hooks disable
`},
		edge{"off, with an older CLI", engine(func(e *host.Engine) { e.Hooks, e.Client = nil, "29.2.1" }), `
note C066: failing docker commands are not explained: this plugin's hook is off
  seen: ~/.docker/config.json: names no hooks of this plugin
  seen: docker --version: 29.2.1: hooks run after every command
  fix: have them explained [none]
    run: docker gpu hooks enable
    undo: docker gpu hooks disable
`},
		edge{"no CLI", engine(func(e *host.Engine) { e.Hooks, e.Client = nil, "" }), ""},
		edge{"on", engine(func(e *host.Engine) { e.Hooks = map[string]string{"hooks": "run"} }), ""},
	)
}

// box changes the first container of a host.
func box(change func(c *host.Container)) func(h *host.Host) {
	return func(h *host.Host) { change(&h.Engine.Containers[0]) }
}

// more adds a copy of the first container under another name.
func more(name string, change func(c *host.Container)) func(h *host.Host) {
	return func(h *host.Host) {
		c := h.Engine.Containers[0]
		c.Name = name
		change(&c)
		h.Engine.Containers = append(h.Engine.Containers, c)
	}
}

func TestEdgesOfSwarm(t *testing.T) {
	swarm := func(change func(s *host.Swarm)) func(h *host.Host) {
		return func(h *host.Host) { change(&h.Engine.Swarm) }
	}
	second := func(h *host.Host) {
		g := h.GPUs[0]
		g.Index, g.UUID = 1, "GPU-44444444-0000-0000-0000-000000000000"
		h.GPUs = append(h.GPUs, g)
	}
	edges(t, "C062", "swarm-node",
		edge{"another node's", swarm(func(s *host.Swarm) { s.GPUs = []string{"NVIDIA-GPU=GPU-99999999"} }), `
error C062: this node offers the swarm GPUs that it does not have: GPU-99999999
  seen: docker info: generic resources: NVIDIA-GPU=GPU-99999999
  seen: NVML: GPU-11111111-0000-0000-0000-000000000000
  fix: list this node's own GPUs in /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"one of two", swarm(func(s *host.Swarm) { s.GPUs = append(s.GPUs, "NVIDIA-GPU=GPU-99999999-0000-0000-0000-000000000000") }), `
error C062: this node offers the swarm GPUs that it does not have: GPU-99999999-0000-0000-0000-000000000000
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111, NVIDIA-GPU=GPU-99999999-0000-0000-0000-000000000000
  seen: NVML: GPU-11111111-0000-0000-0000-000000000000
  fix: list this node's own GPUs in /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"the whole UUID", swarm(func(s *host.Swarm) { s.GPUs = []string{"NVIDIA-GPU=GPU-11111111-0000-0000-0000-000000000000"} }), ""},
		edge{"a number of them", swarm(func(s *host.Swarm) { s.GPUs = []string{"NVIDIA-GPU=1"} }), ""},
		edge{"not in a swarm", swarm(func(s *host.Swarm) { s.State, s.GPUs = "inactive", []string{"NVIDIA-GPU=GPU-99999999"} }), ""},
	)
	edges(t, "C060", "swarm-node",
		edge{"none", swarm(func(s *host.Swarm) { s.GPUs = nil }), `
note C060: this node of a swarm offers 0 of its 1 GPU
  seen: docker info: generic resources: none
  fix: put "node-generic-resources": ["NVIDIA-GPU=GPU-11111111-0000-0000-0000-000000000000"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"one of two", second, `
warning C060: this node of a swarm offers 1 of its 2 GPUs
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  fix: put "node-generic-resources": ["NVIDIA-GPU=GPU-11111111-0000-0000-0000-000000000000", "NVIDIA-GPU=GPU-44444444-0000-0000-0000-000000000000"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"all of two", both(second, swarm(func(s *host.Swarm) { s.GPUs = append(s.GPUs, "NVIDIA-GPU=GPU-44444444") })), ""},
		edge{"not in a swarm", swarm(func(s *host.Swarm) { s.State, s.GPUs = "", nil }), ""},
	)
	edges(t, "C063", "swarm-node",
		edge{"runc, no file", engine(func(e *host.Engine) { e.DefaultRuntime = "runc" }), `
error C063: this node offers GPUs to the swarm, but its default runtime is runc: tasks get none
  seen: docker info: default runtime runc
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  fix: make nvidia the default runtime [reload, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --set-as-default
    run: systemctl reload docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl reload docker
`},
		edge{"runc, a file", engine(func(e *host.Engine) {
			e.DefaultRuntime, e.Config = "runc", `{"node-generic-resources": ["NVIDIA-GPU=GPU-11111111"]}`
		}), `
error C063: this node offers GPUs to the swarm, but its default runtime is runc: tasks get none
  seen: docker info: default runtime runc
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  fix: make nvidia the default runtime [reload, root]
    run: cp -a -- /etc/docker/daemon.json /etc/docker/daemon.json.before
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --set-as-default
    run: systemctl reload docker
    undo: mv -- /etc/docker/daemon.json.before /etc/docker/daemon.json
    undo: systemctl reload docker
`},
		edge{"rootless, and nobody knows where its file is", engine(func(e *host.Engine) { e.DefaultRuntime, e.Rootless, e.ConfigFile = "runc", true, "" }), `
error C063: this node offers GPUs to the swarm, but its default runtime is runc: tasks get none
  seen: docker info: default runtime runc
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  fix: make nvidia the default runtime [reload]
`},
		edge{"its file was not seen", func(h *host.Host) {
			h.Engine.DefaultRuntime, h.Unread = "runc", map[string]string{"dockerd": "permission denied"}
		}, `
error C063: this node offers GPUs to the swarm, but its default runtime is runc: tasks get none
  seen: docker info: default runtime runc
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  fix: make nvidia the default runtime [reload, root]
`},
		edge{"of another machine nothing but the engine is known", func(h *host.Host) {
			h.Engine.DefaultRuntime, h.Kernel, h.Local = "runc", host.Kernel{}, false
		}, `
error C063: this node offers GPUs to the swarm, but its default runtime is runc: tasks get none
  seen: docker info: default runtime runc
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  fix: make nvidia the default runtime [reload, root]
`},
		edge{"a variant of nvidia's", engine(func(e *host.Engine) { e.DefaultRuntime = "nvidia-legacy" }), ""},
		edge{"it offers none", engine(func(e *host.Engine) { e.DefaultRuntime, e.Swarm.GPUs = "runc", nil }), ""},
	)
	edges(t, "C061", "swarm-node",
		edge{"not set", tools(func(k *host.Toolkit) { delete(k.Config, "swarm-resource") }), `
error C061: tasks get their GPUs in DOCKER_RESOURCE_NVIDIA-GPU, but the toolkit's swarm-resource is not set: they see all GPUs
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  seen: /etc/nvidia-container-runtime/config.toml: swarm-resource: not set
  fix: have the toolkit read DOCKER_RESOURCE_NVIDIA-GPU [none, root]
    run: nvidia-ctk config --in-place --set swarm-resource=DOCKER_RESOURCE_NVIDIA-GPU
    undo: sed -i /^swarm-resource/d /etc/nvidia-container-runtime/config.toml
`},
		edge{"another kind", tools(func(k *host.Toolkit) { k.Config["swarm-resource"] = "DOCKER_RESOURCE_GPU" }), `
error C061: tasks get their GPUs in DOCKER_RESOURCE_NVIDIA-GPU, but the toolkit's swarm-resource is DOCKER_RESOURCE_GPU: they see all GPUs
  seen: docker info: generic resources: NVIDIA-GPU=GPU-11111111
  seen: /etc/nvidia-container-runtime/config.toml: swarm-resource: DOCKER_RESOURCE_GPU
  fix: have the toolkit read DOCKER_RESOURCE_NVIDIA-GPU [none, root]
    run: nvidia-ctk config --in-place --set swarm-resource=DOCKER_RESOURCE_NVIDIA-GPU
    undo: nvidia-ctk config --in-place --set swarm-resource=DOCKER_RESOURCE_GPU
`},
		edge{"a kind of its own", swarm(func(s *host.Swarm) { s.GPUs = []string{"h200=GPU-11111111"} }), `
error C061: tasks get their GPUs in DOCKER_RESOURCE_H200, but the toolkit's swarm-resource is DOCKER_RESOURCE_NVIDIA-GPU: they see all GPUs
  seen: docker info: generic resources: h200=GPU-11111111
  seen: /etc/nvidia-container-runtime/config.toml: swarm-resource: DOCKER_RESOURCE_NVIDIA-GPU
  fix: have the toolkit read DOCKER_RESOURCE_H200 [none, root]
    run: nvidia-ctk config --in-place --set swarm-resource=DOCKER_RESOURCE_H200
    undo: nvidia-ctk config --in-place --set swarm-resource=DOCKER_RESOURCE_NVIDIA-GPU
`},
		edge{"one of several", tools(func(k *host.Toolkit) { k.Config["swarm-resource"] = "DOCKER_RESOURCE_GPU, DOCKER_RESOURCE_NVIDIA-GPU" }), ""},
	)
	edges(t, "C064", "swarm-node",
		edge{"1.18", tools(func(k *host.Toolkit) { k.Version = "1.18.2" }), `
error C064: toolkit 1.18.2: swarm tasks of a node with the nvidia runtime get no GPU; fixed in 1.19.0
  seen: nvidia-ctk: version 1.18.2
  seen: NVIDIA/nvidia-container-toolkit#1599: 2026-11-23
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
`},
		edge{"legacy mode", tools(func(k *host.Toolkit) { k.Version, k.Config["nvidia-container-runtime.mode"] = "1.18.2", "legacy" }), ""},
		edge{"before", tools(func(k *host.Toolkit) { k.Version = "1.17.8" }), ""},
		edge{"after", tools(func(k *host.Toolkit) { k.Version = "1.19.0" }), ""},
		edge{"it offers none", both(tools(func(k *host.Toolkit) { k.Version = "1.18.2" }), swarm(func(s *host.Swarm) { s.GPUs = nil })), ""},
	)
	hides(t, "swarm-node", "C062", swarm(func(s *host.Swarm) { s.GPUs = []string{"NVIDIA-GPU=GPU-99999999"} }), "C060")
	hides(t, "swarm-node", "C063", engine(func(e *host.Engine) { e.DefaultRuntime = "runc" }), "C061", "C064")
}
