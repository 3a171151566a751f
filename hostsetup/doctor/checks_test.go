package doctor

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// ailments make a healthy host one on which a check fires: a host of Docker 29 with
// CDI, unless another recording is named.
func ailments() map[string]struct {
	of   string
	make func(h *host.Host)
} {
	type ailment = struct {
		of   string
		make func(h *host.Host)
	}
	const (
		debian   = "healthy-debian12-docker20"
		rootless = "healthy-rootless"
		swarm    = "healthy-swarm-node"
		wsl      = "healthy-desktop-wsl2"
	)
	spec := func(h *host.Host) *host.CDISpec { return &h.CDI.Specs[0] }
	box := func(h *host.Host) *host.Container { return &h.Engine.Containers[0] }
	second := func(h *host.Host) {
		g := h.GPUs[0]
		g.Index, g.UUID, g.Minor = 1, "GPU-44444444-0000-0000-0000-000000000000", nil
		h.GPUs = append(h.GPUs, g)
	}
	return map[string]ailment{
		"C001": {"", func(h *host.Host) { h.Toolkit = host.Toolkit{} }},
		"C002": {"", func(h *host.Host) { h.Engine.Kind, h.Engine.CDIDevices = "desktop", nil }},
		"C003": {"", func(h *host.Host) { h.Engine.Kind = "snap" }},
		"C004": {"", func(h *host.Host) { h.Engine.Kind = "podman" }},
		"C005": {"", func(h *host.Host) { h.Engine.Config = `{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}` }},
		"C006": {"", func(h *host.Host) { h.Engine.ConfigError = "invalid character '}'" }},
		"C007": {"", func(h *host.Host) { h.Engine.Runtimes["nvidia"] = "/opt/gone/nvidia-container-runtime.real" }},
		"C008": {"", func(h *host.Host) { h.GPUs, h.Driver.NVML, h.Driver.Libraries = nil, "", nil }},
		"C009": {rootless, func(h *host.Host) { h.Toolkit.Config, h.Engine.CDIDevices = nil, nil }},
		"C010": {"", func(h *host.Host) {
			box(h).Route, h.Toolkit.Config["nvidia-container-runtime.mode"] = "runtime", "legacy"
		}},
		"C011": {"", func(h *host.Host) { h.OS.SELinux, h.Engine.Security = "enforcing", []string{"name=selinux"} }},
		"C012": {"", func(h *host.Host) { box(h).Env["NVIDIA_REQUIRE_CUDA"] = "cuda>=13.1" }},
		"C013": {"", func(h *host.Host) { h.Driver.Version = "535.54.03" }},
		"C014": {"", func(h *host.Host) { h.GPUs[0].ComputeCapability = "7.0" }},
		"C015": {"", func(h *host.Host) { h.Toolkit.Version = "1.17.4" }},
		"C016": {"", func(h *host.Host) { h.Kernel.DeviceMajors["nvidia-uvm"] = 235 }},
		"C017": {"", func(h *host.Host) { h.Engine.CDIDirs = nil }},
		"C018": {"", func(h *host.Host) { h.CDI.Specs, h.Engine.CDIDevices = nil, nil }},
		"C019": {"", func(h *host.Host) { spec(h).DriverVersion = "570.86.15" }},
		"C020": {"", func(h *host.Host) { h.Engine.Version = "26.0.0" }},
		"C021": {"healthy-mig", func(h *host.Host) { h.GPUs[0].MIG.Devices = h.GPUs[0].MIG.Devices[:1] }},
		"C022": {"", func(h *host.Host) { h.Toolkit.OCIHook = "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json" }},
		"C023": {"", func(h *host.Host) { h.Engine.DefaultRuntime = "nvidia" }},
		"C024": {"", func(h *host.Host) {
			h.Toolkit.Repositories = append(h.Toolkit.Repositories, host.Repository{File: "/etc/apt/sources.list.d/old.list", URI: "https://nvidia.github.io/libnvidia-container/stable/deb/amd64/"})
		}},
		"C025": {"", func(h *host.Host) {
			h.Toolkit.Repositories = append(h.Toolkit.Repositories, host.Repository{File: "/etc/apt/sources.list.d/cuda.list", URI: "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64"})
		}},
		"C026": {"", func(h *host.Host) { h.Packages[2].Version = "1.17.8-1" }},
		"C027": {wsl, func(h *host.Host) { h.GPUs, h.Nodes = nil, nil }},
		"C028": {"", func(h *host.Host) {
			box(h).Error = "mount error: file creation failed: /x/libnvidia-ml.so.1: file exists"
		}},
		"C029": {wsl, func(h *host.Host) { h.Packages = []host.Package{{Name: "nvidia-driver-580", Version: "1"}} }},
		"C030": {"", func(h *host.Host) { box(h).Shm = 64 << 20 }},
		"C031": {"", func(h *host.Host) { second(h) }},
		"C032": {"", func(h *host.Host) { h.Engine.Config = `{"features": {"containerd-snapshotter": false}}` }},
		"C033": {"", func(h *host.Host) { h.Toolkit.Version = "1.20.0" }},
		"C034": {"", func(h *host.Host) { h.Toolkit.Version = "1.17.7" }},
		"C036": {"", func(h *host.Host) { h.Toolkit.Binaries = nil }},
		"C037": {"", func(h *host.Host) { h.Driver.Libraries[0].Changed = box(h).Started.Add(time.Hour) }},
		"C038": {debian, func(h *host.Host) { box(h).Capabilities = "compute,video" }},
		"C039": {"", func(h *host.Host) {
			h.Engine = host.Engine{Error: "permission denied while trying to connect", Endpoint: "unix:///var/run/docker.sock"}
		}},
		"C040": {"", func(h *host.Host) { h.Engine.UserNS, h.Nodes[0].Mode = true, 0o660 }},
		"C041": {"", func(h *host.Host) { h.Engine.Runtimes["nvidia"], h.Nodes = "nvidia-container-runtime", h.Nodes[1:] }},
		"C042": {"", func(h *host.Host) {
			h.Packages = append(h.Packages, host.Package{Name: "nvidia-docker2", Version: "2.13.0-1"})
		}},
		"C050": {"", func(h *host.Host) {
			h.Engine = host.Engine{Error: "connection refused", Endpoint: "unix:///var/run/docker.sock"}
		}},
		"C051": {"", func(h *host.Host) { spec(h).Error = "yaml: line 3" }},
		"C052": {"", func(h *host.Host) {
			s := *spec(h)
			s.Path = "/var/run/cdi/other.yaml"
			h.CDI.Specs = append(h.CDI.Specs, s)
		}},
		"C053": {"", func(h *host.Host) { spec(h).Schema = "2.0.0" }},
		"C054": {"", func(h *host.Host) { spec(h).Nodes[0].Missing = true }},
		"C055": {"", func(h *host.Host) { second(h) }},
		"C056": {"", func(h *host.Host) {
			h.Engine.Config, h.Engine.ConfigChanged = `{"live-restore": true}`, h.Engine.Started.Add(time.Hour)
		}},
		"C057": {"", func(h *host.Host) { h.Engine.Config = `{"default-runtime": "nvidia"}` }},
		"C058": {"", func(h *host.Host) { h.Toolkit.Config["nvidia-container-cli.no-cgroups"] = "true" }},
		"C059": {"", func(h *host.Host) { c := box(h); c.State, c.Exit, c.Restart = "exited", 128, "always" }},
		"C060": {swarm, func(h *host.Host) { h.Engine.Swarm.GPUs = nil }},
		"C061": {swarm, func(h *host.Host) { h.Toolkit.Config["swarm-resource"] = "DOCKER_RESOURCE_GPU" }},
		"C062": {swarm, func(h *host.Host) { h.Engine.Swarm.GPUs = []string{"NVIDIA-GPU=GPU-99999999"} }},
		"C063": {swarm, func(h *host.Host) { h.Engine.DefaultRuntime = "runc" }},
		"C064": {swarm, func(h *host.Host) { h.Toolkit.Version = "1.18.0" }},
		"C065": {"", func(h *host.Host) {
			second(h)
			c := *box(h)
			c.Project, c.GPUs = "app", []string{"1"}
			h.Engine.Containers = []host.Container{c, c}
		}},
		"C066": {"", func(h *host.Host) { h.Engine.Hooks = nil }},
		"C067": {"", func(h *host.Host) { box(h).Route = "hook" }},
		"C068": {"", func(h *host.Host) { h.Units[3].Active = "failed" }},
		"C069": {"", func(h *host.Host) { h.Engine.Version = "24.0.9" }},
	}
}

