package setup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// kernelModules are the packages of the kernel module whose names say its kind and no
// branch: one of them goes when another comes.
func kernelModules() []string {
	return []string{"nvidia-kernel-dkms", "nvidia-kernel-open-dkms", "nvidia-dkms", "nvidia-dkms-open", "kmod-nvidia-latest-dkms", "kmod-nvidia-open-dkms", "nvidia-open", "cuda-drivers"}
}

var kernelSeries = regexp.MustCompile(`^\d+\.\d+`)

// overPresent fits a recipe to what is installed already: a package whose name says no
// branch is there in another one, and the other kind of module has to go.
func (r *recipe) overPresent(h *host.Host, branch int) {
	var names []string
	for i, q := range r.install {
		names = append(names, q.Name)
		ofKernel := strings.HasPrefix(q.Name, "kernel-") || strings.HasPrefix(q.Name, "linux-")
		if !ofKernel && !r.newest && q.Version == "" && seriesName.FindString(q.Name) == "" && installed(h, q.Name) {
			r.install[i].Version = fmt.Sprintf("%d.*", branch)
		}
	}
	for _, name := range kernelModules() {
		if installed(h, name) && !slices.Contains(names, name) {
			r.remove = append(r.remove, name)
		}
	}
}

// kernelPackages are what a module of some kernels is built with, where packages are rpm's.
// Source: R620 driver installation guide, preparation of each distribution; Amazon's and
// Oracle's own kernels by the names of their packages; 2026-11-27.
func kernelPackages(h *host.Host, releases []string) (names []string) {
	for _, release := range releases {
		kernel := "kernel"
		switch series := kernelSeries.FindString(release); {
		case strings.Contains(release, "uek"):
			kernel = "kernel-uek"
		case h.OS.ID == "amzn" && series != "6.1":
			kernel += series // the kernel that it came with has the plain name
		}
		names = append(names, kernel+"-devel-"+release)
		if h.OS.ID == "amzn" {
			names = append(names, kernel+"-modules-extra-"+release) // it has drm, which the module takes
		}
	}
	return append(names, "kernel-headers")
}
