// Package engine is the Docker API as this project uses it: what an engine can
// do, taking images in, and running short worker containers safely.
package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// Engine is a Docker Engine.
type Engine struct {
	API    client.APIClient
	config *configfile.ConfigFile
	// Local says that it runs on this machine, so this machine's GPUs are its GPUs.
	Local bool
	// endpoint is its address as the context names it; a client's own may be made up.
	endpoint string
}

// Open takes the engine of the CLI's current context.
func Open(cli command.Cli) *Engine {
	api := cli.Client()
	host := api.DaemonHost()
	return &Engine{API: api, config: cli.ConfigFile(), Local: socket(host)}
}

// Route is how an engine gives its GPUs to a container.
type Route struct {
	// CDI are the device names that the engine discovered, "nvidia.com/gpu=all".
	CDI []string
	// Runtime says that the engine has the nvidia runtime.
	Runtime bool
}

// GPUs says whether and how the engine has NVIDIA GPUs.
func (e *Engine) GPUs(ctx context.Context) (*Route, error) {
	res, err := e.API.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("the engine does not answer: %w", err)
	}
	return route(res.Info), nil
}

func route(info system.Info) *Route {
	var r Route
	for _, d := range info.DiscoveredDevices {
		if d.Source == "cdi" && strings.HasPrefix(d.ID, "nvidia.com/gpu=") {
			r.CDI = append(r.CDI, d.ID)
		}
	}
	_, r.Runtime = info.Runtimes["nvidia"]
	if len(r.CDI) == 0 && !r.Runtime {
		return nil
	}
	return &r
}

// Requests ask for all GPUs on this route; for none where there is no route.
func (r *Route) Requests() []container.DeviceRequest {
	switch {
	case r == nil:
		return nil
	case len(r.CDI) == 0:
		return []container.DeviceRequest{{Driver: "nvidia", Count: -1, Capabilities: [][]string{{"gpu"}}}}
	}
	ids := r.CDI
	if i := slices.IndexFunc(ids, func(id string) bool { return strings.HasSuffix(id, "=all") }); i >= 0 {
		ids = ids[i : i+1]
	}
	return []container.DeviceRequest{{Driver: "cdi", DeviceIDs: ids}}
}

// Running are the names of the containers that run, in order.
func (e *Engine) Running(ctx context.Context) ([]string, error) {
	list, err := e.API.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, fmt.Errorf("the engine does not list its containers: %w", err)
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, clean(strings.TrimPrefix(strings.Join(c.Names[:min(1, len(c.Names))], ""), "/"), 200))
	}
	slices.Sort(names)
	return names, nil
}
