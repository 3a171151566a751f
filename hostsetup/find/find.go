// Package find looks things up in the facts of a host, for all that judge them.
package find

import (
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Unit finds a systemd unit by its name; a service's may leave out ".service".
func Unit(h *host.Host, name string) (host.Unit, bool) {
	i := slices.IndexFunc(h.Units, func(u host.Unit) bool { return u.Name == name || u.Name == name+".service" })
	if i < 0 {
		return host.Unit{}, false
	}
	return h.Units[i], true
}

// GPUs are the NVIDIA GPUs on the PCI bus, without their bridges and audio.
func GPUs(h *host.Host) []host.PCI { return devices(h, isGPU) }

// isGPU says whether a device of NVIDIA's is a GPU: a VGA or 3D controller of PCI's classes.
func isGPU(p host.PCI) bool { return p.Class == "0300" || p.Class == "0302" }

// NVSwitches are those on the PCI bus; of newer machines they are not on this one.
func NVSwitches(h *host.Host) []host.PCI {
	return devices(h, func(p host.PCI) bool { return p.Class == "0680" && (p.Vendor == "10de" || p.Vendor == "") })
}

func devices(h *host.Host, is func(host.PCI) bool) (out []host.PCI) {
	for _, p := range h.PCI {
		if is(p) {
			out = append(out, p)
		}
	}
	return out
}

// SameDir says whether two paths are one directory.
func SameDir(a, b string) bool { return PlainDir(a) == PlainDir(b) }

// PlainDir is a directory by one name: /var/run is a link to /run on every system at hand.
func PlainDir(p string) string {
	p = path.Clean(p)
	if rest, ok := strings.CutPrefix(p, "/var/run"); ok && (rest == "" || rest[0] == '/') {
		return "/run" + rest
	}
	return p
}
