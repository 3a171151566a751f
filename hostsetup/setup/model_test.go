package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// world is a model of a machine: it becomes what steps make of it, as far as Host tells.
type world struct {
	t       *testing.T
	h       *host.Host
	clock   time.Time // moves on with each step
	systemd bool
}

func newWorld(t *testing.T, h *host.Host) *world {
	return &world{t: t, h: h, systemd: systemd(h), clock: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
}

// make applies a plan's steps.
func (w *world) make(p *Plan) {
	for _, s := range p.Steps {
		w.clock = w.clock.Add(time.Minute)
		w.op(s.Op)
	}
}

func (w *world) op(o Op) {
	h := w.h
	switch {
	case o.File != nil:
		w.file(o.File)
	case o.Packages != nil:
		w.packages(o.Packages)
	case o.Hold != nil:
		for i, p := range h.Packages {
			for _, pattern := range o.Hold.Packages {
				if ok, _ := path.Match(pattern, p.Name); ok {
					h.Packages[i].Held = true
				}
			}
		}
	case o.Programs != nil:
		w.programs(o.Programs.To, o.Programs.Names...)
		h.Toolkit.Version = "1.20.1"
	case o.Daemon != nil:
		w.daemon(o.Daemon)
	case o.CDI != nil:
		w.spec(o.CDI.Output)
	case o.Unit != nil:
		w.unit(o.Unit)
	case o.Module != nil && o.Module.Nodes:
		if w.node("/dev/nvidia-uvm") == nil {
			h.Nodes = append(h.Nodes, host.Node{Path: "/dev/nvidia-uvm", Major: 511, Mode: 0o666})
		}
	case o.Module != nil:
		w.load()
	case o.Toolkit != nil:
		if h.Toolkit.Config == nil {
			h.Toolkit.Config = map[string]string{}
		}
		maps.Copy(h.Toolkit.Config, o.Toolkit.Set)
	case o.Hooks != nil:
		h.Engine.Hooks = map[string]string{"error-hooks": "run", "features.hooks": "true"}
	case o.Reboot != nil:
		w.reboot()
	case o.Key != nil:
	default:
		w.t.Fatalf("an operation of nothing: %+v", o)
	}
}

func (w *world) node(name string) *host.Node {
	if i := slices.IndexFunc(w.h.Nodes, func(n host.Node) bool { return n.Path == name }); i >= 0 {
		return &w.h.Nodes[i]
	}
	return nil
}

var (
	uris     = regexp.MustCompile(`(?m)^(?:URIs: |baseurl=)(\S+)`)
	signedBy = regexp.MustCompile(`(?m)^Signed-By: (\S+)`)
)

func (w *world) file(f *File) {
	h := w.h
	h.Toolkit.Repositories = slices.DeleteFunc(h.Toolkit.Repositories, func(r host.Repository) bool { return r.File == f.Path })
	if f.Absent {
		h.CDI.Specs = slices.DeleteFunc(h.CDI.Specs, func(s host.CDISpec) bool { return s.Path == f.Path })
		if f.Path == "/etc/docker/daemon.json" {
			h.Engine.Config, h.Engine.ConfigFile = "", ""
		}
		return
	}
	if uri := uris.FindStringSubmatch(f.Content); uri != nil && strings.Contains(uri[1], "nvidia") { // as the probe reads them
		r := host.Repository{File: f.Path, URI: uri[1]}
		if by := signedBy.FindStringSubmatch(f.Content); by != nil {
			r.SignedBy = by[1]
		}
		h.Toolkit.Repositories = append(h.Toolkit.Repositories, r)
	}
}

var branch = regexp.MustCompile(`-(\d{3})(?:-|$)`)

func (w *world) packages(op *Packages) {
	h := w.h
	h.Packages = slices.DeleteFunc(h.Packages, func(p host.Package) bool { return slices.Contains(op.Remove, p.Name) })
	driver, flavour := "580.95.05", "open"
	for _, m := range op.Modules {
		driver = strings.TrimPrefix(m, "nvidia-driver:")[:3] + ".95.05"
	}
	for _, p := range op.Install {
		if m := branch.FindStringSubmatch(p.Name); m != nil {
			driver = m[1] + ".95.05"
		}
		if strings.Contains(p.Name, "nvidia-dkms-") && !strings.Contains(p.Name, "open") || p.Name == "nvidia-kernel-dkms" || p.Name == "kmod-nvidia-latest-dkms" ||
			strings.HasPrefix(p.Name, "nvidia-headless") && !strings.HasSuffix(p.Name, "-open") {
			flavour = "proprietary"
		}
	}
	for _, p := range op.Install {
		version := strings.TrimSuffix(p.Version, "*")
		if version == "" {
			version = driver + "-1"
			if op.Origin == fromUbuntu {
				version = driver + "-0ubuntu0.24.04.1"
			}
		}
		h.Packages = slices.DeleteFunc(h.Packages, func(q host.Package) bool { return q.Name == p.Name })
		h.Packages = append(h.Packages, host.Package{Name: p.Name, Version: version})
		switch name := p.Name; {
		case strings.HasPrefix(name, "linux-modules-nvidia-"), strings.HasPrefix(name, "linux-headers-"), strings.HasPrefix(name, "kernel-devel-"):
			for i, k := range h.Kernel.Installed {
				if strings.HasSuffix(name, k.Release) {
					h.Kernel.Installed[i].NVIDIA, h.Kernel.Installed[i].NVIDIAVersion = "/lib/modules/"+k.Release+"/nvidia.ko", driver
				}
			}
			w.libraries(driver, flavour)
		case name == "nvidia-open":
			for i := range h.Kernel.Installed {
				h.Kernel.Installed[i].NVIDIA, h.Kernel.Installed[i].NVIDIAVersion = "/nvidia.ko", driver
			}
			w.libraries(driver, flavour)
		case strings.HasPrefix(name, "nvidia-fabric"):
			h.Driver.FabricManager, _, _ = strings.Cut(version, "-")
			w.known("nvidia-fabricmanager.service")
		case name == "docker-ce":
			w.docker("29.7.2")
		case name == "docker.io" || name == "docker":
			d, _ := distribution(h)
			w.docker(cmp.Or(d.OwnVersion, "27.5.1"))
		case name == "nvidia-container-toolkit-base":
			h.Toolkit.Version, _, _ = strings.Cut(version, "-")
			w.programs("/usr/bin", "nvidia-ctk", "nvidia-cdi-hook", "nvidia-container-runtime")
			if policy.Compare(version, policy.ToolkitRefresh) >= 0 {
				w.known(refreshPath)
				w.known(refreshUnit)
			}
		case name == "nvidia-container-toolkit":
			w.programs("/usr/bin", "nvidia-container-runtime-hook")
		}
	}
}

// libraries are on disk; the module that is loaded stays what it was.
func (w *world) libraries(version, flavour string) {
	w.h.Driver.Libraries = []host.Library{{Path: "/usr/lib/libnvidia-ml.so." + version, Version: version}}
	if w.h.Driver.Version == "" {
		w.h.Driver.Flavour = flavour
	}
}

func (w *world) programs(to string, names ...string) {
	h := w.h
	if h.Toolkit.Binaries == nil {
		h.Toolkit.Binaries = map[string]string{}
	}
	for _, n := range names {
		h.Toolkit.Binaries[n] = to + "/" + n
	}
	h.Toolkit.Installed = w.clock
}

func (w *world) known(unit string) {
	if !w.systemd {
		return
	}
	if _, ok := w.named(unit); !ok {
		w.h.Units = append(w.h.Units, host.Unit{Name: unit, Active: "inactive", Enabled: "disabled"})
	}
}

func (w *world) named(name string) (*host.Unit, bool) {
	if i := slices.IndexFunc(w.h.Units, func(u host.Unit) bool { return u.Name == name }); i >= 0 {
		return &w.h.Units[i], true
	}
	return nil, false
}

// docker is installed and has started.
func (w *world) docker(version string) {
	w.h.Engine = host.Engine{Version: version, Kind: "docker", PID: 99, Binary: "/usr/bin/dockerd", Client: version, Endpoint: w.h.Engine.Endpoint, Config: w.h.Engine.Config, ConfigFile: w.h.Engine.ConfigFile}
	w.known("docker.service")
	w.start()
}

func (w *world) daemon(op *Daemon) {
	e := &w.h.Engine
	all := map[string]any{}
	if e.Config != "" {
		assert.NilError(w.t, json.Unmarshal([]byte(e.Config), &all))
	}
	for _, edit := range op.Edits {
		at := all
		for _, key := range edit.Key[:len(edit.Key)-1] {
			inner, _ := at[key].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
			}
			at[key] = inner
			at = inner
		}
		last := edit.Key[len(edit.Key)-1]
		if edit.Value == nil {
			delete(at, last)
			continue
		}
		var v any
		assert.NilError(w.t, json.Unmarshal(edit.Value, &v))
		at[last] = v
	}
	data, err := json.Marshal(all)
	assert.NilError(w.t, err)
	e.Config, e.ConfigFile = string(data), op.Path
}

