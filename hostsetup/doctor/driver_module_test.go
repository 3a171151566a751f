package doctor

import (
	"testing"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestDriverIsLoadedAndWhole(t *testing.T) {
	finds(t, "G001",
		sick{"installed and not loaded", "workstation", unload},
		sick{"no module for the running kernel, DKMS", "workstation", func(h *host.Host) { unload(h); h.Kernel.Installed[1].NVIDIA = "" }},
		sick{"no module for the running kernel, Ubuntu's modules", "dgx-h100", func(h *host.Host) {
			unload(h)
			h.Kernel.Installed = append([]host.InstalledKernel{{Release: "6.8.0-86-generic", NVIDIA: "/lib/modules/6.8.0-86-generic/kernel/nvidia-580srv-open/nvidia.ko"}}, h.Kernel.Installed...)
			h.Kernel.Installed[1].NVIDIA = ""
		}},
		sick{"new machine, Ubuntu", "workstation", bare},
		sick{"new machine, Ubuntu, Pascal", "workstation", func(h *host.Host) { bare(h); h.PCI[0].Device = "1b06" }},
		sick{"new machine, Debian", "workstation", func(h *host.Host) { bare(h); on(h, "debian", "", "13") }},
		sick{"new machine, RHEL 9 on arm64", "workstation", func(h *host.Host) { bare(h); on(h, "rhel", "fedora", "9.7"); h.Arch = "arm64" }},
		sick{"new machine, Rocky 10", "workstation", func(h *host.Host) { bare(h); on(h, "rocky", "rhel centos fedora", "10.1") }},
		sick{"new machine, Amazon Linux", "workstation", func(h *host.Host) { bare(h); on(h, "amzn", "fedora", "2023") }},
		sick{"new machine, Fedora", "workstation", func(h *host.Host) { bare(h); on(h, "fedora", "", "44") }},
		sick{"new machine, SUSE", "workstation", func(h *host.Host) { bare(h); on(h, "sles", "suse", "15.7") }},
		sick{"new machine, Arch", "workstation", func(h *host.Host) { bare(h); on(h, "arch", "", "") }},
		sick{"a container", "workstation", func(h *host.Host) { bare(h); h.OS.Container = "docker" }},
	)
	ignores(t, "G001",
		sick{"nobody could look", "workstation", func(h *host.Host) { unload(h); h.Unread = map[string]string{"module": "permission denied"} }},
		sick{"all GPUs for virtual machines", "workstation", func(h *host.Host) { bare(h); h.PCI[0].Driver = "vfio-pci" }},
	)
	library := func(v string) func(h *host.Host) {
		return func(h *host.Host) {
			for i := range h.Driver.Libraries {
				h.Driver.Libraries[i].Version = v
			}
		}
	}
	finds(t, "G002",
		sick{"libraries upgraded", "dgx-h100", library("580.119.02")},
		sick{"CUDA's library alone", "workstation", func(h *host.Host) { h.Driver.Libraries[0].Version = "570.195.03" }},
		sick{"NVML says so", "laptop", func(h *host.Host) {
			h.GPUs, h.Unread = nil, map[string]string{"nvml": "Failed to initialize NVML: Driver/library version mismatch"}
		}},
		sick{"in a container", "mig-a100", func(h *host.Host) { library("595.71.05")(h); h.OS.Container = "docker" }},
	)
	ignores(t, "G002",
		sick{"an old library beside the right one", "workstation", func(h *host.Host) {
			h.Driver.Libraries = append(h.Driver.Libraries, host.Library{Path: "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.570.86", Version: "570.86"})
		}},
		sick{"WSL", "wsl2", library("580.1")},
	)
	finds(t, "G019",
		sick{"NVML hangs", "dgx-h100", func(h *host.Host) {
			h.GPUs, h.Unread = nil, map[string]string{"nvml": "NVML did not answer within 5s"}
			h.Stuck = []host.Process{{PID: 4711, Name: "nvidia-smi"}}
			logLines(h, "INFO: task nvidia-smi:4711 blocked for more than 122 seconds.")
		}},
		sick{"on WSL", "wsl2", func(h *host.Host) { h.GPUs, h.Unread = nil, map[string]string{"nvml": "NVML did not answer within 5s"} }},
	)
	ignores(t, "G019", sick{"NVML is not there", "workstation", func(h *host.Host) { h.Unread = map[string]string{"nvml": "built without NVML"} }})
}

func TestNextBoot(t *testing.T) {
	next := func(release, nvidia, version string) func(h *host.Host) {
		return func(h *host.Host) {
			h.Kernel.NextBoot = release
			h.Kernel.Installed = append(h.Kernel.Installed, host.InstalledKernel{Release: release, NVIDIA: nvidia, NVIDIAVersion: version})
		}
	}
	suse := func(h *host.Host) {
		on(h, "sles", "suse", "15.7")
		h.Packages = []host.Package{{Name: "nvidia-open-driver-G06-signed-kmp-default", Version: "580.105.08"}}
		next("6.4.0-150700.53.22-default", "", "")(h)
	}
	finds(t, "G003",
		sick{"DKMS, no headers", "workstation", next("6.14.0-39-generic", "", "")},
		sick{"Ubuntu's modules", "dgx-h100", next("6.8.0-90-generic", "", "")},
		sick{"Fedora", "laptop", next("7.3.1-200.fc44.x86_64", "", "")},
		sick{"SUSE", "workstation", suse},
		sick{"a .run file", "workstation", func(h *host.Host) { h.Packages = nil; next("6.14.0-39-generic", "", "")(h) }},
		sick{"a module of another version", "workstation", next("6.14.0-39-generic", "/lib/modules/6.14.0-39-generic/updates/dkms/nvidia.ko", "575.57.08")},
	)
	ignores(t, "G003",
		sick{"a module is there", "workstation", next("6.14.0-39-generic", "/lib/modules/6.14.0-39-generic/updates/dkms/nvidia.ko", "580.105.08")},
		sick{"nobody knows the next kernel", "workstation", func(h *host.Host) { h.Kernel.NextBoot = "" }},
		sick{"an old kernel without", "workstation", func(h *host.Host) { h.Kernel.Installed[0].NVIDIA = "" }},
		sick{"a container", "workstation", func(h *host.Host) { next("6.14.0-39-generic", "", "")(h); h.OS.Container = "docker" }},
	)
}
