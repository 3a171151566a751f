package doctor

import (
	"testing"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// engine changes the engine of a host.
func engine(change func(e *host.Engine)) func(h *host.Host) {
	return func(h *host.Host) { change(&h.Engine) }
}

// silent is an engine that does not answer, with why.
func silent(why string) func(h *host.Host) {
	return engine(func(e *host.Engine) { *e = host.Engine{Error: why, Endpoint: e.Endpoint, ConfigFile: e.ConfigFile} })
}

func TestEdgesOfReach(t *testing.T) {
	edges(t, "C039", "docker29-cdi",
		edge{"denied", silent("permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"), `
error C039: this user may not open the engine's socket /var/run/docker.sock
  seen: engine: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock
  fix: run the command as root: sudo docker-gpu doctor [none, root]
  fix: join the group docker, which is as good as being root, and log in again: usermod -aG docker USER [none, root]
`},
		edge{"denied in capitals", silent("dial unix /run/user/1000/docker.sock: connect: Permission denied"), `
error C039: this user may not open the engine's socket /var/run/docker.sock
  seen: engine: dial unix /run/user/1000/docker.sock: connect: Permission denied
  fix: run the command as root: sudo docker-gpu doctor [none, root]
  fix: join the group docker, which is as good as being root, and log in again: usermod -aG docker USER [none, root]
`},
		edge{"hostile", func(h *host.Host) {
			silent("permission denied\x1b[2J\n")(h)
			h.Engine.Endpoint = "unix:///tmp/\x1b]0;x\a"
		}, `
error C039: this user may not open the engine's socket /tmp/]0;x
  seen: engine: permission denied[2J
  fix: run the command as root: sudo docker-gpu doctor [none, root]
  fix: join the group docker, which is as good as being root, and log in again: usermod -aG docker USER [none, root]
`},
		edge{"another machine's SSH", func(h *host.Host) {
			silent("user@gpu-7: Permission denied (publickey)")(h)
			h.Local, h.Engine.Endpoint = false, "ssh://user@gpu-7"
		}, ""},
		edge{"another error", silent("connection refused"), ""},
		edge{"an engine that answers and speaks of permissions", engine(func(e *host.Engine) { e.Warnings = []string{"permission denied"} }), ""},
	)
	edges(t, "C006", "docker29-cdi",
		edge{"a cut file, running", engine(func(e *host.Engine) { e.ConfigError = "unexpected end of JSON input" }), `
warning C006: /etc/docker/daemon.json cannot be used; Docker will not start with it the next time
  seen: /etc/docker/daemon.json: unexpected end of JSON input
  fix: see what Docker says of the file [none]
    run: dockerd --validate --config-file /etc/docker/daemon.json
  fix: put /etc/docker/daemon.json right or bring back its last good copy, then start Docker: systemctl restart docker [restart, root]
`},
		edge{"a cut file, not running", func(h *host.Host) {
			silent("connection refused")(h)
			h.Engine.ConfigError = "invalid character '}' looking for beginning of object key string"
		}, `
error C006: /etc/docker/daemon.json cannot be used
  seen: /etc/docker/daemon.json: invalid character '}' looking for beginning of object key string
  fix: see what Docker says of the file [none]
    run: dockerd --validate --config-file /etc/docker/daemon.json
  fix: put /etc/docker/daemon.json right or bring back its last good copy, then start Docker: systemctl restart docker [restart, root]
`},
		edge{"a flag says it too", engine(func(e *host.Engine) {
			e.Config, e.Args = `{"hosts": ["tcp://0.0.0.0:2375"], "log-driver": "local"}`, []string{"-H", "fd://", "--log-driver=json-file"}
		}), `
warning C006: /etc/docker/daemon.json repeats what dockerd's flags say: hosts, log-driver; Docker will not start with it the next time
  seen: dockerd's command line: -H fd:// --log-driver=json-file
  fix: see what Docker says of the file [none]
    run: dockerd --validate --config-file /etc/docker/daemon.json
  fix: put /etc/docker/daemon.json right or bring back its last good copy, then start Docker: systemctl restart docker [restart, root]
`},
		edge{"the key of another flag", engine(func(e *host.Engine) { e.Config = `{"data-root": "/data"}` }), ""},
		edge{"one flag twice, the file without", engine(func(e *host.Engine) { e.Args = []string{"-H", "fd://", "-H", "tcp://127.0.0.1:2375"} }), ""},
		edge{"a file of its own name", engine(func(e *host.Engine) {
			e.ConfigFile, e.ConfigError = "/etc/docker/other.json", "the following directives don't match any configuration option: runtime"
		}), `
warning C006: /etc/docker/other.json cannot be used; Docker will not start with it the next time
  seen: /etc/docker/other.json: the following directives don't match any configuration option: runtime
  fix: see what Docker says of the file [none]
    run: dockerd --validate --config-file /etc/docker/other.json
  fix: put /etc/docker/other.json right or bring back its last good copy, then start Docker: systemctl restart docker [restart, root]
`},
		edge{"an empty file", engine(func(e *host.Engine) { e.Config = "" }), ""},
		edge{"a list in place of an object", engine(func(e *host.Engine) { e.Config = "[1, 2]" }), ""}, // the probe says so in ConfigError
	)
	edges(t, "C050", "docker29-cdi",
		edge{"refused", silent("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"), `
error C050: no engine answers at unix:///var/run/docker.sock
  seen: engine: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?
  fix: start Docker [none, root]
    run: systemctl start docker
  fix: see why it stopped [none]
    run: journalctl -u docker -n 50 --no-pager
`},
		edge{"a remote engine", func(h *host.Host) {
			silent("dial tcp 10.0.0.7:2376: i/o timeout")(h)
			h.Local, h.Engine.Endpoint = false, "tcp://10.0.0.7:2376"
		}, `
error C050: no engine answers at tcp://10.0.0.7:2376
  seen: engine: dial tcp 10.0.0.7:2376: i/o timeout
  fix: see the contexts and choose another [none]
    run: docker context ls
`},
		edge{"rootless", func(h *host.Host) { silent("no such file")(h); h.Engine.Rootless = true }, `
error C050: no engine answers at unix:///var/run/docker.sock
  seen: engine: no such file
  fix: start Docker [none]
    run: systemctl --user start docker
  fix: see why it stopped [none]
    run: journalctl --user -u docker -n 50 --no-pager
`},
		edge{"a snap", func(h *host.Host) { silent("no such file")(h); h.Engine.Kind = "snap" }, `
error C050: no engine answers at unix:///var/run/docker.sock
  seen: engine: no such file
  fix: start Docker [none, root]
    run: snap start docker
  fix: see why it stopped [none]
    run: snap logs docker
`},
		edge{"Docker Desktop", func(h *host.Host) { silent("no such file")(h); h.Engine.Kind = "desktop" }, `
error C050: no engine answers at unix:///var/run/docker.sock
  seen: engine: no such file
  fix: start Docker [none]
    run: docker desktop start
  fix: see why it stopped [none]
    run: docker desktop logs
`},
		edge{"no endpoint", func(h *host.Host) { silent("context \"x\" does not exist")(h); h.Engine.Endpoint = "" }, `
error C050: no engine answers in the current context
  seen: engine: context "x" does not exist
  fix: see the contexts and choose another [none]
    run: docker context ls
`},
		edge{"another machine's SSH", func(h *host.Host) {
			silent("user@gpu-7: Permission denied (publickey)")(h)
			h.Local, h.Engine.Endpoint = false, "ssh://user@gpu-7"
		}, `
error C050: no engine answers at ssh://user@gpu-7
  seen: engine: user@gpu-7: Permission denied (publickey)
  fix: see the contexts and choose another [none]
    run: docker context ls
`},
		edge{"no engine was asked", engine(func(e *host.Engine) { *e = host.Engine{} }), ""},
	)
	edges(t, "C002", "docker29-cdi",
		edge{"Docker Desktop for Linux", func(h *host.Host) {
			h.Engine.Kind, h.Engine.OS, h.Engine.CDIDevices, h.Context = "desktop", "Docker Desktop", nil, "desktop-linux"
		}, `
error C002: the engine is Docker Desktop's, whose virtual machine has no GPU
  seen: docker info: OperatingSystem: Docker Desktop
  seen: docker context: desktop-linux
  fix: use the engine of this machine [none]
    run: docker context use default
    undo: docker context use desktop-linux
`},
		edge{"no context known", func(h *host.Host) { h.Engine.Kind, h.Engine.CDIDevices, h.Context = "desktop", nil, "" }, `
error C002: the engine is Docker Desktop's, whose virtual machine has no GPU
  seen: docker info: OperatingSystem: Ubuntu 24.04.3 LTS
  fix: use the engine of this machine [none]
    run: docker context use default
    undo: docker context use desktop-linux
`},
		edge{"a machine without a GPU", func(h *host.Host) {
			h.Engine.Kind, h.Engine.CDIDevices, h.PCI, h.Driver = "desktop", nil, nil, host.Driver{}
		}, `
note C002: the engine is Docker Desktop's, whose virtual machine has no GPU
  seen: docker info: OperatingSystem: Ubuntu 24.04.3 LTS
  seen: docker context: default
  fix: see whether a context leads to an engine of the machine itself, and use it; if none does, install Docker Engine [none]
    run: docker context ls
`},
		edge{"it has GPUs by CDI", engine(func(e *host.Engine) { e.Kind = "desktop" }), ""},
		edge{"Windows", func(h *host.Host) { h.Engine.Kind, h.Engine.CDIDevices, h.OS.WSL = "desktop", nil, 2 }, ""},
		edge{"Windows, by its kernel", func(h *host.Host) {
			h.Engine.Kind, h.Engine.CDIDevices, h.Kernel.Release = "desktop", nil, "6.6.87.2-Microsoft-standard-WSL2"
		}, ""},
	)
	edges(t, "C003", "docker29-cdi",
		edge{"a snap", engine(func(e *host.Engine) {
			e.Kind, e.Binary, e.CDIDevices, e.Args = "snap", "/snap/docker/2963/bin/dockerd", nil, []string{"--data-root=/var/snap/docker/common/var-lib-docker"}
		}), `
error C003: Docker was installed as a snap
  seen: dockerd: /snap/docker/2963/bin/dockerd --data-root=/var/snap/docker/common/var-lib-docker
  fix: install docker-ce (https://docs.docker.com/engine/install/), then remove the snap with 'snap remove docker': its images and volumes go with it, so save them first [restart, root]
`},
		edge{"with a runtime of its own", engine(func(e *host.Engine) {
			e.Kind, e.CDIDevices, e.Runtimes["nvidia"] = "snap", nil, "nvidia-container-runtime"
		}), `
note C003: Docker was installed as a snap; it has a way to the GPU of its own
  seen: dockerd: /usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
  fix: install docker-ce (https://docs.docker.com/engine/install/), then remove the snap with 'snap remove docker': its images and volumes go with it, so save them first [restart, root]
`},
		edge{"with CDI", engine(func(e *host.Engine) { e.Kind = "snap" }), `
note C003: Docker was installed as a snap; it has a way to the GPU of its own
  seen: dockerd: /usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
  fix: install docker-ce (https://docs.docker.com/engine/install/), then remove the snap with 'snap remove docker': its images and volumes go with it, so save them first [restart, root]
`},
		edge{"a path that only looks like it", engine(func(e *host.Engine) { e.Binary = "/opt/snap/dockerd" }), ""},
	)
	edges(t, "C004", "docker29-cdi",
		edge{"with a spec", engine(func(e *host.Engine) { e.Kind, e.Version = "podman", "5.4.2" }), `
warning C004: the engine is Podman 5.4.2, which has no '--gpus' hook
  seen: docker version: Podman Engine 5.4.2
  fix: ask for the GPU by CDI: --device nvidia.com/gpu=all [none]
`},
		edge{"without one", func(h *host.Host) { h.Engine.Kind, h.Engine.Version, h.CDI.Specs = "podman", "5.4.2", nil }, `
error C004: the engine is Podman 5.4.2, which has no '--gpus' hook
  seen: docker version: Podman Engine 5.4.2
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
  fix: ask for the GPU by CDI: --device nvidia.com/gpu=all [none]
`},
		edge{"with one that cannot be read", func(h *host.Host) {
			h.Engine.Kind, h.Engine.Version, h.CDI.Specs[0].Error = "podman", "5.4.2", "yaml: line 1"
		}, `
error C004: the engine is Podman 5.4.2, which has no '--gpus' hook
  seen: docker version: Podman Engine 5.4.2
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
  fix: ask for the GPU by CDI: --device nvidia.com/gpu=all [none]
`},
	)
	for _, unreachable := range []struct {
		code string
		make func(h *host.Host)
	}{
		{"C039", silent("permission denied")}, {"C050", silent("connection refused")},
		{"C006", func(h *host.Host) { silent("connection refused")(h); h.Engine.ConfigError = "EOF" }},
	} {
		hides(t, "docker29-cdi", unreachable.code, unreachable.make, "C002", "C003", "C004", "C001", "C005", "C017", "C018", "C010", "C030", "C059", "C060")
	}
	hides(t, "docker29-cdi", "C002", func(h *host.Host) { h.Engine.Kind, h.Engine.CDIDevices = "desktop", nil }, "C001", "C036", "C008", "C017", "C018", "C010")
	hides(t, "docker29-cdi", "C003", engine(func(e *host.Engine) { e.Kind, e.CDIDevices = "snap", nil }), "C001", "C005", "C036", "C018")
	hides(t, "docker29-cdi", "C004", func(h *host.Host) { h.Engine.Kind, h.CDI.Specs = "podman", nil }, "C001", "C018", "C069")
}
