package setup

import (
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// unsigned are the kernels that run or start next whose module Secure Boot refuses.
func unsigned(h *host.Host) (releases []string) {
	if h.OS.SecureBoot != "on" {
		return nil
	}
	for _, r := range distinct(h.Kernel.Release, h.Kernel.NextBoot) {
		for _, k := range h.Kernel.Installed {
			if k.Release == r && k.NVIDIA != "" && k.Unsigned && (r != h.Kernel.Release || h.Driver.Version == "") {
				releases = append(releases, r)
			}
		}
	}
	return releases
}

// signedModules mends modules that Secure Boot would refuse: by those that Ubuntu has
// signed, else by a key that the user enrols.
func (p *planner) signedModules() {
	h := p.h
	releases := unsigned(h)
	if len(releases) == 0 {
		return
	}
	var names []string
	flavour := doctor.DriverFlavour(h)
	for _, r := range releases {
		m := ubuntuRelease.FindStringSubmatch(r)
		if h.OS.ID != "ubuntu" || flavour == "" || m == nil || !slices.Contains(policy.UbuntuFlavours(), m[2]) {
			p.needsMOK()
			return
		}
		names = append(names, "linux-modules-nvidia-"+flavour+"-"+r)
	}
	p.step(Step{ID: "driver/signed", Part: DriverPart, Title: "install the NVIDIA module that Ubuntu has signed, for " + kernels(releases), Why: "Secure Boot is on and refuses the one that is there, which is not signed", Root: true,
		Op: Op{Packages: p.packages(named(names...), fromUbuntu)}})
}

// otherSeries are the installed packages of Ubuntu's archive that another branch or the
// other kind of module replaces: they go, by name.
func otherSeries(h *host.Host, series string, open bool) (names []string) {
	for _, name := range driverPackages(h) {
		m := seriesName.FindStringSubmatch(name)
		if m == nil || !plainPackage.MatchString(name) {
			continue
		}
		ofKernel := slices.ContainsFunc([]string{"linux-", "nvidia-headless-", "nvidia-driver-", "nvidia-dkms-", "nvidia-kernel-source-"}, func(p string) bool { return strings.HasPrefix(name, p) })
		branch, server := strings.CutSuffix(series, "-server")
		// The fabric manager and its like are of a branch, for servers and desktops alike.
		alike := m[2] == "" && slices.ContainsFunc([]string{"nvidia-fabricmanager-", "nvidia-imex-", "libnvidia-nscq-", "libnvsdm-"}, func(p string) bool { return strings.HasPrefix(name, p) })
		if m[1] != branch || (m[2] != "") != server && !alike || ofKernel && (m[3] != "") != open {
			names = append(names, name)
		}
	}
	return names
}
