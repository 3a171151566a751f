package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// judge judges one rung.
func (c climb) judge(s Stage) Rung {
	switch {
	case s.Name == "engine":
		return c.engine()
	case s.Name == "host":
		return c.nvml()
	case s.Route != "":
		return c.route(s)
	case s.Name == "uuids":
		return c.same()
	case s.Name == "reload":
		return c.reload(c.more.Reload)
	case s.Name == SMI:
		return c.smi(c.more.SMI)
	}
	return c.lines(s)
}

func (c climb) engine() Rung {
	e := c.host.Engine
	if e.Version == "" {
		return Rung{Detail: cmp.Or(e.Error, "no engine answers")}
	}
	for _, t := range c.tries {
		if t.Lost != "" {
			return Rung{Detail: lost + t.Lost}
		}
	}
	return Rung{OK: true, Detail: strings.TrimSpace("Docker " + e.Version + " " + e.Endpoint)}
}

// nvml is what the host's own tools see. Behind a remote engine nobody may have looked.
func (c climb) nvml() Rung {
	gpus := c.host.GPUs
	if why := c.host.Unread["nvml"]; why != "" && len(gpus) == 0 {
		if c.host.Driver.Version == "" {
			return Rung{Skipped: why}
		}
		return Rung{Detail: why}
	}
	if len(gpus) == 0 {
		switch {
		case c.host.Engine.Kind == "desktop":
			return Rung{Skipped: "the engine runs in a virtual machine, whose own tools were not asked"}
		case c.host.Driver.Version != "":
			return Rung{Detail: "the driver shows no GPU"}
		case len(c.host.PCI) == 0 && c.host.Unread["pci"] == "":
			return Rung{Detail: "no NVIDIA driver is loaded, and no NVIDIA GPU is on the PCI bus"}
		}
		return Rung{Detail: "no NVIDIA driver is loaded", See: "G001"}
	}
	for _, g := range gpus {
		if g.Lost {
			return Rung{Detail: fmt.Sprintf("GPU %d (%s) is lost: the driver cannot reach it", g.Index, g.PCI), See: "G012"}
		}
	}
	return Rung{OK: true, Detail: fmt.Sprintf("%s, driver %s", counted(gpus), cmp.Or(c.host.Driver.Version, "unknown"))}
}

// counted is "2 × NVIDIA H200", each model once.
func counted(gpus []host.GPU) string {
	var names []string
	count := map[string]int{}
	for _, g := range gpus {
		if count[g.Name]++; count[g.Name] == 1 {
			names = append(names, g.Name)
		}
	}
	for i, n := range names {
		names[i] = fmt.Sprintf("%d × %s", count[n], n)
	}
	return strings.Join(names, ", ")
}

// route holds if a container ran and its worker could load libcuda.
func (c climb) route(s Stage) Rung {
	i := slices.IndexFunc(c.tries, func(t tried) bool { return t.Route == s.Route })
	switch {
	case i < 0 && c.host.Engine.Version == "":
		return Rung{Skipped: "the engine does not answer"}
	case i < 0 && s.Route == GPUs:
		return Rung{Detail: "no container was started"}
	case i < 0 && slices.ContainsFunc(Routes(c.host), func(r Route) bool { return r.Name == s.Route }):
		return Rung{Skipped: "not tried"}
	case i < 0:
		return Rung{Skipped: "this engine does not offer it"}
	}
	t := c.tries[i]
	r := Rung{Seconds: t.Seconds}
	load := t.stage(report.Load, "")
	switch {
	case len(load) == 0:
		r.Detail = cmp.Or(t.broken, "the worker did not come as far as loading the driver")
	case !load[0].OK:
		r.Detail, r.See = said(load[0]), see(load[0])
	default:
		r.OK, r.Detail = true, "by "+map[string]string{CDI: "CDI", Runtime: "the nvidia runtime", "hook": "the toolkit's hook"}[t.by()]
	}
	return r
}

