package doctor

import (
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// unload takes NVIDIA's driver from a host, and leaves its packages.
func unload(h *host.Host) {
	h.Driver.Version, h.Driver.Flavour, h.Driver.CUDA, h.GPUs, h.Nodes = "", "", "", nil, nil
	h.Kernel.Modules, h.Kernel.DeviceMajors = nil, nil
	for i := range h.PCI {
		if h.PCI[i].Driver == "nvidia" {
			h.PCI[i].Driver = ""
		}
	}
}

// bare takes all of the driver, as on a machine that is new.
func bare(h *host.Host) {
	unload(h)
	h.Driver, h.Packages = host.Driver{}, nil
	for i := range h.Kernel.Installed {
		h.Kernel.Installed[i].NVIDIA, h.Kernel.Installed[i].NVIDIAVersion = "", ""
	}
}

func logLines(h *host.Host, lines ...string) {
	for i, l := range lines {
		h.Kernel.Log = append(h.Kernel.Log, host.LogLine{Since: time.Duration(i+10) * time.Second, Text: l})
	}
}

func on(h *host.Host, id, like, version string) {
	h.OS.ID, h.OS.Like, h.OS.Version = id, like, version
}

func TestWhatKeepsTheModuleOut(t *testing.T) {
	finds(t, "G004",
		sick{"nouveau, driver installed", "workstation", func(h *host.Host) { unload(h); h.PCI[0].Driver = "nouveau" }},
		sick{"nouveau, blacklisted and not restarted", "laptop", func(h *host.Host) {
			unload(h)
			h.PCI[0].Driver = "nouveau"
			h.Kernel.Blacklisted = []string{"nouveau"}
		}},
		sick{"nova on a new machine", "workstation", func(h *host.Host) { bare(h); h.PCI[0].Driver = "nova_core" }},
		sick{"nouveau seen from a container", "workstation", func(h *host.Host) { bare(h); h.PCI[0].Driver = "nouveau"; h.OS.Container = "docker" }},
	)
	no, yes := false, true
	signed := func(h *host.Host, enrolled *bool) {
		h.OS.SecureBoot = "on"
		h.Kernel.Installed[1].Signer, h.Kernel.Installed[1].Enrolled = "workstation Secure Boot Module Signature key", enrolled
	}
	finds(t, "G005",
		sick{"key rejected on Ubuntu", "workstation", func(h *host.Host) {
			unload(h)
			h.OS.SecureBoot = "on"
			logLines(h, "Loading of module with unavailable key is rejected")
		}},
		sick{"key rejected on Fedora", "laptop", func(h *host.Host) {
			unload(h)
			logLines(h, "modprobe: ERROR: could not insert 'nvidia': Key was rejected by service")
		}},
		sick{"the next kernel's module is not signed", "workstation", func(h *host.Host) {
			h.OS.SecureBoot = "on"
			h.Kernel.NextBoot = "6.14.0-39-generic"
			h.Kernel.Installed = append(h.Kernel.Installed, host.InstalledKernel{Release: "6.14.0-39-generic", NVIDIA: "/lib/modules/6.14.0-39-generic/updates/dkms/nvidia.ko", Unsigned: true})
		}},
		sick{"signed by a key that was never enrolled", "workstation", func(h *host.Host) { unload(h); signed(h, &no) }},
		sick{"loaded, and its key was taken out since", "workstation", func(h *host.Host) { signed(h, &no) }},
		sick{"the running kernel's, and another starts next", "workstation", func(h *host.Host) {
			unload(h)
			signed(h, &no)
			h.Kernel.NextBoot = "6.14.0-39-generic"
		}},
		sick{"akmods' key on Fedora", "laptop", func(h *host.Host) {
			unload(h)
			h.OS.SecureBoot = "on"
			h.Packages = append(h.Packages, host.Package{Name: "akmod-nvidia", Version: "580.95"})
			h.Kernel.Installed[0].Signer, h.Kernel.Installed[0].Enrolled = "\x1b[31mfedora_1732", &no
		}},
	)
	ignores(t, "G005",
		sick{"a key that is known", "workstation", func(h *host.Host) { signed(h, &yes) }},
		sick{"nobody could see the keys", "workstation", func(h *host.Host) { signed(h, nil) }},
		sick{"a key that nobody asks for", "workstation", func(h *host.Host) { signed(h, &no); h.OS.SecureBoot = "off" }},
		sick{"a container", "workstation", func(h *host.Host) { signed(h, &no); h.OS.Container = "docker" }},
		sick{"GPUs of virtual machines", "workstation", func(h *host.Host) { unload(h); signed(h, &no); h.PCI[0].Driver = "vfio-pci" }},
		sick{"unsigned, and nobody asks for signatures", "workstation", func(h *host.Host) { h.Kernel.Installed[1].Unsigned = true }},
		sick{"an old kernel's module is not signed", "workstation", func(h *host.Host) { h.OS.SecureBoot = "on"; h.Kernel.Installed[0].Unsigned = true }},
		sick{"rejected once, loaded since", "workstation", func(h *host.Host) { logLines(h, "Loading of module with unavailable key is rejected") }},
	)
}

func TestGPUsThatTheDriverCannotDrive(t *testing.T) {
	blackwell := func(h *host.Host) { h.PCI[0].Device = "2b85"; h.GPUs = nil }
	finds(t, "G006",
		sick{"proprietary modules on Blackwell", "workstation", func(h *host.Host) { blackwell(h); h.Driver.Flavour = "proprietary" }},
		sick{"the module says so and went", "laptop", func(h *host.Host) {
			unload(h)
			h.PCI[0].Device = "ffff"
			logLines(h, "NVRM: installed in this system requires use of the NVIDIA open kernel modules.")
		}},
		sick{"Blackwell server of Ubuntu's packages", "dgx-h100", func(h *host.Host) {
			for i := range h.PCI {
				h.PCI[i].Device = "2901"
			}
			h.Driver.Flavour, h.Packages = "proprietary", []host.Package{{Name: "linux-modules-nvidia-580-server-6.8.0-88-generic"}, {Name: "nvidia-utils-580-server"}}
		}},
	)
	ignores(t, "G006",
		sick{"proprietary modules on Ada", "workstation", func(h *host.Host) { h.Driver.Flavour = "proprietary" }},
		sick{"open since", "workstation", func(h *host.Host) {
			blackwell(h)
			logLines(h, "NVRM: installed in this system requires use of the NVIDIA open kernel modules.")
		}},
		sick{"handed to a virtual machine", "workstation", func(h *host.Host) {
			blackwell(h)
			h.Driver.Flavour, h.PCI[0].Driver = "proprietary", "vfio-pci"
		}},
	)
	finds(t, "G008",
		sick{"Pascal on 595", "workstation", func(h *host.Host) { h.PCI[0].Device = "1b06"; h.Driver.Version, h.Driver.Flavour = "595.71.05", "open" }},
		sick{"Volta, and 590 did not stay loaded", "workstation", func(h *host.Host) {
			unload(h)
			h.PCI[0].Device = "1db6"
			h.Kernel.Installed[1].NVIDIAVersion = "590.48.01"
		}},
		sick{"Pascal with open modules of 580", "laptop", func(h *host.Host) { h.PCI[0].Device = "1c03"; h.Driver.Version = "580.95.05" }},
		sick{"Kepler on 535", "workstation", func(h *host.Host) {
			h.PCI[0].Device = "102d"
			h.Driver.Version, h.Driver.Flavour = "535.261.03", "proprietary"
		}},
		sick{"Pascal beside Blackwell", "workstation", func(h *host.Host) {
			h.PCI = append(h.PCI, host.PCI{Address: "0000:02:00.0", Vendor: "10de", Device: "1b06", Class: "0300"})
			h.PCI[0].Device, h.Driver.Version = "2b85", "595.71.05"
		}},
	)
	ignores(t, "G008",
		sick{"Pascal on 580, proprietary", "workstation", func(h *host.Host) {
			h.PCI[0].Device, h.Driver.Version, h.Driver.Flavour = "1b06", "580.105.08", "proprietary"
		}},
		sick{"an id nobody knows", "workstation", func(h *host.Host) { h.PCI[0].Device, h.Driver.Version = "3fff", "620.10.01" }},
	)
}