// spec is written: of the GPUs and the driver of now.
func (w *world) spec(file string) {
	h := w.h
	if h.Driver.Version == "" && h.OS.WSL == 0 {
		return
	}
	s := host.CDISpec{Path: file, Kind: gpuKind, DriverVersion: h.Driver.Version, Devices: []string{"all"}}
	for _, g := range h.GPUs {
		s.Devices = append(s.Devices, fmt.Sprint(g.Index), g.UUID)
	}
	h.CDI.Specs = append(slices.DeleteFunc(h.CDI.Specs, func(o host.CDISpec) bool { return o.Path == file }), s)
}

func (w *world) unit(u *Unit) {
	if u.Name != "docker.service" {
		unit, ok := w.named(u.Name)
		assert.Assert(w.t, ok, "%s %s: no package has brought it", u.Do, u.Name)
		if u.Do == "enable" {
			unit.Enabled, unit.Active = "enabled", "active"
		}
		if u.Name == refreshUnit {
			w.spec(refreshSpec)
		}
		return
	}
	switch u.Do {
	case "enable":
		unit, ok := w.named(u.Name)
		assert.Assert(w.t, ok)
		unit.Enabled, unit.Active = "enabled", "active"
	case "reload":
		w.reload()
	case "restart":
		assert.Assert(w.t, w.h.Engine.ConfigError == "", "Docker would not come back")
		w.start()
	}
}

