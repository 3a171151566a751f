package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func xid(h *host.Host, pci string, code int, texts ...string) {
	for i, text := range texts {
		h.Xids = append(h.Xids, host.Xid{Since: time.Duration(3600+i) * time.Second, PCI: pci, Code: code, Text: text})
	}
}

func TestFabric(t *testing.T) {
	state := func(name, active string) func(h *host.Host) {
		return func(h *host.Host) {
			for i := range h.Units {
				if h.Units[i].Name == name+".service" {
					h.Units[i].Active = active
				}
			}
		}
	}
	finds(t, "G010",
		sick{"stopped", "dgx-h100", state("nvidia-fabricmanager", "inactive")},
		sick{"another version", "dgx-h100", func(h *host.Host) { h.Driver.FabricManager = "580.95.05" }},
		sick{"not installed", "dgx-h100", func(h *host.Host) {
			h.Driver.FabricManager = ""
			h.Units = h.Units[:2]
			h.GPUs[0].Fabric.State = "not-started"
		}},
		sick{"not installed, RHEL", "dgx-h100", func(h *host.Host) { h.Driver.FabricManager, h.Units = "", h.Units[:2]; on(h, "rhel", "fedora", "9.7") }},
		sick{"still waiting", "dgx-h100", func(h *host.Host) {
			h.GPUs[2].Fabric.State = "in-progress"
			h.Driver.CUDAError = "802 CUDA_ERROR_SYSTEM_NOT_READY"
		}},
		sick{"ill", "dgx-h100", func(h *host.Host) { h.GPUs[5].Fabric.Health = "degraded bandwidth" }},
		sick{"completed with an error", "dgx-h100", func(h *host.Host) { h.GPUs[5].Fabric.Status = "Unknown Error" }},
		sick{"CUDA alone says so", "dgx-h100", func(h *host.Host) { h.Driver.CUDAError = "802" }},
		sick{"in a container", "dgx-h100", func(h *host.Host) {
			h.GPUs[0].Fabric.State = "in-progress"
			h.OS.Container, h.Units = "docker", nil
		}},
	)
	ignores(t, "G010",
		sick{"no NVSwitch, fabric not supported", "mig-a100", nil},
		sick{"a virtual machine with a part of the GPUs", "dgx-h100", func(h *host.Host) { h.PCI = h.PCI[:2]; h.GPUs = h.GPUs[:2]; h.Driver.FabricManager = "" }},
	)
	finds(t, "G011", sick{"failed without NVSwitches", "mig-a100", func(h *host.Host) {
		h.Units = append(h.Units, host.Unit{Name: "nvidia-fabricmanager.service", Active: "failed", Enabled: "enabled"})
	}})
	ignores(t, "G011",
		sick{"installed and asleep", "mig-a100", func(h *host.Host) {
			h.Units = append(h.Units, host.Unit{Name: "nvidia-fabricmanager.service", Active: "inactive", Enabled: "disabled"})
		}},
		sick{"NVSwitches on no bus of ours", "dgx-h100", func(h *host.Host) { h.PCI = h.PCI[:8] }},
	)
}

