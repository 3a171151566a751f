package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Facts is the hash of those facts of a host that a plan depends on: what may change from
// one moment to the next (temperatures, which containers run) is not among them.
func Facts(h *host.Host) string {
	data, err := json.Marshal(relevant(h))
	if err != nil {
		return "" // a Host is plain data
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// late is how much newer than the engine's start a file must be to count as newer: the
// start is known to some seconds only.
const late = 5 * time.Second

// relevant is the part of a host that plans are made of. Make sees nothing else, so that
// Facts cannot miss anything.
func relevant(h *host.Host) *host.Host {
	out := &host.Host{
		Local: h.Local, Arch: h.Arch, OS: h.OS,
		Kernel: host.Kernel{Release: h.Kernel.Release, NextBoot: h.Kernel.NextBoot, Installed: h.Kernel.Installed},
		Driver: host.Driver{Version: h.Driver.Version, Flavour: h.Driver.Flavour, Runfile: h.Driver.Runfile, FabricManager: h.Driver.FabricManager},
		Nodes:  h.Nodes, Toolkit: h.Toolkit, Units: h.Units, Packages: h.Packages,
	}
	out.Unread = unread(h)
	plain(out)
	out.OS.Pretty, out.OS.SELinux = "", ""
	for _, d := range h.PCI {
		out.PCI = append(out.PCI, host.PCI{Address: d.Address, Vendor: d.Vendor, Device: d.Device, Class: d.Class, Driver: d.Driver})
	}
	for _, l := range h.Driver.Libraries {
		out.Driver.Libraries = append(out.Driver.Libraries, host.Library{Path: l.Path, Version: l.Version})
	}
	for _, g := range h.GPUs {
		out.GPUs = append(out.GPUs, host.GPU{Index: g.Index, UUID: g.UUID, Name: g.Name, PCI: g.PCI, Minor: g.Minor, MIG: mig(g.MIG)})
		if g.Fabric != nil && g.Fabric.State == fabricWaits {
			out.GPUs[len(out.GPUs)-1].Fabric = &host.Fabric{State: fabricWaits}
		}
	}
	out.Toolkit.Installed, out.Toolkit.Sources, out.Toolkit.OCIHook = time.Time{}, nil, ""
	out.CDI.Specs = slices.Clone(h.CDI.Specs)
	for i := range out.CDI.Specs {
		out.CDI.Specs[i].Changed = time.Time{}
	}
	out.Engine = ofEngine(h)
	return out
}

// plain takes out what is not as it has to be and would become part of an operation: a
// machine may say anything.
func plain(h *host.Host) {
	if !archName.MatchString(h.Arch) {
		h.Arch = ""
	}
	h.Packages = slices.DeleteFunc(slices.Clone(h.Packages), func(p host.Package) bool { return !plainPackage.MatchString(p.Name) })
	binaries := map[string]string{}
	for name, file := range h.Toolkit.Binaries {
		if plainPath.MatchString(file) {
			binaries[name] = file
		}
	}
	h.Toolkit.Binaries = binaries
}

func mig(m *host.MIG) *host.MIG {
	if m == nil {
		return nil
	}
	out := &host.MIG{On: m.On}
	for _, d := range m.Devices {
		out.Devices = append(out.Devices, host.MIGDevice{Index: d.Index, UUID: d.UUID, GI: d.GI, CI: d.CI})
	}
	return out
}

func ofEngine(h *host.Host) host.Engine {
	e := h.Engine
	out := host.Engine{
		Error: e.Error, Version: e.Version, Kind: e.Kind, Rootless: e.Rootless, LiveRestore: e.LiveRestore,
		Runtimes: e.Runtimes, DefaultRuntime: e.DefaultRuntime, CDIDirs: e.CDIDirs,
		Binary: e.Binary, Args: e.Args, ConfigFile: e.ConfigFile, Config: e.Config, ConfigError: e.ConfigError,
		Swarm: e.Swarm, Client: e.Client, Hooks: e.Hooks,
	}
	if e.Path != "" && !slices.Contains(strings.Split(e.Path, ":"), localPrograms) {
		out.Path = "without" // who may not read a process's environment takes it for the usual
	}
	if !plainPath.MatchString(out.Binary) {
		out.Binary = ""
	}
	// Of the containers it matters whether any runs, of the process whether it runs, and of
	// its start whether it came before the toolkit.
	out.Running = min(1, e.Running)
	if e.PID != 0 {
		out.PID = 1
		if !systemd(h) {
			out.PID = e.PID // which is signalled
		}
	}
	if usedHook(h) {
		out.Containers = []host.Container{{Route: "hook"}} // that it was used, by whichever
	} else if !e.Started.IsZero() && h.Toolkit.Installed.After(e.Started.Add(late)) {
		out.Started = time.Unix(0, 0).UTC() // before the toolkit
	}
	return out
}

// usedHook says whether a container got its GPU by --gpus, or a runtime of the toolkit is
// registered: an engine that knew a toolkit when it started knows an upgraded one too.
func usedHook(h *host.Host) bool {
	if _, registered := h.Engine.Runtimes["nvidia"]; registered {
		return true
	}
	return slices.ContainsFunc(h.Engine.Containers, func(c host.Container) bool {
		return c.Route == "hook" || c.Route == "cdi" && slices.ContainsFunc(c.GPUs, func(g string) bool { return !strings.Contains(g, "=") })
	})
}

// unread are the sources of what plans are made of that could not be read, and daemon.json
// where that is one.
func unread(h *host.Host) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"os", "kernel", "kernels", "module", "pci", "packages", "toolkit", "repositories", "cdi", "systemd"} {
		if why := h.Unread[name]; why != "" {
			out[name] = why
		}
	}
	if file := h.Engine.ConfigFile; file != "" && strings.Contains(h.Unread["dockerd"], file) {
		out[daemonSource] = h.Unread["dockerd"]
	}
	return out
}

// daemonSource is the name in Host.Unread of a daemon.json that plans cannot see.
const daemonSource = "daemon.json"
