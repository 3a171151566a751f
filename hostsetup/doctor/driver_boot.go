package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const blacklistFile = "/etc/modprobe.d/docker-gpu-nouveau.conf"

// bootChecks are what keeps NVIDIA's module from being loaded.
func bootChecks() []Check {
	return []Check{
		{
			Code: "G004", Title: "no other driver has taken the GPUs", Group: Driver, Severity: Error, Needs: []Fact{Local, PCI},
			Symptoms: []string{"NVRM: The NVIDIA probe routine was not called for", "This can occur when a driver such as", "nouveau: probe of"},
			Cause:    "The kernel's own driver for NVIDIA cards (nouveau or nova) was loaded first and holds the GPU; NVIDIA's module cannot have it as well.",
			Run:      nouveau,
		},
		{
			Code: "G005", Title: "Secure Boot accepts the NVIDIA module", Group: Driver, Severity: Error, Needs: []Fact{Local, PCI}, After: []string{"G004"},
			Symptoms: []string{"modprobe: ERROR: could not insert 'nvidia': Key was rejected by service", "Key was rejected by service", "Loading of module with unavailable key is rejected"},
			Cause:    "Secure Boot is on, and the module is not signed, or signed by a key (MOK) that this machine's firmware was never told of.",
			Run:      secureBoot,
		},
	}
}

func nouveau(h *host.Host, _ time.Time) (out []Finding) {
	for _, p := range find.GPUs(h) {
		if !slices.Contains([]string{"nouveau", "nova", "nova_core", "nova-core"}, p.Driver) {
			continue
		}
		module := strings.ReplaceAll(p.Driver, "-", "_")
		var fixes []Fix
		switch {
		case !mayInstall(h):
			fixes = elsewhere(h)
		case len(driverPackages(h)) == 0 && !h.Driver.Runfile:
			fixes = installDriver(h) // its packages keep the other driver away themselves
		default:
			fixes = []Fix{{Title: "keep " + p.Driver + " from loading, and restart", Root: true, Disruption: Reboot,
				Argv: [][]string{{"sh", "-c", `printf 'blacklist ` + module + `\noptions ` + module + ` modeset=0\n' > ` + blacklistFile}, rebuildInitrd(h), {"systemctl", "reboot"}},
				Undo: [][]string{{"rm", "-f", blacklistFile}, rebuildInitrd(h)}}}
		}
		evidence := []Evidence{saw("/sys/bus/pci/devices/"+shown(p.Address)+"/driver", "%s", p.Driver)}
		if slices.Contains(h.Kernel.Blacklisted, p.Driver) {
			evidence = append(evidence, saw("/etc/modprobe.d", "%s is blacklisted already: the initial file system was not rebuilt, or nobody restarted", p.Driver))
		}
		out = append(out, told(evidence, fixes, "the GPU at %s is held by %s", p.Address, p.Driver))
	}
	return out
}

func secureBoot(h *host.Host, _ time.Time) []Finding {
	if inContainer(h) || handedAway(h) {
		return nil
	}
	if lines := logged(h, "Key was rejected by service", "module with unavailable key is rejected", "module verification failed: signature and/or required key missing - module loading denied"); len(lines) > 0 && h.Driver.Version == "" {
		return []Finding{told(lastLine(lines), signModule(h, h.Kernel.Release), "the kernel refused the NVIDIA module: its key is not known here")}
	}
	if h.OS.SecureBoot != "on" {
		return nil
	}
	loaded := h.Driver.Version != ""
	for _, k := range h.Kernel.Installed {
		stranger := k.Enrolled != nil && !*k.Enrolled
		if k.Release != h.Kernel.NextBoot && (loaded || k.Release != h.Kernel.Release) || !k.Unsigned && !stranger {
			continue
		}
		f := told([]Evidence{saw("Secure Boot", "on"), saw(shown(k.NVIDIA), "it carries no signature")}, signModule(h, k.Release),
			"the NVIDIA module of kernel %s is not signed: Secure Boot will refuse it", k.Release)
		if !k.Unsigned {
			f.Summary = shown(fmt.Sprintf("the NVIDIA module of kernel %s is signed by a key that this machine does not know: Secure Boot will refuse it", k.Release))
			f.Evidence[1].Text = "signed by " + orUnknown(shown(k.Signer)) + ", which is not enrolled"
		}
		if loaded {
			f.Severity = Warning // it was loaded before, and works until the next boot
		}
		return []Finding{f}
	}
	return nil
}

// handedAway says that all GPUs belong to virtual machines, which load their own driver.
func handedAway(h *host.Host) bool {
	return !slices.ContainsFunc(find.GPUs(h), func(p host.PCI) bool { return p.Driver != "vfio-pci" })
}

// signModule are the ways to a module that Secure Boot accepts.
func signModule(h *host.Host, release string) []Fix {
	if !mayInstall(h) {
		return elsewhere(h)
	}
	var fixes []Fix
	flavour := driverFlavour(h)
	if h.OS.ID == "ubuntu" && flavour != "" && kernelRelease.MatchString(release) && !hasPackage(h, "linux-modules-nvidia-") {
		fixes = append(fixes, Fix{Title: "use the module that Ubuntu has signed, and restart", Root: true, Disruption: Reboot,
			Argv: [][]string{{"apt-get", "install", "-y", "linux-modules-nvidia-" + flavour + "-" + release}, {"systemctl", "reboot"}},
			Undo: [][]string{{"apt-get", "remove", "-y", "linux-modules-nvidia-" + flavour + "-" + release}}})
	}
	key := "/var/lib/dkms/mok.pub"
	switch {
	case h.OS.ID == "ubuntu":
		key = "/var/lib/shim-signed/mok/MOK.der"
	case hasPackage(h, "akmod"):
		key = "/etc/pki/akmods/certs/public_key.der"
	}
	return append(fixes, Fix{Title: "enrol the key that signs modules here: mokutil asks for a password, which the blue screen of the next start asks for again", Root: true, Disruption: Reboot,
		Argv: [][]string{{"mokutil", "--import", key}, {"systemctl", "reboot"}},
		Undo: [][]string{{"mokutil", "--delete", key}}})
}
