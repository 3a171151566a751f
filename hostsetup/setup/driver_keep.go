package setup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

func tooOld(h *host.Host, b policy.DriverBranch) bool {
	oldest, _ := ends(h)
	return oldest != policy.UnknownArch && oldest < b.Oldest
}

// whyInstall is why a driver has to be installed, "" where the present one will do.
func (p *planner) whyInstall(have string, advice policy.Advice) string {
	oldest, newest := ends(p.h)
	b, known := policy.LookupBranch(policy.BranchOf(have))
	switch flavour := p.h.Driver.Flavour; {
	case have == "" && len(driverPackages(p.h)) == 0:
		return "the GPUs have no driver"
	case have == "":
		return "the driver is installed in part only"
	case p.w.DriverBranch != "" && advice.Branch != policy.BranchOf(have):
		return fmt.Sprintf("the driver is %s, and branch %d was asked for", have, advice.Branch)
	case known && tooOld(p.h, b):
		return fmt.Sprintf("driver %s does not drive %s GPUs", have, oldest)
	case flavour == "proprietary" && newest >= policy.Blackwell:
		return fmt.Sprintf("%s GPUs take the open kernel modules, and the proprietary ones are installed", newest)
	case flavour == "open" && oldest != policy.UnknownArch && oldest < policy.Turing:
		return fmt.Sprintf("%s GPUs take the proprietary kernel modules, and the open ones are installed", oldest)
	}
	return ""
}

// keepDriver sees to it that a driver that works is loaded, now and after the next start.
func (p *planner) keepDriver(have string) error {
	h := p.h
	if b, ok := policy.LookupBranch(policy.BranchOf(have)); ok && b.Over(p.now) {
		p.left(DriverPart, "driver %s works, but its branch gets no more fixes%s; `docker gpu setup --driver-branch %s` replaces it, with a restart of the machine", have, prefixed(" since ", b.Ends), p.advised())
	}
	if _, err := origin(h); errors.Is(err, errMixed) {
		p.left(DriverPart, "%v", err)
	}
	names := p.modulesFor()
	if len(names) > 0 {
		p.step(Step{ID: "driver/modules", Part: DriverPart, Title: "install the NVIDIA module for " + kernels(p.without()),
			Why: "a kernel without it starts without GPUs", Root: true, Op: Op{Packages: p.packages(named(names...), originName(h))}})
	}
	p.signedModules()
	for _, g := range ours(h) {
		if isNouveau(g.Driver) {
			p.left(DriverPart, "NVIDIA's driver is installed, and %s holds the GPU at %s: `docker gpu doctor` has the commands that keep it from loading (G004), before the restart", g.Driver, g.Address)
			break
		}
	}
	switch here := slices.Contains(p.without(), h.Kernel.Release); {
	case h.Driver.Version == "" && here && !slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, h.Kernel.Release) }):
		return nil // there is no module to load; that was said
	case h.Driver.Version == "":
		p.loadDriver()
	default:
		p.right(DriverPart, "driver %s%s is loaded", have, prefixed(", ", prefixedFlavour(h.Driver.Flavour)))
		p.nodes()
	}
	p.fabric(have)
	return nil
}

func prefixedFlavour(flavour string) string {
	if flavour == "" {
		return ""
	}
	return flavour + " modules,"
}

func (p *planner) advised() string {
	oldest, newest := ends(p.h)
	advice, _ := policy.DriverFor(oldest, newest)
	return strconv.Itoa(advice.Branch)
}
