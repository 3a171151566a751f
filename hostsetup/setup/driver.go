package setup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// driverComes is what the other parts may count on.
type driverComes struct {
	ready   bool   // it is loaded, or a step loads it
	changed bool   // this plan brings it
	version string // that is loaded and stays, "" where it is not known
	reboot  string // why the machine has to be restarted, "" if it has not
	behind  []Step // what has to wait for it to be loaded
	hold    []string
}

// driverPart plans NVIDIA's driver.
func (p *planner) driverPart() error {
	h := p.h
	p.driver.ready, p.driver.version = h.Driver.Version != "" || h.OS.WSL == 2, h.Driver.Version
	p.driver.hold = driverPackages(h)
	if !p.wanted(DriverPart) || p.blind(DriverPart, "os", "kernel", "kernels", "module", "pci", "packages") {
		return nil
	}
	switch {
	case h.OS.WSL == 1:
		return p.noDriver("this is WSL 1, which has no GPU: in Windows, `wsl --set-version DISTRIBUTION 2`")
	case h.OS.WSL == 2:
		if names := driverPackages(h); len(names) > 0 {
			return p.noDriver("a Linux driver is installed in WSL and hides the one of Windows: remove the packages %s", listed(names))
		}
		if !hasGPU(h) {
			return p.noDriver("Windows lends WSL no NVIDIA GPU: install NVIDIA's driver in Windows, then `wsl --update` and `wsl --shutdown` there; never a Linux driver in WSL")
		}
		return p.driverStays("Windows brings the driver; WSL takes none of its own")
	case h.OS.Container != "":
		if h.Driver.Version == "" {
			return p.noDriver("this is a container (%s), which has its host's driver: set up the driver on the host", h.OS.Container)
		}
		return p.driverStays("this is a container (%s); driver %s is its host's", h.OS.Container, h.Driver.Version)
	case h.Driver.Runfile:
		return p.noDriver("the driver%s was installed from a .run file, and packages over it break both: keep it up to date that way, or `nvidia-uninstall`, restart the machine, and run this again",
			prefixed(" ", h.Driver.Version))
	case len(find.GPUs(h)) == 0 && h.Driver.Version == "":
		return p.noDriver("there is no NVIDIA GPU on the bus, so a driver would have nothing to drive")
	case len(find.GPUs(h)) == 0:
		return p.driverStays("driver %s is loaded", h.Driver.Version)
	case len(ours(h)) == 0:
		return p.noDriver("all GPUs are handed to virtual machines (vfio-pci): the driver belongs into those")
	}
	return p.driverOfHost()
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// noDriver leaves the driver to the user; a wish for a branch cannot be had then.
func (p *planner) noDriver(format string, args ...any) error {
	if p.w.DriverBranch != "" {
		return fmt.Errorf("driver branch %s cannot be had: %s", tidy(p.w.DriverBranch), tidy(fmt.Sprintf(format, args...)))
	}
	p.left(DriverPart, format, args...)
	return nil
}

// driverStays says that it is right as it is; another branch is not ours to give.
func (p *planner) driverStays(format string, args ...any) error {
	if p.w.DriverBranch != "" && strconv.Itoa(policy.BranchOf(p.h.Driver.Version)) != p.w.DriverBranch {
		return p.noDriver(format, args...)
	}
	p.right(DriverPart, format, args...)
	return nil
}

// ours are the GPUs that are not handed to virtual machines.
func ours(h *host.Host) []host.PCI {
	return slices.DeleteFunc(find.GPUs(h), func(g host.PCI) bool { return g.Driver == "vfio-pci" })
}

// ends are the oldest and the newest architecture of the GPUs.
func ends(h *host.Host) (oldest, newest policy.Arch) {
	var all []policy.Arch
	for _, g := range ours(h) {
		if a := policy.ArchOfPCI(g.Device); a != policy.UnknownArch {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return policy.UnknownArch, policy.UnknownArch
	}
	return slices.Min(all), slices.Max(all)
}

// chooseBranch is the driver for the GPUs, of the branch that was wished for if it can be.
func (p *planner) chooseBranch() (policy.Advice, error) {
	oldest, newest := ends(p.h)
	advice, ok := policy.DriverFor(oldest, newest)
	if !ok && oldest != policy.UnknownArch && oldest < policy.Maxwell {
		return advice, fmt.Errorf("no maintained driver knows %s GPUs any more: replace the card", oldest)
	}
	if !ok {
		return advice, fmt.Errorf("no maintained driver works for %s and %s GPUs in one machine: take one kind out, or hand it to a virtual machine (vfio-pci)", oldest, newest)
	}
	if p.w.DriverBranch == "" {
		return advice, nil
	}
	n, err := strconv.Atoi(p.w.DriverBranch)
	b, known := policy.LookupBranch(n)
	switch {
	case err != nil || !known:
		return advice, fmt.Errorf("driver branch %q is none that is known: %s", tidy(p.w.DriverBranch), p.waysOut(oldest))
	case b.Over(p.now):
		return advice, fmt.Errorf("driver branch %d gets no more fixes%s: %s", n, prefixed(" since ", b.Ends), p.waysOut(oldest))
	case oldest != policy.UnknownArch && oldest < b.Oldest:
		return advice, fmt.Errorf("driver branch %d drives %s GPUs and newer, and this machine has %s: %s", n, b.Oldest, oldest, p.waysOut(oldest))
	}
	return policy.Advice{Branch: n, Open: advice.Open}, nil
}

// waysOut are the branches that can be had.
func (p *planner) waysOut(oldest policy.Arch) string {
	var names []string
	for _, b := range policy.DriverBranches() {
		if !b.Over(p.now) && (oldest == policy.UnknownArch || oldest >= b.Oldest) {
			names = append(names, fmt.Sprintf("%d (%s%s)", b.Branch, b.Kind, prefixed(", until ", b.Ends)))
		}
	}
	return "take " + strings.Join(names, " or ")
}

// driverOfHost keeps a driver that works, and installs one where there is none.
func (p *planner) driverOfHost() error {
	h := p.h
	advice, err := p.chooseBranch()
	if err != nil {
		if p.w.DriverBranch == "" {
			p.left(DriverPart, "%v", err)
			return nil
		}
		return err
	}
	have := doctor.InstalledDriver(h)
	why := p.whyInstall(have, advice)
	if why == "" {
		return p.keepDriver(have)
	}
	from, err := origin(h)
	if err != nil {
		return p.noDriver("%v", err)
	}
	if have != "" && p.w.DriverBranch == "" && advice.Branch != policy.BranchOf(have) {
		// What is there is of a branch that somebody chose: it stays where it can.
		if b, ok := policy.LookupBranch(policy.BranchOf(have)); ok && !b.Over(p.now) && !tooOld(h, b) {
			advice.Branch = b.Branch
		}
	}
	return p.installDriver(from, advice, why)
}
