package probe

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// smiReader makes a host.GPU of an element gpu.
type smiReader struct {
	*smiGPU
	out host.GPU
}

const smiMiB = 1 << 20

func (g *smiGPU) gpu(index int) host.GPU {
	r := &smiReader{smiGPU: g, out: host.GPU{Index: index}}
	r.failures()
	r.identity()
	r.board()
	r.memory()
	r.temperature()
	r.power()
	r.clocks()
	r.load()
	r.ecc()
	r.pcie()
	r.fabric()
	r.mig()
	r.processes()
	return r.out
}

func (g *smiReader) wrong(path, text string) {
	if g.out.Errors == nil {
		g.out.Errors = map[string]string{}
	}
	g.out.Errors[path] = nvml.Cut(text)
}

// failures notes what nvidia-smi could not get. A GPU of which not even the memory is
// known, and which fails, is lost.
func (g *smiReader) failures() {
	paths := make([]string, 0, len(g.smiRecord))
	for path := range g.smiRecord {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		text := g.smiRecord[path]
		if !smiFailed(text) {
			continue
		}
		if len(g.out.Errors) < 100 {
			g.wrong(path, text)
		}
		if strings.Contains(strings.ToLower(text), "gpu is lost") || smiFailed(g.smiRecord["fb_memory_usage/total"]) {
			g.out.Lost = true
		}
	}
}

func (g *smiReader) identity() {
	o := &g.out
	o.UUID, o.Name, o.Serial = g.text("uuid"), g.text("product_name"), g.text("serial")
	o.PCI = nvml.Address(g.text("pci/pci_bus_id"))
	if n, err := strconv.Atoi(g.text("minor_number")); err == nil && n >= 0 {
		o.Minor = &n
	}
	o.Architecture = policy.ArchitectureOf(g.text("product_architecture"))
	o.ComputeCapability, _ = policy.GPUCapability(o.Name)
	o.VBIOS = g.text("vbios_version")
}

func (g *smiReader) board() {
	o := &g.out
	if on, known := g.is("persistence_mode"); known {
		o.Persistence = &on
	}
	o.ComputeMode = map[string]string{"Default": "default", "Prohibited": "prohibited", "Exclusive_Process": "exclusive-process",
		"Exclusive_Thread": "exclusive-process"}[g.text("compute_mode")]
	o.GSP = g.text("gsp_firmware_version")
	// "None" is a value here: nothing is to be done.
	o.RecoveryAction = policy.RecoveryWord(g.smiRecord["gpu_recovery_action"])
	reset, known := g.is("gpu_reset_status/reset_required")
	drain, too := g.is("gpu_reset_status/drain_and_reset_recommended")
	switch {
	case o.RecoveryAction != "":
	case reset:
		o.RecoveryAction = "gpu-reset"
	case drain:
		o.RecoveryAction = "drain-and-reset"
	case known && too:
		o.RecoveryAction = "none"
	}
}

func (g *smiReader) memory() {
	total, _ := g.number(g.smiRecord, "fb_memory_usage/total", "MiB", smiMiB, policy.MemoryBounds())
	used, _ := g.number(g.smiRecord, "fb_memory_usage/used", "MiB", smiMiB, policy.MemoryBounds())
	g.out.Memory = uint64(total)
	if used <= total {
		g.out.MemoryUsed = uint64(used)
	} else {
		g.wrong("fb_memory_usage/used", "nvidia-smi says that more is used than there is")
	}
}

// temperature: see nvml's for limits that are told as margins.
func (g *smiReader) temperature() {
	degrees := func(name string) *int {
		v, ok := g.number(g.smiRecord, "temperature/"+name, "C", 1, policy.TemperatureBounds())
		if !ok {
			return nil
		}
		n := int(v)
		return &n
	}
	now := degrees("gpu_temp")
	if now == nil {
		return
	}
	margin := degrees("gpu_temp_tlimit")
	limit := func(absolute, relative string) *int {
		if v := degrees(absolute); v != nil {
			return v
		}
		if v := degrees(relative); v != nil && margin != nil {
			n := *now + *margin - *v
			return &n
		}
		return nil
	}
	t := &host.Temperature{GPU: *now, Memory: degrees("memory_temp"), Margin: margin}
	t.Slowdown = limit("gpu_temp_slow_threshold", "gpu_temp_slow_tlimit_threshold")
	t.Shutdown = limit("gpu_temp_max_threshold", "gpu_temp_max_tlimit_threshold")
	if t.Slowdown != nil {
		n := *t.Slowdown - *now
		t.Margin = &n
	}
	g.out.Temperature = t
}

// power has had three forms: power_readings, gpu_power_readings (R530), and there
// average and instant draw instead of one (R570).
func (g *smiReader) power() {
	var p host.Power
	var told bool
	watts := func(to *float64, names ...string) {
		for _, name := range names {
			for _, group := range []string{"gpu_power_readings/", "power_readings/"} {
				if v, ok := g.number(g.smiRecord, group+name, "W", 1, policy.PowerBounds()); ok {
					*to, told = v, true
					return
				}
			}
		}
	}
	watts(&p.Draw, "power_draw", "average_power_draw", "instant_power_draw")
	watts(&p.Limit, "current_power_limit", "enforced_power_limit", "power_limit")
	watts(&p.Default, "default_power_limit")
	watts(&p.Min, "min_power_limit")
	watts(&p.Max, "max_power_limit")
	if told {
		g.out.Power = &p
	}
}

func (g *smiReader) clocks() {
	var k host.Clocks
	var told bool
	for path, to := range map[string]*int{"clocks/sm_clock": &k.SM, "clocks/mem_clock": &k.Memory, "max_clocks/sm_clock": &k.SMMax, "max_clocks/mem_clock": &k.MemoryMax} {
		if v, ok := g.number(g.smiRecord, path, "MHz", 1, policy.ClockBounds()); ok {
			*to, told = int(v), true
		}
	}
	for _, r := range policy.ClockReasons() {
		if r.SMI == "" {
			continue
		}
		for _, name := range []string{"event", "throttle"} {
			if on, known := g.is("clocks_" + name + "_reasons/clocks_" + name + "_reason_" + r.SMI); known {
				told = true
				if on {
					k.Reasons = append(k.Reasons, r.Word)
				}
			}
		}
		us, ok := g.number(g.smiRecord, "clocks_event_reasons_counters/clocks_event_reasons_counters_"+r.SMICounter, "us", 1000, policy.DurationBounds())
		if ok && us > 0 && r.SMICounter != "" {
			if k.Held == nil {
				k.Held = map[string]time.Duration{}
			}
			k.Held[r.Word] = time.Duration(us)
		}
	}
	if told {
		g.out.Clocks = &k
	}
}

func (g *smiReader) load() {
	if v, ok := g.number(g.smiRecord, "fan_speed", "%", 1, policy.FanBounds()); ok {
		g.out.Fans = []host.Fan{{Percent: int(v)}} // it tells of one
	}
	gpu, ok := g.number(g.smiRecord, "utilization/gpu_util", "%", 1, policy.PercentBounds())
	memory, _ := g.number(g.smiRecord, "utilization/memory_util", "%", 1, policy.PercentBounds())
	if ok {
		g.out.Utilization = &host.Utilization{GPU: int(gpu), Memory: int(memory)}
	}
}
