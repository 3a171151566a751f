package setup

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// recipe is how a distribution installs a driver.
type recipe struct {
	before  []Step // the repository, and what keeps to the branch
	install []Package
	remove  []string
	modules []string // dnf's module streams
	origin  string
	newest  bool // the repository's packages name no branch: its newest comes
	builds  bool // the kernel module is built on the machine
}

// installDriver plans the packages of a driver, and that it is loaded.
func (p *planner) installDriver(from string, a policy.Advice, why string) error {
	var r recipe
	var err error
	d, known := distribution(p.h)
	switch m := manager(p.h); {
	case m == "" || !known:
		err = fmt.Errorf("setup has no packages of the driver for %s: install branch %d with %s kernel modules as your distribution says", systemName(p.h), a.Branch, flavour(a.Open))
	case p.h.OS.ID == "ubuntu" && from != fromNVIDIA:
		r, err = p.ubuntuDriver(d, a)
	case d.CUDA == "" || policy.CUDAArch(p.h.Arch) == "":
		err = fmt.Errorf("NVIDIA has no repository of drivers for %s on %s: install branch %d with %s kernel modules as your distribution says", systemName(p.h), p.h.Arch, a.Branch, flavour(a.Open))
	case m == "apt":
		r, err = p.debianDriver(d, a)
	case m == "dnf":
		r, err = p.rpmDriver(d, a)
	default:
		r, err = p.suseDriver(d, a)
	}
	if err != nil {
		return p.noDriver("%v", err)
	}
	r.overPresent(p.h, a.Branch)
	if p.w.Offline == "" {
		for _, s := range r.before {
			p.step(s)
		}
	}
	if r.builds && p.h.OS.SecureBoot == "on" {
		p.needsMOK()
	}
	loaded := p.h.Driver.Version
	if loaded != "" && p.driver.reboot == "" {
		p.driver.reboot = "driver " + loaded + " stays loaded until then"
	}
	disruption := doctor.None
	if loaded != "" {
		disruption = doctor.Reboot
		why += "; until the restart, GPU programs that start find other libraries than the loaded module's, and fail"
	}
	install := p.packages(r.install, r.origin)
	install.Remove = r.remove
	if p.w.Offline == "" {
		install.Modules = r.modules
	}
	branch := fmt.Sprintf("branch %d", a.Branch)
	if r.newest {
		branch = "the newest branch that the repository has"
	}
	p.step(Step{ID: "driver/packages", Part: DriverPart, Title: fmt.Sprintf("install NVIDIA's driver, %s, %s kernel modules", branch, flavour(a.Open)),
		Why: why, Root: true, Op: Op{Packages: install}, Disruption: disruption})
	p.driver.ready, p.driver.changed, p.driver.version = false, true, ""
	for _, q := range r.install {
		p.driver.hold = append(p.driver.hold, q.Name)
	}
	p.loadDriver()
	if nvSwitches(p.h) {
		p.fabricService()
	}
	return nil
}

func flavour(open bool) string {
	if open {
		return "open"
	}
	return "proprietary"
}

// withFabric adds the fabric manager where NVSwitches join the GPUs: in one go with the
// driver it comes in the driver's version.
func (p *planner) withFabric(install []Package, branch int) []Package {
	if nvSwitches(p.h) {
		install = append(install, Package{Name: policy.FabricPackage(manager(p.h), branch)})
	}
	return install
}

// ubuntuRelease is a kernel of Ubuntu's: "6.8.0-87-generic".
var ubuntuRelease = regexp.MustCompile(`^(\d+\.\d+)\.\d+-\d+-([a-z0-9-]+)$`)

