package doctor

import (
	"maps"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// tools changes the toolkit of a host.
func tools(change func(k *host.Toolkit)) func(h *host.Host) {
	return func(h *host.Host) { change(&h.Toolkit) }
}

// packages replaces what is installed, by name and version.
func packages(all map[string]string) func(h *host.Host) {
	return func(h *host.Host) {
		h.Packages = nil
		for _, name := range []string{"nvidia-container-toolkit", "nvidia-container-toolkit-base", "libnvidia-container-tools", "libnvidia-container1", "docker-ce", "nvidia-docker2", "nvidia-docker"} {
			if v, ok := all[name]; ok {
				h.Packages = append(h.Packages, host.Package{Name: name, Version: v})
			}
		}
	}
}

func distribution(id, like, version string) func(h *host.Host) {
	return func(h *host.Host) { on(h, id, like, version) }
}

func TestEdgesOfHooks(t *testing.T) {
	noTools := func(h *host.Host) { h.Toolkit, h.Packages = host.Toolkit{}, nil }
	edges(t, "C001", "docker29-cdi",
		edge{"no toolkit", noTools, `
error C001: the NVIDIA Container Toolkit is not installed: containers get no GPU
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-cdi-hook, no nvidia-container-runtime-hook
  fix: install the NVIDIA Container Toolkit 1.20.1; then docker run --device nvidia.com/gpu=all works without a restart [none, root]
    run: curl -fsSL -o /usr/share/keyrings/nvidia-container-toolkit-keyring.asc https://nvidia.github.io/libnvidia-container/gpgkey
    run: curl -fsSL -o /etc/apt/sources.list.d/nvidia-container-toolkit.list https://nvidia.github.io/libnvidia-container/stable/deb/nvidia-container-toolkit.list
    run: sed -i "s#deb https://#deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.asc] https://#g" /etc/apt/sources.list.d/nvidia-container-toolkit.list
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: rm -f /etc/apt/sources.list.d/nvidia-container-toolkit.list /usr/share/keyrings/nvidia-container-toolkit-keyring.asc
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: curl -fsSL -o /usr/share/keyrings/nvidia-container-toolkit-keyring.asc https://nvidia.github.io/libnvidia-container/gpgkey
    run: curl -fsSL -o /etc/apt/sources.list.d/nvidia-container-toolkit.list https://nvidia.github.io/libnvidia-container/stable/deb/nvidia-container-toolkit.list
    run: sed -i "s#deb https://#deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.asc] https://#g" /etc/apt/sources.list.d/nvidia-container-toolkit.list
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: rm -f /etc/apt/sources.list.d/nvidia-container-toolkit.list /usr/share/keyrings/nvidia-container-toolkit-keyring.asc
`},
		edge{"no toolkit, and its repository is named", both(noTools, tools(func(k *host.Toolkit) { k.Sources = []string{"/etc/apt/sources.list.d/nvidia-container-toolkit.list"} })), `
error C001: the NVIDIA Container Toolkit is not installed: containers get no GPU
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-cdi-hook, no nvidia-container-runtime-hook
  fix: install the NVIDIA Container Toolkit 1.20.1; then docker run --device nvidia.com/gpu=all works without a restart [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
`},
		edge{"no toolkit on 28.1", both(noTools, version("28.1.1")), `
error C001: the NVIDIA Container Toolkit is not installed: containers get no GPU
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-container-runtime-hook
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: curl -fsSL -o /usr/share/keyrings/nvidia-container-toolkit-keyring.asc https://nvidia.github.io/libnvidia-container/gpgkey
    run: curl -fsSL -o /etc/apt/sources.list.d/nvidia-container-toolkit.list https://nvidia.github.io/libnvidia-container/stable/deb/nvidia-container-toolkit.list
    run: sed -i "s#deb https://#deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.asc] https://#g" /etc/apt/sources.list.d/nvidia-container-toolkit.list
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: rm -f /etc/apt/sources.list.d/nvidia-container-toolkit.list /usr/share/keyrings/nvidia-container-toolkit-keyring.asc
`},
		edge{"no toolkit on RHEL", both(noTools, distribution("rhel", "fedora", "9.7"), version("28.1.1")), `
error C001: the NVIDIA Container Toolkit is not installed: containers get no GPU
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-container-runtime-hook
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: curl -fsSL -o /etc/yum.repos.d/nvidia-container-toolkit.repo https://nvidia.github.io/libnvidia-container/stable/rpm/nvidia-container-toolkit.repo
    run: dnf install -y nvidia-container-toolkit-1.20.1-1 nvidia-container-toolkit-base-1.20.1-1 libnvidia-container-tools-1.20.1-1 libnvidia-container1-1.20.1-1
    run: systemctl restart docker
    undo: dnf remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: rm -f /etc/yum.repos.d/nvidia-container-toolkit.repo
`},
		edge{"no toolkit on SUSE", both(noTools, distribution("sles", "suse", "15.7"), version("28.1.1")), `
error C001: the NVIDIA Container Toolkit is not installed: containers get no GPU
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-container-runtime-hook
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: zypper addrepo https://nvidia.github.io/libnvidia-container/stable/rpm/nvidia-container-toolkit.repo
    run: zypper --gpg-auto-import-keys refresh
    run: zypper --non-interactive install nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
    undo: zypper --non-interactive remove nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: zypper removerepo nvidia-container-toolkit
`},
		edge{"no toolkit on a system of another kind", both(noTools, distribution("nixos", "", "26.05")), `
error C001: the NVIDIA Container Toolkit is not installed: containers get no GPU
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-cdi-hook, no nvidia-container-runtime-hook
  fix: install the NVIDIA Container Toolkit 1.20.1 with this system's packages: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html [none, root]
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: systemctl restart docker
`},
		edge{"no toolkit, yet it is the default runtime", both(noTools, engine(func(e *host.Engine) {
			e.DefaultRuntime, e.Runtimes["nvidia"] = "nvidia", "/usr/bin/nvidia-container-runtime"
		})), `
error C001: the NVIDIA Container Toolkit is not installed, but its runtime is the default: no container starts
  seen: driver: version 580.95.05
  seen: PATH of dockerd: no nvidia-cdi-hook, no nvidia-container-runtime-hook
  seen: docker info: default runtime nvidia: /usr/bin/nvidia-container-runtime
  fix: install the NVIDIA Container Toolkit 1.20.1; then docker run --device nvidia.com/gpu=all works without a restart [none, root]
    run: curl -fsSL -o /usr/share/keyrings/nvidia-container-toolkit-keyring.asc https://nvidia.github.io/libnvidia-container/gpgkey
    run: curl -fsSL -o /etc/apt/sources.list.d/nvidia-container-toolkit.list https://nvidia.github.io/libnvidia-container/stable/deb/nvidia-container-toolkit.list
    run: sed -i "s#deb https://#deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.asc] https://#g" /etc/apt/sources.list.d/nvidia-container-toolkit.list
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: rm -f /etc/apt/sources.list.d/nvidia-container-toolkit.list /usr/share/keyrings/nvidia-container-toolkit-keyring.asc
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: curl -fsSL -o /usr/share/keyrings/nvidia-container-toolkit-keyring.asc https://nvidia.github.io/libnvidia-container/gpgkey
    run: curl -fsSL -o /etc/apt/sources.list.d/nvidia-container-toolkit.list https://nvidia.github.io/libnvidia-container/stable/deb/nvidia-container-toolkit.list
    run: sed -i "s#deb https://#deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.asc] https://#g" /etc/apt/sources.list.d/nvidia-container-toolkit.list
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
    undo: apt-get remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
    undo: rm -f /etc/apt/sources.list.d/nvidia-container-toolkit.list /usr/share/keyrings/nvidia-container-toolkit-keyring.asc
`},
		edge{"the base package alone on 28", both(version("28.5.2"), tools(func(k *host.Toolkit) { delete(k.Binaries, runtimeHook) })), `
error C001: Docker 28.5.2 needs nvidia-container-runtime-hook for '--gpus'; this host has the toolkit's base package only
  seen: toolkit: version 1.20.1
  fix: install the NVIDIA Container Toolkit 1.20.1; then docker run --device nvidia.com/gpu=all works without a restart [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
`},
		edge{"the base package alone on 27, CDI off", both(version("27.5.1"), engine(func(e *host.Engine) { e.CDIDirs, e.CDIDevices = nil, nil }), tools(func(k *host.Toolkit) { delete(k.Binaries, runtimeHook) })), `
error C001: Docker 27.5.1 needs nvidia-container-runtime-hook for '--gpus'; this host has the toolkit's base package only
  seen: toolkit: version 1.20.1
  seen: docker info: no CDI spec directories
  fix: install the NVIDIA Container Toolkit 1.20.1 and restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    run: systemctl restart docker
  fix: or go by CDI: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy); then docker run --device nvidia.com/gpu=all [restart, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"installed after Docker started", func(h *host.Host) { h.Toolkit.Installed, h.Engine.Containers = h.Engine.Started.Add(time.Hour), nil }, `
error C001: the toolkit was installed after Docker started, so '--gpus' does not know it yet
  seen: dockerd: started 2026-11-20 08:00:05
  seen: toolkit: installed 2026-11-20 09:00:05
  fix: use the GPUs without a restart: docker run --device nvidia.com/gpu=all [none]
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: systemctl restart docker
`},
		edge{"installed after Docker started, no devices yet", func(h *host.Host) {
			h.Toolkit.Installed, h.Engine.Containers, h.Engine.CDIDevices, h.CDI.Specs = h.Engine.Started.Add(time.Hour), nil, nil, nil
		}, `
error C001: the toolkit was installed after Docker started, so '--gpus' does not know it yet
  seen: dockerd: started 2026-11-20 08:00:05
  seen: toolkit: installed 2026-11-20 09:00:05
  fix: use the GPUs without a restart: docker run --device nvidia.com/gpu=all [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: systemctl restart docker
`},
		edge{"installed after Docker started, rootless 27", func(h *host.Host) {
			version("27.5.1")(h)
			h.Toolkit.Installed, h.Engine.Containers, h.Engine.Rootless = h.Engine.Started.Add(time.Hour), nil, true
		}, `
error C001: the toolkit was installed after Docker started, so '--gpus' does not know it yet
  seen: dockerd: started 2026-11-20 08:00:05
  seen: toolkit: installed 2026-11-20 09:00:05
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart]
    run: systemctl --user restart docker
`},
		edge{"installed as exactly as is known when Docker started", func(h *host.Host) {
			h.Toolkit.Installed, h.Engine.Containers = h.Engine.Started.Add(startedWithin), nil
		}, ""},
		edge{"nobody knows when Docker started", func(h *host.Host) {
			h.Toolkit.Installed, h.Engine.Containers, h.Engine.Started = judgedAt(), nil, time.Time{}
		}, ""},
		edge{"a runtime is registered, so an upgrade", func(h *host.Host) {
			h.Toolkit.Installed, h.Engine.Containers, h.Engine.Runtimes["nvidia"] = judgedAt(), nil, "nvidia-container-runtime"
		}, ""},
		edge{"the base package alone on 29.2", both(version("29.2.0"), tools(func(k *host.Toolkit) { delete(k.Binaries, runtimeHook) })), ""},
		edge{"a virtual machine's engine", both(noTools, engine(func(e *host.Engine) { e.Kind = "desktop" })), ""},
		edge{"no driver", both(noTools, func(h *host.Host) { h.Driver = host.Driver{} }), ""},
	)
	edges(t, "C036", "docker29-cdi",
		edge{"not on the PATH", tools(func(k *host.Toolkit) { k.Binaries = nil }), `
error C036: the toolkit is installed, but the engine does not find nvidia-cdi-hook or nvidia-container-runtime-hook
  seen: nvidia-ctk: 1.20.1
  seen: PATH of dockerd: /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  fix: give dockerd a PATH with the toolkit's directory: 'systemctl edit docker' with [Service] and Environment=PATH=…; then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"no PATH known, rootless", both(tools(func(k *host.Toolkit) { clear(k.Binaries) }), engine(func(e *host.Engine) { e.Path, e.Rootless = "", true })), `
error C036: the toolkit is installed, but the engine does not find nvidia-cdi-hook or nvidia-container-runtime-hook
  seen: nvidia-ctk: 1.20.1
  fix: give dockerd a PATH with the toolkit's directory: 'systemctl edit docker' with [Service] and Environment=PATH=…; then restart Docker (1 running container stops and starts again only by its restart policy) [restart]
`},
		edge{"28 needs the other one", both(version("28.5.2"), tools(func(k *host.Toolkit) { delete(k.Binaries, runtimeHook) })), `
error C036: the toolkit is installed, but the engine does not find nvidia-container-runtime-hook
  seen: nvidia-ctk: 1.20.1
  seen: PATH of dockerd: /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  fix: give dockerd a PATH with the toolkit's directory: 'systemctl edit docker' with [Service] and Environment=PATH=…; then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"one of two is enough", tools(func(k *host.Toolkit) { delete(k.Binaries, cdiHook) }), ""},
		edge{"the package that holds it is not installed: C001", both(version("28.5.2"), packages(map[string]string{"nvidia-container-toolkit-base": "1.20.1-1"}), tools(func(k *host.Toolkit) { delete(k.Binaries, runtimeHook) })), ""},
		edge{"no toolkit at all: C001", noTools, ""},
		edge{"a virtual machine's engine", both(tools(func(k *host.Toolkit) { k.Binaries = nil }), engine(func(e *host.Engine) { e.Kind = "desktop" })), ""},
	)
	bare := func(h *host.Host) { h.GPUs, h.Driver.NVML, h.Driver.Libraries = nil, "", nil }
	edges(t, "C008", "docker29-cdi",
		edge{"none on Ubuntu", bare, `
error C008: driver 580.95.05 is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: install the libraries of driver 580.95.05 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-utils-580-server libnvidia-compute-580-server
`},
		edge{"none on RHEL", both(bare, distribution("rhel", "fedora", "9.7")), `
error C008: driver 580.95.05 is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: install the libraries of driver 580.95.05 [none, root]
    run: dnf install -y nvidia-driver-cuda-580.95.05
`},
		edge{"none on Debian", both(bare, distribution("debian", "", "13")), `
error C008: driver 580.95.05 is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: install the libraries of driver 580.95.05 [none, root]
`},
		edge{"none in a container", both(bare, func(h *host.Host) { h.OS.Container = "docker" }), `
error C008: driver 580.95.05 is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: start the container anew with NVIDIA_DRIVER_CAPABILITIES=compute,utility, or by CDI: it has its host's libraries [restart]
`},
		edge{"none beside Ubuntu's module", both(bare, func(h *host.Host) {
			h.Packages = append(h.Packages, host.Package{Name: "linux-modules-nvidia-580-open-6.8.0-87-generic"})
		}), `
error C008: driver 580.95.05 is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: install the libraries of driver 580.95.05 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-utils-580 libnvidia-compute-580
`},
		edge{"none, with a screen", both(bare, func(h *host.Host) { h.PCI[0].Class = "0300" }), `
error C008: driver 580.95.05 is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: install the libraries of driver 580.95.05 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-utils-580 libnvidia-compute-580
`},
		edge{"libcuda alone is missing", func(h *host.Host) { h.GPUs, h.Driver.NVML, h.Driver.Libraries = nil, "", h.Driver.Libraries[1:] }, `
error C008: driver 580.95.05 is loaded, but this host has no libcuda.so.1
  seen: libraries of the driver: 1 file
  fix: install the libraries of driver 580.95.05 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-utils-580-server libnvidia-compute-580-server
`},
		edge{"a version that is no number", both(bare, func(h *host.Host) { h.Driver.Version = "\x1b[31m$(reboot)" }), `
error C008: driver [31m$(reboot) is loaded, but this host has no libnvidia-ml.so.1 and no libcuda.so.1
  seen: libraries of the driver: 0 files
  fix: install the libraries of driver [31m$(reboot) [none, root]
`},
		edge{"NVML answered all the same", func(h *host.Host) { h.Driver.Libraries = nil }, ""},
		edge{"nobody could look", both(bare, func(h *host.Host) { h.Unread = map[string]string{"libraries": "permission denied"} }), ""},
	)
	edges(t, "C015", "docker29-cdi",
		edge{"1.17.4", tools(func(k *host.Toolkit) { k.Version = "1.17.4" }), `
warning C015: toolkit 1.17.4: containers get no forward-compatibility libraries; fixed in 1.17.5
  seen: nvidia-ctk: version 1.17.4
  seen: NVIDIA/nvidia-container-toolkit, CHANGELOG.md: 2026-11-23
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
`},
		edge{"before", tools(func(k *host.Toolkit) { k.Version = "1.17.3" }), ""},
		edge{"after", tools(func(k *host.Toolkit) { k.Version = "1.17.5" }), ""},
		edge{"no number", tools(func(k *host.Toolkit) { k.Version = "unknown" }), ""},
	)
	hides(t, "docker29-cdi", "C001", noTools, "C007", "C010", "C011", "C017", "C018", "C059")
	hides(t, "docker29-cdi", "C036", tools(func(k *host.Toolkit) { k.Binaries = nil }), "C001", "C007", "C010", "C011", "C017", "C018")
	hides(t, "docker29-cdi", "C008", bare, "C041")
	hides(t, "docker29-cdi", "G001", unload, "C001", "C008", "C010", "C017", "C018", "C019", "C036", "C037")
}

func TestEdgesOfToolkitVersions(t *testing.T) {
	all := func(v string) map[string]string {
		return map[string]string{"nvidia-container-toolkit": v, "nvidia-container-toolkit-base": v, "libnvidia-container-tools": v, "libnvidia-container1": v}
	}
	mixed := func(v string) map[string]string {
		m := maps.Clone(all("1.20.1-1"))
		m["libnvidia-container1"] = v
		return m
	}
	edges(t, "C026", "docker29-cdi",
		edge{"a library behind", packages(mixed("1.17.8-1")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.17.8-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get install -y --allow-downgrades libnvidia-container1=1.17.8-1
`},
		edge{"a library ahead, held", both(packages(mixed("1.21.0-1")), func(h *host.Host) { h.Packages[3].Held = true }), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.21.0-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y --allow-change-held-packages --allow-downgrades nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get update
    undo: apt-get install -y libnvidia-container1=1.21.0-1
`},
		edge{"a library ahead, on RHEL", both(packages(mixed("1.21.0-1")), distribution("rhel", "fedora", "9.7")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.21.0-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: dnf install -y nvidia-container-toolkit-1.20.1-1 nvidia-container-toolkit-base-1.20.1-1 libnvidia-container-tools-1.20.1-1
    run: dnf downgrade -y libnvidia-container1-1.20.1-1
    undo: dnf install -y libnvidia-container1-1.21.0-1
`},
		edge{"a library ahead, on SUSE", both(packages(mixed("1.21.0-1")), distribution("sles", "suse", "15.7")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.21.0-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: zypper --non-interactive install --oldpackage nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: zypper --non-interactive install libnvidia-container1=1.21.0-1
`},
		edge{"on RHEL", both(packages(mixed("1.17.8-1")), distribution("rhel", "fedora", "9.7")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.17.8-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: dnf install -y nvidia-container-toolkit-1.20.1-1 nvidia-container-toolkit-base-1.20.1-1 libnvidia-container-tools-1.20.1-1 libnvidia-container1-1.20.1-1
    undo: dnf downgrade -y libnvidia-container1-1.17.8-1
`},
		edge{"on SUSE", both(packages(mixed("1.17.8-1")), distribution("sles", "suse", "15.7")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.17.8-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: zypper --non-interactive install nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: zypper --non-interactive install --oldpackage libnvidia-container1=1.17.8-1
`},
		edge{"on Amazon Linux 2", both(packages(mixed("1.17.8-1")), distribution("amzn", "centos rhel fedora", "2")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.17.8-1
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: yum install -y nvidia-container-toolkit-1.20.1-1 nvidia-container-toolkit-base-1.20.1-1 libnvidia-container-tools-1.20.1-1 libnvidia-container1-1.20.1-1
    undo: yum downgrade -y libnvidia-container1-1.17.8-1
`},
		edge{"a version that is no argument", packages(mixed("1.17.8; reboot")), `
warning C026: the toolkit's packages are of different versions
  seen: packages: nvidia-container-toolkit 1.20.1-1, nvidia-container-toolkit-base 1.20.1-1, libnvidia-container-tools 1.20.1-1, libnvidia-container1 1.17.8; reboot
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
`},
		edge{"revisions of one version", packages(mixed("1.20.1-2")), ""},
		edge{"the base package alone", packages(map[string]string{"nvidia-container-toolkit-base": "1.18.0-1"}), ""},
		edge{"none", packages(nil), ""},
	)
	edges(t, "C033", "docker29-cdi",
		edge{"1.20.0", both(packages(all("1.20.0-1")), tools(func(k *host.Toolkit) { k.Version = "1.20.0" })), `
warning C033: toolkit 1.20.0: the create-symlinks hook fails now and then with EBADF; fixed in 1.20.1
  seen: nvidia-ctk: version 1.20.0
  seen: NVIDIA/nvidia-container-toolkit, CHANGELOG.md: 2026-11-23
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get install -y --allow-downgrades nvidia-container-toolkit=1.20.0-1 nvidia-container-toolkit-base=1.20.0-1 libnvidia-container-tools=1.20.0-1 libnvidia-container1=1.20.0-1
`},
		edge{"before", tools(func(k *host.Toolkit) { k.Version = "1.19.1" }), ""},
		edge{"after", tools(func(k *host.Toolkit) { k.Version = "1.20.1" }), ""},
	)
	edges(t, "C034", "docker29-cdi",
		edge{"one", both(packages(all("1.19.0-1")), tools(func(k *host.Toolkit) { k.Version = "1.19.0" })), `
warning C034: toolkit 1.19.0 has 1 known hole: CVE-2026-24260
  seen: nvidia-ctk: version 1.19.0
  seen: CVE-2026-24260: a race lets a container change what is mounted; fixed in 1.19.1 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get install -y --allow-downgrades nvidia-container-toolkit=1.19.0-1 nvidia-container-toolkit-base=1.19.0-1 libnvidia-container-tools=1.19.0-1 libnvidia-container1=1.19.0-1
`},
		edge{"three", both(packages(all("1.17.7-1")), tools(func(k *host.Toolkit) { k.Version = "1.17.7" })), `
warning C034: toolkit 1.17.7 has 3 known holes: CVE-2026-24260, CVE-2025-23266, CVE-2025-23267
  seen: nvidia-ctk: version 1.17.7
  seen: CVE-2026-24260: a race lets a container change what is mounted; fixed in 1.19.1 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2025-23266: an image can run code as root on the host (NVIDIAScape); fixed in 1.17.8 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2025-23267: an image can change files of the host by links; fixed in 1.17.8 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get install -y --allow-downgrades nvidia-container-toolkit=1.17.7-1 nvidia-container-toolkit-base=1.17.7-1 libnvidia-container-tools=1.17.7-1 libnvidia-container1=1.17.7-1
`},
		edge{"many", both(packages(all("1.13.5-1")), tools(func(k *host.Toolkit) { k.Version = "1.13.5" })), `
warning C034: toolkit 1.13.5 has 10 known holes: CVE-2026-24260, CVE-2025-23266, CVE-2025-23267 and 7 more
  seen: nvidia-ctk: version 1.13.5
  seen: CVE-2026-24260: a race lets a container change what is mounted; fixed in 1.19.1 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2025-23266: an image can run code as root on the host (NVIDIAScape); fixed in 1.17.8 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2025-23267: an image can change files of the host by links; fixed in 1.17.8 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2025-23359: a container can reach the host's file system; fixed in 1.17.4 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2024-0135: a container can change the host's binaries; fixed in 1.17.3 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2024-0136: a container can reach the host's devices; fixed in 1.17.3 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2024-0137: a container can enter the host's network namespace; fixed in 1.17.3 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2024-0134: a container can write files on the host; fixed in 1.17.0 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2024-0132: a container can reach the host's file system; fixed in 1.16.2 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  seen: CVE-2024-0133: a container can make empty files on the host; fixed in 1.16.2 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1
    undo: apt-get install -y --allow-downgrades nvidia-container-toolkit=1.13.5-1 nvidia-container-toolkit-base=1.13.5-1 libnvidia-container-tools=1.13.5-1 libnvidia-container1=1.13.5-1
`},
		edge{"the base package alone", both(packages(map[string]string{"nvidia-container-toolkit-base": "1.18.1-1"}), tools(func(k *host.Toolkit) { k.Version = "1.18.1" })), `
warning C034: toolkit 1.18.1 has 1 known hole: CVE-2026-24260
  seen: nvidia-ctk: version 1.18.1
  seen: CVE-2026-24260: a race lets a container change what is mounted; fixed in 1.19.1 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  fix: upgrade the NVIDIA Container Toolkit to 1.20.1 [none, root]
    run: apt-get update
    run: apt-get install -y nvidia-container-toolkit-base=1.20.1-1
    undo: apt-get install -y --allow-downgrades nvidia-container-toolkit-base=1.18.1-1
`},
		edge{"no packages are known", both(packages(nil), distribution("nixos", "", "26.05"), tools(func(k *host.Toolkit) { k.Version = "1.18.1" })), `
warning C034: toolkit 1.18.1 has 1 known hole: CVE-2026-24260
  seen: nvidia-ctk: version 1.18.1
  seen: CVE-2026-24260: a race lets a container change what is mounted; fixed in 1.19.1 (https://www.nvidia.com/en-us/security/, 2026-11-23)
  fix: install the NVIDIA Container Toolkit 1.20.1 with this system's packages: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html [none, root]
`},
		edge{"the floor", tools(func(k *host.Toolkit) { k.Version = "1.19.1" }), ""},
		edge{"newer than the table", tools(func(k *host.Toolkit) { k.Version = "2.0.0" }), ""},
		edge{"no number", tools(func(k *host.Toolkit) { k.Version = "N/A" }), ""},
	)
	edges(t, "C042", "docker29-cdi",
		edge{"beside the toolkit", func(h *host.Host) {
			h.Packages = append(h.Packages, host.Package{Name: "nvidia-docker2", Version: "2.13.0-1"})
		}, `
warning C042: nvidia-docker2 is still installed
  seen: packages: nvidia-docker2 2.13.0-1
  fix: remove nvidia-docker2 [none, root]
    run: apt-get remove -y nvidia-docker2
    undo: apt-get update
    undo: apt-get install -y nvidia-docker2
`},
		edge{"both, without the toolkit", both(packages(map[string]string{"nvidia-docker2": "2.13.0-1", "nvidia-docker": "1.0.1-1"}), distribution("rhel", "fedora", "9.7")), `
warning C042: nvidia-docker and nvidia-docker2 are still installed
  seen: packages: nvidia-docker 1.0.1-1
  fix: install the NVIDIA Container Toolkit 1.20.1 [none, root]
    run: dnf install -y nvidia-container-toolkit-1.20.1-1 nvidia-container-toolkit-base-1.20.1-1 libnvidia-container-tools-1.20.1-1 libnvidia-container1-1.20.1-1
    undo: dnf remove -y nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
  fix: remove nvidia-docker and nvidia-docker2 [none, root]
    run: dnf remove -y nvidia-docker nvidia-docker2
    undo: dnf install -y nvidia-docker nvidia-docker2
`},
		edge{"a name that only begins so", func(h *host.Host) { h.Packages = append(h.Packages, host.Package{Name: "nvidia-docker-compose"}) }, ""},
	)
}

func TestEdgesOfSources(t *testing.T) {
	const uri = "https://nvidia.github.io/libnvidia-container/stable/deb/amd64"
	entry := func(file, uri, key string) func(h *host.Host) {
		return tools(func(k *host.Toolkit) {
			k.Repositories = append(k.Repositories, host.Repository{File: file, URI: uri, SignedBy: key})
		})
	}
	edges(t, "C024", "docker29-cdi",
		edge{"one without a key", entry("/etc/apt/sources.list.d/old.list", uri+"/", ""), `
warning C024: /etc/apt/sources.list.d/nvidia-container-toolkit.list and /etc/apt/sources.list.d/old.list name one repository with different keys
  seen: /etc/apt/sources.list.d/nvidia-container-toolkit.list: https://nvidia.github.io/libnvidia-container/stable/deb/amd64 signed by /usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
  seen: /etc/apt/sources.list.d/old.list: https://nvidia.github.io/libnvidia-container/stable/deb/amd64/ without signed-by
  fix: take /etc/apt/sources.list.d/old.list out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/apt/sources.list.d/old.list /etc/apt/sources.list.d/old.list.aside
    undo: mv -- /etc/apt/sources.list.d/old.list.aside /etc/apt/sources.list.d/old.list
`},
		edge{"one with another key", entry("/etc/apt/sources.list.d/libnvidia-container.list", uri, "/etc/apt/keyrings/nvidia.gpg"), `
warning C024: /etc/apt/sources.list.d/nvidia-container-toolkit.list and /etc/apt/sources.list.d/libnvidia-container.list name one repository with different keys
  seen: /etc/apt/sources.list.d/nvidia-container-toolkit.list: https://nvidia.github.io/libnvidia-container/stable/deb/amd64 signed by /usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
  seen: /etc/apt/sources.list.d/libnvidia-container.list: https://nvidia.github.io/libnvidia-container/stable/deb/amd64 signed by /etc/apt/keyrings/nvidia.gpg
  fix: take /etc/apt/sources.list.d/libnvidia-container.list out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/apt/sources.list.d/libnvidia-container.list /etc/apt/sources.list.d/libnvidia-container.list.aside
    undo: mv -- /etc/apt/sources.list.d/libnvidia-container.list.aside /etc/apt/sources.list.d/libnvidia-container.list
`},
		edge{"two files, told once", both(entry("/etc/apt/sources.list.d/old.list", uri, ""), entry("/etc/apt/sources.list.d/old.list", uri, "")), `
warning C024: /etc/apt/sources.list.d/nvidia-container-toolkit.list and /etc/apt/sources.list.d/old.list name one repository with different keys
  seen: /etc/apt/sources.list.d/nvidia-container-toolkit.list: https://nvidia.github.io/libnvidia-container/stable/deb/amd64 signed by /usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
  seen: /etc/apt/sources.list.d/old.list: https://nvidia.github.io/libnvidia-container/stable/deb/amd64 without signed-by
  fix: take /etc/apt/sources.list.d/old.list out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/apt/sources.list.d/old.list /etc/apt/sources.list.d/old.list.aside
    undo: mv -- /etc/apt/sources.list.d/old.list.aside /etc/apt/sources.list.d/old.list
`},
		edge{"the same key", entry("/etc/apt/sources.list.d/other.list", uri, "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg"), ""},
		edge{"another repository", entry("/etc/apt/sources.list.d/x.list", "https://nvidia.github.io/libnvidia-container/experimental/deb/amd64", ""), ""},
		edge{"none", tools(func(k *host.Toolkit) { k.Repositories = nil }), ""},
	)
	const cuda = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64"
	edges(t, "C025", "docker29-cdi",
		edge{"no key", entry("/etc/apt/sources.list.d/cuda.list", cuda, ""), `
warning C025: /etc/apt/sources.list.d/cuda.list names NVIDIA's repository without the key that signs it today
  seen: /etc/apt/sources.list.d/cuda.list: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64 without signed-by
  fix: install NVIDIA's present key with a source that names it, and take the old source away [none, root]
    run: curl -fsSL -o /root/cuda-keyring.deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/cuda-keyring_1.1-1_all.deb
    run: dpkg -i /root/cuda-keyring.deb
    run: mv -- /etc/apt/sources.list.d/cuda.list /etc/apt/sources.list.d/cuda.list.aside
    undo: mv -- /etc/apt/sources.list.d/cuda.list.aside /etc/apt/sources.list.d/cuda.list
    undo: dpkg -r cuda-keyring
`},
		edge{"the old key", entry("/etc/apt/sources.list.d/cuda.list", cuda, "/usr/share/keyrings/7fa2af80.gpg"), `
warning C025: /etc/apt/sources.list.d/cuda.list names NVIDIA's repository without the key that signs it today
  seen: /etc/apt/sources.list.d/cuda.list: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64 signed by /usr/share/keyrings/7fa2af80.gpg
  fix: install NVIDIA's present key with a source that names it, and take the old source away [none, root]
    run: curl -fsSL -o /root/cuda-keyring.deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/cuda-keyring_1.1-1_all.deb
    run: dpkg -i /root/cuda-keyring.deb
    run: mv -- /etc/apt/sources.list.d/cuda.list /etc/apt/sources.list.d/cuda.list.aside
    undo: mv -- /etc/apt/sources.list.d/cuda.list.aside /etc/apt/sources.list.d/cuda.list
    undo: dpkg -r cuda-keyring
`},
		edge{"Debian on ARM", both(entry("/etc/apt/sources.list.d/cuda.list", cuda, ""), distribution("debian", "", "13"), func(h *host.Host) { h.Arch = "arm64" }), `
warning C025: /etc/apt/sources.list.d/cuda.list names NVIDIA's repository without the key that signs it today
  seen: /etc/apt/sources.list.d/cuda.list: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64 without signed-by
  fix: install NVIDIA's present key with a source that names it, and take the old source away [none, root]
    run: curl -fsSL -o /root/cuda-keyring.deb https://developer.download.nvidia.com/compute/cuda/repos/debian13/sbsa/cuda-keyring_1.1-1_all.deb
    run: dpkg -i /root/cuda-keyring.deb
    run: mv -- /etc/apt/sources.list.d/cuda.list /etc/apt/sources.list.d/cuda.list.aside
    undo: mv -- /etc/apt/sources.list.d/cuda.list.aside /etc/apt/sources.list.d/cuda.list
    undo: dpkg -r cuda-keyring
`},
		edge{"a distribution that NVIDIA does not name", both(entry("/etc/apt/sources.list.d/cuda.list", cuda, ""), distribution("linuxmint", "ubuntu debian", "22.1")), `
warning C025: /etc/apt/sources.list.d/cuda.list names NVIDIA's repository without the key that signs it today
  seen: /etc/apt/sources.list.d/cuda.list: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64 without signed-by
  fix: install cuda-keyring 1.1 for this distribution: https://developer.download.nvidia.com/compute/cuda/repos/ [none, root]
`},
		edge{"its present key", entry("/etc/apt/sources.list.d/cuda.list", cuda, "/usr/share/keyrings/cuda-archive-keyring.gpg"), ""},
		edge{"not apt's", both(entry("/etc/yum.repos.d/cuda.repo", cuda, ""), distribution("rhel", "fedora", "9.7")), ""},
	)
}

func TestEdgesOfToolkitState(t *testing.T) {
	edges(t, "C022", "docker29-cdi",
		edge{"left over", tools(func(k *host.Toolkit) { k.OCIHook = "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json" }), `
warning C022: /usr/share/containers/oci/hooks.d/oci-nvidia-hook.json is left from an older toolkit
  seen: /usr/share/containers/oci/hooks.d/oci-nvidia-hook.json: is there
  fix: take it out of the way, keeping a copy [none, root, safe]
    run: mv -- /usr/share/containers/oci/hooks.d/oci-nvidia-hook.json /usr/share/containers/oci/hooks.d/oci-nvidia-hook.json.aside
    undo: mv -- /usr/share/containers/oci/hooks.d/oci-nvidia-hook.json.aside /usr/share/containers/oci/hooks.d/oci-nvidia-hook.json
`},
		edge{"hostile", tools(func(k *host.Toolkit) { k.OCIHook = "/etc/\x1b[2J--hook\n.json" }), `
warning C022: /etc/[2J--hook .json is left from an older toolkit
  seen: /etc/[2J--hook .json: is there
  fix: take it out of the way, keeping a copy [none, root, safe]
    run: mv -- "/etc/\x1b[2J--hook\n.json" "/etc/\x1b[2J--hook\n.json.aside"
    undo: mv -- "/etc/\x1b[2J--hook\n.json.aside" "/etc/\x1b[2J--hook\n.json"
`},
	)
	edges(t, "C027", "desktop-wsl2",
		edge{"WSL 1", func(h *host.Host) { h.OS.WSL = 1 }, `
error C027: this is WSL 1, which has no GPU
  seen: kernel: 6.6.87.2-microsoft-standard-WSL2
  fix: in Windows: wsl --set-version Ubuntu 2 [restart]
`},
		edge{"WSL 1 of another distribution", func(h *host.Host) { h.OS.WSL, h.OS.ID = 1, "debian" }, `
error C027: this is WSL 1, which has no GPU
  seen: kernel: 6.6.87.2-microsoft-standard-WSL2
  fix: in Windows: wsl --set-version DISTRIBUTION 2 [restart]
`},
		edge{"no device", func(h *host.Host) { h.GPUs, h.Nodes = nil, nil }, `
error C027: Windows lends WSL no NVIDIA GPU
  seen: /dev/dxg: is not there
  seen: /usr/lib/wsl: the driver's libraries are there
  fix: in Windows: install NVIDIA's driver (https://www.nvidia.com/drivers), then wsl --update and wsl --shutdown [restart]
`},
		edge{"no libraries", func(h *host.Host) { h.GPUs, h.Driver.Libraries = nil, nil }, `
error C027: Windows lends WSL no NVIDIA GPU
  seen: /dev/dxg: is there
  seen: /usr/lib/wsl: holds none of the driver's libraries
  fix: in Windows: install NVIDIA's driver (https://www.nvidia.com/drivers), then wsl --update and wsl --shutdown [restart]
`},
		edge{"device and libraries, and NVML not asked", func(h *host.Host) { h.GPUs = nil }, ""},
		edge{"NVML has a GPU", func(h *host.Host) { h.Nodes = nil }, ""},
	)
	edges(t, "C029", "desktop-wsl2",
		edge{"packages of Ubuntu", func(h *host.Host) {
			h.Packages = []host.Package{{Name: "nvidia-driver-580", Version: "1"}, {Name: "libnvidia-compute-580", Version: "1"}, {Name: "nvidia-driver-580", Version: "1"}, {Name: "vim", Version: "9"}}
		}, `
error C029: a Linux driver is installed in WSL: nvidia-driver-580, libnvidia-compute-580
  seen: packages: nvidia-driver-580, libnvidia-compute-580
  fix: remove the Linux driver; Windows' own stays [none, root]
    run: apt-get remove -y nvidia-driver-580 libnvidia-compute-580
    undo: apt-get update
    undo: apt-get install -y nvidia-driver-580 libnvidia-compute-580
`},
		edge{"the meta-package of CUDA", func(h *host.Host) { h.Packages = []host.Package{{Name: "cuda-drivers-580", Version: "1"}} }, `
error C029: a Linux driver is installed in WSL: cuda-drivers-580
  seen: packages: cuda-drivers-580
  fix: remove the Linux driver; Windows' own stays [none, root]
    run: apt-get remove -y cuda-drivers-580
    undo: apt-get update
    undo: apt-get install -y cuda-drivers-580
`},
		edge{"the toolkit and CUDA without a driver", func(h *host.Host) {
			h.Packages = []host.Package{{Name: "nvidia-container-toolkit"}, {Name: "cuda-toolkit-13-0"}, {Name: "libnvidia-container1"}}
		}, ""},
		edge{"not WSL", func(h *host.Host) { h.OS.WSL, h.Packages = 0, []host.Package{{Name: "nvidia-driver-580"}} }, ""},
	)
}

// Where dockerd's PATH is not known, nothing is said of it.
func TestEvidenceFromOutside(t *testing.T) {
	h := recorded(t, "healthy-docker29-cdi")
	h.Toolkit, h.Packages, h.Engine.Path = host.Toolkit{}, nil, ""
	found := noHook(h, judgedAt())
	assert.Equal(t, len(found), 1)
	assert.DeepEqual(t, found[0].Evidence[1], Evidence{"usual folders of programs", "no nvidia-cdi-hook, no nvidia-container-runtime-hook"})
}
