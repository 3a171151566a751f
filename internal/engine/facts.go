package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// patience bounds each call of Facts; lookabout the inspection of all containers, for
// which an engine of hundreds is asked hundreds of times.
const (
	patience  = 5 * time.Second
	lookabout = 3 * time.Second
)

// Facts asks the engine for everything that its API tells of itself and of the
// containers with a GPU. It always comes back: each call has a limit. What could not be
// read is left empty and Error says why; an engine that dies in the middle leaves what
// it said before.
func (e *Engine) Facts(ctx context.Context) host.Engine {
	f := host.Engine{Endpoint: clean(e.Endpoint(), 300), Hooks: hooks(e.config)}
	// The first call finds out which API the engine speaks, and whether it is there.
	if err := inTime(ctx, func(ctx context.Context) error {
		_, err := e.API.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
		return err
	}); err != nil {
		f.Error = reason(err)
		return f
	}
	var info client.SystemInfoResult
	var version client.ServerVersionResult
	var list client.ContainerListResult
	var node client.NodeInspectResult
	var found inspected
	errs := make([]error, 3)
	var calls sync.WaitGroup
	calls.Go(func() {
		errs[0] = inTime(ctx, func(ctx context.Context) (err error) {
			info, err = e.API.Info(ctx, client.InfoOptions{})
			return err
		})
		if s := info.Info.Swarm; errs[0] == nil && s.ControlAvailable {
			// A node that is not asked to tell its resources is no failure of the engine.
			_ = inTime(ctx, func(ctx context.Context) (err error) {
				node, err = e.API.NodeInspect(ctx, s.NodeID, client.NodeInspectOptions{})
				return err
			})
		}
	})
	calls.Go(func() {
		errs[1] = inTime(ctx, func(ctx context.Context) (err error) {
			version, err = e.API.ServerVersion(ctx, client.ServerVersionOptions{})
			return err
		})
	})
	calls.Go(func() {
		errs[2] = inTime(ctx, func(ctx context.Context) (err error) {
			list, err = e.API.ContainerList(ctx, client.ContainerListOptions{All: true})
			return err
		})
		if errs[2] == nil {
			found = e.inspect(ctx, list.Items)
			errs[2] = found.err
		}
	})
	calls.Wait()
	ofVersion(&f, version)
	ofInfo(&f, info.Info)
	ofSwarm(&f, info.Info, node.Node)
	f.Containers, f.Skipped = found.withGPU(&f), found.skipped
	f.Error = reason(errors.Join(errs...))
	return f
}

// inTime makes a call with the limit of one.
func inTime(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := call(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errLate // what is wrapped around it names a URL of no use
	}
	return err
}

var errLate = errors.New("the engine did not answer in time")

// reason is an error as one line: what an engine writes is not ours, may be long, and
// must not steer a terminal. Of several that say the same, one is enough.
func reason(err error) string {
	if err == nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		line = clean(strings.TrimSpace(line), 300)
		if line != "" && (len(lines) == 0 || lines[len(lines)-1] != line) && len(lines) < 3 {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// clean frees a text of control characters and cuts it to a number of bytes, at a character.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xc0 == 0x80 {
		most--
	}
	return text[:most] + "…"
}