// ubuntuDriver takes the archive's packages, whose modules are built and signed by Ubuntu:
// they load under Secure Boot, and come for each kernel of the flavour.
func (p *planner) ubuntuDriver(d policy.Distribution, a policy.Advice) (recipe, error) {
	if !slices.Contains(policy.UbuntuBranches(), a.Branch) {
		var names []string
		for _, b := range policy.UbuntuBranches() {
			names = append(names, strconv.Itoa(b))
		}
		return recipe{}, fmt.Errorf("the archive of Ubuntu has the branches %s, and not %d", listed(names), a.Branch)
	}
	series := strconv.Itoa(a.Branch)
	if have := doctor.DriverFlavour(p.h); !doctor.HasScreen(p.h) || strings.Contains(have, "-server") {
		series += "-server"
	}
	modules := series + map[bool]string{true: "-open"}[a.Open]
	r := recipe{origin: fromUbuntu, remove: otherSeries(p.h, series, a.Open)}
	releases := distinct(p.h.Kernel.Release, p.h.Kernel.NextBoot)
	for _, release := range releases {
		m := ubuntuRelease.FindStringSubmatch(release)
		if m == nil || !slices.Contains(policy.UbuntuFlavours(), m[2]) {
			r.builds = true
			continue
		}
		r.install = append(r.install, Package{Name: "linux-modules-nvidia-" + modules + "-" + release})
		meta := m[2]
		if strings.HasPrefix(meta, "generic") || strings.HasPrefix(meta, "lowlatency") {
			if m[1] != d.Kernel {
				meta += "-hwe-" + d.Version
			}
		}
		if name := "linux-modules-nvidia-" + modules + "-" + meta; !slices.Contains(r.install, Package{Name: name}) {
			r.install = append(r.install, Package{Name: name})
		}
	}
	if r.builds {
		r.install = named("nvidia-dkms-" + modules)
		for _, release := range releases {
			r.install = append(r.install, Package{Name: "linux-headers-" + release})
		}
	}
	if strings.HasSuffix(series, "-server") {
		r.install = append(r.install, named("nvidia-headless-no-dkms-"+modules, "nvidia-utils-"+series)...)
	} else {
		r.install = append(r.install, named("nvidia-driver-"+modules)...)
	}
	r.install = p.withFabric(r.install, a.Branch)
	return r, nil
}

// debianDriver takes NVIDIA's repository; a package of it keeps apt to the branch.
func (p *planner) debianDriver(d policy.Distribution, a policy.Advice) (recipe, error) {
	r := recipe{origin: fromNVIDIA, builds: true}
	id := "cuda-deb"
	if d.CUDA == "debian13" {
		id = "cuda-debian13"
	}
	repository := policy.CUDARepositories + d.CUDA + "/" + policy.CUDAArch(p.h.Arch) + "/"
	r.before = p.aptSource("driver", DriverPart, source{name: "nvidia-cuda", title: "NVIDIA's repository of drivers", key: id, keyURL: repository, uri: repository, suite: "/"})
	pin := fmt.Sprintf("nvidia-driver-pinning-%d", a.Branch)
	if !installed(p.h, pin) {
		op := p.packages(named(pin), fromNVIDIA)
		for _, q := range p.h.Packages {
			if strings.HasPrefix(q.Name, "nvidia-driver-pinning-") {
				op.Remove = append(op.Remove, q.Name)
			}
		}
		r.before = append(r.before, Step{ID: "driver/branch", Part: DriverPart, Title: fmt.Sprintf("keep apt to branch %d of the driver", a.Branch),
			Why: "upgrades would otherwise change to the newest branch", Root: true, Op: Op{Packages: op}})
	}
	for _, release := range distinct(p.h.Kernel.Release, p.h.Kernel.NextBoot) {
		r.install = append(r.install, Package{Name: "linux-headers-" + release})
	}
	switch {
	case doctor.HasScreen(p.h):
		r.install = append(r.install, Package{Name: map[bool]string{true: "nvidia-open", false: "cuda-drivers"}[a.Open]})
	case p.h.OS.ID == "ubuntu":
		r.install = append(r.install, named("libnvidia-compute", map[bool]string{true: "nvidia-dkms-open", false: "nvidia-dkms"}[a.Open])...)
	default:
		r.install = append(r.install, named("nvidia-driver-cuda", map[bool]string{true: "nvidia-kernel-open-dkms", false: "nvidia-kernel-dkms"}[a.Open])...)
	}
	r.install = p.withFabric(r.install, a.Branch)
	return r, nil
}

