package setup

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// The origins of driver packages. Those of two on one machine break each other.
const (
	fromNVIDIA = "NVIDIA's repository"
	fromUbuntu = "Ubuntu's archive"
)

var errMixed = errors.New("the driver's packages are of two origins, which break each other at the next upgrade")

// seriesName is any package of a branch in Ubuntu's archive.
var seriesName = regexp.MustCompile(`^(?:linux-|lib)?[a-z0-9-]*?nvidia[a-z0-9-]*?-(\d{3})(-server)?(-open)?(?:-|$)`)

// origin is where the installed driver's packages are from, "" where none are. It is an
// error where setup must not add to them.
func origin(h *host.Host) (string, error) {
	found := map[string]string{} // origin → a package of it
	for _, p := range h.Packages {
		if from := originOf(h, p); from != "" && found[from] == "" {
			found[from] = p.Name
		}
	}
	var names []string
	for _, from := range []string{fromNVIDIA, fromUbuntu, "Debian", "RPM Fusion", "SUSE"} {
		if found[from] != "" {
			names = append(names, from)
		}
	}
	switch {
	case len(names) == 0:
		return "", nil
	case len(names) > 1:
		return "", fmt.Errorf("%w (%s: %s; %s: %s): remove those of one", errMixed, names[0], found[names[0]], names[1], found[names[1]])
	case names[0] != fromNVIDIA && names[0] != fromUbuntu:
		return "", fmt.Errorf("the driver's packages are from %s (%s), and setup installs from NVIDIA's repository and Ubuntu's archive, never over others: "+
			"change the driver with the tools of %s, or remove its packages first", names[0], found[names[0]], names[0])
	}
	return names[0], nil
}

// onlyNVIDIA says whether a package has a name that nobody but NVIDIA's repository gives.
func onlyNVIDIA(p host.Package) bool {
	return slices.Contains([]string{"nvidia-open", "nvidia-driver-cuda", "nvidia-driver-assistant", "nvidia-dkms-open", "cuda-drivers"}, p.Name) ||
		strings.HasPrefix(p.Name, "nvidia-driver-pinning-") || strings.HasPrefix(p.Name, "cuda-drivers-")
}

// originName is where the driver's packages are from, for people.
func originName(h *host.Host) string {
	if from, err := origin(h); err == nil && from != "" {
		return from
	}
	return "the origin of the driver"
}

// originOf is the origin of a package of the driver, by its name and the form of its version.
func originOf(h *host.Host, p host.Package) string {
	if !slices.Contains(driverPackages(h), p.Name) {
		return ""
	}
	hasRepository := slices.ContainsFunc(h.Toolkit.Repositories, func(r host.Repository) bool {
		return strings.Contains(r.URI, "developer.download.nvidia.com/compute/cuda/repos/")
	})
	theirs := onlyNVIDIA(p)
	switch m := manager(h); {
	case p.Name == "nvidia-modprobe" || p.Name == "nvidia-settings" || p.Name == "nvidia-prime":
		return "" // of any
	case m == "apt" && h.OS.ID == "ubuntu":
		switch {
		case theirs || strings.Contains(p.Version, "-1ubuntu"):
			return fromNVIDIA
		case strings.HasPrefix(p.Name, "linux-"), strings.Contains(p.Version, "-0ubuntu0."), strings.Contains(p.Name, "-server"):
			return fromUbuntu
		case hasRepository:
			return fromNVIDIA
		}
		return fromUbuntu
	case m == "apt":
		// The names of the rest are common to both.
		known := hasRepository || slices.ContainsFunc(h.Packages, onlyNVIDIA)
		if theirs || known && !strings.Contains(p.Version, "~deb") {
			return fromNVIDIA
		}
		return "Debian"
	case strings.HasPrefix(p.Name, "akmod-nvidia"), strings.HasPrefix(p.Name, "xorg-x11-drv-nvidia"):
		return "RPM Fusion"
	case m == "zypper" && !hasRepository && !theirs:
		return "SUSE"
	}
	return fromNVIDIA
}