// alone makes one check of a host, whatever would hide it.
func alone(h *host.Host, c Check) *Report {
	c.After = nil
	return Examine(h, []Check{c}, judgedAt())
}

func TestEachCheckFiresOnItsHostAndNotOnAHealthyOne(t *testing.T) {
	all := ailments()
	for _, c := range All() {
		if !ofDocker(c.Code) || slices.Contains(c.Needs, textOnly) {
			continue
		}
		t.Run(c.Code, func(t *testing.T) {
			a, ok := all[c.Code]
			assert.Assert(t, ok, "no host is there on which it fires")
			if a.of == "" {
				a.of = "healthy-docker29-cdi"
			}
			h := recorded(t, a.of)
			r := alone(h, c)
			assert.Equal(t, len(r.Findings), 0, "on the healthy host: %+v", r.Findings)
			assert.Equal(t, len(r.Unread), 0)
			a.make(h)
			r = alone(h, c)
			assert.Assert(t, len(r.Findings) > 0, "it does not fire: %+v", r)
			for _, f := range r.Findings {
				checkFinding(t, f)
			}
		})
	}
}

var control = regexp.MustCompile(`[\x00-\x1f\x7f]`)

// checkFinding sees to what every finding owes its reader.
func checkFinding(t *testing.T, f Finding) {
	t.Helper()
	assert.Assert(t, f.Summary != "" && len(f.Summary) < 1200, "%q", f.Summary)
	assert.Assert(t, !control.MatchString(f.Summary), "%q", f.Summary)
	assert.Assert(t, len(f.Evidence) > 0, "%s is said without evidence", f.Code)
	assert.Assert(t, len(f.Fixes) > 0 && f.Cause != "", "%s says neither why nor what to do", f.Code)
	for _, e := range f.Evidence {
		assert.Assert(t, e.Source != "" && e.Text != "" && !control.MatchString(e.Text), "%+v", e)
	}
	for _, x := range f.Fixes {
		assert.Assert(t, x.Title != "" && x.Disruption != "", "%+v", x)
		assert.Assert(t, !x.Safe || (x.Disruption == None || x.Disruption == Reload) && len(x.Argv) > 0, "%s is not safe: %+v", f.Code, x)
		for _, argv := range append(x.Argv, x.Undo...) {
			assert.Assert(t, len(argv) > 0 && argv[0] != "" && argv[0] != "sudo" && argv[0] != "sh", "%v", argv)
			assert.Assert(t, !strings.ContainsAny(argv[0], " /|&"), "a program, not a line of shell: %v", argv)
		}
	}
}

