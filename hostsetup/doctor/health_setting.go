package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/docker/go-units"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// modeChecks are of what keeps programs from a GPU that is well.
func modeChecks() []Check {
	return []Check{
		{
			Code: "H013", Title: "programs may share the GPUs", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"all CUDA-capable devices are busy or unavailable", "CUDA_ERROR_DEVICE_UNAVAILABLE", "cudaErrorDevicesUnavailable"},
			Cause:    "The compute mode lets one program, or none, use the GPU; a Multi-Process Service (MPS) that has ended may have left it so.",
			Run:      func(h *host.Host, _ time.Time) []Finding { return each(h, computeMode) },
		},
		{
			Code: "H014", Title: "no memory is held by a program that is not there", Group: Health, Severity: Warning, Needs: []Fact{Local, NVML}, After: afterDriver(),
			Symptoms: []string{"CUDA out of memory", "No running processes found"},
			Cause:    "A program crashed and its memory was not freed, or it runs where its process cannot be seen from here.",
			Run:      orphans,
		},
	}
}

func computeMode(g host.GPU) (Finding, bool) {
	if g.ComputeMode != "exclusive-process" && g.ComputeMode != "prohibited" {
		return Finding{}, false
	}
	mps := slices.ContainsFunc(g.Processes, func(p host.Process) bool { return p.Kind == "mps" })
	if mps && g.ComputeMode == "exclusive-process" {
		return Finding{}, false // as NVIDIA wants it: MPS is the one, and shares
	}
	f := told([]Evidence{saw("NVML", "compute mode %s; MPS runs: %t", g.ComputeMode, mps)},
		[]Fix{{Title: "let programs share it", Argv: [][]string{{"nvidia-smi", "-i", selectGPU(g), "-c", "DEFAULT"}}, Root: true, Disruption: None,
			Undo: [][]string{{"nvidia-smi", "-i", selectGPU(g), "-c", map[string]string{"prohibited": "PROHIBITED", "exclusive-process": "EXCLUSIVE_PROCESS"}[g.ComputeMode]}}}},
		"%s takes one program only: its compute mode is %s", gpuName(g), g.ComputeMode)
	if g.ComputeMode == "prohibited" {
		f.Summary, f.Severity = gpuName(g)+" takes no programs: its compute mode is prohibited", Error
	}
	return f, true
}

func orphans(h *host.Host, _ time.Time) []Finding {
	if !mayInstall(h) {
		return nil // the programs are Windows' or other containers'
	}
	return each(h, func(g host.GPU) (Finding, bool) {
		_, unknown := g.Errors["processes"]
		if len(g.Processes) > 0 || unknown || g.MemoryUsed < policy.OrphanMemory || g.MemoryUsed < g.Memory/20 {
			return Finding{}, false
		}
		device := "/dev/nvidia*"
		argv := [][]string{{"sh", "-c", "fuser -v " + device}}
		if g.Minor != nil {
			argv = [][]string{{"fuser", "-v", fmt.Sprintf("/dev/nvidia%d", *g.Minor)}}
		}
		return told([]Evidence{saw("NVML", "%s in use, no processes", units.BytesSize(float64(g.MemoryUsed)))},
			[]Fix{{Title: "see who has the GPU open", Argv: argv, Root: true, Disruption: None}, resetGPU(g)},
			"%s: %s of memory are in use by no program that can be seen", gpuName(g), units.BytesSize(float64(g.MemoryUsed))), true
	})
}
