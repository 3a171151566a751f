package setup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// loadDriver loads the module, or says why only a restart of the machine can.
func (p *planner) loadDriver() {
	h := p.h
	for _, g := range ours(h) {
		if isNouveau(g.Driver) {
			p.driver.reboot = g.Driver + " holds the GPU until then"
		}
	}
	if p.driver.reboot != "" {
		p.nodes()
		return
	}
	p.driver.ready = true
	p.step(Step{ID: "driver/load", Part: DriverPart, Title: "load the NVIDIA module", Why: "the driver is not loaded", Root: true, Op: Op{Module: &Module{Name: "nvidia"}}})
	p.nodes()
}

// isNouveau says whether a kernel driver is the kernel's own for NVIDIA cards.
func isNouveau(driver string) bool {
	return slices.Contains([]string{"nouveau", "nova", "nova_core", "nova-core"}, driver)
}

// nodes makes /dev/nvidia-uvm where it is missing: programs of root's that use CUDA make
// it themselves, containers cannot.
func (p *planner) nodes() {
	h := p.h
	there := slices.ContainsFunc(h.Nodes, func(n host.Node) bool { return n.Path == "/dev/nvidia-uvm" })
	if h.OS.Container != "" || h.OS.WSL != 0 || there && p.driver.reboot == "" {
		return
	}
	p.whenLoaded(Step{ID: "driver/nodes", Part: DriverPart, Title: "load nvidia-uvm and make its device nodes", Why: "CUDA in containers needs /dev/nvidia-uvm", Root: true,
		Op: Op{Module: &Module{Name: "nvidia-uvm", Nodes: true}}})
}

// rebootStep is where the plan waits for the user.
func (p *planner) rebootStep() {
	p.step(Step{ID: "driver/reboot", Part: DriverPart, Title: "restart the machine, then `docker gpu setup --resume`", Why: p.driver.reboot,
		Op: Op{Reboot: &Reboot{Why: tidy(p.driver.reboot)}}, Disruption: doctor.Reboot, Undo: "nothing"})
	for _, s := range p.driver.behind {
		p.step(s)
	}
	p.driver.ready = true
}

// needsMOK says that modules built here are refused until their key is enrolled, and how.
func (p *planner) needsMOK() {
	key := "/var/lib/dkms/mok.pub"
	if p.h.OS.ID == "ubuntu" {
		key = "/var/lib/shim-signed/mok/MOK.der"
	}
	p.left(DriverPart, "Secure Boot is on, and the module is signed on this machine: `mokutil --import %s` once the packages are installed, choose a password, restart, "+
		"and give it on the blue screen (Enroll MOK)", key)
	p.driver.reboot = fmt.Sprintf("Secure Boot accepts the module only after its key was enrolled: before the restart, `mokutil --import %s`", key)
}

// without are the kernels that run now or start next and have no NVIDIA module.
func (p *planner) without() (releases []string) {
	for _, r := range distinct(p.h.Kernel.Release, p.h.Kernel.NextBoot) {
		i := slices.IndexFunc(p.h.Kernel.Installed, func(k host.InstalledKernel) bool { return k.Release == r })
		if i >= 0 && p.h.Kernel.Installed[i].NVIDIA == "" && (r != p.h.Kernel.Release || p.h.Driver.Version == "") {
			releases = append(releases, r)
		}
	}
	return releases
}

func distinct(texts ...string) (out []string) {
	for _, t := range texts {
		if kernelRelease.MatchString(t) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func kernels(releases []string) string {
	return map[bool]string{true: "kernel ", false: "the kernels "}[len(releases) == 1] + listed(releases)
}

// modulesFor are packages that bring the module to kernels that lack it, in the way in
// which the driver was installed.
func (p *planner) modulesFor() (names []string) {
	h := p.h
	for _, r := range p.without() {
		flavour := doctor.DriverFlavour(h)
		switch {
		case flavour != "" && slices.ContainsFunc(h.Packages, func(q host.Package) bool { return strings.HasPrefix(q.Name, "linux-modules-nvidia-") }):
			names = append(names, "linux-modules-nvidia-"+flavour+"-"+r)
		case installed(h, "dkms") && manager(h) == "apt":
			names = append(names, "linux-headers-"+r)
		case installed(h, "dkms") && manager(h) == "dnf":
			names = append(names, kernelPackages(h, []string{r})...)
		default:
			p.left(DriverPart, "kernel %s has no NVIDIA module: install or build one as the driver was installed", r)
		}
	}
	return names
}

// fabric sees to the fabric manager, which must be of the driver's very version.
func (p *planner) fabric(version string) {
	h := p.h
	if !nvSwitches(h) || p.driver.reboot != "" && version == "" {
		return
	}
	if branch := policy.BranchOf(version); branch != 0 && versionText.MatchString(version) && h.Driver.FabricManager != version {
		name := policy.FabricPackage(manager(h), branch)
		if name == "" {
			p.left(DriverPart, "NVSwitches join the GPUs: install the fabric manager %s, the driver's version, and start it", version)
			return
		}
		p.step(Step{ID: "driver/fabric", Part: DriverPart, Title: "install the fabric manager " + version, Why: "NVSwitches join the GPUs; without a fabric manager of the driver's version CUDA does not start", Root: true,
			Op: Op{Packages: p.packages([]Package{{Name: name, Version: version + "-*"}}, originName(h))}})
	}
	p.fabricService()
}

func (p *planner) fabricService() {
	const name = "nvidia-fabricmanager.service"
	if u, ok := find.Unit(p.h, name); ok && u.Enabled == "enabled" && u.Active == "active" {
		p.right(DriverPart, "the fabric manager runs")
		return
	}
	s := Step{ID: "driver/fabric-service", Part: DriverPart, Title: "start the fabric manager, now and at every start", Why: "it sets up the NVSwitches that join the GPUs", Root: true,
		Op: Op{Unit: &Unit{Name: name, Do: "enable"}}}
	p.whenLoaded(s)
}

// whenLoaded adds a step that takes a loaded driver.
func (p *planner) whenLoaded(s Step) {
	if p.driver.reboot != "" {
		p.driver.behind = append(p.driver.behind, s)
		return
	}
	p.step(s)
}

// packages is an operation of this host's package manager.
func (p *planner) packages(install []Package, from string) *Packages {
	op := &Packages{Manager: manager(p.h), Refresh: p.w.Offline == "" && !p.fresh, Install: install, Dir: p.w.Offline, Origin: from}
	p.fresh = true
	if p.w.Offline != "" {
		op.Origin = fmt.Sprintf("package files in %s", tidy(p.w.Offline))
	}
	return op
}

func named(names ...string) (out []Package) {
	for _, n := range names {
		out = append(out, Package{Name: n})
	}
	return out
}