func TestGPUsThatAreLost(t *testing.T) {
	finds(t, "G018",
		sick{"Xid 54", "workstation", func(h *host.Host) {
			xid(h, "0000:01:00", 54, "NVRM: Xid (PCI:0000:01:00): 54, pid=0, aux power not connected")
		}},
		sick{"only a line", "workstation", func(h *host.Host) {
			logLines(h, "NVRM: GPU 0000:01:00.0: GPU does not have the necessary power cables connected.")
		}},
	)
	finds(t, "G012",
		sick{"Xid 79", "dgx-h100", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.")
			h.GPUs[2].Lost = true
		}},
		sick{"without a Xid", "workstation", func(h *host.Host) {
			h.GPUs = nil
			h.Unread = map[string]string{"nvml": "Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error"}
			logLines(h, "NVRM: GPU at PCI:0000:01:00: GPU-11111111", "NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.")
		}},
		sick{"in a container", "workstation", func(h *host.Host) { h.GPUs[0].Lost = true; h.OS.Container = "docker" }},
	)
	gsp := "NVRM: Xid (PCI:0000:01:00): 119, pid=2210, name=python, Timeout after 6s of waiting for RPC response from GPU0 GSP!"
	finds(t, "G013",
		sick{"three times", "workstation", func(h *host.Host) { xid(h, "0000:01:00", 119, gsp, gsp, gsp); h.GPUs[0].RecoveryAction = "gpu-reset" }},
		sick{"over since", "dgx-h100", func(h *host.Host) { xid(h, "0000:9d:00", 120, "NVRM: Xid (PCI:0000:9d:00): 120, GSP task timeout") }},
		sick{"proprietary modules, GPU gone", "workstation", func(h *host.Host) {
			xid(h, "0000:01:00", 119, gsp)
			h.GPUs, h.Driver.Flavour = nil, "proprietary"
		}},
	)
	finds(t, "G007", sick{"no place for the BAR", "workstation", func(h *host.Host) {
		h.GPUs = nil
		logLines(h, "pci 0000:01:00.0: BAR 1 [mem size 0x800000000 64bit pref]: can't assign; no space")
	}})
	ignores(t, "G007",
		sick{"the GPU works all the same", "workstation", func(h *host.Host) {
			logLines(h, "pci 0000:01:00.0: BAR 1 [mem size 0x800000000 64bit pref]: can't assign; no space")
		}},
		sick{"another device's BAR", "workstation", func(h *host.Host) {
			h.GPUs = nil
			logLines(h, "pci 0000:05:00.0: BAR 7: can't assign; no space")
		}},
	)
	finds(t, "G014",
		sick{"no devices were found", "workstation", func(h *host.Host) {
			h.GPUs = nil
			logLines(h, "NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:884)")
		}},
		sick{"one is not bound", "dgx-h100", func(h *host.Host) { h.GPUs = h.GPUs[:7]; h.PCI[7].Driver = "" }},
		sick{"one is still nouveau's", "dgx-h100", func(h *host.Host) { h.GPUs = h.GPUs[1:]; h.PCI[0].Driver = "nouveau" }},
	)
	ignores(t, "G014",
		sick{"NVML writes addresses its way", "workstation", func(h *host.Host) { h.GPUs[0].PCI = "00000000:01:00.0" }},
		sick{"one is a virtual machine's", "dgx-h100", func(h *host.Host) { h.GPUs = h.GPUs[:7]; h.PCI[7].Driver = "vfio-pci" }},
		sick{"NVML could not be asked", "workstation", func(h *host.Host) { h.GPUs = nil; h.Unread = map[string]string{"nvml": "no library"} }},
		sick{"nvidia-smi names no addresses", "workstation", func(h *host.Host) { h.GPUs[0].PCI = "" }},
		sick{"a container with one of the GPUs", "dgx-h100", func(h *host.Host) { h.GPUs = h.GPUs[:1]; h.OS.Container = "docker" }},
	)
}

func TestDriversThatLimp(t *testing.T) {
	cuInit := func(answer string) func(h *host.Host) { return func(h *host.Host) { h.Driver.CUDAError = answer } }
	finds(t, "G009",
		sick{"HMM", "mig-a100", cuInit("3 CUDA_ERROR_NOT_INITIALIZED")},
		sick{"HMM, by its number alone", "mig-a100", cuInit("3")},
		sick{"HMM, in a container", "mig-a100", func(h *host.Host) { cuInit("3 CUDA_ERROR_NOT_INITIALIZED")(h); h.OS.Container = "docker" }},
		sick{"HMM is off", "mig-a100", func(h *host.Host) {
			cuInit("3 CUDA_ERROR_NOT_INITIALIZED")(h)
			h.Kernel.Modules[1].Parameters["uvm_disable_hmm"] = "Y"
		}},
		sick{"another error", "mig-a100", cuInit("304 CUDA_ERROR_OPERATING_SYSTEM")},
		sick{"a number that begins with 3", "mig-a100", cuInit("30 something")},
		sick{"hostile", "workstation", cuInit("999 \x1b]0;x\a" + strings.Repeat("y", 4096))},
	)
	ignores(t, "G009",
		sick{"success", "mig-a100", cuInit("0 CUDA_SUCCESS")},
		sick{"not tried", "mig-a100", cuInit("")},
		sick{"waits for the fabric manager", "mig-a100", cuInit("802 CUDA_ERROR_SYSTEM_NOT_READY")},
		sick{"no GPU to see in MIG mode", "mig-a100", func(h *host.Host) { cuInit("100 CUDA_ERROR_NO_DEVICE")(h); h.GPUs[0].MIG.Devices = nil }},
	)
	off := false
	finds(t, "G015",
		sick{"the daemon sleeps", "mig-a100", func(h *host.Host) { h.GPUs[0].Persistence = &off; h.Units[2].Active = "inactive" }},
		sick{"no daemon", "mig-a100", func(h *host.Host) { h.GPUs[0].Persistence = &off; h.Units = h.Units[:2] }},
	)
	ignores(t, "G015",
		sick{"unknown", "mig-a100", func(h *host.Host) { h.GPUs[0].Persistence = nil }},
		sick{"WSL", "wsl2", func(h *host.Host) { h.GPUs[0].Persistence = &off }},
	)
	finds(t, "G017", sick{"corrupted", "mig-a100", func(h *host.Host) { h.GPUs[0].InfoROM = "corrupted" }})
}
