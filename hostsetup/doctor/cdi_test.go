package doctor

import (
	"slices"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// spec changes the first spec of a host.
func spec(change func(s *host.CDISpec)) func(h *host.Host) {
	return func(h *host.Host) { change(&h.CDI.Specs[0]) }
}

// another adds a copy of the first spec.
func another(change func(s *host.CDISpec)) func(h *host.Host) {
	return func(h *host.Host) {
		s := h.CDI.Specs[0]
		s.Devices, s.Paths, s.Nodes = slices.Clone(s.Devices), slices.Clone(s.Paths), slices.Clone(s.Nodes)
		change(&s)
		h.CDI.Specs = append(h.CDI.Specs, s)
	}
}

// both makes several changes.
func both(changes ...func(h *host.Host)) func(h *host.Host) {
	return func(h *host.Host) {
		for _, c := range changes {
			c(h)
		}
	}
}

func version(v string) func(h *host.Host) { return engine(func(e *host.Engine) { e.Version = v }) }

func TestEdgesOfSpecFiles(t *testing.T) {
	edges(t, "C051", "docker29-cdi",
		edge{"the toolkit's own, below /run", spec(func(s *host.CDISpec) { s.Error = "yaml: line 7: did not find expected key" }), `
error C051: /var/run/cdi/nvidia.yaml cannot be read
  seen: /var/run/cdi/nvidia.yaml: yaml: line 7: did not find expected key
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
  fix: take /var/run/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /var/run/cdi/nvidia.yaml /var/run/cdi/nvidia.yaml.aside
    undo: mv -- /var/run/cdi/nvidia.yaml.aside /var/run/cdi/nvidia.yaml
`},
		edge{"the toolkit's own, in /etc", spec(func(s *host.CDISpec) { s.Path, s.Error = "/etc/cdi/nvidia.yaml", "unexpected end of JSON input" }), `
error C051: /etc/cdi/nvidia.yaml cannot be read
  seen: /etc/cdi/nvidia.yaml: unexpected end of JSON input
  fix: write /etc/cdi/nvidia.yaml anew [none, root, safe]
    run: cp -a -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.before
    run: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml
    undo: mv -- /etc/cdi/nvidia.yaml.before /etc/cdi/nvidia.yaml
  fix: take /etc/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.aside
    undo: mv -- /etc/cdi/nvidia.yaml.aside /etc/cdi/nvidia.yaml
`},
		edge{"somebody else's, beside a good one", another(func(s *host.CDISpec) { s.Path, s.Kind, s.Error = "/etc/cdi/vendor.json", "", "permission denied" }), `
warning C051: /etc/cdi/vendor.json cannot be read
  seen: /etc/cdi/vendor.json: permission denied
  fix: take /etc/cdi/vendor.json out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/vendor.json /etc/cdi/vendor.json.aside
    undo: mv -- /etc/cdi/vendor.json.aside /etc/cdi/vendor.json
`},
		edge{"somebody else's, and no good one", spec(func(s *host.CDISpec) { s.Path, s.Error = "/etc/cdi/vendor.json", "permission denied" }), `
error C051: /etc/cdi/vendor.json cannot be read
  seen: /etc/cdi/vendor.json: permission denied
  fix: take /etc/cdi/vendor.json out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/vendor.json /etc/cdi/vendor.json.aside
    undo: mv -- /etc/cdi/vendor.json.aside /etc/cdi/vendor.json
`},
		edge{"in a directory that nobody reads", spec(func(s *host.CDISpec) { s.Path, s.Error = "/opt/cdi/nvidia.yaml", "EOF" }), `
note C051: /opt/cdi/nvidia.yaml cannot be read
  seen: /opt/cdi/nvidia.yaml: EOF
  fix: write /opt/cdi/nvidia.yaml anew [none, root, safe]
    run: cp -a -- /opt/cdi/nvidia.yaml /opt/cdi/nvidia.yaml.before
    run: nvidia-ctk cdi generate --output=/opt/cdi/nvidia.yaml
    undo: mv -- /opt/cdi/nvidia.yaml.before /opt/cdi/nvidia.yaml
  fix: take /opt/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /opt/cdi/nvidia.yaml /opt/cdi/nvidia.yaml.aside
    undo: mv -- /opt/cdi/nvidia.yaml.aside /opt/cdi/nvidia.yaml
`},
		edge{"a name like an option", spec(func(s *host.CDISpec) { s.Path, s.Error = "/etc/cdi/--help.json", "\x1b[2Jbad\n" }), `
error C051: /etc/cdi/--help.json cannot be read
  seen: /etc/cdi/--help.json: [2Jbad
  fix: take /etc/cdi/--help.json out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/--help.json /etc/cdi/--help.json.aside
    undo: mv -- /etc/cdi/--help.json.aside /etc/cdi/--help.json
`},
		edge{"/run is /var/run", spec(func(s *host.CDISpec) { s.Path = "/run/cdi/nvidia.yaml" }), ""},
	)
	edges(t, "C052", "docker29-cdi",
		edge{"two of the toolkit's", another(func(s *host.CDISpec) { s.Path = "/var/run/cdi/old.yaml" }), `
error C052: /var/run/cdi/nvidia.yaml and /var/run/cdi/old.yaml both define nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all: the engine drops what both define
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /var/run/cdi/old.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /var/run/cdi/old.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /var/run/cdi/old.yaml /var/run/cdi/old.yaml.aside
    undo: mv -- /var/run/cdi/old.yaml.aside /var/run/cdi/old.yaml
`},
		edge{"one device in common", another(func(s *host.CDISpec) { s.Path, s.Devices = "/run/cdi/old.yaml", []string{"all", "7"} }), `
error C052: /var/run/cdi/nvidia.yaml and /run/cdi/old.yaml both define nvidia.com/gpu=all: the engine drops what both define
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /run/cdi/old.yaml: all, 7
  fix: take /run/cdi/old.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /run/cdi/old.yaml /run/cdi/old.yaml.aside
    undo: mv -- /run/cdi/old.yaml.aside /run/cdi/old.yaml
`},
		edge{"neither is the toolkit's, the newer stays", both(spec(func(s *host.CDISpec) { s.Path = "/etc/cdi/a.yaml" }),
			another(func(s *host.CDISpec) { s.Path, s.Changed = "/etc/cdi/b.yaml", s.Changed.Add(time.Hour) })), `
error C052: /etc/cdi/a.yaml and /etc/cdi/b.yaml both define nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all: the engine drops what both define
  seen: /etc/cdi/a.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /etc/cdi/b.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /etc/cdi/a.yaml out of the way, keeping a copy [none, root]
    run: mv -- /etc/cdi/a.yaml /etc/cdi/a.yaml.aside
    undo: mv -- /etc/cdi/a.yaml.aside /etc/cdi/a.yaml
`},
		edge{"the toolkit's comes second", both(spec(func(s *host.CDISpec) { s.Path = "/var/run/cdi/a.yaml" }), another(func(s *host.CDISpec) { s.Path = "/var/run/cdi/nvidia.yaml" })), `
error C052: /var/run/cdi/a.yaml and /var/run/cdi/nvidia.yaml both define nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all: the engine drops what both define
  seen: /var/run/cdi/a.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /var/run/cdi/a.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /var/run/cdi/a.yaml /var/run/cdi/a.yaml.aside
    undo: mv -- /var/run/cdi/a.yaml.aside /var/run/cdi/a.yaml
`},
		edge{"neither is the toolkit's, the first is newer", both(spec(func(s *host.CDISpec) { s.Path, s.Changed = "/etc/cdi/a.yaml", s.Changed.Add(time.Hour) }),
			another(func(s *host.CDISpec) { s.Path, s.Changed = "/etc/cdi/b.yaml", s.Changed.Add(-2*time.Hour) })), `
error C052: /etc/cdi/a.yaml and /etc/cdi/b.yaml both define nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all: the engine drops what both define
  seen: /etc/cdi/a.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /etc/cdi/b.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /etc/cdi/b.yaml out of the way, keeping a copy [none, root]
    run: mv -- /etc/cdi/b.yaml /etc/cdi/b.yaml.aside
    undo: mv -- /etc/cdi/b.yaml.aside /etc/cdi/b.yaml
`},
		edge{"three", both(another(func(s *host.CDISpec) { s.Path = "/var/run/cdi/a.yaml" }), another(func(s *host.CDISpec) { s.Path = "/var/run/cdi/b.yaml" })), `
error C052: /var/run/cdi/nvidia.yaml and /var/run/cdi/a.yaml both define nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all: the engine drops what both define
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /var/run/cdi/a.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /var/run/cdi/a.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /var/run/cdi/a.yaml /var/run/cdi/a.yaml.aside
    undo: mv -- /var/run/cdi/a.yaml.aside /var/run/cdi/a.yaml
error C052: /var/run/cdi/nvidia.yaml and /var/run/cdi/b.yaml both define nvidia.com/gpu=0, nvidia.com/gpu=GPU-11111111-0000-0000-0000-000000000000, nvidia.com/gpu=all: the engine drops what both define
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /var/run/cdi/b.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /var/run/cdi/b.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /var/run/cdi/b.yaml /var/run/cdi/b.yaml.aside
    undo: mv -- /var/run/cdi/b.yaml.aside /var/run/cdi/b.yaml
`},
		edge{"of another vendor", both(another(func(s *host.CDISpec) { s.Path, s.Kind = "/etc/cdi/a.json", "example.com/net" }),
			another(func(s *host.CDISpec) { s.Path, s.Kind = "/etc/cdi/b.json", "example.com/net" })), `
warning C052: /etc/cdi/a.json and /etc/cdi/b.json both define example.com/net=0, example.com/net=GPU-11111111-0000-0000-0000-000000000000, example.com/net=all: the engine drops what both define
  seen: /etc/cdi/a.json: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: /etc/cdi/b.json: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: take /etc/cdi/a.json out of the way, keeping a copy [none, root]
    run: mv -- /etc/cdi/a.json /etc/cdi/a.json.aside
    undo: mv -- /etc/cdi/a.json.aside /etc/cdi/a.json
`},
		edge{"two directories: the later counts", another(func(s *host.CDISpec) { s.Path = "/etc/cdi/nvidia.yaml" }), ""},
		edge{"two kinds", another(func(s *host.CDISpec) { s.Path, s.Kind = "/var/run/cdi/other.yaml", "nvidia.com/mig" }), ""},
		edge{"one of them cannot be read", another(func(s *host.CDISpec) { s.Path, s.Error = "/var/run/cdi/old.yaml", "EOF" }), ""},
		edge{"other devices", another(func(s *host.CDISpec) { s.Path, s.Devices = "/var/run/cdi/old.yaml", []string{"7"} }), ""},
		edge{"no devices", another(func(s *host.CDISpec) { s.Path, s.Devices = "/var/run/cdi/old.yaml", nil }), ""},
		edge{"one file, listed twice", another(func(s *host.CDISpec) {}), ""},
	)
}

func TestEdgesOfSpecsAndEngines(t *testing.T) {
	byHookAlone := func(h *host.Host) { h.Engine.Containers = nil } // the hook is there, nothing goes by CDI
	edges(t, "C020", "docker29-cdi",
		edge{"25, and containers go by CDI", version("25.0.5"), `
error C020: Docker 25.0.5 does not know additionalGids and drops /var/run/cdi/nvidia.yaml
  seen: /var/run/cdi/nvidia.yaml: cdiVersion 0.7.0
  seen: docker version: 25.0.5
  fix: write /var/run/cdi/nvidia.yaml anew without the field [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml --feature-flag=no-additional-gids-for-device-nodes
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"26.0, the hook gives GPUs", both(version("26.0.2"), byHookAlone), `
note C020: Docker 26.0.2 does not know additionalGids and drops /var/run/cdi/nvidia.yaml
  seen: /var/run/cdi/nvidia.yaml: cdiVersion 0.7.0
  seen: docker version: 26.0.2
  fix: write /var/run/cdi/nvidia.yaml anew without the field [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml --feature-flag=no-additional-gids-for-device-nodes
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"two fields, /etc", both(version("25.0.5"), spec(func(s *host.CDISpec) {
			s.Path, s.Fields = "/etc/cdi/nvidia.yaml", []string{"intelRdt", "additionalGids", "other"}
		})), `
error C020: Docker 25.0.5 does not know additionalGids, intelRdt and drops /etc/cdi/nvidia.yaml
  seen: /etc/cdi/nvidia.yaml: cdiVersion 0.7.0
  seen: docker version: 25.0.5
  fix: write /etc/cdi/nvidia.yaml anew without the field [none, root, safe]
    run: cp -a -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.before
    run: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml --feature-flag=no-additional-gids-for-device-nodes
    undo: mv -- /etc/cdi/nvidia.yaml.before /etc/cdi/nvidia.yaml
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"26.1", version("26.1.0"), ""},
		edge{"before CDI", version("24.0.9"), ""},
		edge{"without the field", both(version("25.0.5"), spec(func(s *host.CDISpec) { s.Fields = nil })), ""},
		edge{"where nobody looks", both(version("25.0.5"), spec(func(s *host.CDISpec) { s.Path = "/usr/share/cdi/nvidia.yaml" })), ""},
		edge{"built from source", version("library-import"), ""},
	)
	edges(t, "C053", "docker29-cdi",
		edge{"of the future", spec(func(s *host.CDISpec) { s.Schema = "1.2.0" }), `
error C053: /var/run/cdi/nvidia.yaml has CDI schema 1.2.0; Docker 29.7.2 reads up to 1.1.0
  seen: /var/run/cdi/nvidia.yaml: cdiVersion 1.2.0
  seen: docker version: 29.7.2
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"of another vendor", another(func(s *host.CDISpec) { s.Path, s.Kind, s.Schema = "/etc/cdi/net.json", "example.com/net", "1.2.0" }), `
error C053: /etc/cdi/net.json has CDI schema 1.2.0; Docker 29.7.2 reads up to 1.1.0
  seen: /etc/cdi/net.json: cdiVersion 1.2.0
  seen: docker version: 29.7.2
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"the hook gives GPUs", both(version("28.5.2"), byHookAlone, spec(func(s *host.CDISpec) { s.Schema = "1.1.0" })), `
note C053: /var/run/cdi/nvidia.yaml has CDI schema 1.1.0; Docker 28.5.2 reads up to 1.0.0
  seen: /var/run/cdi/nvidia.yaml: cdiVersion 1.1.0
  seen: docker version: 28.5.2
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"falls back without a word", both(version("29.2.0"), byHookAlone, spec(func(s *host.CDISpec) { s.Schema = "1.1.0" })), `
warning C053: /var/run/cdi/nvidia.yaml has CDI schema 1.1.0; Docker 29.2.0 reads up to 1.0.0
  seen: /var/run/cdi/nvidia.yaml: cdiVersion 1.1.0
  seen: docker version: 29.2.0
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"the newest that it reads", spec(func(s *host.CDISpec) { s.Schema = "1.1.0" }), ""},
		edge{"no schema", spec(func(s *host.CDISpec) { s.Schema = "" }), ""},
		edge{"before CDI", version("24.0.9"), ""},
		edge{"a field is at fault, which C020 tells", version("25.0.5"), ""},
		edge{"where nobody looks", spec(func(s *host.CDISpec) { s.Path, s.Schema = "/usr/share/cdi/nvidia.yaml", "9.9.9" }), ""},
	)
	off := engine(func(e *host.Engine) { e.CDIDirs, e.CDIDevices = nil, nil })
	edges(t, "C017", "docker29-cdi",
		edge{"switched off", both(off, byHookAlone, engine(func(e *host.Engine) { e.Config = `{"features": {"cdi": false}}` })), `
warning C017: /etc/docker/daemon.json switches CDI off
  seen: docker info: no CDI spec directories
  seen: /etc/docker/daemon.json: "features": {"cdi": false}
  fix: take '"cdi": false' out of the features in /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: cp -a -- /etc/docker/daemon.json /etc/docker/daemon.json.before
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: mv -- /etc/docker/daemon.json.before /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"switched off while containers go by it", both(off, engine(func(e *host.Engine) { e.Config = `{"features": {"cdi": false}}` })), `
error C017: /etc/docker/daemon.json switches CDI off
  seen: docker info: no CDI spec directories
  seen: /etc/docker/daemon.json: "features": {"cdi": false}
  fix: take '"cdi": false' out of the features in /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: cp -a -- /etc/docker/daemon.json /etc/docker/daemon.json.before
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: mv -- /etc/docker/daemon.json.before /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"switched off on 28, and the hook gives GPUs", both(version("28.5.2"), off, byHookAlone, engine(func(e *host.Engine) { e.Config = `{"features": {"cdi": false}}` })), `
warning C017: /etc/docker/daemon.json switches CDI off
  seen: docker info: no CDI spec directories
  seen: /etc/docker/daemon.json: "features": {"cdi": false}
  fix: take '"cdi": false' out of the features in /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: cp -a -- /etc/docker/daemon.json /etc/docker/daemon.json.before
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: mv -- /etc/docker/daemon.json.before /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"not switched on in 27", both(version("27.5.1"), off, byHookAlone), `
note C017: CDI is off in Docker 27.5.1: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"not switched on, and the base package alone", both(version("27.5.1"), off, byHookAlone, func(h *host.Host) { delete(h.Toolkit.Binaries, runtimeHook) }), `
error C017: CDI is off in Docker 27.5.1: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"a toolkit that breaks the file", both(version("27.5.1"), off, func(h *host.Host) { h.Toolkit.Version = "1.20.0" }), `
error C017: CDI is off in Docker 27.5.1: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"a file with other things", both(version("27.5.1"), off, engine(func(e *host.Engine) { e.Config = `{"data-root": "/data"}` })), `
error C017: CDI is off in Docker 27.5.1: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: cp -a -- /etc/docker/daemon.json /etc/docker/daemon.json.before
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: mv -- /etc/docker/daemon.json.before /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"a snap", both(off, engine(func(e *host.Engine) { e.Kind = "snap" })), `
error C017: CDI is off in Docker 29.7.2: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
`},
		edge{"rootless", both(off, engine(func(e *host.Engine) { e.Rootless, e.ConfigFile = true, "" })), `
error C017: CDI is off in Docker 29.7.2: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into ~/.config/docker/daemon.json, then restart Docker (1 running container stops and starts again only by its restart policy) [restart]
`},
		edge{"live-restore", both(off, engine(func(e *host.Engine) { e.LiveRestore, e.Running = true, 4 })), `
error C017: CDI is off in Docker 29.7.2: '--device nvidia.com/gpu=all' does not work
  seen: docker info: no CDI spec directories
  fix: put "features": {"cdi": true} into /etc/docker/daemon.json, then restart Docker (live-restore is on: running containers stay up) [restart, root]
    run: nvidia-ctk runtime configure --runtime=docker --config=/etc/docker/daemon.json --cdi.enabled
    run: systemctl restart docker
    undo: rm -- /etc/docker/daemon.json
    undo: systemctl restart docker
`},
		edge{"before CDI", both(version("24.0.9"), off), ""},
		edge{"on", engine(func(e *host.Engine) { e.Config = `{"features": {"cdi": true}}` }), ""},
		edge{"on, and no devices", engine(func(e *host.Engine) { e.CDIDevices = nil }), ""},
	)
	edges(t, "C069", "docker29-cdi",
		edge{"24", version("24.0.9"), `
note C069: Docker 24.0.9 has no CDI: GPUs come by '--gpus' and the hook alone, and containers lose them at a systemctl daemon-reload
  seen: docker version: 24.0.9
  seen: docker info: cgroup driver systemd
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"cgroupfs", both(version("20.10.24+dfsg1"), engine(func(e *host.Engine) { e.CgroupDriver = "cgroupfs" })), `
note C069: Docker 20.10.24+dfsg1 has no CDI: GPUs come by '--gpus' and the hook alone
  seen: docker version: 20.10.24+dfsg1
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"Debian's packages", both(version("20.10.24+dfsg1"), func(h *host.Host) { h.Packages = []host.Package{{Name: "docker.io", Version: "20.10.24+dfsg1-1"}} }), `
note C069: Docker 20.10.24+dfsg1 has no CDI: GPUs come by '--gpus' and the hook alone, and containers lose them at a systemctl daemon-reload
  seen: docker version: 20.10.24+dfsg1
  seen: docker info: cgroup driver systemd
  fix: install Docker's own packages (docker-ce) in place of the distribution's: https://docs.docker.com/engine/install/ [restart]
`},
		edge{"Docker Desktop", both(version("23.0.5"), engine(func(e *host.Engine) { e.Kind = "desktop" })), `
note C069: Docker 23.0.5 has no CDI: GPUs come by '--gpus' and the hook alone
  seen: docker version: 23.0.5
  fix: update Docker Desktop [restart]
`},
		edge{"1.13", version("1.13.1"), `
note C069: Docker 1.13.1 has no CDI: GPUs come by '--gpus' and the hook alone, and containers lose them at a systemctl daemon-reload
  seen: docker version: 1.13.1
  seen: docker info: cgroup driver systemd
  fix: upgrade docker-ce to 29 or newer [restart, root]
    run: apt-get update
    run: apt-get install -y --only-upgrade docker-ce docker-ce-cli containerd.io
`},
		edge{"25", version("25.0.0"), ""},
		edge{"Podman's numbers", both(version("5.4.2"), engine(func(e *host.Engine) { e.Kind = "podman" })), ""},
	)
}
