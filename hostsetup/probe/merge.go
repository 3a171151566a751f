package probe

import (
	"cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Merge puts what an engine says of itself through its API into the facts of the
// machine that it runs on. What the machine knows of its dockerd is kept where that
// is the engine that answers: beside Docker Desktop or a rootless engine another
// dockerd may run.
func Merge(h host.Host, api host.Engine) host.Host {
	process := h.Engine
	h.Engine = api
	if !same(process, api) {
		h.Limits = host.Limits{}
		return h
	}
	e := &h.Engine
	e.PID, e.Started, e.Path = process.PID, process.Started, process.Path
	e.Binary, e.Args = process.Binary, process.Args
	e.ConfigFile, e.Config, e.ConfigError, e.ConfigChanged = process.ConfigFile, process.Config, process.ConfigError, process.ConfigChanged
	e.Root = cmp.Or(e.Root, process.Root)
	e.Rootless = e.Rootless || process.Rootless
	if e.Version == "" { // one that answers and names no directories has CDI switched off
		e.CDIDirs = process.CDIDirs
	}
	// The API does not tell a snap from a package.
	if e.Kind = cmp.Or(e.Kind, process.Kind); process.Kind == "snap" {
		e.Kind = "snap"
	}
	return h
}

// same says whether an engine's process is the one that answers. Where none answers,
// the process, or the configuration that keeps it from starting, is all there is.
func same(process, api host.Engine) bool {
	switch {
	case api.Kind == "desktop", api.Kind == "podman":
		return false
	case api.Version == "" || process.PID == 0:
		return true
	}
	return process.Rootless == api.Rootless
}
