package doctor

import (
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
		Run:      func(h *host.Host, _ time.Time) []Finding { return each(h, recovery) },
	}}
}

func recovery(g host.GPU) (Finding, bool) {
	a := g.RecoveryAction
	if a == "" || a == "none" {
		return Finding{}, false
	}
	fixes := []Fix{manual("see what NVIDIA's documentation says of this action", None)}
	switch a {
	case "gpu-reset", "bus-reset":
		fixes = []Fix{resetGPU(g)}
	case "node-reboot", "system-reboot":
		fixes = []Fix{reboot("restart the machine")}
	case "drain-p2p":
		fixes = []Fix{manual("end the programs that use several GPUs together; NVML then says what comes next", Restart)}
	case "drain-and-reset":
		f := resetGPU(g)
		f.Title = "start no new programs on the GPU, let those that run end, then reset it"
		fixes = []Fix{f}
	}
	return told([]Evidence{saw("NVML", "recovery action (field 230): %s", a)}, fixes, "%s needs: %s", gpuName(g), a), true
}
