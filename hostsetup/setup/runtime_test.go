package setup

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// ready is a host whose driver is loaded; the toolkit is there or not.
func ready(t *testing.T, engine string, running int, toolkit string) *host.Host {
	t.Helper()
	h := recorded(t, "ubuntu2404-docker294-running")
	if toolkit != "none" {
		full := recorded(t, "ubuntu2404-all-right")
		h.Toolkit, h.Packages, h.Units, h.CDI = full.Toolkit, full.Packages, full.Units, full.CDI
		if toolkit == "late" {
			h.Toolkit.Installed = h.Engine.Started.Add(time.Hour)
		}
	}
	h.Engine.Version, h.Engine.Running = engine, running
	w := newWorld(t, h)
	w.clock = h.Engine.Started
	w.start()
	h.Engine.Running = running
	return h
}

// The way of each engine: with and without running containers and consent, and whatever
// toolkit is there. One line is what is done to the engine, and what is said.
func TestRoutes(t *testing.T) {
	var out strings.Builder
	for _, engine := range []string{"20.10.24", "24.0.9", "25.0.8", "27.5.1", "28.1.1", "28.2.2", "28.3.3", "29.1.5", "29.2.0", "29.4.0", "2.0.0-beta.24"} {
		for _, toolkit := range []string{"none", "late", "known"} {
			for _, c := range []struct {
				running int
				consent bool
			}{{0, false}, {3, false}, {3, true}} {
				h := ready(t, engine, c.running, toolkit)
				plan, err := Make(h, Wishes{AllowRestart: c.consent, Skip: []Part{HooksPart}}, plannedAt())
				assert.NilError(t, err)
				var does []string
				for _, s := range plan.Steps {
					switch {
					case s.Op.Daemon != nil:
						for _, e := range s.Op.Daemon.Edits {
							does = append(does, strings.Join(e.Key, ".")+"="+string(e.Value))
						}
					case s.Op.Unit != nil && s.Op.Unit.Name == "docker.service":
						does = append(does, s.Op.Unit.Do)
					case s.Op.File != nil && s.Op.File.Absent:
						does = append(does, "-"+s.Op.File.Path)
					case s.Op.Unit != nil && s.Op.Unit.Name == refreshUnit || s.Op.CDI != nil:
						does = append(does, "spec")
					}
				}
				var says []string
				for _, n := range append(plan.Right, plan.Left...) {
					if n.Part == RuntimePart && !strings.Contains(n.Text, "is of these GPUs") {
						says = append(says, n.Text)
					}
				}
				fmt.Fprintf(&out, "%-13s toolkit %-5s running %d consent %-5v | %s | %s\n", engine, toolkit, c.running, c.consent, strings.Join(does, " "), strings.Join(says, "; "))
				// Whatever it is, it is done at once.
				w := newWorld(t, h)
				w.clock = h.Toolkit.Installed.Add(time.Hour)
				w.make(plan)
				again, err := Make(h, Wishes{AllowRestart: c.consent, Skip: []Part{HooksPart}}, plannedAt())
				assert.NilError(t, err)
				assert.Equal(t, len(again.Steps), 0, "%s %s %+v: %+v", engine, toolkit, c, again.Steps)
			}
		}
	}
	golden.Assert(t, out.String(), "routes.txt")
}

// A daemon that systemd did not start is reloaded by a signal, and restarted by nobody here.
func TestDaemonWithoutSystemd(t *testing.T) {
	h := recorded(t, "container-h200-private-engine")
	h.Toolkit = recorded(t, "ubuntu2404-all-right").Toolkit
	h.Toolkit.Installed = h.Engine.Started.Add(-time.Hour)
	plan, err := Make(h, Wishes{Only: []Part{RuntimePart}, NvidiaRuntime: true}, plannedAt())
	assert.NilError(t, err)
	last := plan.Steps[len(plan.Steps)-1]
	assert.DeepEqual(t, last.Op, Op{Unit: &Unit{Name: "docker.service", Do: "reload", PID: 4711}})
	assert.Equal(t, plan.Steps[len(plan.Steps)-2].Op.Daemon.Path, "/tmp/engine/daemon.json")

	h.Engine.Version, h.Engine.CDIDirs = "27.5.1", nil
	plan, err = Make(h, Wishes{Only: []Part{RuntimePart}, AllowRestart: true}, plannedAt())
	assert.NilError(t, err)
	for _, s := range plan.Steps {
		assert.Assert(t, s.Op.Unit == nil, s.ID)
	}
	assertLeft(t, plan, "Docker 27.5.1 switches CDI on only when it starts: restart it in the way in which it was started, as systemd did not")
}

// dockerd checks what it can check.
func TestValidation(t *testing.T) {
	for engine, want := range map[string]string{"20.10.24": "", "23.0.1": "/usr/bin/dockerd", "29.4.0": "/usr/bin/dockerd", "2.0.0-beta.24": "/usr/bin/dockerd"} {
		plan, err := Make(ready(t, engine, 0, "known"), Wishes{NvidiaRuntime: true}, plannedAt())
		assert.NilError(t, err)
		seen := false
		for _, s := range plan.Steps {
			if s.Op.Daemon != nil {
				seen = true
				assert.Equal(t, s.Op.Daemon.Dockerd, want, engine)
			}
		}
		assert.Assert(t, seen, engine)
	}
}

