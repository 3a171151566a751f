// Package remote looks at the machine that an engine runs on, where that is not this one:
// by short containers on that engine, which see the machine's files read-only and have no
// network. It also has the worker's image assembled there.
package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// below is where a container of ours has the files of its machine.
const below = "/host"

// Machine are the facts of the machine that an engine runs on. starting is called before
// anything is done there: whoever asked for facts has to be told. The error says why the
// machine's files could not be read; GPUs that were seen all the same are in the host. What
// else could not be read is in Host.Unread, as with probe.Local. The engine's own account
// of itself is added by probe.Merge. When it comes back nothing of it is left there but the
// images, which are found again.
func Machine(ctx context.Context, e *engine.Engine, starting func()) (host.Host, error) {
	return machine(ctx, e, ours(), starting)
}

func machine(ctx context.Context, e *engine.Engine, p programs, starting func()) (host.Host, error) {
	place, err := e.Place(ctx)
	if err != nil {
		return host.Host{}, err
	}
	l := &look{engine: e, place: place}
	if err := l.bring(ctx, p, starting); err != nil {
		return host.Host{}, late(ctx, err)
	}
	answer := make(chan seen, 1)
	way := place.GPUs
	if way != nil {
		go func() { answer <- l.gpus(ctx, way) }()
	}
	h, failed := l.facts(ctx)
	if way == nil && loaded(&h) {
		if way = routeOf(&h); way != nil {
			go func() { answer <- l.gpus(ctx, way) }()
		}
	}
	if way == nil {
		answer <- seen{err: errors.New("the engine tells of no way to its GPUs, so that nvidia-smi cannot be run there")}
	}
	await(ctx, answer).into(&h)
	if failed == nil && !loaded(&h) {
		delete(h.Unread, "nvml") // without a driver there is nothing to be read
	}
	probe.Clean(&h)
	return h, failed
}

// facts are what the machine's files tell.
func (l *look) facts(ctx context.Context) (host.Host, error) {
	out, err := l.engine.Output(ctx, engine.Worker{
		For: "machine facts", Image: l.programs, Binds: map[string]string{below: "/"},
		Command: []string{probePath, "facts", "--root", below, "--data-root", l.place.Root},
	})
	if err != nil {
		return host.Host{}, late(ctx, err)
	}
	h, err := probe.Replay(bytes.NewReader(out))
	if err != nil {
		return host.Host{}, fmt.Errorf("what the container says of its machine: %w", err)
	}
	for source, why := range h.Unread { // it has none of root's rights, whoever started it
		h.Unread[source] = strings.ReplaceAll(why, "run with sudo", "a container without privileges may not; look there")
	}
	return h, nil
}

// late says in words that time was up.
func late(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("the engine's machine did not answer in time")
	}
	return err
}

// loaded says whether the machine has a driver; WSL has Windows' own.
func loaded(h *host.Host) bool { return h.Driver.Version != "" || h.OS.WSL > 0 }
