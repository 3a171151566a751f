package doctor

import (
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// recoveryChecks are of what the GPU itself asks for.
func recoveryChecks() []Check {
	return []Check{{
		Code: "H016", Title: "no GPU asks for a repair", Group: Health, Severity: Error, Needs: []Fact{NVML}, After: afterDriver("G012"),
		Symptoms: []string{"GPU Recovery Action : Reset", "GPU Recovery Action : Reboot", "GPU Recovery Action : Drain", "GPU recovery action changed from"},
		Cause:    "After an error the driver works out what brings the GPU back, and NVML (field 230) says it.",
		Link:     "https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html",
		Run:      recovery,
	}}
}

// wanted is what NVML says that a GPU needs, "" where it needs nothing or nobody knows.
func wanted(g host.GPU) string {
	if g.RecoveryAction == "none" {
		return ""
	}
	return g.RecoveryAction
}

// repair does what NVML wants.
func repair(g host.GPU) []Fix {
	switch wanted(g) {
	case "gpu-reset", "bus-reset":
		return []Fix{resetGPU(g)}
	case "node-reboot", "system-reboot":
		return []Fix{reboot("restart the machine")}
	case "drain-p2p":
		return []Fix{manual("end the programs that use several GPUs together; NVML then says what comes next", Restart)}
	case "drain-and-reset":
		f := resetGPU(g)
		f.Title = "start no new programs on the GPU, let those that run end, then reset it"
		return []Fix{f}
	}
	return []Fix{manual("see what NVIDIA's documentation says of this action", None)}
}

// repairs says whether one of some fixes is the very one that NVML wants.
func repairs(fixes []Fix, g host.GPU) bool {
	if wanted(g) == "" {
		return false
	}
	want := repair(g)[0].Argv
	return len(want) > 0 && slices.ContainsFunc(fixes, func(f Fix) bool { return slices.EqualFunc(f.Argv, want, slices.Equal) })
}

// pressing are a check's findings with NVML's word: where it wants the very repair that
// one names, that one is the cause, and no mere warning.
func pressing(run func(*host.Host, time.Time) []Finding) func(*host.Host, time.Time) []Finding {
	return func(h *host.Host, now time.Time) []Finding {
		found := run(h, now)
		for i, f := range found {
			for _, g := range h.GPUs {
				if f.GPU != "" && f.GPU == g.UUID && !g.Lost && repairs(f.Fixes, g) {
					found[i].Severity = Error
					found[i].Evidence = append(f.Evidence, saw("NVML", "recovery action (field 230): %s", g.RecoveryAction))
				}
			}
		}
		return found
	}
}

func recovery(h *host.Host, now time.Time) []Finding {
	causes := slices.Concat(gspHang(h, now), givenUp(h, now), dataLost(h, now), xids(h, now))
	return each(h, func(g host.GPU) (Finding, bool) {
		if wanted(g) == "" || slices.ContainsFunc(causes, func(f Finding) bool { return f.GPU != "" && f.GPU == g.UUID && repairs(f.Fixes, g) }) {
			return Finding{}, false // told with its cause
		}
		return told([]Evidence{saw("NVML", "recovery action (field 230): %s", g.RecoveryAction)}, repair(g), "%s needs: %s", gpuName(g), g.RecoveryAction), true
	})
}
