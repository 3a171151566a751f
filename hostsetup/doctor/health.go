package doctor

import (
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// healthChecks are of the GPUs themselves, as NVML and the kernel log tell of them.
func healthChecks() []Check {
	return slices.Concat(readingChecks(), memoryChecks(), eccChecks(), heatChecks(), linkChecks(), nvlinkChecks(), modeChecks(), hostHealthChecks(), xidChecks(), recoveryChecks())
}

// each makes findings of single GPUs; look says nothing of one that is well. A GPU
// that is lost has no readings worth a look.
func each(h *host.Host, look func(g host.GPU) (Finding, bool)) (out []Finding) {
	for _, g := range h.GPUs {
		if g.Lost {
			continue
		}
		if f, wrong := look(g); wrong {
			f.GPU = g.UUID
			out = append(out, f)
		}
	}
	return out
}
