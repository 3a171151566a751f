package engine

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"
)

// Place is the machine that an engine runs on, as far as it tells, and the way to its GPUs.
type Place struct {
	OS     string // "linux", "windows"
	Arch   string // as Go names it
	Kernel string // uname -r
	Kind   string // host.Engine.Kind
	Root   string // where the engine keeps its data
	GPUs   *Route // nil where the engine tells of none
}

// Place asks where the engine runs.
func (e *Engine) Place(ctx context.Context) (Place, error) {
	res, err := e.API.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Place{}, fmt.Errorf("the engine does not answer: %w", err)
	}
	info := res.Info
	return Place{
		OS: clean(info.OSType, 20), Arch: arch(info.Architecture), Kernel: clean(info.KernelVersion, 100), Kind: kind(info),
		Root: clean(info.DockerRootDir, 500), GPUs: route(info),
	}, nil
}
