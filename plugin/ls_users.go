package plugin

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// cdiKind begins the names that CDI specs give GPUs.
const cdiKind = "nvidia.com/gpu="

// holder is who uses a GPU: a container or, outside of one, a process.
type holder struct {
	container, image, service string
	process                   string
	idle                      bool // it was given the GPU and has no program on it
}

func (h holder) text(r *lsRow) string {
	if h.container == "" {
		return r.short(cell(h.process), 40)
	}
	var about []string
	for _, s := range []string{h.image, h.service} {
		if s != "" {
			about = append(about, r.short(cell(s), 40))
		}
	}
	if h.idle {
		about = append(about, "idle")
	}
	text := r.short(cell(h.container), 40)
	if len(about) > 0 {
		text += " (" + strings.Join(about, ", ") + ")"
	}
	return text
}

// lsRows are a host's GPUs, each followed by its MIG devices.
func lsRows(h *host.Host, trunc bool) []*lsRow {
	var rows []*lsRow
	for _, g := range h.GPUs {
		divided := g.MIG != nil && g.MIG.On
		whole := &lsRow{index: strconv.Itoa(g.Index), gpu: g, trunc: trunc}
		whole.users = users(h, g.Processes, func(p host.Process) bool { return p.MIG == nil }, names(g, len(h.GPUs)))
		rows = append(rows, whole)
		if !divided {
			continue
		}
		for _, d := range g.MIG.Devices {
			part := &lsRow{index: fmt.Sprintf("%d:%d", g.Index, d.Index), trunc: trunc,
				gpu: host.GPU{Name: "MIG " + lsOr(d.Profile, "device"), UUID: d.UUID, Memory: d.Memory, MemoryUsed: d.MemoryUsed, Lost: g.Lost}}
			given := []string{fmt.Sprintf("%d:%d", g.Index, d.Index), fmt.Sprintf("%s%d:%d", cdiKind, g.Index, d.Index)}
			if d.UUID != "" {
				given = append(given, d.UUID)
			}
			part.users = users(h, g.Processes, func(p host.Process) bool { return p.MIG != nil && *p.MIG == d.Index }, given)
			rows = append(rows, part)
		}
	}
	return rows
}

// names are what a container may have asked for to get a GPU. A bare number is a count
// or an index, which cannot be told apart; of one GPU it is that one.
func names(g host.GPU, of int) []string {
	given := []string{"all", fmt.Sprintf("%s%d", cdiKind, g.Index)}
	if g.UUID != "" {
		given = append(given, g.UUID)
	}
	if of == 1 {
		given = append(given, strconv.Itoa(g.Index), "1")
	}
	return given
}

// users are the containers of processes in their order, then other processes, then
// running containers that were given the GPU by one of its names.
func users(h *host.Host, processes []host.Process, on func(host.Process) bool, given []string) []holder {
	var containers, others []holder
	seen := map[string]bool{}
	for _, p := range processes {
		switch {
		case !on(p):
		case p.Container == "":
			others = append(others, holder{process: fmt.Sprintf("%s[%d]", program(p.Name), p.PID)})
		case !seen[p.Container]:
			seen[p.Container] = true
			containers = append(containers, containerOf(h, p.Container))
		}
	}
	for _, c := range h.Engine.Containers {
		if c.State != "running" || seen[c.ID] || !slices.ContainsFunc(c.GPUs, func(want string) bool {
			// A CDI name is an index, a UUID or "all"; an index has its kind before it in given.
			return slices.Contains(given, want) || slices.ContainsFunc(given, func(name string) bool {
				return (name == "all" || strings.Contains(name, "-")) && want == cdiKind+name
			})
		}) {
			continue
		}
		seen[c.ID] = true
		idle := containerOf(h, c.ID)
		idle.idle = true
		containers = append(containers, idle)
	}
	return append(containers, others...)
}

// containerOf is a container of the engine's, or the beginning of an ID that it does not know.
func containerOf(h *host.Host, id string) holder {
	for _, c := range h.Engine.Containers {
		if c.ID == id {
			out := holder{container: lsOr(strings.TrimPrefix(c.Name, "/"), shortID(id)), image: c.Image}
			if c.Service != "" {
				out.service = strings.Trim(c.Project+"/"+c.Service, "/")
			}
			return out
		}
	}
	return holder{container: shortID(id)}
}

// program is the last part of a program's path.
func program(name string) string {
	if name == "" {
		return "process"
	}
	return path.Base(name)
}

func shortID(id string) string { return id[:min(12, len(id))] }
