package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/cli/cli/command"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// localFacts are the GPUs of the current context's engine, where that runs on this
// machine: another machine's GPUs are never told from this one's.
func localFacts(dockerCLI command.Cli) func(context.Context) (*host.Host, error) {
	return func(ctx context.Context) (*host.Host, error) {
		if !engine.Open(dockerCLI).Local {
			return nil, fmt.Errorf("the engine of context %q is on another machine (%s): run docker gpu ls there",
				dockerCLI.CurrentContext(), cell(dockerCLI.Client().DaemonHost()))
		}
		h := probe.GPUs(ctx) // says at once where there is no driver
		if h.Driver.Version == "" {
			return &h, ctx.Err()
		}
		driver, gpus, err := probe.Health(ctx)
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		if err != nil {
			h.Unread = map[string]string{"nvml": err.Error()}
		}
		if len(gpus) > 0 {
			driver.Version = h.Driver.Version
			h.Driver, h.GPUs = driver, gpus
		}
		return &h, nil
	}
}
