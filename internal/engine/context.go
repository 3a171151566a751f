package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/moby/moby/client"
)

// UnknownContextError is a Docker context that does not exist.
type UnknownContextError struct {
	Name  string
	Known []string
}

func (e *UnknownContextError) Error() string {
	return fmt.Sprintf("there is no Docker context %q; the contexts are %s", e.Name, strings.Join(e.Known, ", "))
}

// OpenContext takes the engine of a Docker context by its name. It dials nothing. Where
// the CLI's own client ends the process on a context that is not there, this says so.
func OpenContext(contexts store.Store, config *configfile.ConfigFile, name string) (*Engine, error) {
	known, err := Contexts(contexts)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(known, name) {
		return nil, &UnknownContextError{name, known}
	}
	meta, err := contexts.GetMetadata(name)
	if err != nil {
		return nil, fmt.Errorf("the Docker context %q cannot be read: %w", name, err)
	}
	at, err := docker.EndpointFromContext(meta)
	if err != nil {
		return nil, fmt.Errorf("the Docker context %q names no engine: %w", name, err)
	}
	endpoint, err := docker.WithTLSData(contexts, name, at)
	if err != nil {
		return nil, fmt.Errorf("the Docker context %q: its certificates cannot be read: %w", name, err)
	}
	opts, err := endpoint.ClientOpts()
	if err != nil {
		return nil, fmt.Errorf("the Docker context %q: %w", name, err)
	}
	if len(config.HTTPHeaders) > 0 {
		opts = append(opts, client.WithHTTPHeaders(config.HTTPHeaders))
	}
	api, err := client.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("the Docker context %q: %w", name, err)
	}
	return &Engine{API: api, config: config, Local: socket(at.Host) || socket(api.DaemonHost()), endpoint: at.Host}, nil
}

// New takes an engine that a client talks to.
func New(api client.APIClient, config *configfile.ConfigFile) *Engine {
	return &Engine{API: api, config: config, Local: socket(api.DaemonHost())}
}

// Endpoint is the engine's address as its context names it, "ssh://user@server".
func (e *Engine) Endpoint() string {
	if e.endpoint == "" {
		return e.API.DaemonHost()
	}
	return e.endpoint
}

// Contexts are the names of all Docker contexts, in order.
func Contexts(contexts store.Store) ([]string, error) {
	metas, err := contexts.List()
	if err != nil {
		return nil, fmt.Errorf("the Docker contexts cannot be read: %w", err)
	}
	var names []string
	for _, m := range metas {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names, nil
}

// socket says that an address is on this machine: a socket of the file system, or a
// named pipe. Also a tunnel listens on localhost, so TCP never counts.
func socket(host string) bool {
	return strings.HasPrefix(host, "unix://") || strings.HasPrefix(host, "npipe://")
}