func TestWhySpec(t *testing.T) {
	number := func(n int) *int { return &n }
	for name, c := range map[string]struct {
		change func(*host.Host)
		want   string
	}{
		"right":          {func(*host.Host) {}, ""},
		"none":           {func(h *host.Host) { h.CDI.Specs = nil }, "there is none"},
		"cut":            {func(h *host.Host) { h.CDI.Specs[0].Error = "it ends in the middle" }, "cannot be read"},
		"another's":      {func(h *host.Host) { h.CDI.Specs[0].Kind = "amd.com/gpu" }, "cannot be read"},
		"another driver": {func(h *host.Host) { h.CDI.Specs[0].DriverVersion = "570.86.15" }, "of driver 570.86.15, and 580.95.05 is loaded"},
		"unnamed driver": {func(h *host.Host) { h.CDI.Specs[0].DriverVersion = "" }, ""},
		"a library":      {func(h *host.Host) { h.CDI.Specs[0].Paths = []host.CDIPath{{Path: "/x", Missing: true}} }, "files that are not there"},
		"a device":       {func(h *host.Host) { h.CDI.Specs[0].Nodes[0].Missing = true }, "files that are not there"},
		"a number":       {func(h *host.Host) { h.CDI.Specs[0].Nodes[0].Major = number(510) }, "other device numbers"},
		"no all":         {func(h *host.Host) { h.CDI.Specs[0].Devices = []string{"0"} }, "no device of all GPUs"},
		"another GPU":    {func(h *host.Host) { h.GPUs = append(h.GPUs, host.GPU{Index: 1, UUID: "GPU-2"}) }, "does not name GPU-2"},
		"by index":       {func(h *host.Host) { h.CDI.Specs[0].Devices = []string{"0", "all"} }, ""},
		"by UUID":        {func(h *host.Host) { h.CDI.Specs[0].Devices = []string{h.GPUs[0].UUID, "all"} }, ""},
		"MIG": {func(h *host.Host) {
			h.GPUs[0].MIG = &host.MIG{On: true, Devices: []host.MIGDevice{{Index: 0, UUID: "MIG-1"}}}
		}, "does not name"},
		"MIG, named": {func(h *host.Host) {
			h.GPUs[0].MIG = &host.MIG{On: true, Devices: []host.MIGDevice{{Index: 0, UUID: "MIG-1"}}}
			h.CDI.Specs[0].Devices = []string{"0:0", "all"}
		}, ""},
		"MIG, no devices": {func(h *host.Host) { h.GPUs[0].MIG = &host.MIG{On: true} }, ""},
		"elsewhere":       {func(h *host.Host) { h.CDI.Specs[0].Path = "/run/cdi/nvidia.yaml" }, ""},
		"another file":    {func(h *host.Host) { h.CDI.Specs[0].Path = "/var/run/cdi/other.yaml" }, "there is none"},
	} {
		t.Run(name, func(t *testing.T) {
			h := recorded(t, "ubuntu2404-all-right")
			c.change(h)
			plan, err := Make(h, Wishes{}, plannedAt())
			assert.NilError(t, err)
			why := ""
			for _, s := range plan.Steps {
				if s.ID == "runtime/spec" {
					why = s.Why
				}
			}
			if c.want == "" {
				assert.Equal(t, why, "")
				return
			}
			assert.Assert(t, strings.Contains(why, c.want), "%q", why)
		})
	}
}

