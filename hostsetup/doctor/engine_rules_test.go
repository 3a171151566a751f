package doctor

import (
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestEdgesOfDeviceRules(t *testing.T) {
	byTheHook := box(func(c *host.Container) { c.Route = byHook })
	noCDI := engine(func(e *host.Engine) { e.CDIDevices, e.CDIDirs = nil, nil })
	edges(t, "C058", "docker29-cdi",
		edge{"set for root", tools(func(k *host.Toolkit) { k.Config[noCgroups] = "true" }), `
warning C058: no-cgroups is true, but this engine runs as root: the hook's containers may not use their GPUs
  seen: /etc/nvidia-container-runtime/config.toml: nvidia-container-cli.no-cgroups = true
  fix: let the toolkit set device rules [none, root]
    run: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false
    undo: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true
`},
		edge{"set for root, and the hook gives GPUs", both(version("28.5.2"), tools(func(k *host.Toolkit) { k.Config[noCgroups] = "true" })), `
error C058: no-cgroups is true, but this engine runs as root: the hook's containers may not use their GPUs
  seen: /etc/nvidia-container-runtime/config.toml: nvidia-container-cli.no-cgroups = true
  fix: let the toolkit set device rules [none, root]
    run: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false
    undo: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true
`},
		edge{"rootless", both(engine(func(e *host.Engine) { e.Rootless = true }), tools(func(k *host.Toolkit) { k.Config[noCgroups] = "true" })), ""},
		edge{"in a container", both(func(h *host.Host) { h.OS.Container = "lxc" }, tools(func(k *host.Toolkit) { k.Config[noCgroups] = "true" })), ""},
		edge{"false", tools(func(k *host.Toolkit) { k.Config[noCgroups] = "false" }), ""},
		edge{"no configuration", tools(func(k *host.Toolkit) { k.Config = nil }), ""},
	)
	edges(t, "C010", "docker29-cdi",
		edge{"by the hook on 28", both(version("28.5.2"), byTheHook), `
warning C010: 1 running container will lose the GPU at the next systemctl daemon-reload: worker
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: start the containers again with --device nvidia.com/gpu=all in place of --gpus [restart]
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"by the hook on 28 without devices", both(version("28.5.2"), byTheHook, engine(func(e *host.Engine) { e.CDIDevices = nil })), `
warning C010: 1 running container will lose the GPU at the next systemctl daemon-reload: worker
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: write a spec of this host's GPUs, then start the containers again with --device nvidia.com/gpu=all in place of --gpus [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"by the hook on 27, CDI off", both(version("27.5.1"), byTheHook, noCDI), `
warning C010: 1 running container will lose the GPU at the next systemctl daemon-reload: worker
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: upgrade docker-ce to 29 or newer; from 29.2 on --gpus goes by CDI [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"two by the hook, from before the engine's upgrade", both(byTheHook, more("second", func(c *host.Container) {}), engine(func(e *host.Engine) { e.Started = judgedAt() })), `
warning C010: 2 running containers will lose the GPU at the next systemctl daemon-reload: worker, second
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by CDI
  fix: start worker, second again: --gpus goes by CDI now [restart]
    run: docker restart -- worker second
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"by the runtime before JIT", both(tools(func(k *host.Toolkit) { k.Version = "1.17.8" }), box(func(c *host.Container) { c.Route = "runtime" })), `
warning C010: 1 running container will lose the GPU at the next systemctl daemon-reload: worker
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by CDI
  fix: recreate the containers with --gpus, which goes by CDI now, in place of the nvidia runtime [restart]
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"by the hook on 29, no spec", both(byTheHook, engine(func(e *host.Engine) { e.CDIDevices = nil })), `
warning C010: 1 running container will lose the GPU at the next systemctl daemon-reload: worker
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: write a spec of this host's GPUs, and recreate the containers: --gpus then goes by CDI [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"nothing runs yet, on 28", both(version("28.5.2"), engine(func(e *host.Engine) { e.Containers = nil })), `
note C010: containers started with --gpus lose the GPU at a systemctl daemon-reload, because the hook gives it
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: start the containers again with --device nvidia.com/gpu=all in place of --gpus [restart]
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"nothing runs yet, on 29.1", both(version("29.1.4"), engine(func(e *host.Engine) { e.Containers = nil })), `
note C010: containers started with --gpus lose the GPU at a systemctl daemon-reload, because the hook gives it
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: start the containers again with --device nvidia.com/gpu=all in place of --gpus [restart]
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"by the runtime since JIT", box(func(c *host.Container) { c.Route = "runtime" }), ""},
		edge{"by the hook, stopped", both(byTheHook, box(func(c *host.Container) { c.State = "exited" })), ""},
		edge{"cgroupfs", both(version("28.5.2"), byTheHook, engine(func(e *host.Engine) { e.CgroupDriver = "cgroupfs" })), ""},
		edge{"rootless", both(version("28.5.2"), byTheHook, engine(func(e *host.Engine) { e.Rootless = true })), ""},
		edge{"a virtual machine's systemd", both(version("28.5.2"), byTheHook, engine(func(e *host.Engine) { e.Kind = "desktop" })), ""},
		edge{"before CDI, of which C069 tells", both(version("24.0.9"), engine(func(e *host.Engine) { e.Containers = nil })), ""},
		edge{"before CDI, and one runs", both(version("24.0.9"), noCDI, byTheHook), `
warning C010: 1 running container will lose the GPU at the next systemctl daemon-reload: worker
  seen: docker info: cgroup driver systemd, cgroup version 2
  seen: --gpus: by the hook
  fix: upgrade docker-ce to 29 or newer; from 29.2 on --gpus goes by CDI [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
  fix: or put "exec-opts": ["native.cgroupdriver=cgroupfs"] into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
	)
	edges(t, "C009", "docker29-cdi",
		edge{"rootless by the hook", both(version("28.5.2"), engine(func(e *host.Engine) { e.Rootless, e.Security = true, []string{"name=rootless"} })), `
error C009: the engine is rootless and --gpus goes by the hook, which may not set device rules
  seen: docker info: security options: name=rootless
  seen: /etc/nvidia-container-runtime/config.toml: nvidia-container-cli.no-cgroups is not true
  fix: ask for the GPU by CDI: --device nvidia.com/gpu=all [none]
  fix: tell the hook to leave device rules alone [none, root]
    run: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true
    undo: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false
`},
		edge{"rootless by the hook, before CDI", both(version("24.0.9"), noCDI, engine(func(e *host.Engine) { e.Rootless = true })), `
error C009: the engine is rootless and --gpus goes by the hook, which may not set device rules
  seen: docker info: security options: name=apparmor, name=seccomp,profile=builtin, name=cgroupns
  seen: /etc/nvidia-container-runtime/config.toml: nvidia-container-cli.no-cgroups is not true
  fix: tell the hook to leave device rules alone [none, root]
    run: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true
    undo: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false
`},
		edge{"in LXC", both(version("28.5.2"), func(h *host.Host) { h.OS.Container = "lxc" }), `
error C009: the engine runs in an unprivileged container and --gpus goes by the hook, which may not set device rules
  seen: docker info: security options: name=apparmor, name=seccomp,profile=builtin, name=cgroupns
  seen: /etc/nvidia-container-runtime/config.toml: nvidia-container-cli.no-cgroups is not true
  fix: ask for the GPU by CDI: --device nvidia.com/gpu=all [none]
  fix: tell the hook to leave device rules alone [none, root]
    run: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true
    undo: nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false
`},
		edge{"told to leave them alone", both(version("28.5.2"), engine(func(e *host.Engine) { e.Rootless = true }), tools(func(k *host.Toolkit) { k.Config[noCgroups] = "true" })), ""},
		edge{"by CDI", engine(func(e *host.Engine) { e.Rootless = true }), ""},
		edge{"in Docker", both(version("28.5.2"), func(h *host.Host) { h.OS.Container = "docker" }), ""},
	)
	enforcing := func(h *host.Host) {
		h.OS.SELinux, h.Engine.Security = "enforcing", []string{"name=seccomp,profile=builtin", "name=selinux"}
	}
	edges(t, "C011", "docker29-cdi",
		edge{"enforcing, and Docker labels", enforcing, `
warning C011: SELinux is enforcing and Docker labels containers: GPUs are refused unless the policy allows devices
  seen: getenforce: enforcing
  seen: docker info: security options: selinux
  fix: allow devices in containers [none, root]
    run: setsebool -P container_use_devices 1
    undo: setsebool -P container_use_devices 0
  fix: or start the container with --security-opt label=disable [none]
`},
		edge{"permissive", both(enforcing, func(h *host.Host) { h.OS.SELinux = "permissive" }), ""},
		edge{"Docker does not label", both(enforcing, engine(func(e *host.Engine) { e.Security = nil })), ""},
	)
	edges(t, "C040", "docker29-cdi",
		edge{"a card for a group", func(h *host.Host) { h.Engine.UserNS, h.Nodes[0].Mode = true, 0o660 }, `
warning C040: userns-remap is on and these devices are closed to ordinary users: /dev/nvidia0 (0660)
  seen: docker info: security options: userns
  seen: /dev: /dev/nvidia0 (0660)
  fix: start GPU containers with --userns=host, or load the driver with NVreg_DeviceFileMode=0666 [none]
`},
		edge{"all for root", func(h *host.Host) {
			h.Engine.UserNS = true
			for i := range h.Nodes {
				h.Nodes[i].Mode = 0o600
			}
		}, `
warning C040: userns-remap is on and these devices are closed to ordinary users: /dev/nvidia0 (0600), /dev/nvidiactl (0600), /dev/nvidia-uvm (0600), /dev/nvidia-uvm-tools (0600)
  seen: docker info: security options: userns
  seen: /dev: /dev/nvidia0 (0600), /dev/nvidiactl (0600), /dev/nvidia-uvm (0600), /dev/nvidia-uvm-tools (0600)
  fix: start GPU containers with --userns=host, or load the driver with NVreg_DeviceFileMode=0666 [none]
`},
		edge{"reading is not enough", func(h *host.Host) { h.Engine.UserNS, h.Nodes[2].Mode = true, 0o664 }, `
warning C040: userns-remap is on and these devices are closed to ordinary users: /dev/nvidia-uvm (0664)
  seen: docker info: security options: userns
  seen: /dev: /dev/nvidia-uvm (0664)
  fix: start GPU containers with --userns=host, or load the driver with NVreg_DeviceFileMode=0666 [none]
`},
		edge{"open", engine(func(e *host.Engine) { e.UserNS = true }), ""},
		edge{"closed, without userns-remap", func(h *host.Host) { h.Nodes[0].Mode = 0o660 }, ""},
	)
	edges(t, "C023", "docker29-cdi",
		edge{"the default runtime", engine(func(e *host.Engine) { e.DefaultRuntime = "nvidia" }), `
warning C023: nvidia is the default runtime: any image that sets NVIDIA_VISIBLE_DEVICES gets every GPU
  seen: docker info: default runtime nvidia
  seen: /etc/nvidia-container-runtime/config.toml: accept-nvidia-visible-devices-envvar-when-unprivileged is not false
  fix: let only --gpus, CDI and privileged containers ask [none, root]
    run: nvidia-ctk config --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=false
    undo: nvidia-ctk config --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=true
`},
		edge{"a variant of it", engine(func(e *host.Engine) { e.DefaultRuntime = "nvidia-legacy" }), `
warning C023: nvidia is the default runtime: any image that sets NVIDIA_VISIBLE_DEVICES gets every GPU
  seen: docker info: default runtime nvidia-legacy
  seen: /etc/nvidia-container-runtime/config.toml: accept-nvidia-visible-devices-envvar-when-unprivileged is not false
  fix: let only --gpus, CDI and privileged containers ask [none, root]
    run: nvidia-ctk config --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=false
    undo: nvidia-ctk config --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=true
`},
		edge{"switched off", both(engine(func(e *host.Engine) { e.DefaultRuntime = "nvidia" }), tools(func(k *host.Toolkit) { k.Config["accept-nvidia-visible-devices-envvar-when-unprivileged"] = "false" })), ""},
		edge{"a swarm has no other way", engine(func(e *host.Engine) { e.DefaultRuntime, e.Swarm.State = "nvidia", "active" }), ""},
	)
	hides(t, "docker29-cdi", "C058", both(version("28.5.2"), tools(func(k *host.Toolkit) { k.Config[noCgroups] = "true" })), "C010", "C009")
	hides(t, "docker29-cdi", "C009", both(version("28.5.2"), engine(func(e *host.Engine) { e.Rootless = true })), "C010")
}

func TestEdgesOfContainers(t *testing.T) {
	edges(t, "C037", "docker29-cdi",
		edge{"from before an upgrade", func(h *host.Host) { h.Driver.Libraries[1].Changed = h.Engine.Containers[0].Started.Add(time.Second) }, `
warning C037: 1 container from before the driver's upgrade: worker
  seen: driver's libraries: put there 2026-11-20 09:00:01
  seen: docker inspect: worker started 2026-11-20 09:00:00
  fix: start worker again [restart]
    run: docker restart -- worker
`},
		edge{"five of them, one stopped", func(h *host.Host) {
			for _, name := range []string{"b", "c", "d", "e"} {
				more(name, func(c *host.Container) { c.Started = c.Started.Add(-time.Hour) })(h)
			}
			more("stopped", func(c *host.Container) { c.State = "exited" })(h)
			h.Driver.Libraries[0].Changed = judgedAt()
		}, `
warning C037: 5 containers from before the driver's upgrade: worker, b, c, d, and 1 other
  seen: driver's libraries: put there 2026-11-24 12:00:00
  seen: docker inspect: b started 2026-11-20 08:00:00
  fix: start worker, b, c, d, and 1 other again [restart]
    run: docker restart -- worker b c d e
`},
		edge{"started in the same second", func(h *host.Host) { h.Driver.Libraries[0].Changed = h.Engine.Containers[0].Started }, ""},
		edge{"nobody knows when it started", both(box(func(c *host.Container) { c.Started = time.Time{} }), func(h *host.Host) { h.Driver.Libraries[0].Changed = judgedAt() }), ""},
		edge{"nobody knows when the driver came", func(h *host.Host) { h.Driver.Libraries[0].Changed = time.Time{} }, ""},
	)
	hook := func(capabilities string) func(h *host.Host) {
		return box(func(c *host.Container) { c.Route, c.Capabilities = byHook, capabilities })
	}
	edges(t, "C038", "docker29-cdi",
		edge{"video alone", hook("video"), `
warning C038: worker has no compute and no utility: NVIDIA_DRIVER_CAPABILITIES is "video"
  seen: docker inspect: worker: NVIDIA_DRIVER_CAPABILITIES=video
  fix: recreate it with NVIDIA_DRIVER_CAPABILITIES=video,compute,utility [restart]
`},
		edge{"no utility", hook("compute, graphics"), `
warning C038: worker has no utility: NVIDIA_DRIVER_CAPABILITIES is "compute, graphics"
  seen: docker inspect: worker: NVIDIA_DRIVER_CAPABILITIES=compute, graphics
  fix: recreate it with NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility [restart]
`},
		edge{"nothing but a comma", hook(","), `
warning C038: worker has no compute and no utility: NVIDIA_DRIVER_CAPABILITIES is ","
  seen: docker inspect: worker: NVIDIA_DRIVER_CAPABILITIES=,
  fix: recreate it with NVIDIA_DRIVER_CAPABILITIES=compute,utility [restart]
`},
		edge{"two containers", both(hook("utility"), more("second", func(c *host.Container) { c.Name = "\x1b[2J" })), `
warning C038: worker has no compute: NVIDIA_DRIVER_CAPABILITIES is "utility"
  seen: docker inspect: worker: NVIDIA_DRIVER_CAPABILITIES=utility
  fix: recreate it with NVIDIA_DRIVER_CAPABILITIES=utility,compute [restart]
warning C038: [2J has no compute: NVIDIA_DRIVER_CAPABILITIES is "utility"
  seen: docker inspect: [2J: NVIDIA_DRIVER_CAPABILITIES=utility
  fix: recreate it with NVIDIA_DRIVER_CAPABILITIES=utility,compute [restart]
`},
		edge{"enough", hook("compute,utility"), ""},
		edge{"all", hook("all"), ""},
		edge{"not set", hook(""), ""},
		edge{"by CDI everything comes", box(func(c *host.Container) { c.Capabilities = "video" }), ""},
	)
	edges(t, "C030", "docker29-cdi",
		edge{"Docker's default", box(func(c *host.Container) { c.Shm = 64 << 20 }), `
note C030: 64 MiB of shared memory, too little for data loaders and NCCL: worker
  seen: docker inspect: ShmSize at most 64 MiB
  fix: recreate with --shm-size=16g, or in Compose shm_size: 16gb [restart]
`},
		edge{"ended by a bus error", box(func(c *host.Container) { c.Shm, c.State, c.Exit = 64<<20, "exited", 135 }), `
warning C030: ended by a bus error with 64 MiB of shared memory: worker
  seen: docker inspect: ShmSize at most 64 MiB
  seen: docker ps: exit code 135
  fix: recreate with --shm-size=16g, or in Compose shm_size: 16gb [restart]
`},
		edge{"one died, one runs", both(box(func(c *host.Container) { c.Shm, c.State, c.Exit = 1<<20, "exited", 135 }), more("second", func(c *host.Container) { c.State = "running" })), `
warning C030: ended by a bus error with 64 MiB of shared memory: worker
  seen: docker inspect: ShmSize at most 64 MiB
  seen: docker ps: exit code 135
  fix: recreate with --shm-size=16g, or in Compose shm_size: 16gb [restart]
`},
		edge{"a byte more", box(func(c *host.Container) { c.Shm = 64<<20 + 1 }), ""},
		edge{"the host's", box(func(c *host.Container) { c.Shm, c.IPC = 64<<20, "host" }), ""},
		edge{"not known", box(func(c *host.Container) { c.Shm = 0 }), ""},
		edge{"ended by something else", box(func(c *host.Container) { c.Shm, c.State, c.Exit = 64<<20, "exited", 137 }), ""},
	)
	const exists = "failed to create task for container: mount error: file creation failed: /var/lib/docker/overlay2/x/merged/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1: file exists"
	edges(t, "C028", "docker29-cdi",
		edge{"NVIDIA's library", box(func(c *host.Container) { c.State, c.Error = "created", exists }), `
error C028: worker cannot start: its image nvidia/cuda:13.0.1-runtime-ubuntu24.04 holds libraries of the driver
  seen: docker inspect: failed to create task for container: mount error: file creation failed: /var/lib/docker/overlay2/x/merged/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1: file exists
  fix: build nvidia/cuda:13.0.1-runtime-ubuntu24.04 without packages named nvidia-* or libnvidia-* [none]
`},
		edge{"two images", both(box(func(c *host.Container) { c.Error = exists }), more("second", func(c *host.Container) {
			c.Image, c.Error = "app:2", "mount error: file creation failed: /x/libcuda.so.580.95.05: file exists"
		})), `
error C028: worker cannot start: its image nvidia/cuda:13.0.1-runtime-ubuntu24.04 holds libraries of the driver
  seen: docker inspect: failed to create task for container: mount error: file creation failed: /var/lib/docker/overlay2/x/merged/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1: file exists
  fix: build nvidia/cuda:13.0.1-runtime-ubuntu24.04 without packages named nvidia-* or libnvidia-* [none]
error C028: second cannot start: its image app:2 holds libraries of the driver
  seen: docker inspect: mount error: file creation failed: /x/libcuda.so.580.95.05: file exists
  fix: build app:2 without packages named nvidia-* or libnvidia-* [none]
`},
		edge{"another file", box(func(c *host.Container) { c.Error = "mount error: file creation failed: /x/libGL.so.1: file exists" }), ""},
		edge{"another error", box(func(c *host.Container) { c.Error = "OCI runtime create failed" }), ""},
	)
	failed := box(func(c *host.Container) { c.State, c.Exit, c.Restart = "exited", 128, "always" })
	edges(t, "C059", "docker29-cdi",
		edge{"failed at boot", failed, `
error C059: did not start with Docker, in spite of a restart policy: worker
  seen: docker ps: exit code 128
  fix: start them [none, safe]
    run: docker start -- worker
    undo: docker stop -- worker
`},
		edge{"says why, with an older toolkit", both(failed, box(func(c *host.Container) {
			c.Restart, c.Error = "unless-stopped", "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all"
		}), tools(func(k *host.Toolkit) { k.Version = "1.20.0" }), func(h *host.Host) {
			for i := range h.Packages[:4] {
				h.Packages[i].Version = "1.20.0-1"
			}
		}), `
error C059: did not start with Docker, in spite of a restart policy: worker
  seen: docker inspect: worker: CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all
  seen: docker ps: exit code 128
  seen: nvidia-ctk: version 1.20.0: its service is not ordered before Docker
  fix: start them [none, safe]
    run: docker start -- worker
    undo: docker stop -- worker
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get install -y --allow-downgrades nvidia-container-toolkit=1.20.0-1 nvidia-container-toolkit-base=1.20.0-1 libnvidia-container-tools=1.20.0-1 libnvidia-container1=1.20.0-1
`},
		edge{"five of them", both(failed, more("b", func(c *host.Container) { c.Error = "x" }), more("c", func(c *host.Container) { c.Error = "x" }), more("d", func(c *host.Container) { c.Error = "x" }), more("e", func(c *host.Container) { c.Error = "x" })), `
error C059: did not start with Docker, in spite of a restart policy: worker, b, c, d, and 1 other
  seen: docker inspect: b: x
  seen: docker inspect: c: x
  seen: docker inspect: d: x
  seen: docker ps: exit code 128
  fix: start them [none, safe]
    run: docker start -- worker b c d e
    undo: docker stop -- worker b c d e
`},
		edge{"on-failure does not start at boot", both(failed, box(func(c *host.Container) { c.Restart = "on-failure" })), ""},
		edge{"stopped by hand", both(failed, box(func(c *host.Container) { c.Exit = 0 })), ""},
		edge{"no policy", both(failed, box(func(c *host.Container) { c.Restart = "" })), ""},
		edge{"it runs again", both(failed, box(func(c *host.Container) { c.State = "running" })), ""},
	)
	edges(t, "C067", "docker29-cdi",
		edge{"by the hook, with devices there", box(func(c *host.Container) { c.Route = byHook }), `
warning C067: the engine has CDI devices, yet gave the GPU by the hook: worker
  seen: docker inspect: NVIDIA_VISIBLE_DEVICES is not void
  seen: docker info: nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all
  fix: see why CDI failed [none, root]
    run: journalctl -u docker --no-pager --grep "errors updating spec"
  fix: start worker again [restart]
    run: docker restart -- worker
`},
		edge{"nobody knows when Docker started", both(box(func(c *host.Container) { c.Route = byHook }), engine(func(e *host.Engine) { e.Started = time.Time{} })), `
warning C067: the engine has CDI devices, yet gave the GPU by the hook: worker
  seen: docker inspect: NVIDIA_VISIBLE_DEVICES is not void
  seen: docker info: nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all
  fix: see why CDI failed [none, root]
    run: journalctl -u docker --no-pager --grep "errors updating spec"
  fix: start worker again [restart]
    run: docker restart -- worker
`},
		edge{"from before the engine's start", both(box(func(c *host.Container) { c.Route = byHook }), engine(func(e *host.Engine) { e.Started = judgedAt() })), ""},
		edge{"28 takes the hook", both(version("28.5.2"), box(func(c *host.Container) { c.Route = byHook })), ""},
		edge{"no devices", both(box(func(c *host.Container) { c.Route = byHook }), engine(func(e *host.Engine) { e.CDIDevices = nil })), ""},
		edge{"by the runtime, as asked", box(func(c *host.Container) { c.Route = "runtime" }), ""},
	)
	second := func(h *host.Host) { h.GPUs = append(h.GPUs, h.GPUs[0]) }
	one := box(func(c *host.Container) { c.GPUs, c.Project, c.Service = []string{"1"}, "app", "a" })
	edges(t, "C065", "docker29-cdi",
		edge{"two services want one each", both(second, one, more("b", func(c *host.Container) { c.Service = "b" })), `
note C065: each asks for a number of GPUs and has the same first ones of 2: app/a, app/b
  seen: docker inspect: device requests with a count
  fix: give each service its own device_ids in the Compose file [restart]
`},
		edge{"one of them wants two", both(second, one, more("b", func(c *host.Container) { c.Service, c.GPUs = "b", []string{"2"} })), `
note C065: each asks for a number of GPUs and has the same first ones of 2: app/a, app/b
  seen: docker inspect: device requests with a count
  fix: give each service its own device_ids in the Compose file [restart]
`},
		edge{"there is one GPU", both(one, more("b", func(c *host.Container) { c.Service = "b" })), ""},
		edge{"one service", both(second, one), ""},
		edge{"not of Compose", both(second, box(func(c *host.Container) { c.GPUs = []string{"1"} }), more("b", func(c *host.Container) {})), ""},
		edge{"they name their GPUs", both(second, one, more("b", func(c *host.Container) { c.Service, c.GPUs = "b", []string{"GPU-44444444"} })), ""},
		edge{"one is stopped", both(second, one, more("b", func(c *host.Container) { c.State = "exited" })), ""},
	)
	hides(t, "docker29-cdi", "C028", both(failed, box(func(c *host.Container) { c.Error = exists })), "C059")
}
