package setup

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const (
	gpuKind     = "nvidia.com/gpu"
	refreshSpec = "/var/run/cdi/nvidia.yaml" // what nvidia-cdi-refresh writes
	refreshUnit = "nvidia-cdi-refresh.service"
	refreshPath = "nvidia-cdi-refresh.path"
)

// specs plans the CDI spec of the GPUs: by the toolkit's service where systemd runs it, else
// as a file that stays.
func (p *planner) specs() {
	h := p.h
	if !p.wanted(RuntimePart) || p.toolkit.version == "" || !hasGPU(h) || p.engine.foreign != "" {
		return
	}
	if !p.engine.none && !p.engine.unknown && policy.EngineOf(p.engine.version).CDI == "no" {
		return // nobody would read it
	}
	if p.blind(RuntimePart, "cdi") || p.h.Unread["systemd"]+p.h.Unread["toolkit"] != "" {
		return
	}
	if p.toolkit.ctk == "" {
		p.left(RuntimePart, "the CDI spec of the GPUs is written by nvidia-ctk, which is not on the engine's PATH")
		return
	}
	if !p.driver.ready {
		p.left(RuntimePart, "the CDI spec of the GPUs can be written when the driver is loaded: run this again then")
		return
	}
	service := systemd(h) && p.toolkit.units && h.OS.WSL == 0 && engineReads(h, path.Dir(refreshSpec))
	target := refreshSpec
	if !service {
		target = p.specFile()
	}
	for i, s := range p.surplus(target) {
		p.step(Step{ID: fmt.Sprintf("runtime/old-spec-%d", i+1), Part: RuntimePart, Title: "take the CDI spec " + s.path + " away", Why: s.why, Root: true,
			Op: Op{File: &File{Path: s.path, Absent: true}}})
	}
	why := p.whySpec(target)
	if service {
		p.refresh(why)
		return
	}
	if why == "" {
		p.right(RuntimePart, "the CDI spec %s is of these GPUs and this driver", target)
		return
	}
	p.step(Step{ID: "runtime/spec", Part: RuntimePart, Title: "write the CDI spec of the GPUs to " + target, Why: why + "; Docker sees it at once", Root: true,
		Op: Op{CDI: &CDI{Output: target, Tool: p.toolkit.ctk}}})
}

// specFile is where a spec lasts: nothing writes one below /run anew at the next start.
func (p *planner) specFile() string {
	const usual = "/etc/cdi"
	if engineReads(p.h, usual) {
		return usual + "/nvidia.yaml"
	}
	for _, dir := range engineDirs(p.h) {
		if plainPath.MatchString(dir) {
			return path.Join(dir, "nvidia.yaml")
		}
	}
	return usual + "/nvidia.yaml"
}

// refresh has the toolkit's service write the spec, now and after each change.
func (p *planner) refresh(why string) {
	for _, name := range []string{refreshPath, refreshUnit} {
		if _, there := find.Unit(p.h, name); enabled(p.h, name) || name == refreshPath && !there && enabled(p.h, refreshUnit) {
			continue // whoever enabled the one has no other
		}
		p.step(Step{ID: "runtime/" + name, Part: RuntimePart, Title: "enable " + name, Root: true, Op: Op{Unit: &Unit{Name: name, Do: "enable"}},
			Why: map[string]string{refreshPath: "the CDI spec is written anew when the driver or the toolkit changes", refreshUnit: "the CDI spec is written at each start, and now"}[name]})
		if name == refreshUnit {
			return // it has just written it
		}
	}
	if why == "" {
		p.right(RuntimePart, "the CDI spec %s is of these GPUs and this driver, and is kept so by nvidia-cdi-refresh", refreshSpec)
		return
	}
	p.step(Step{ID: "runtime/spec", Part: RuntimePart, Title: "have nvidia-cdi-refresh write the CDI spec", Why: why + "; Docker sees it at once", Root: true, Op: Op{Unit: &Unit{Name: refreshUnit, Do: "start"}}})
}