// smi holds if nvidia-smi of the user's image names as many GPUs as the host shows.
func (c climb) smi(t *Try) Rung {
	r := Rung{Seconds: t.Seconds}
	said := strings.TrimSpace(string(t.Output))
	switch {
	case t.Refused != "":
		r.Detail = loaderHint(t.Refused)
	case t.Lost != "":
		r.Detail = lost + t.Lost
	case t.Late:
		r.Detail = fmt.Sprintf("the container did not end within %.0f s", t.Seconds)
	case t.Exit != 0:
		r.Detail = fmt.Sprintf("nvidia-smi ended with exit code %d: %s", t.Exit, cmp.Or(reason(t.Errors), lastLine(t.Output), "it said nothing"))
	case !strings.Contains(said, "GPU "):
		r.Detail = "nvidia-smi names no GPU: " + cmp.Or(said, "it said nothing")
	default:
		r.OK, r.Detail = true, said
	}
	return r
}

// same compares the devices inside with those outside. A process sees one MIG device at
// most, so of those it is enough that it is one of the host's.
func (c climb) same() Rung {
	out := outside(c.host)
	r := Rung{Skipped: "no container came this far"}
	for _, t := range c.tries {
		in := t.uuids()
		if len(in) == 0 {
			continue
		}
		if len(out) == 0 {
			return Rung{Skipped: cmp.Or(c.nvml().Skipped, "the host's own tools show no GPU"), Detail: strings.Join(in, " ")}
		}
		mig := slices.ContainsFunc(in, func(id string) bool { return strings.HasPrefix(id, "MIG-") })
		for _, id := range in {
			if !has(out, id) {
				return Rung{Detail: fmt.Sprintf("with %s a container has %s, which the host does not show", flag(t.Route), id), See: "C021"}
			}
		}
		// A CDI spec without a device for all hands over one.
		one := t.Route == CDI && !slices.Contains(c.host.Engine.CDIDevices, "nvidia.com/gpu=all")
		for _, id := range out {
			if !has(in, id) && !mig && !one {
				return Rung{Detail: fmt.Sprintf("with %s a container lacks %s", flag(t.Route), id), See: "C018"}
			}
		}
		r = Rung{OK: true, Detail: strings.Join(in, " ")}
	}
	return r
}

// outside are the UUIDs of what the host can hand out: GPUs, and MIG devices of those
// that are split.
func outside(h *host.Host) (ids []string) {
	for _, g := range h.GPUs {
		if g.MIG == nil || !g.MIG.On {
			if g.UUID != "" {
				ids = append(ids, clean(g.UUID))
			}
			continue
		}
		for _, m := range g.MIG.Devices {
			ids = append(ids, clean(m.UUID))
		}
	}
	return ids
}

func has(ids []string, id string) bool {
	return slices.ContainsFunc(ids, func(other string) bool { return strings.EqualFold(other, id) })
}

// flag is a route as one writes it.
func flag(route string) string {
	switch route {
	case GPUs:
		return "--gpus all"
	case CDI:
		return "a CDI device"
	case Runtime:
		return "--runtime=nvidia"
	}
	return route
}

// notes are things worth knowing that break no rung.
func notes(h *host.Host, tries []tried) (notes []string) {
	if slices.ContainsFunc(tries, func(t tried) bool { return t.Lost != "" }) {
		notes = append(notes, "containers may be left there; `docker container prune --filter label="+engine.Label+"` removes them")
	}
	for _, t := range tries {
		if t.Route == GPUs && t.by() == "hook" && cdiDevice(h.Engine.CDIDevices) != "" {
			notes = append(notes, "--gpus all went by the toolkit's hook although the engine knows CDI devices: engines before 29.2 do, newer ones where CDI failed")
		}
	}
	if h.Limits.Shm == 64<<20 {
		notes = append(notes, "containers get 64 MiB of shared memory unless told otherwise; PyTorch's data loaders want --shm-size 1g or more")
	}
	if h.Limits.Memlock > 0 {
		notes = append(notes, "containers may lock little memory; NCCL and RDMA want --ulimit memlock=-1")
	}
	return notes
}