// Where Docker looks for specs elsewhere, they are written there.
func TestSpecWhereTheEngineLooks(t *testing.T) {
	h := recorded(t, "ubuntu2404-all-right")
	h.Engine.CDIDirs = []string{"/opt/cdi"}
	plan, err := Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	assert.DeepEqual(t, plan.Steps[0].Op, Op{CDI: &CDI{Output: "/opt/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}})
	h.Engine.CDIDirs = []string{"/opt/../cdi", "relative"}
	plan, err = Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	assert.DeepEqual(t, plan.Steps[0].Op, Op{CDI: &CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}})
}

// What stands in the swarm's settings already stays.
func TestSwarmKeepsWhatIsThere(t *testing.T) {
	h := recorded(t, "ubuntu2404-swarm-manager")
	h.Engine.ConfigFile = "/etc/docker/daemon.json"
	h.Engine.Config = `{"node-generic-resources": ["gpu=GPU-99999999-0000-0000-0000-000000000000", "SSD=1"], "default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "/opt/nvidia-container-runtime"}}}`
	h.Engine.Runtimes["nvidia"], h.Engine.DefaultRuntime = "/opt/nvidia-container-runtime", "nvidia"
	h.Toolkit.Config["swarm-resource"] = "DOCKER_RESOURCE_OLD"
	plan, err := Make(h, Wishes{Swarm: true, AllowRestart: true}, plannedAt())
	assert.NilError(t, err)
	assert.Equal(t, len(plan.Steps), 3)
	assert.DeepEqual(t, plan.Steps[0].Op.Toolkit.Set, map[string]string{"swarm-resource": "DOCKER_RESOURCE_OLD,DOCKER_RESOURCE_GPU"})
	edits := plan.Steps[1].Op.Daemon.Edits
	assert.Equal(t, len(edits), 1)
	var list []string
	assert.NilError(t, json.Unmarshal(edits[0].Value, &list))
	assert.DeepEqual(t, list, []string{"gpu=GPU-11111111-0000-0000-0000-000000000000", "SSD=1"})
	assert.Equal(t, plan.Steps[2].Op.Unit.Do, "restart")

	h = recorded(t, "ubuntu2404-swarm-manager")
	h.Toolkit.Version = "1.18.2"
	for i := range h.Packages {
		h.Packages[i].Version = strings.Replace(h.Packages[i].Version, "1.20.1-1", "1.18.2-1", 1)
	}
	plan, err = Make(h, Wishes{Swarm: true, ToolkitVersion: "1.18.2"}, plannedAt())
	assert.NilError(t, err)
	assertLeft(t, plan, "swarm tasks of a node with the nvidia runtime get no GPU; fixed in 1.19.0")

	h = recorded(t, "ubuntu2404-driver-not-loaded")
	plan, err = Make(h, Wishes{Swarm: true}, plannedAt())
	assert.NilError(t, err)
	assertLeft(t, plan, "run this again then")
}

func TestHold(t *testing.T) {
	h := recorded(t, "ubuntu2404-all-right")
	for i := range h.Packages {
		h.Packages[i].Held = strings.Contains(h.Packages[i].Name, "nvidia")
	}
	plan, err := Make(h, Wishes{Hold: true}, plannedAt())
	assert.NilError(t, err)
	assert.Equal(t, len(plan.Steps), 0)
	h.Packages = append(h.Packages, host.Package{Name: "libnvidia-gl-580-server", Version: "1"}) // came along
	plan, err = Make(h, Wishes{Hold: true}, plannedAt())
	assert.NilError(t, err)
	assert.Equal(t, plan.Steps[0].ID, "hold/packages")
	plan, err = Make(recorded(t, "ubuntu2404-no-gpu"), Wishes{Hold: true}, plannedAt())
	assert.NilError(t, err)
	assertLeft(t, plan, "no package of the driver or the toolkit")
	// A toolkit that is held at an old version is not changed behind its holder's back.
	h = recorded(t, "ubuntu2404-toolkit-mixed")
	for i := range h.Packages {
		h.Packages[i].Held = h.Packages[i].Name == "libnvidia-container1"
	}
	plan, err = Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	assertLeft(t, plan, "libnvidia-container1 is held at its version: release it first")
}

// A runtime is registered by a reload, also where a restart that others need is left to the user.
func TestRuntimeBesideARestartThatIsLeft(t *testing.T) {
	h := ready(t, "29.1.5", 3, "late")
	plan, err := Make(h, Wishes{NvidiaRuntime: true, Only: []Part{RuntimePart}}, plannedAt())
	assert.NilError(t, err)
	last := plan.Steps[len(plan.Steps)-1]
	assert.Equal(t, last.ID, "runtime/reload")
	assert.Equal(t, last.Why, "Docker reads runtimes when it is told to")
	assert.Assert(t, strings.Contains(plan.Left[0].Text, "--allow-restart"), "%v", plan.Left)

	plan, err = Make(h, Wishes{NvidiaRuntime: true, Only: []Part{RuntimePart}, AllowRestart: true}, plannedAt())
	assert.NilError(t, err)
	for _, s := range plan.Steps {
		assert.Assert(t, s.ID != "runtime/reload", "the restart does for it")
	}
}

// An engine whose CDI is switched off tells of no directory; its configuration does.
func TestSpecsOfAnEngineWhoseCDIIsOff(t *testing.T) {
	for text, want := range map[string]string{
		`{"features": {"cdi": false}, "cdi-spec-dirs": ["", "/srv/cdi"]}`: "/srv/cdi/nvidia.yaml",
		`{"features": {"cdi": false}, "cdi-spec-dirs": []}`:               "/etc/cdi/nvidia.yaml",
		`{"features": {"cdi": false}, "cdi-spec-dirs": "/srv/cdi"}`:       "/etc/cdi/nvidia.yaml",
		`{"features": {"cdi": false}}`:                                    "/etc/cdi/nvidia.yaml",
	} {
		h := recorded(t, "container-h200-private-engine")
		h.Toolkit = recorded(t, "ubuntu2404-all-right").Toolkit
		h.Engine.Config, h.Engine.CDIDirs = text, nil
		plan, err := Make(h, Wishes{Only: []Part{RuntimePart}}, plannedAt())
		assert.NilError(t, err)
		assert.Equal(t, plan.Steps[0].ID, "runtime/spec")
		assert.Equal(t, plan.Steps[0].Op.CDI.Output, want, text)
	}
}