// whySpec is what is wrong with the spec of a path, "" if it is right.
func (p *planner) whySpec(file string) string {
	h := p.h
	i := slices.IndexFunc(h.CDI.Specs, func(s host.CDISpec) bool { return samePath(s.Path, file) })
	switch {
	case p.driver.changed:
		return "the driver is new"
	case p.toolkit.changed:
		return "a CDI spec tells engines of the GPUs and the driver's files, and of the toolkit's programs, which are new"
	case i < 0:
		return "a CDI spec tells engines of the GPUs and the driver's files, and there is none"
	}
	s := h.CDI.Specs[i]
	switch {
	case s.Error != "" || s.Kind != gpuKind:
		return "the CDI spec cannot be read"
	case p.driver.version != "" && s.DriverVersion != "" && s.DriverVersion != p.driver.version:
		return fmt.Sprintf("the CDI spec is of driver %s, and %s is loaded", s.DriverVersion, p.driver.version)
	case slices.ContainsFunc(s.Paths, func(f host.CDIPath) bool { return f.Missing }), slices.ContainsFunc(s.Nodes, func(n host.CDINode) bool { return n.Missing }):
		return "the CDI spec names files that are not there"
	case !slices.Contains(s.Devices, "all"):
		return "the CDI spec has no device of all GPUs"
	case p.wrongMajors(s):
		return "the CDI spec has other device numbers than the devices"
	}
	if h.OS.WSL != 0 {
		return "" // all GPUs are one device there
	}
	for _, g := range h.GPUs {
		names := []string{fmt.Sprint(g.Index), g.UUID}
		if g.MIG != nil && g.MIG.On {
			names = nil
			for _, m := range g.MIG.Devices {
				names = append(names, m.UUID, fmt.Sprintf("%d:%d", g.Index, m.Index))
			}
			if len(names) == 0 {
				continue
			}
		}
		if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(s.Devices, n) }) {
			return "the CDI spec does not name " + cmp.Or(g.UUID, fmt.Sprintf("GPU %d", g.Index))
		}
	}
	return ""
}

// wrongMajors compares device numbers, which the kernel gives out anew at each load.
func (p *planner) wrongMajors(s host.CDISpec) bool {
	return slices.ContainsFunc(s.Nodes, func(n host.CDINode) bool {
		return slices.ContainsFunc(p.h.Nodes, func(m host.Node) bool {
			return n.Path == m.Path && (n.Major != nil && *n.Major != m.Major || n.Minor != nil && *n.Minor != m.Minor)
		})
	})
}

func samePath(a, b string) bool {
	return find.SameDir(path.Dir(a), path.Dir(b)) && path.Base(a) == path.Base(b)
}

// extra is a spec that stands in the way of the right one.
type extra struct{ path, why string }

// surplus are other specs of the GPUs: two in one directory cancel each other, and an old
// one in another names what is no more.
func (p *planner) surplus(target string) (out []extra) {
	for _, s := range p.h.CDI.Specs {
		if samePath(s.Path, target) || s.Kind != gpuKind && s.Error == "" {
			continue
		}
		var why string
		switch {
		case s.Error != "" && path.Base(s.Path) == path.Base(target):
			why = "it cannot be read, and " + target + " takes its place"
		case s.Error != "":
			continue
		case find.SameDir(path.Dir(s.Path), path.Dir(target)):
			why = "it defines the devices of " + target + " again, and engines drop what is defined twice in a directory"
		case p.whySpec(s.Path) != "":
			why = "it is out of date, and " + target + " takes its place"
		default:
			continue // right, and shadowed or shadowing with the same
		}
		if !plainPath.MatchString(s.Path) || !slices.Contains([]string{".yaml", ".json"}, path.Ext(s.Path)) {
			p.left(RuntimePart, "the CDI spec %s: %s; take it away", s.Path, why)
			continue
		}
		out = append(out, extra{s.Path, why})
	}
	return out
}
