package engine

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Plugin is the name that the Docker CLI's configuration has for us.
const Plugin = "gpu"

// hooks are the settings of the CLI's configuration that let it call us after a command;
// nil where it names no hook of ours.
func hooks(config *configfile.ConfigFile) map[string]string {
	if config == nil {
		return nil
	}
	out := map[string]string{}
	for _, key := range []string{"hooks", "error-hooks"} {
		if v, ok := config.PluginConfig(Plugin, key); ok {
			out[key] = clean(v, 500)
		}
	}
	if len(out) == 0 {
		return nil
	}
	if v, ok := config.Features["hooks"]; ok {
		out["features.hooks"] = clean(v, 20)
	}
	return out
}

func ofVersion(f *host.Engine, v client.ServerVersionResult) {
	f.Version, f.API, f.Arch = clean(v.Version, 60), clean(v.APIVersion, 20), arch(v.Arch)
	for _, c := range v.Components {
		switch {
		case c.Name == "runc":
			f.RuncVersion = clean(c.Version, 60)
		case strings.Contains(c.Name, "Podman"): // "Podman Engine", the only thing that tells its API from Docker's
			f.Kind = "podman"
		}
	}
}

func ofInfo(f *host.Engine, info system.Info) {
	if info.ID == "" && info.ServerVersion == "" && info.OperatingSystem == "" {
		return // it was not read
	}
	if f.Version == "" {
		f.Version = clean(info.ServerVersion, 60)
	}
	if f.Arch == "" {
		f.Arch = arch(info.Architecture)
	}
	f.ID, f.OS, f.Root = clean(info.ID, 100), clean(info.OperatingSystem, 200), clean(info.DockerRootDir, 500)
	if f.Kind == "" {
		f.Kind = kind(info)
	}
	f.Store = clean(info.Driver, 60)
	for _, pair := range info.DriverStatus {
		// https://github.com/docker/cli/blob/v29.9.3/cli/command/system/info.go prints the same pair.
		if pair[0] == "driver-type" && strings.HasPrefix(pair[1], "io.containerd.snapshotter") {
			f.Store = "containerd"
		}
	}
	for _, s := range info.SecurityOptions {
		f.Security = append(f.Security, clean(s, 200))
		name, _, _ := strings.Cut(strings.TrimPrefix(s, "name="), ",")
		f.Rootless = f.Rootless || name == "rootless"
		f.UserNS = f.UserNS || name == "userns"
	}
	if len(info.Runtimes) > 0 {
		f.Runtimes = map[string]string{}
	}
	for name, r := range info.Runtimes {
		path := r.Path
		if path == "" {
			path = r.Type
		}
		f.Runtimes[clean(name, 100)] = clean(path, 500)
	}
	f.DefaultRuntime = clean(info.DefaultRuntime, 100)
	f.CgroupDriver, f.CgroupVersion = clean(info.CgroupDriver, 20), clean(info.CgroupVersion, 20)
	f.LiveRestore, f.Running = info.LiveRestoreEnabled, info.ContainersRunning
	for _, dir := range info.CDISpecDirs {
		f.CDIDirs = append(f.CDIDirs, clean(dir, 500))
	}
	for _, d := range info.DiscoveredDevices {
		if d.Source == "cdi" {
			f.CDIDevices = append(f.CDIDevices, clean(d.ID, 200))
		}
	}
	for _, w := range info.Warnings {
		f.Warnings = append(f.Warnings, clean(w, 500))
	}
}

// kind tells apart whose engine it is, by what each says of itself.
func kind(info system.Info) string {
	switch {
	case strings.Contains(info.OperatingSystem, "Docker Desktop"):
		return "desktop"
	case strings.HasPrefix(info.DockerRootDir, "/var/snap/"): // docker-snap's data
		return "snap"
	}
	return "docker"
}

func ofSwarm(f *host.Engine, info system.Info, node swarm.Node) {
	f.Swarm.State, f.Swarm.Manager = clean(string(info.Swarm.LocalNodeState), 20), info.Swarm.ControlAvailable
	// A worker cannot ask for its own node, but its daemon.json may name resources.
	offered := map[string]bool{}
	for _, r := range slices.Concat(node.Description.Resources.GenericResources, info.GenericResources) {
		switch {
		case r.NamedResourceSpec != nil:
			offered[clean(r.NamedResourceSpec.Kind+"="+r.NamedResourceSpec.Value, 200)] = true
		case r.DiscreteResourceSpec != nil:
			offered[clean(r.DiscreteResourceSpec.Kind+"="+strconv.FormatInt(r.DiscreteResourceSpec.Value, 10), 200)] = true
		}
	}
	f.Swarm.GPUs = slices.Sorted(maps.Keys(offered))
}

// arch is a processor as Go and OCI name it; /info has the kernel's name.
func arch(name string) string {
	switch name {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return clean(name, 20)
}
