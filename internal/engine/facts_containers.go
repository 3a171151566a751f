package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// inspected is what a look at many containers brought.
type inspected struct {
	all     []container.InspectResponse
	skipped int
	err     error
}

// inspect looks at containers side by side, those that run first: a list does not tell
// which of them has a GPU.
func (e *Engine) inspect(ctx context.Context, list []container.Summary) inspected {
	ctx, cancel := context.WithTimeout(ctx, lookabout)
	defer cancel()
	slices.SortStableFunc(list, func(a, b container.Summary) int { return cmp.Compare(rank(a), rank(b)) })
	at := 16
	if !e.Local {
		at = 2 // each connection may be a login by SSH; the client keeps two
	}
	found := make([]*container.InspectResponse, len(list))
	errs := make([]error, len(list))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(at, len(list)) {
		workers.Go(func() {
			for i := range next {
				res, err := e.API.ContainerInspect(ctx, list[i].ID, client.ContainerInspectOptions{})
				if err == nil {
					found[i] = &res.Container
				} else if !errdefs.IsNotFound(err) { // gone in the meantime
					errs[i] = err
				}
			}
		})
	}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	var out inspected
	asked := 0
	for i := range list {
		switch {
		case found[i] != nil:
			out.all = append(out.all, *found[i])
			asked++
		case errs[i] != nil && ctx.Err() == nil:
			out.skipped++
			out.err = fmt.Errorf("container %s cannot be inspected: %w", clean(list[i].ID, 12), errs[i])
		case errs[i] == nil && ctx.Err() == nil: // gone
			asked++
		}
	}
	if ctx.Err() != nil {
		out.skipped = len(list) - asked
	}
	return out
}

// rank puts what runs before what does not, and what failed lately before the rest.
func rank(c container.Summary) int {
	if c.State == container.StateRunning {
		return 0
	}
	return 1
}

// withGPU are those that have a GPU or ask for one, in the words of the schema.
func (in inspected) withGPU(f *host.Engine) (out []host.Container) {
	for _, c := range in.all {
		if c.HostConfig == nil || c.Config == nil {
			continue
		}
		env := environment(c.Config.Env)
		gpus, route := asksFor(c.HostConfig, env, f)
		if len(gpus) == 0 {
			continue
		}
		h := host.Container{
			ID: clean(c.ID, 64), Name: clean(strings.TrimPrefix(c.Name, "/"), 200), Image: clean(c.Config.Image, 300),
			Route: route, GPUs: gpus, Shm: c.HostConfig.ShmSize, Capabilities: clean(env["NVIDIA_DRIVER_CAPABILITIES"], 200),
			Service: clean(c.Config.Labels["com.docker.compose.service"], 200), Project: clean(c.Config.Labels["com.docker.compose.project"], 200),
			Env: env.ofGPUs(), Labels: ours(c.Config.Labels),
		}
		if s := c.State; s != nil {
			h.State, h.Exit, h.Error = clean(string(s.Status), 20), s.ExitCode, clean(s.Error, 500)
			if t, err := time.Parse(time.RFC3339Nano, s.StartedAt); err == nil && t.Year() > 1 { // the zero time: never
				h.Started = t
			}
		}
		if p := string(c.HostConfig.RestartPolicy.Name); p != "no" {
			h.Restart = clean(p, 30)
		}
		if m := string(c.HostConfig.IpcMode); m != "private" && m != "shareable" {
			h.IPC = clean(m, 100)
		}
		for _, u := range c.HostConfig.Ulimits {
			if u != nil && u.Name == "memlock" {
				h.Memlock = u.Hard
			}
		}
		out = append(out, h)
	}
	return out
}

// asksFor says which GPUs a container is given and by which way (reference host.md §4).
// No GPUs: it has nothing to do with them.
func asksFor(h *container.HostConfig, env environ, f *host.Engine) (gpus []string, route string) {
	for _, r := range h.DeviceRequests {
		given, how := request(r, f)
		if len(given) > 0 {
			gpus, route = append(gpus, given...), cmp.Or(route, how)
		}
	}
	for _, d := range h.Devices {
		name := d.PathOnHost
		switch {
		case strings.HasPrefix(name, "nvidia.com/gpu="):
			gpus, route = append(gpus, clean(name, 200)), "cdi"
		case strings.HasPrefix(name, "/dev/nvidia"): // by hand: no route that anyone keeps up
			gpus = append(gpus, clean(name, 200))
		}
	}
	// Images set NVIDIA_VISIBLE_DEVICES too: it means something to this runtime only.
	if len(gpus) == 0 && strings.HasPrefix(h.Runtime, "nvidia") {
		for _, v := range append([]string{env["NVIDIA_VISIBLE_DEVICES"]}, env.resources()...) {
			for name := range strings.SplitSeq(v, ",") {
				if name = strings.TrimSpace(name); name != "" && name != "void" && name != "none" && len(gpus) < 64 {
					gpus, route = append(gpus, clean(name, 200)), "runtime"
				}
			}
		}
	}
	return gpus, route
}

// request reads one of `--gpus` or Compose. Since Docker 29.2 the engine takes CDI
// before the hook and falls back without a word, so that the API does not tell which it
// was (moby daemon/devices_nvidia_linux.go).
func request(r container.DeviceRequest, f *host.Engine) (gpus []string, route string) {
	switch {
	case r.Driver == "cdi":
		for _, id := range r.DeviceIDs {
			if strings.HasPrefix(id, "nvidia.com/") || strings.HasPrefix(id, "runtime.nvidia.com/") {
				gpus = append(gpus, clean(id, 200))
			}
		}
		return gpus, "cdi"
	case r.Driver != "" && !strings.HasPrefix(r.Driver, "nvidia"), r.Driver == "" && !wantsGPU(r.Capabilities):
		return nil, ""
	case len(r.DeviceIDs) > 0:
		for _, id := range r.DeviceIDs {
			gpus = append(gpus, clean(id, 200))
		}
	case r.Count < 0:
		gpus = []string{"all"}
	case r.Count > 0:
		gpus = []string{strconv.Itoa(r.Count)}
	}
	switch {
	case r.Driver == "nvidia.cdi":
		return gpus, "cdi"
	case r.Driver == "nvidia.runtime-hook", beforeCDI(f.Version), !slices.ContainsFunc(f.CDIDevices, func(d string) bool { return strings.HasPrefix(d, "nvidia.com/gpu=") }):
		return gpus, "hook"
	}
	return gpus, ""
}

func wantsGPU(capabilities [][]string) bool {
	return slices.ContainsFunc(capabilities, func(all []string) bool { return slices.Contains(all, "gpu") })
}

// beforeCDI says that an engine gives `--gpus` by the hook only: Docker before 29.2.
// Versions of moby's own, "2.0.0-beta.24" and "dev", are newer.
func beforeCDI(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, err := strconv.Atoi(major)
	n, err2 := strconv.Atoi(minor)
	return err == nil && err2 == nil && m >= 17 && (m < 29 || m == 29 && n < 2)
}