func (w *world) config() map[string]any { return config(w.h) }

// reload is what dockerd takes up on SIGHUP.
func (w *world) reload() {
	e, c := &w.h.Engine, w.config()
	e.LiveRestore, _ = c["live-restore"].(bool)
	e.DefaultRuntime = "runc"
	if d, _ := c["default-runtime"].(string); d != "" {
		e.DefaultRuntime = d
	}
	e.Runtimes = map[string]string{"runc": "runc"}
	runtimes, _ := c["runtimes"].(map[string]any)
	for name := range runtimes {
		e.Runtimes[name] = name
	}
}

// start is a start of dockerd: it looks for hooks, sets CDI up and reads resources.
func (w *world) start() {
	w.reload()
	e, c := &w.h.Engine, w.config()
	e.Started = w.clock
	on, set := featureCDI(w.h)
	e.CDIDirs = nil
	switch policy.EngineOf(e.Version).CDI {
	case "feature":
		if on {
			e.CDIDirs = []string{"/etc/cdi", "/var/run/cdi"}
		}
	case "default":
		if on || !set {
			e.CDIDirs = []string{"/etc/cdi", "/var/run/cdi"}
		}
	}
	e.Swarm.GPUs = stringsOf(c["node-generic-resources"])
}

// load is a modprobe: the module of the running kernel.
func (w *world) load() {
	h := w.h
	for _, k := range h.Kernel.Installed {
		if k.Release == h.Kernel.Release && k.NVIDIA != "" {
			h.Driver.Version = k.NVIDIAVersion
		}
	}
	assert.Assert(w.t, h.Driver.Version != "", "no module for %s", h.Kernel.Release)
	h.GPUs = nil
	for i, g := range find.GPUs(h) {
		assert.Assert(w.t, g.Driver != "nouveau")
		h.GPUs = append(h.GPUs, host.GPU{Index: i, UUID: fmt.Sprintf("GPU-%08d-0000-0000-0000-000000000000", i), PCI: g.Address})
	}
}

func (w *world) reboot() {
	h := w.h
	h.Kernel.Release = h.Kernel.NextBoot
	h.Driver.Version, h.Nodes = "", nil
	for i := range h.PCI {
		if h.PCI[i].Driver != "vfio-pci" {
			h.PCI[i].Driver = "nvidia"
		}
	}
	// The flavour is that of the packages that are installed now.
	oldest, _ := ends(h)
	h.Driver.Flavour = map[bool]string{true: "open", false: "proprietary"}[oldest == policy.UnknownArch || oldest >= policy.Turing]
	w.load()
	h.CDI.Specs = slices.DeleteFunc(h.CDI.Specs, func(s host.CDISpec) bool { return strings.Contains(s.Path, "/run/") })
	if u, ok := w.named(refreshUnit); ok && u.Enabled == "enabled" {
		w.spec(refreshSpec)
	}
	if h.Engine.PID != 0 {
		h.Engine.Running = 0
		w.start()
	}
}

// A second setup does nothing: what a plan makes of a host needs no plan.
func TestSecondPlanIsEmpty(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			h := recorded(t, s.Host)
			plan, err := Make(h, s.Wishes, plannedAt())
			assert.NilError(t, err)
			newWorld(t, h).make(plan)
			again, err := Make(h, s.Wishes, plannedAt())
			assert.NilError(t, err)
			for _, left := range again.Steps {
				t.Errorf("%s: %s (%s)", left.ID, left.Title, left.Why)
			}
		})
	}
}
