//go:build linux && cgo

package nvml

import (
	"fmt"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// temperature takes limits as the card has them. Hopper and newer count from a limit of
// their own: the margin is what is left to it, and a threshold of -2 is reached 2 °C
// beyond it. What a card tells both ways is taken in degrees.
func (c *card) temperature() {
	b := policy.TemperatureBounds()
	now, ok := reading(c, "GetTemperature", b, of(c.d.GetTemperature, nvml.TEMPERATURE_GPU))
	if !ok {
		return
	}
	t := &host.Temperature{GPU: int(now)}
	c.g.Temperature = t
	if v, ok := c.field(nvml.FI_DEV_MEMORY_TEMP, b); ok {
		t.Memory = whole(v)
	}
	margin, counted := get(c, "GetMarginTemperature", c.d.GetMarginTemperature)
	counted = counted && sane(c, "GetMarginTemperature", b, margin.MarginTemperature)
	limit := func(kind nvml.TemperatureThresholds, id uint32) *int {
		v, ok := reading(c, fmt.Sprintf("GetTemperatureThreshold(%d)", kind), b, of(c.d.GetTemperatureThreshold, kind))
		if ok && v > 0 {
			return whole(float64(v))
		}
		if beyond, ok := c.field(id, b); ok && counted {
			return whole(float64(t.GPU) + float64(margin.MarginTemperature) - beyond)
		}
		return nil
	}
	t.Slowdown = limit(nvml.TEMPERATURE_THRESHOLD_SLOWDOWN, nvml.FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)
	t.Shutdown = limit(nvml.TEMPERATURE_THRESHOLD_SHUTDOWN, nvml.FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)
	switch {
	case t.Slowdown != nil:
		t.Margin = whole(float64(*t.Slowdown - t.GPU))
	case counted:
		t.Margin = whole(float64(margin.MarginTemperature))
	}
}

func whole(v float64) *int {
	n := int(v)
	return &n
}

func (c *card) power() {
	var p host.Power
	b := policy.PowerBounds()
	watts := func(call string, f func() (uint32, nvml.Return)) (float64, bool) {
		milli, ok := get(c, call, f)
		v := float64(milli) / 1000
		if !ok || !sane(c, call, b, v) {
			return 0, false
		}
		return v, true
	}
	var draws, limited bool
	p.Draw, draws = watts("GetPowerUsage", c.d.GetPowerUsage)
	p.Limit, limited = watts("GetEnforcedPowerLimit", c.d.GetEnforcedPowerLimit)
	p.Default, _ = watts("GetPowerManagementDefaultLimit", c.d.GetPowerManagementDefaultLimit)
	if call := "GetPowerManagementLimitConstraints"; c.can(call) {
		low, high, ret := c.d.GetPowerManagementLimitConstraints()
		if c.ok(call, ret) && sane(c, call, b, float64(low)/1000) && sane(c, call, b, float64(high)/1000) {
			p.Min, p.Max = float64(low)/1000, float64(high)/1000
		}
	}
	if draws || limited {
		c.g.Power = &p
	}
}

func (c *card) clocks() {
	var k host.Clocks
	var told bool
	for _, v := range []struct {
		to   *int
		call string
		f    func(nvml.ClockType) (uint32, nvml.Return)
		of   nvml.ClockType
	}{
		{&k.SM, "GetClockInfo", c.d.GetClockInfo, nvml.CLOCK_SM},
		{&k.SMMax, "GetMaxClockInfo", c.d.GetMaxClockInfo, nvml.CLOCK_SM},
		{&k.Memory, "GetClockInfo", c.d.GetClockInfo, nvml.CLOCK_MEM},
		{&k.MemoryMax, "GetMaxClockInfo", c.d.GetMaxClockInfo, nvml.CLOCK_MEM},
	} {
		if mhz, ok := reading(c, fmt.Sprintf("%s(%d)", v.call, v.of), policy.ClockBounds(), of(v.f, v.of)); ok {
			*v.to, told = int(mhz), true
		}
	}
	mask, ok := get(c, "GetCurrentClocksEventReasons", c.d.GetCurrentClocksEventReasons)
	if !ok { // before R535
		mask, ok = get(c, "GetCurrentClocksThrottleReasons", c.d.GetCurrentClocksThrottleReasons)
	}
	if ok {
		k.Reasons = reasons(mask)
	}
	k.Held = c.held()
	if told || ok {
		c.g.Clocks = &k
	}
}

// reasons are the words for a mask of NVML.
func reasons(mask uint64) []string {
	var words []string
	for _, r := range policy.ClockReasons() {
		if mask&r.Bit != 0 {
			words = append(words, r.Word)
			mask &^= r.Bit
		}
	}
	for bit := uint64(1); mask != 0 && bit != 0; bit <<= 1 {
		if mask&bit != 0 {
			words = append(words, fmt.Sprintf("%#x", bit))
			mask &^= bit
		}
	}
	return words
}

// held is how long each reason has held the clocks down; those that never did are left out.
func (c *card) held() map[string]time.Duration {
	held := map[string]time.Duration{}
	for _, r := range policy.ClockReasons() {
		if r.Field == 0 {
			continue
		}
		ns, ok := c.field(r.Field, policy.DurationBounds())
		if !ok && r.Word == "sw_thermal" { // older drivers have one counter for heat
			ns, ok = c.field(nvml.FI_DEV_PERF_POLICY_THERMAL, policy.DurationBounds())
		}
		if ok && ns > 0 {
			held[r.Word] = time.Duration(ns)
		}
	}
	if len(held) == 0 {
		return nil
	}
	return held
}

func (c *card) fans() {
	n, ok := get(c, "GetNumFans", c.d.GetNumFans)
	if !ok || !sane(c, "GetNumFans", policy.FanBounds(), n) {
		return
	}
	for i := range n {
		percent, ok := reading(c, "GetFanSpeed_v2", policy.FanBounds(), of(c.d.GetFanSpeed_v2, i))
		if !ok {
			continue
		}
		fan := host.Fan{Percent: int(percent)}
		if i == 0 { // go-nvml asks for the first one only
			if v, ok := get(c, "GetFanSpeedRPM", c.d.GetFanSpeedRPM); ok && sane(c, "GetFanSpeedRPM", policy.TurnBounds(), v.Speed) {
				fan.RPM = int(v.Speed)
			}
		}
		c.g.Fans = append(c.g.Fans, fan)
	}
}

func (c *card) utilization() {
	b := policy.PercentBounds()
	u, ok := get(c, "GetUtilizationRates", c.d.GetUtilizationRates)
	if ok && sane(c, "GetUtilizationRates", b, u.Gpu) && sane(c, "GetUtilizationRates", b, u.Memory) {
		c.g.Utilization = &host.Utilization{GPU: int(u.Gpu), Memory: int(u.Memory)}
	}
}