// rpmDriver takes NVIDIA's repository, and its module stream of the branch where it has
// streams; where not, a lock keeps to the branch.
func (p *planner) rpmDriver(d policy.Distribution, a policy.Advice) (recipe, error) {
	r := recipe{origin: fromNVIDIA, builds: true}
	repository := policy.CUDARepositories + d.CUDA + "/" + policy.CUDAArch(p.h.Arch) + "/"
	r.before = p.rpmSource("driver", DriverPart, source{name: "cuda-" + d.CUDA, title: "NVIDIA's repository of drivers", key: "cuda-rpm", keyURL: repository, uri: repository, signed: "packages"})
	switch p.h.OS.ID {
	case "rocky", "almalinux", "centos":
		if !installed(p.h, "epel-release") && !installed(p.h, "dkms") {
			r.before = append(r.before, Step{ID: "driver/epel", Part: DriverPart, Title: "add the repository EPEL", Why: "dkms, which builds the module, is there", Root: true,
				Op: Op{Packages: p.packages(named("epel-release"), "the distribution")}})
		}
	case "rhel", "ol":
		if !installed(p.h, "dkms") {
			p.left(DriverPart, "dkms, which builds the module, comes from EPEL: if no repository has it, add EPEL as https://docs.fedoraproject.org/en-US/epel/ says, before this plan is applied")
		}
	}
	if d.CUDA == "rhel10" || strings.HasPrefix(d.CUDA, "fedora") { // no module streams
		r.before = append(r.before, Step{ID: "driver/branch", Part: DriverPart, Title: fmt.Sprintf("keep dnf to branch %d of the driver", a.Branch),
			Why: "upgrades would otherwise change to the newest branch", Root: true, Op: Op{Hold: &Hold{Manager: "dnf", Packages: []string{fmt.Sprintf("*nvidia*%d*", a.Branch)}}}})
	} else {
		r.modules = []string{fmt.Sprintf("nvidia-driver:%d%s", a.Branch, map[bool]string{true: "-open", false: "-dkms"}[a.Open])}
	}
	r.install = named(kernelPackages(p.h, distinct(p.h.Kernel.Release, p.h.Kernel.NextBoot))...)
	if d.CUDA != "rhel8" && d.CUDA != "amzn2023" && !strings.Contains(p.h.Kernel.Release, "uek") {
		r.install = append(r.install, Package{Name: "kernel-devel-matched"}) // so that kernels to come have theirs
	}
	if doctor.HasScreen(p.h) {
		r.install = append(r.install, Package{Name: map[bool]string{true: "nvidia-open", false: "cuda-drivers"}[a.Open]})
	} else {
		r.install = append(r.install, named("nvidia-driver-cuda", map[bool]string{true: "kmod-nvidia-open-dkms", false: "kmod-nvidia-latest-dkms"}[a.Open])...)
	}
	r.install = p.withFabric(r.install, a.Branch)
	return r, nil
}

// suseDriver takes NVIDIA's repository, whose packages name no branch: the newest comes.
func (p *planner) suseDriver(d policy.Distribution, a policy.Advice) (recipe, error) {
	if !a.Open || p.w.DriverBranch != "" {
		return recipe{}, fmt.Errorf("on %s setup installs the newest branch with open kernel modules only: install branch %d with %s modules as the driver installation guide says", systemName(p.h), a.Branch, flavour(a.Open))
	}
	r := recipe{origin: fromNVIDIA, newest: true}
	repository := policy.CUDARepositories + d.CUDA + "/" + policy.CUDAArch(p.h.Arch) + "/"
	r.before = p.rpmSource("driver", DriverPart, source{name: "cuda-" + d.CUDA, title: "NVIDIA's repository of drivers", key: "cuda-rpm", keyURL: repository, uri: repository, signed: "packages"})
	r.install = p.withFabric(named("nvidia-open"), a.Branch)
	return r, nil
}
