package setup

import (
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// holdPart keeps upgrades, unattended ones above all, from changing the driver's libraries
// under the module that is loaded.
func (p *planner) holdPart() {
	if !p.wanted(HoldPart) {
		return
	}
	h := p.h
	patterns := holdPatterns(manager(h))
	matches := func(name string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok })
	}
	comes := slices.ContainsFunc(p.plan.Steps, func(s Step) bool {
		return s.Op.Packages != nil && slices.ContainsFunc(s.Op.Packages.Install, func(q Package) bool { return matches(q.Name) })
	})
	free, held := 0, 0
	for _, q := range h.Packages {
		if matches(q.Name) {
			if q.Held {
				held++
			} else {
				free++
			}
		}
	}
	switch {
	case len(patterns) == 0 || !comes && free+held == 0:
		p.left(HoldPart, "there is no package of the driver or the toolkit that could be held")
	case !comes && free == 0:
		p.right(HoldPart, "the driver's and the toolkit's %d packages are held", held)
	default:
		p.step(Step{ID: "hold/packages", Part: HoldPart, Title: "keep upgrades away from the driver and the toolkit", Why: "an upgrade of libraries under the loaded module stops every GPU program until the machine restarts", Root: true,
			Op: Op{Hold: &Hold{Manager: manager(h), Packages: patterns}}})
	}
}

// holdPatterns name the packages of driver and toolkit, all of which go together: those that
// only come along too.
func holdPatterns(manager string) []string {
	driver := map[string][]string{
		"apt":    {"nvidia-*", "libnvidia-*", "linux-modules-nvidia-*", "linux-objects-nvidia-*", "linux-signatures-nvidia-*", "cuda-drivers*"},
		"dnf":    {"nvidia-*", "libnvidia-*", "kmod-nvidia-*", "cuda-drivers*"},
		"zypper": {"nvidia-*", "libnvidia-*", "cuda-drivers*"},
	}[manager]
	for _, name := range policy.ToolkitPackages() {
		if !slices.ContainsFunc(driver, func(pattern string) bool {
			return strings.HasSuffix(pattern, "*") && strings.HasPrefix(name, strings.TrimSuffix(pattern, "*"))
		}) {
			driver = append(driver, name)
		}
	}
	return driver
}
