package doctor

import (
	"strconv"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func gpu(i int, change func(g *host.GPU)) func(h *host.Host) {
	return func(h *host.Host) { change(&h.GPUs[i]) }
}

func TestMemory(t *testing.T) {
	finds(t, "H001",
		sick{"pending", "dgx-h100", gpu(2, func(g *host.GPU) { g.RemappedRows.Pending, g.RemappedRows.Uncorrected = true, 1 })},
		sick{"failed", "mig-a100", gpu(0, func(g *host.GPU) { g.RemappedRows.Failed, g.RemappedRows.Pending = true, true })},
		sick{"too many pages", "mig-a100", gpu(0, func(g *host.GPU) { g.RemappedRows, g.ECC.RetiredPages, g.ECC.RetiredPagesDoubleBits = nil, 62, 7 })},
		sick{"a page pending", "mig-a100", gpu(0, func(g *host.GPU) { g.RemappedRows, g.ECC.RetiredPages, g.ECC.RetiredPagesPending = nil, 1, true })},
	)
	ignores(t, "H001", sick{"rows replaced long ago", "dgx-h100", gpu(0, func(g *host.GPU) { g.RemappedRows.Uncorrected = 3 })})
	finds(t, "H002",
		sick{"two", "dgx-h100", gpu(0, func(g *host.GPU) { g.ECC.VolatileUncorrected, g.ECC.AggregateUncorrected = 2, 5 })},
		sick{"SRAM", "mig-a100", gpu(0, func(g *host.GPU) { g.ECC.SRAMThresholdExceeded = true })},
	)
	ignores(t, "H002", sick{"long ago", "dgx-h100", gpu(0, func(g *host.GPU) { g.ECC.AggregateUncorrected, g.ECC.VolatileCorrected = 4, 9 })})
	finds(t, "H003",
		sick{"off", "mig-a100", gpu(0, func(g *host.GPU) { g.ECC.On, g.ECC.Pending = false, false })},
		sick{"off until a reset", "mig-a100", gpu(0, func(g *host.GPU) { g.ECC.On = false })},
		sick{"off after a reset", "dgx-h100", gpu(7, func(g *host.GPU) { g.ECC.Pending = false })},
	)
	ignores(t, "H003", sick{"a workstation card", "workstation", gpu(0, func(g *host.GPU) { g.Name, g.ECC = "NVIDIA RTX A6000", &host.ECC{} })})
	finds(t, "H017",
		sick{"waits for a reset", "mig-a100", gpu(0, func(g *host.GPU) { g.MIG.Pending = false })},
		sick{"no instances", "mig-a100", gpu(0, func(g *host.GPU) { g.MIG.Devices = nil })},
	)
}

func TestHeatAndPower(t *testing.T) {
	reasons := func(r ...string) func(h *host.Host) {
		return gpu(0, func(g *host.GPU) { g.Clocks.Reasons, g.Clocks.SM = r, 1005 })
	}
	finds(t, "H004",
		sick{"thermal", "dgx-h100", reasons("hw_slowdown", "hw_thermal")},
		sick{"driver's", "workstation", reasons("sw_power_cap", "sw_thermal")},
		sick{"power brake", "dgx-h100", reasons("hw_slowdown", "hw_power_brake")},
		sick{"nobody says why", "dgx-h100", reasons("hw_slowdown")},
	)
	ignores(t, "H004",
		sick{"power cap", "dgx-h100", reasons("sw_power_cap")},
		sick{"idle", "dgx-h100", reasons("gpu_idle", "applications", "sync_boost", "display")},
		sick{"one that is new", "dgx-h100", reasons("something_else")},
	)
	five, limit := 5, 92
	finds(t, "H008",
		sick{"margin", "dgx-h100", gpu(4, func(g *host.GPU) { g.Temperature.GPU, g.Temperature.Margin = 82, &five })},
		sick{"limit only", "mig-a100", gpu(0, func(g *host.GPU) {
			g.Temperature.GPU, g.Temperature.Slowdown, g.Temperature.Margin = 93, &limit, nil
		})},
	)
	ignores(t, "H008",
		sick{"neither", "mig-a100", gpu(0, func(g *host.GPU) { g.Temperature.GPU, g.Temperature.Slowdown, g.Temperature.Margin = 99, nil, nil })},
		sick{"nonsense", "mig-a100", gpu(0, func(g *host.GPU) { g.Temperature.GPU = 1 << 31 })},
	)
	finds(t, "H009", sick{"one of two", "workstation", gpu(0, func(g *host.GPU) { g.Temperature.GPU = 84; g.Fans[0].Percent = 70 })})
	ignores(t, "H009",
		sick{"cool", "workstation", gpu(0, func(g *host.GPU) { g.Temperature.GPU = 55 })},
		sick{"no fans", "dgx-h100", gpu(0, func(g *host.GPU) { g.Temperature.GPU = 84 })},
	)
	finds(t, "H012", sick{"capped", "dgx-h100", gpu(6, func(g *host.GPU) { g.Power.Limit = 500 })})
	ignores(t, "H012", sick{"raised", "workstation", gpu(0, func(g *host.GPU) { g.Power.Limit = 600 })})
	finds(t, "H018",
		sick{"the largest integers", "dgx-h100", gpu(1, func(g *host.GPU) {
			g.Temperature.GPU, g.Power.Draw, g.Fans = -1<<31, 1.8e16, []host.Fan{{Percent: 4294967295}}
		})},
		sick{"errors", "mig-a100", gpu(0, func(g *host.GPU) {
			g.Errors = map[string]string{"power": "Unknown Error", "clocks": "GPU is in a state that \x1b[31mcannot"}
		})},
	)
}

func TestLinks(t *testing.T) {
	finds(t, "H005",
		sick{"narrow", "workstation", gpu(0, func(g *host.GPU) { g.PCIe.Width = 4 })},
		sick{"slow under load", "dgx-h100", gpu(0, func(g *host.GPU) { g.PCIe.Gen, g.Utilization.GPU = 3, 97 })},
	)
	ignores(t, "H005",
		sick{"slow and idle", "dgx-h100", gpu(0, func(g *host.GPU) { g.PCIe.Gen = 1 })},
		sick{"unknown", "dgx-h100", gpu(0, func(g *host.GPU) { g.PCIe.Width = 0 })},
	)
	finds(t, "H006", sick{"many", "dgx-h100", gpu(3, func(g *host.GPU) { g.PCIe.Replays = 120_000 })})
	ignores(t, "H006", sick{"many in a month", "dgx-h100", func(h *host.Host) { h.GPUs[3].PCIe.Replays = 20_000; h.Kernel.Booted = today.Add(-30 * 24 * time.Hour) }})
	finds(t, "H007",
		sick{"two are down", "dgx-h100", gpu(5, func(g *host.GPU) { g.NVLinks[4].Active, g.NVLinks[11].Active = false, false })},
		sick{"errors", "dgx-h100", gpu(0, func(g *host.GPU) { g.NVLinks[17].Errors = 45_000 })},
	)
	ignores(t, "H007",
		sick{"no bridge", "dgx-h100", func(h *host.Host) {
			h.PCI = h.PCI[:8]
			for i := range h.GPUs {
				for l := range h.GPUs[i].NVLinks {
					h.GPUs[i].NVLinks[l].Active = false
				}
			}
		}},
		sick{"a few errors", "dgx-h100", gpu(0, func(g *host.GPU) { g.NVLinks[17].Errors = 12 })},
	)
}

func TestSettings(t *testing.T) {
	finds(t, "H013",
		sick{"exclusive", "mig-a100", gpu(0, func(g *host.GPU) { g.ComputeMode = "exclusive-process" })},
		sick{"prohibited", "workstation", gpu(0, func(g *host.GPU) { g.ComputeMode = "prohibited" })},
	)
	ignores(t, "H013", sick{"MPS shares it", "mig-a100", gpu(0, func(g *host.GPU) {
		g.ComputeMode, g.Processes = "exclusive-process", []host.Process{{PID: 7, Kind: "mps"}}
	})})
	finds(t, "H014", sick{"half of it", "mig-a100", gpu(0, func(g *host.GPU) { g.MemoryUsed = 40 << 30 })},
		sick{"no node known", "workstation", gpu(0, func(g *host.GPU) { g.MemoryUsed, g.Processes, g.Minor = 9<<30, nil, nil })})
	ignores(t, "H014",
		sick{"a program has it", "workstation", gpu(0, func(g *host.GPU) { g.MemoryUsed = 20 << 30 })},
		sick{"nobody may see programs", "mig-a100", gpu(0, func(g *host.GPU) { g.MemoryUsed, g.Errors = 40<<30, map[string]string{"processes": "Not Permitted"} })},
		sick{"Windows' programs", "wsl2", gpu(0, func(g *host.GPU) { g.MemoryUsed = 12 << 30 })},
	)
	redirected := func(h *host.Host) {
		h.Kernel.ACS = []string{"0000:1a:01.0", "0000:42:01.0"}
		h.Kernel.Cmdline += " intel_iommu=on"
	}
	apart := func(h *host.Host) {
		for i := range h.GPUs {
			h.GPUs[i].NVLinks = nil
		}
	}
	finds(t, "H010",
		sick{"ACS between cards", "dgx-h100", func(h *host.Host) { apart(h); redirected(h) }},
		sick{"ACS beside NVLinks", "dgx-h100", redirected},
		sick{"bridges without a number", "dgx-h100", func(h *host.Host) { apart(h); h.Kernel.ACS = []string{"; reboot"} }},
		sick{"translation", "dgx-h100", func(h *host.Host) { apart(h); h.Kernel.IOMMU = "translate" }},
		sick{"translation on RHEL", "dgx-h100", func(h *host.Host) { apart(h); h.Kernel.IOMMU = "translate"; on(h, "rhel", "fedora", "9.7") }},
		sick{"both", "dgx-h100", func(h *host.Host) { apart(h); redirected(h); h.Kernel.IOMMU = "translate" }},
		sick{"ACS in spite of pass-through", "dgx-h100", func(h *host.Host) { apart(h); redirected(h); h.Kernel.IOMMU = "passthrough" }},
	)
	ignores(t, "H010",
		sick{"pass-through", "dgx-h100", func(h *host.Host) { apart(h); h.Kernel.IOMMU = "passthrough" }},
		sick{"on, and nobody knows how", "dgx-h100", func(h *host.Host) { apart(h); h.Kernel.IOMMU = "on" }},
		sick{"translation beside NVLinks", "dgx-h100", func(h *host.Host) { h.Kernel.IOMMU = "translate" }},
		sick{"a machine that hands GPUs away", "dgx-h100", func(h *host.Host) { apart(h); redirected(h); h.PCI[7].Driver = "vfio-pci" }},
		sick{"a container", "dgx-h100", func(h *host.Host) { apart(h); redirected(h); h.OS.Container = "docker" }},
		sick{"one GPU", "workstation", func(h *host.Host) { h.Kernel.ACS = []string{"0000:00:01.0"} }},
		sick{"a virtual machine", "dgx-h100", func(h *host.Host) { h.Kernel.ACS = []string{"0000:00:01.0"}; h.OS.Virtual = "kvm" }},
	)
	finds(t, "H011",
		sick{"two models", "dgx-h100", gpu(7, func(g *host.GPU) { g.Name = "NVIDIA H200" })},
		sick{"two firmwares", "dgx-h100", gpu(7, func(g *host.GPU) { g.VBIOS = "96.00.89.00.01" })},
	)
	finds(t, "H016",
		sick{"reset", "dgx-h100", gpu(0, func(g *host.GPU) { g.RecoveryAction = "gpu-reset" })},
		sick{"reboot", "dgx-h100", gpu(1, func(g *host.GPU) { g.RecoveryAction = "node-reboot" })},
		sick{"drain", "dgx-h100", gpu(2, func(g *host.GPU) { g.RecoveryAction = "drain-p2p" })},
		sick{"drain and reset", "dgx-h100", gpu(3, func(g *host.GPU) { g.RecoveryAction = "drain-and-reset" })},
		sick{"one that is new", "dgx-h100", gpu(4, func(g *host.GPU) { g.RecoveryAction = "recover-imex-domain" })},
	)
	ignores(t, "H016", sick{"unknown", "dgx-h100", gpu(0, func(g *host.GPU) { g.RecoveryAction = "" })})
}

func TestXids(t *testing.T) {
	line := func(code int) string {
		return "NVRM: Xid (PCI:0000:01:00): " + strconv.Itoa(code) + ", pid=4242, name=python"
	}
	one := func(code int) sick {
		return sick{"Xid " + strconv.Itoa(code), "workstation", func(h *host.Host) {
			xid(h, "0000:01:00", code, line(code))
			h.GPUs[0].RecoveryAction = ""
		}}
	}
	finds(t, "H015",
		sick{"many of one", "workstation", func(h *host.Host) { xid(h, "0000:01:00", 31, line(31), line(31), line(31)+" last") }},
		sick{"two GPUs, two codes", "dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 63, "NVRM: Xid (PCI:0000:1b:00): 63, pid=1896, Row Remapper: New row marked for remapping, reset gpu to activate.")
			xid(h, "0000:1b:00.0", 48, "NVRM: Xid (PCI:0000:1b:00): 48, DBE")
			xid(h, "0000:43:00", 63, "NVRM: Xid (PCI:0000:43:00): 63, pid=1896, Row Remapper: New row marked for remapping, reset gpu to activate.")
			h.GPUs[0].RecoveryAction = "gpu-reset"
		}},
		one(45), one(74), one(78), one(95), one(142), one(149), one(151), one(154), one(159), one(167),
		sick{"over since", "dgx-h100", func(h *host.Host) { xid(h, "0000:c3:00", 109, "NVRM: Xid (PCI:0000:c3:00): 109") }},
		sick{"a code that nobody knows", "workstation", func(h *host.Host) { xid(h, "0000:01:00", 999, line(999)) }},
		sick{"a GPU that is not there", "workstation", func(h *host.Host) { xid(h, "0000:09:00", 62, "NVRM: Xid (PCI:0000:09:00): 62") }},
		sick{"a line without an address", "workstation", func(h *host.Host) { xid(h, "", 13, "NVRM: Xid: 13") }},
	)
	ignores(t, "H015", sick{"those with a code of their own", "workstation", func(h *host.Host) {
		for _, code := range ownCode {
			xid(h, "0000:01:00", code, line(code))
		}
	}})
	// A storm of lines is one finding, not ten thousand.
	h := recording(t, "healthy-workstation", func(h *host.Host) {
		for range 10_000 {
			xid(h, "0000:01:00", 31, line(31))
		}
	})
	assert.Equal(t, len(Examine(h, xidChecks(), today).Findings), 1)
}
