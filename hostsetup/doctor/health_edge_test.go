package doctor

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// The numbers of internal/policy are lines: one step before them nothing is said.
func TestEdgesOfHeat(t *testing.T) {
	heat := func(now, margin int) func(h *host.Host) {
		return gpu(1, func(g *host.GPU) { g.Temperature.GPU, g.Temperature.Margin, g.Temperature.Slowdown = now, &margin, nil })
	}
	limit := func(now, slowdown int) func(h *host.Host) {
		return gpu(1, func(g *host.GPU) {
			g.Temperature.GPU, g.Temperature.Margin, g.Temperature.Slowdown = now, nil, &slowdown
		})
	}
	edges(t, "H008", "dgx-h100",
		edge{"at the line", heat(82, policy.SlowdownMargin), `
warning H008: GPU 1 (NVIDIA H100 80GB HBM3, 0000:43:00.0) is at 82 °C; it slows down at 87 °C
  gpu: GPU-22222222-0000-0000-0000-000000000101
  seen: NVML: 82 °C, margin 5 °C
  fix: look at fans, filters, air flow and room temperature [none]
`},
		edge{"over the limit", heat(91, -4), `
warning H008: GPU 1 (NVIDIA H100 80GB HBM3, 0000:43:00.0) is at 91 °C; it slows down at 87 °C
  gpu: GPU-22222222-0000-0000-0000-000000000101
  seen: NVML: 91 °C, margin -4 °C
  fix: look at fans, filters, air flow and room temperature [none]
`},
		edge{"at the line, by the limit", limit(85, 85+policy.SlowdownMargin), `
warning H008: GPU 1 (NVIDIA H100 80GB HBM3, 0000:43:00.0) is at 85 °C; it slows down at 90 °C
  gpu: GPU-22222222-0000-0000-0000-000000000101
  seen: NVML: 85 °C, margin 5 °C
  fix: look at fans, filters, air flow and room temperature [none]
`},
		edge{"before the line", heat(82, policy.SlowdownMargin+1), ""},
		edge{"before the line, by the limit", limit(84, 85+policy.SlowdownMargin), ""},
		edge{"a limit without sense", limit(84, 1<<20), ""},
		edge{"a temperature without sense", heat(-60, 0), ""},
		edge{"no temperature", gpu(1, func(g *host.GPU) { g.Temperature = nil }), ""},
		edge{"a lost GPU", both(heat(99, 0), gpu(1, func(g *host.GPU) { g.Lost = true })), ""},
	)
	fan := func(percent, heat int) func(h *host.Host) {
		return gpu(0, func(g *host.GPU) { g.Fans, g.Temperature.GPU = []host.Fan{{Percent: 55}, {Percent: percent}}, heat })
	}
	edges(t, "H009", "workstation",
		edge{"at the line", fan(0, policy.FanOffHot), `
warning H009: GPU 0 (NVIDIA GeForce RTX 4090, 0000:01:00.0): fan 1 stands still at 70 °C
  gpu: GPU-11111111-0000-0000-0000-000000004090
  seen: NVML: fan 1: 0 % at 70 °C
  fix: see whether the fan turns, and what controls it (nvidia-settings, a vendor's tool) [none]
`},
		edge{"cooler", fan(0, policy.FanOffHot-1), ""},
		edge{"it turns", fan(1, policy.FanOffHot+10), ""},
		edge{"a temperature without sense", fan(0, 1<<16), ""},
		edge{"no fans: the machine's cool it", gpu(0, func(g *host.GPU) { g.Fans, g.Temperature.GPU = nil, 84 }), ""},
	)
	held := func(reasons ...string) func(h *host.Host) {
		return gpu(0, func(g *host.GPU) { g.Clocks.Reasons, g.Clocks.SM, g.Clocks.SMMax = reasons, 1005, 1980 })
	}
	edges(t, "H004", "dgx-h100",
		edge{"heat", held("hw_slowdown", "hw_thermal"), `
warning H004: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0) is slowed down by heat (hardware)
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: clock event reasons: hw_slowdown, hw_thermal; SM clock 1005 of 1980 MHz
  seen: NVML: 33 °C
  fix: look at fans, filters, air flow and room temperature [none]
`},
		edge{"the power supply", held("hw_slowdown", "hw_power_brake"), `
warning H004: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0) is slowed down by the power supply's brake signal
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: clock event reasons: hw_slowdown, hw_power_brake; SM clock 1005 of 1980 MHz
  seen: NVML: 33 °C
  fix: look at the power supplies: one may be missing, too weak or failing; and at the card's power cables [none]
`},
		edge{"nobody says why", held("hw_slowdown"), `
warning H004: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0) is slowed down by a hardware slowdown: heat, power brake or a current peak
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: clock event reasons: hw_slowdown; SM clock 1005 of 1980 MHz
  seen: NVML: 33 °C
  fix: look at fans, filters, air flow and room temperature [none]
`},
		edge{"the driver's own", held("sw_thermal", "sw_power_cap"), `
warning H004: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0) is slowed down by heat (driver)
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: clock event reasons: sw_thermal, sw_power_cap; SM clock 1005 of 1980 MHz
  seen: NVML: 33 °C
  fix: look at fans, filters, air flow and room temperature [none]
`},
		edge{"its own power cap", held("sw_power_cap"), ""},
		edge{"idle and settings", held("gpu_idle", "applications", "sync_boost", "display", "board_limit", "reliability"), ""},
		edge{"bits without a word", held("0x800", ""), ""},
		edge{"no clocks", gpu(0, func(g *host.GPU) { g.Clocks = nil }), ""},
	)
	power := func(limit, normal float64) func(h *host.Host) {
		return gpu(0, func(g *host.GPU) { g.Power.Limit, g.Power.Default = limit, normal })
	}
	edges(t, "H012", "dgx-h100",
		edge{"capped", power(500.5, 700), `
note H012: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0) is limited to 500 W of 700 W
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: limit 500 W, default 700 W
  fix: go back to the default [none, root]
    run: nvidia-smi -i GPU-22222222-0000-0000-0000-000000000100 -pl 700
    undo: nvidia-smi -i GPU-22222222-0000-0000-0000-000000000100 -pl 500.5
`},
		edge{"a watt less", power(699, 700), `
note H012: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0) is limited to 699 W of 700 W
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: limit 699 W, default 700 W
  fix: go back to the default [none, root]
    run: nvidia-smi -i GPU-22222222-0000-0000-0000-000000000100 -pl 700
    undo: nvidia-smi -i GPU-22222222-0000-0000-0000-000000000100 -pl 699
`},
		edge{"half a watt less is rounding", power(699.5, 700), ""},
		edge{"raised", power(750, 700), ""},
		edge{"not known", power(0, 700), ""},
		edge{"no default", power(500, 0), ""},
		edge{"negative", power(-1, 700), ""},
		edge{"no number", power(math.NaN(), 700), ""},
		edge{"a laptop's moves", both(power(40, 80), gpu(0, func(g *host.GPU) { g.Name = "NVIDIA GeForce RTX 5070 Laptop GPU" })), ""},
	)
	edges(t, "H018", "dgx-h100",
		edge{"hotter than any", gpu(0, func(g *host.GPU) { g.Temperature.GPU = policy.HottestReading + 1 }), `
warning H018: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 1 reading without sense
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: temperature 151 °C
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000100
  fix: or restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"power of no number", gpu(0, func(g *host.GPU) { g.Power.Draw = math.NaN() }), `
warning H018: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 1 reading without sense
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: power NaN W
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000100
  fix: or restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"ten calls fail, eight are shown", gpu(0, func(g *host.GPU) {
			g.Errors = map[string]string{}
			for i := range 10 {
				g.Errors["GetThing"+strconv.Itoa(i)] = "Unknown Error"
			}
		}), `
warning H018: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 10 readings without sense
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: GetThing0: Unknown Error
  seen: NVML: GetThing1: Unknown Error
  seen: NVML: GetThing2: Unknown Error
  seen: NVML: GetThing3: Unknown Error
  seen: NVML: GetThing4: Unknown Error
  seen: NVML: GetThing5: Unknown Error
  seen: NVML: GetThing6: Unknown Error
  seen: NVML: GetThing7: Unknown Error
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000100
  fix: or restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"the hottest that can be", gpu(0, func(g *host.GPU) { g.Temperature.GPU = policy.HottestReading }), ""},
		edge{"a fan at twice its speed", gpu(0, func(g *host.GPU) { g.Fans = []host.Fan{{Percent: 200}} }), ""},
		edge{"nothing is told", gpu(0, func(g *host.GPU) { g.Temperature, g.Power, g.Fans, g.Errors = nil, nil, nil, nil }), ""},
	)
	hides(t, "dgx-h100", "G012", gpu(0, func(g *host.GPU) { g.Lost = true }), "H016", "H018", "H007", "G009")
}

func TestEdgesOfMemory(t *testing.T) {
	ecc := func(change func(e *host.ECC)) func(h *host.Host) { return gpu(0, func(g *host.GPU) { change(g.ECC) }) }
	edges(t, "H001", "mig-a100",
		edge{"pages at NVIDIA's line", both(gpu(0, func(g *host.GPU) { g.RemappedRows = nil }), ecc(func(e *host.ECC) { e.RetiredPages = policy.RetiredPages })), `
error H001: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0) has retired 62 pages of memory
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: retired pages: 62, of them 0 after double-bit errors; pending false
  fix: take the GPU out of use and ask its vendor for a replacement: it has no pages left to retire [reboot]
`},
		edge{"a page waits", both(gpu(0, func(g *host.GPU) { g.RemappedRows = nil }), ecc(func(e *host.ECC) { e.RetiredPages, e.RetiredPagesPending = 1, true })), `
warning H001: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): a page of memory waits for a reset to be retired
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: retired pages: 1, of them 0 after double-bit errors; pending true
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
  fix: or restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"a row waits", gpu(0, func(g *host.GPU) { g.RemappedRows.Pending, g.RemappedRows.Uncorrected = true, 1 }), `
warning H001: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): a memory row waits for a reset to be replaced
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: remapped rows: 0 after correctable, 1 after uncorrectable errors; pending true, failed false
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
  fix: or restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"a row that waits, and NVML wants a reset", gpu(0, func(g *host.GPU) { g.RemappedRows.Pending, g.RecoveryAction = true, "gpu-reset" }), `
error H001: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): a memory row waits for a reset to be replaced
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: remapped rows: 0 after correctable, 0 after uncorrectable errors; pending true, failed false
  seen: NVML: recovery action (field 230): gpu-reset
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
  fix: or restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"a failure counts for more than waiting", gpu(0, func(g *host.GPU) { g.RemappedRows.Pending, g.RemappedRows.Failed = true, true }), `
error H001: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): replacing a memory row failed
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: remapped rows: 0 after correctable, 0 after uncorrectable errors; pending true, failed true
  fix: take the GPU out of use and ask its vendor for a replacement: a memory row could not be replaced [reboot]
`},
		edge{"pages before the line", ecc(func(e *host.ECC) { e.RetiredPages = policy.RetiredPages - 1 }), ""},
		edge{"rows replaced long ago", gpu(0, func(g *host.GPU) { g.RemappedRows.Corrected, g.RemappedRows.Uncorrected = 8, 2 }), ""},
		edge{"neither rows nor ECC", gpu(0, func(g *host.GPU) { g.RemappedRows, g.ECC = nil, nil }), ""},
	)
	edges(t, "H002", "mig-a100",
		edge{"one since the driver was loaded", ecc(func(e *host.ECC) { e.VolatileUncorrected, e.AggregateUncorrected = 1, 1 }), `
error H002: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): 1 uncorrected memory error
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: uncorrectable errors: 1 since the driver was loaded, 1 in all; SRAM threshold exceeded: false
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
  fix: take the GPU out of use and ask its vendor for a replacement: if errors come back after the reset [reboot]
`},
		edge{"more than fits", ecc(func(e *host.ECC) { e.VolatileUncorrected = math.MaxUint64 }), `
error H002: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): 18446744073709551615 uncorrected memory errors
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: uncorrectable errors: 18446744073709551615 since the driver was loaded, 0 in all; SRAM threshold exceeded: false
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
  fix: take the GPU out of use and ask its vendor for a replacement: if errors come back after the reset [reboot]
`},
		edge{"the SRAM's threshold", ecc(func(e *host.ECC) { e.SRAMThresholdExceeded, e.VolatileUncorrected = true, 9 }), `
error H002: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): the SRAM error threshold is exceeded
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: uncorrectable errors: 9 since the driver was loaded, 0 in all; SRAM threshold exceeded: true
  fix: take the GPU out of use and ask its vendor for a replacement: its SRAM has more errors than NVIDIA allows [reboot]
`},
		edge{"of an earlier life", ecc(func(e *host.ECC) { e.AggregateUncorrected = 12 }), ""},
		edge{"corrected ones", ecc(func(e *host.ECC) { e.VolatileCorrected = 1 << 40 }), ""},
	)
	edges(t, "H003", "mig-a100",
		edge{"off", ecc(func(e *host.ECC) { e.On, e.Pending = false, false }), `
warning H003: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): ECC is off
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: ECC is off, after the next reset off
  fix: switch ECC on: end the programs that use the GPU, then reset it [restart, root]
    run: nvidia-smi -i GPU-55555555-0000-0000-0000-000000000100 -e 1
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
    undo: nvidia-smi -i GPU-55555555-0000-0000-0000-000000000100 -e 0
    undo: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
`},
		edge{"off until a reset", ecc(func(e *host.ECC) { e.On = false }), `
warning H003: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): ECC is off until the GPU is reset
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: ECC is off, after the next reset on
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
`},
		edge{"off from the next reset on", ecc(func(e *host.ECC) { e.Pending = false }), `
warning H003: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): ECC will be off after the next reset
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: ECC is on, after the next reset off
  fix: keep ECC on [none, root]
    run: nvidia-smi -i GPU-55555555-0000-0000-0000-000000000100 -e 1
    undo: nvidia-smi -i GPU-55555555-0000-0000-0000-000000000100 -e 0
`},
		edge{"a card that may be without", both(ecc(func(e *host.ECC) { e.On = false }), gpu(0, func(g *host.GPU) { g.Name = "NVIDIA RTX A6000" })), ""},
		edge{"a card that has none", gpu(0, func(g *host.GPU) { g.ECC = nil }), ""},
	)
	edges(t, "H017", "mig-a100",
		edge{"waits to be on", gpu(0, func(g *host.GPU) { g.MIG.On, g.MIG.Devices = false, nil }), `
warning H017: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): MIG will be on only after a reset
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: MIG is off, after the next reset on
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
`},
		edge{"waits to be off", gpu(0, func(g *host.GPU) { g.MIG.Pending = false }), `
warning H017: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): MIG will be off only after a reset
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: MIG is on, after the next reset off
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
`},
		edge{"empty", gpu(0, func(g *host.GPU) { g.MIG.Devices = nil }), `
warning H017: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0) is in MIG mode without any instance: CUDA sees no GPU there
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: MIG is on, with no instances
  fix: see which instances can be made, then make them with 'nvidia-smi mig -cgi PROFILE -C', and write the CDI spec anew [none, root]
    run: nvidia-smi mig -i GPU-55555555-0000-0000-0000-000000000100 -lgip
`},
		edge{"off", gpu(0, func(g *host.GPU) { *g.MIG = host.MIG{} }), ""},
		edge{"none", gpu(0, func(g *host.GPU) { g.MIG = nil }), ""},
	)
	used := func(bytes uint64) func(h *host.Host) {
		return gpu(0, func(g *host.GPU) { g.Memory, g.MemoryUsed, g.Processes = 80<<30, bytes, nil })
	}
	edges(t, "H014", "mig-a100",
		edge{"a twentieth of a large card", used(4 << 30), `
warning H014: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): 4GiB of memory are in use by no program that can be seen
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: 4GiB in use, no processes
  fix: see who has the GPU open [none, root]
    run: fuser -v /dev/nvidia0
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
`},
		edge{"of a small card", both(used(policy.OrphanMemory), gpu(0, func(g *host.GPU) { g.Memory, g.Minor = 24<<30, nil })), `
warning H014: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): 2GiB of memory are in use by no program that can be seen
  gpu: GPU-55555555-0000-0000-0000-000000000100
  seen: NVML: 2GiB in use, no processes
  fix: see who has the GPU open [none, root]
    run: sh -c "fuser -v /dev/nvidia*"
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-55555555-0000-0000-0000-000000000100
`},
		edge{"less than a twentieth", used(4<<30 - 1), ""},
		edge{"less than what is nothing", both(used(policy.OrphanMemory-1), gpu(0, func(g *host.GPU) { g.Memory = 24 << 30 })), ""},
		edge{"a container's processes are not seen", both(used(40<<30), func(h *host.Host) { h.OS.Container = "docker" }), ""},
	)
}

