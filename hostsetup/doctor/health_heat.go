package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// heatChecks are of temperature, fans and power.
func heatChecks() []Check {
	look := func(f func(host.GPU) (Finding, bool)) func(*host.Host, time.Time) []Finding {
		return func(h *host.Host, _ time.Time) []Finding { return each(h, f) }
	}
	return []Check{
		{
			Code: "H009", Title: "the fans of hot GPUs turn", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver("H018"),
			Symptoms: []string{"Fan Speed : 0 %"},
			Cause:    "A fan is blocked, broken or switched off. Cards without fans are cooled by the machine's and are not meant here.",
			Run:      look(fanOff),
		},
		{
			Code: "H004", Title: "neither heat nor power supply slows a GPU down", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"HW Thermal Slowdown : Active", "SW Thermal Slowdown : Active", "HW Power Brake Slowdown : Active", "HW Slowdown : Active"},
			Cause:    "The GPU lowers its clocks to protect itself: too little cooling, or the power supply or the slot asks for it.",
			Run:      look(throttled),
		},
		{
			Code: "H008", Title: "every GPU is well below the temperature at which it slows down", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver("H018"),
			Symptoms: []string{"GPU T.Limit Temp"},
			Cause:    "Too little air, dust, a warm room, or cards too close to each other.",
			Run:      look(nearLimit),
		},
		{
			Code: "H012", Title: "GPUs may use their default power", Group: Health, Severity: Note, Needs: []Fact{NVML}, After: afterDriver("H018"),
			Symptoms: []string{"SW Power Cap : Active"},
			Cause:    "Somebody set a lower power limit. That may be wanted: it costs speed and saves heat.",
			Run:      look(powerCapped),
		},
	}
}

// slowing are the reasons that tell of a fault; idle and the software's own power cap are normal.
var slowing = map[string]string{
	"hw_thermal":     "heat (hardware)",
	"sw_thermal":     "heat (driver)",
	"hw_power_brake": "the power supply's brake signal",
	"hw_slowdown":    "a hardware slowdown: heat, power brake or a current peak",
}

func throttled(g host.GPU) (Finding, bool) {
	if g.Clocks == nil {
		return Finding{}, false
	}
	var why []string
	for _, r := range g.Clocks.Reasons {
		if w := slowing[r]; w != "" && !(r == "hw_slowdown" && (slices.Contains(g.Clocks.Reasons, "hw_thermal") || slices.Contains(g.Clocks.Reasons, "hw_power_brake"))) {
			why = append(why, w)
		}
	}
	if len(why) == 0 {
		return Finding{}, false
	}
	seen := []Evidence{saw("NVML", "clock event reasons: %s; SM clock %d of %d MHz", strings.Join(g.Clocks.Reasons, ", "), g.Clocks.SM, g.Clocks.SMMax)}
	if g.Temperature != nil {
		seen = append(seen, saw("NVML", "%d °C", g.Temperature.GPU))
	}
	fix := manual("look at fans, filters, air flow and room temperature", None)
	if slices.Contains(g.Clocks.Reasons, "hw_power_brake") {
		fix = manual("look at the power supplies: one may be missing, too weak or failing; and at the card's power cables", None)
	}
	return told(seen, []Fix{fix}, "%s is slowed down by %s", gpuName(g), strings.Join(why, " and ")), true
}

// margin is what is left to the slowdown.
func margin(g host.GPU) (left int, ok bool) {
	switch t := g.Temperature; {
	case t == nil || !plausibleHeat(t.GPU):
		return 0, false
	case t.Margin != nil:
		return *t.Margin, true
	case t.Slowdown != nil && plausibleHeat(*t.Slowdown):
		return *t.Slowdown - t.GPU, true
	}
	return 0, false
}

func nearLimit(g host.GPU) (Finding, bool) {
	left, ok := margin(g)
	if !ok || left > policy.SlowdownMargin {
		return Finding{}, false
	}
	return told([]Evidence{saw("NVML", "%d °C, margin %d °C", g.Temperature.GPU, left)},
		[]Fix{manual("look at fans, filters, air flow and room temperature", None)}, "%s is at %d °C; it slows down at %d °C", gpuName(g), g.Temperature.GPU, g.Temperature.GPU+left), true
}

func fanOff(g host.GPU) (Finding, bool) {
	if len(g.Fans) == 0 || g.Temperature == nil || g.Temperature.GPU < policy.FanOffHot || !plausibleHeat(g.Temperature.GPU) {
		return Finding{}, false
	}
	for i, f := range g.Fans {
		if f.Percent == 0 {
			return told([]Evidence{saw("NVML", "fan %d: 0 %% at %d °C", i, g.Temperature.GPU)}, []Fix{manual("see whether the fan turns, and what controls it (nvidia-settings, a vendor's tool)", None)},
				"%s: fan %d stands still at %d °C", gpuName(g), i, g.Temperature.GPU), true
		}
	}
	return Finding{}, false
}

func powerCapped(g host.GPU) (Finding, bool) {
	p := g.Power
	if p == nil || !(p.Limit > 0 && p.Limit <= p.Default-1) || strings.Contains(g.Name, "Laptop") || strings.Contains(g.Name, "Max-Q") {
		return Finding{}, false // unknown, or no number; a laptop's limit moves with its battery and its other chips
	}
	return told([]Evidence{saw("NVML", "limit %.0f W, default %.0f W", p.Limit, p.Default)},
		[]Fix{{Title: "go back to the default", Argv: [][]string{{"nvidia-smi", "-i", selectGPU(g), "-pl", watts(p.Default)}}, Root: true, Disruption: None,
			Undo: [][]string{{"nvidia-smi", "-i", selectGPU(g), "-pl", watts(p.Limit)}}}},
		"%s is limited to %.0f W of %.0f W", gpuName(g), p.Limit, p.Default), true
}