// A restart is said where a restart is done, and only there.
func TestDisruptionIsWhatTheCommandsDo(t *testing.T) {
	for _, name := range dockerRecordings(t) {
		for _, f := range Examine(recorded(t, name), All(), judgedAt()).Findings {
			for _, x := range f.Fixes {
				restarts := slices.ContainsFunc(x.Argv, func(a []string) bool {
					return (a[0] == "systemctl" || a[0] == "snap" || a[0] == "docker") && slices.Contains(a, "restart") && !strings.Contains(strings.Join(a, " "), "nvidia-cdi-refresh")
				})
				assert.Assert(t, !restarts || x.Disruption == Restart, "%s: %s: %+v", name, f.Code, x)
			}
		}
	}
}

func TestSymptomsAreUsable(t *testing.T) {
	for _, c := range All() {
		if ofDocker(c.Code) {
			assert.Assert(t, c.Cause != "" && c.Remedy != "", "%s says too little", c.Code)
		}
		for _, s := range c.Symptoms {
			if p, ok := strings.CutPrefix(s, "re:"); ok {
				re, err := regexp.Compile(p)
				assert.NilError(t, err, c.Code)
				assert.Assert(t, !re.MatchString(""), "%s: %s matches nothing at all", c.Code, s)
				continue
			}
			assert.Assert(t, len(fold(s).bare) >= 8, "%s: %q is in every text", c.Code, s)
		}
	}
}

// A file from Windows begins with a byte-order mark, which Docker skips.
func TestFeaturesOfAMarkedFile(t *testing.T) {
	h := &host.Host{Engine: host.Engine{Config: "\xef\xbb\xbf{\"features\": {\"cdi\": false}}\r\n"}}
	on, set := feature(h, "cdi")
	assert.Assert(t, set && !on, "the file is not read")
	h.Engine.Config = "{"
	_, set = feature(h, "cdi")
	assert.Assert(t, !set)
}