func TestEdgesOfLinks(t *testing.T) {
	pcie := func(change func(g *host.GPU)) func(h *host.Host) { return gpu(0, change) }
	edges(t, "H005", "dgx-h100",
		edge{"half as wide", pcie(func(g *host.GPU) { g.PCIe.Width = 8 }), `
warning H005: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): its PCIe link has 8 of 16 lanes
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: PCIe generation 5 of 5, width x8 of x16
  fix: switch the machine off and seat the card and its riser anew; see in the firmware setup how the slot's lanes are divided [reboot]
`},
		edge{"slow and busy", pcie(func(g *host.GPU) { g.PCIe.Gen, g.Utilization = 3, &host.Utilization{GPU: policy.BusyGPU} }), `
warning H005: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): its PCIe link runs at generation 3 of 5 under load
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: PCIe generation 3 of 5, width x16 of x16
  fix: switch the machine off and seat the card and its riser anew; see in the firmware setup how the slot's lanes are divided [reboot]
`},
		edge{"slow and narrow", pcie(func(g *host.GPU) { g.PCIe.Gen, g.PCIe.Width, g.Utilization = 1, 1, &host.Utilization{GPU: 99} }), `
warning H005: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): its PCIe link has 1 of 16 lanes
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: PCIe generation 1 of 5, width x1 of x16
  fix: switch the machine off and seat the card and its riser anew; see in the firmware setup how the slot's lanes are divided [reboot]
`},
		edge{"slow, not busy", pcie(func(g *host.GPU) { g.PCIe.Gen, g.Utilization = 3, &host.Utilization{GPU: policy.BusyGPU - 1} }), ""},
		edge{"nobody knows how busy", pcie(func(g *host.GPU) { g.PCIe.Gen, g.Utilization = 1, nil }), ""},
		edge{"wider than it says it can", pcie(func(g *host.GPU) { g.PCIe.Width = 32 }), ""},
		edge{"not known", pcie(func(g *host.GPU) { g.PCIe = &host.PCIe{} }), ""},
		edge{"negative", pcie(func(g *host.GPU) { g.PCIe.Width, g.PCIe.Gen = -1, -1 }), ""},
	)
	replayed := func(n uint64, up time.Duration) func(h *host.Host) {
		return func(h *host.Host) { h.GPUs[0].PCIe.Replays, h.Kernel.Booted = n, h.Taken.Add(-up) }
	}
	edges(t, "H006", "dgx-h100",
		edge{"at the line", replayed(10*policy.ReplaysPerHour, 10*time.Hour), `
warning H006: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 600 packets were repeated on its PCIe link
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: 600 replays in 10 hours
  fix: switch the machine off and seat the card and its riser anew; if that does not help, try another slot [reboot]
`},
		edge{"within the first hour", replayed(policy.ReplaysPerHour, time.Minute), `
warning H006: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 60 packets were repeated on its PCIe link
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: 60 replays in 1 hour
  fix: switch the machine off and seat the card and its riser anew; if that does not help, try another slot [reboot]
`},
		edge{"booted after it was looked at", replayed(policy.ReplaysPerHour, -time.Hour), `
warning H006: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 60 packets were repeated on its PCIe link
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: 60 replays in 1 hour
  fix: switch the machine off and seat the card and its riser anew; if that does not help, try another slot [reboot]
`},
		edge{"more than fits", replayed(math.MaxUint64, time.Hour), `
warning H006: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): 18446744073709551615 packets were repeated on its PCIe link
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: NVML: 18446744073709551615 replays in 1 hour
  fix: switch the machine off and seat the card and its riser anew; if that does not help, try another slot [reboot]
`},
		edge{"before the line", replayed(10*policy.ReplaysPerHour-1, 10*time.Hour), ""},
		edge{"nobody knows since when", func(h *host.Host) { h.GPUs[0].PCIe.Replays, h.Kernel.Booted = policy.ReplaysPerHour-1, time.Time{} }, ""},
	)
	edges(t, "H007", "dgx-h100",
		edge{"one is down", gpu(3, func(g *host.GPU) { g.NVLinks[5].Active = false }), `
warning H007: GPU 3 (NVIDIA H100 80GB HBM3, 0000:61:00.0): 17 of 18 NVLinks are up
  gpu: GPU-22222222-0000-0000-0000-000000000103
  seen: NVML: inactive links: 5
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000103
  fix: switch the machine off and seat the NVLink bridge or the board anew [reboot]
`},
		edge{"errors at the line", gpu(3, func(g *host.GPU) { g.NVLinks[5].Errors, g.NVLinks[6].Errors = policy.NVLinkErrors, 7 }), `
warning H007: GPU 3 (NVIDIA H100 80GB HBM3, 0000:61:00.0): 1000 NVLink errors since the driver was loaded
  gpu: GPU-22222222-0000-0000-0000-000000000103
  seen: NVML: links with errors: 5
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000103
  fix: switch the machine off and seat the NVLink bridge or the board anew [reboot]
`},
		edge{"all of one GPU are down", gpu(3, func(g *host.GPU) {
			for i := range g.NVLinks {
				g.NVLinks[i].Active = false
			}
		}), `
warning H007: GPU 3 (NVIDIA H100 80GB HBM3, 0000:61:00.0): 0 of 18 NVLinks are up
  gpu: GPU-22222222-0000-0000-0000-000000000103
  seen: NVML: inactive links: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000103
  fix: switch the machine off and seat the NVLink bridge or the board anew [reboot]
`},
		edge{"errors before the line", gpu(3, func(g *host.GPU) { g.NVLinks[5].Errors = policy.NVLinkErrors - 1 }), ""},
		edge{"none reported", gpu(3, func(g *host.GPU) { g.NVLinks = nil }), ""},
	)
	edges(t, "H013", "workstation",
		edge{"exclusive", gpu(0, func(g *host.GPU) { g.ComputeMode = "exclusive-process" }), `
warning H013: GPU 0 (NVIDIA GeForce RTX 4090, 0000:01:00.0) takes one program only: its compute mode is exclusive-process
  gpu: GPU-11111111-0000-0000-0000-000000004090
  seen: NVML: compute mode exclusive-process; MPS runs: false
  fix: let programs share it [none, root]
    run: nvidia-smi -i GPU-11111111-0000-0000-0000-000000004090 -c DEFAULT
    undo: nvidia-smi -i GPU-11111111-0000-0000-0000-000000004090 -c EXCLUSIVE_PROCESS
`},
		edge{"prohibited, though MPS runs", gpu(0, func(g *host.GPU) { g.ComputeMode, g.Processes = "prohibited", []host.Process{{Kind: "mps"}} }), `
error H013: GPU 0 (NVIDIA GeForce RTX 4090, 0000:01:00.0) takes no programs: its compute mode is prohibited
  gpu: GPU-11111111-0000-0000-0000-000000004090
  seen: NVML: compute mode prohibited; MPS runs: true
  fix: let programs share it [none, root]
    run: nvidia-smi -i GPU-11111111-0000-0000-0000-000000004090 -c DEFAULT
    undo: nvidia-smi -i GPU-11111111-0000-0000-0000-000000004090 -c PROHIBITED
`},
		edge{"no UUID to name it by", gpu(0, func(g *host.GPU) { g.ComputeMode, g.UUID = "prohibited", "GPU-\x1b[2J" }), `
error H013: GPU 0 (NVIDIA GeForce RTX 4090, 0000:01:00.0) takes no programs: its compute mode is prohibited
  gpu: GPU-[2J
  seen: NVML: compute mode prohibited; MPS runs: false
  fix: let programs share it [none, root]
    run: nvidia-smi -i 0 -c DEFAULT
    undo: nvidia-smi -i 0 -c PROHIBITED
`},
		edge{"MPS has it", gpu(0, func(g *host.GPU) { g.ComputeMode, g.Processes = "exclusive-process", []host.Process{{Kind: "mps"}} }), ""},
		edge{"a mode nobody knows", gpu(0, func(g *host.GPU) { g.ComputeMode = "shared" }), ""},
	)
	edges(t, "H016", "dgx-h100",
		edge{"a reset", gpu(2, func(g *host.GPU) { g.RecoveryAction = "gpu-reset" }), `
error H016: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) needs: gpu-reset
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: recovery action (field 230): gpu-reset
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000102
`},
		edge{"of the bus", gpu(2, func(g *host.GPU) { g.RecoveryAction = "bus-reset" }), `
error H016: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) needs: bus-reset
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: recovery action (field 230): bus-reset
  fix: end the programs that use it, then reset the GPU [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000102
`},
		edge{"of the machine", gpu(2, func(g *host.GPU) { g.RecoveryAction = "system-reboot" }), `
error H016: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) needs: system-reboot
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: recovery action (field 230): system-reboot
  fix: restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"a drain", gpu(2, func(g *host.GPU) { g.RecoveryAction = "drain-and-reset" }), `
error H016: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) needs: drain-and-reset
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: recovery action (field 230): drain-and-reset
  fix: start no new programs on the GPU, let those that run end, then reset it [restart, root]
    run: nvidia-smi --gpu-reset -i GPU-22222222-0000-0000-0000-000000000102
`},
		edge{"a word nobody knows", gpu(2, func(g *host.GPU) { g.RecoveryAction = "dance\x1b[2J" }), `
error H016: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) needs: dance[2J
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: recovery action (field 230): dance[2J
  fix: see what NVIDIA's documentation says of this action [none]
`},
		edge{"none", gpu(2, func(g *host.GPU) { g.RecoveryAction = "none" }), ""},
		edge{"a lost GPU, which G012 tells", gpu(2, func(g *host.GPU) { g.RecoveryAction, g.Lost = "gpu-reset", true }), ""},
	)
	edges(t, "H011", "dgx-h100",
		edge{"another model", gpu(7, func(g *host.GPU) { g.Name = "NVIDIA H200" }), `
note H011: 2 models of GPU in one machine
  seen: NVML: NVIDIA H100 80GB HBM3, NVIDIA H200
`},
		edge{"another firmware", gpu(7, func(g *host.GPU) { g.VBIOS = "96.00.89.00.01" }), `
note H011: NVIDIA H100 80GB HBM3 GPUs with 2 different firmwares
  seen: NVML: VBIOS 96.00.74.00.0D × 7, 96.00.89.00.01 × 1
`},
		edge{"a firmware that is not known", gpu(7, func(g *host.GPU) { g.VBIOS = "" }), ""},
	)
}
