package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// eccChecks are of modes that wait for a reset, or should be set.
func eccChecks() []Check {
	return []Check{
		{
			Code: "H003", Title: "data-centre GPUs have ECC on", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"Volatile Uncorr. ECC: Off", "ECC Mode Current : Disabled"},
			Cause:    "Somebody switched error correction off, for some memory and speed: errors now change results and nobody sees it.",
			Run:      func(h *host.Host, _ time.Time) []Finding { return each(h, eccOff) },
		},
		{
			Code: "H017", Title: "the MIG mode is settled", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"Warning: MIG mode is in pending enable state", "MIG M. Enabled*", "No MIG devices found"},
			Cause:    "A change of the MIG mode takes a reset; and in MIG mode CUDA sees instances only, so without any there is no GPU to use.",
			Run:      func(h *host.Host, _ time.Time) []Finding { return each(h, mig) },
		},
	}
}

func eccOff(g host.GPU) (Finding, bool) {
	e := g.ECC
	if e == nil || !policy.DataCentre(g.Name) {
		return Finding{}, false
	}
	seen := []Evidence{saw("NVML", "ECC is %s, after the next reset %s", onOff(e.On), onOff(e.Pending))}
	switch {
	case !e.On && e.Pending:
		return told(seen, []Fix{resetGPU(g)}, "%s: ECC is off until the GPU is reset", gpuName(g)), true
	case !e.On:
		on := resetGPU(g)
		on.Title = "switch ECC on: end the programs that use the GPU, then reset it"
		on.Argv = append([][]string{{"nvidia-smi", "-i", selectGPU(g), "-e", "1"}}, on.Argv...)
		on.Undo = [][]string{{"nvidia-smi", "-i", selectGPU(g), "-e", "0"}, {"nvidia-smi", "--gpu-reset", "-i", selectGPU(g)}}
		return told(seen, []Fix{on}, "%s: ECC is off", gpuName(g)), true
	case !e.Pending:
		return told(seen, []Fix{{Title: "keep ECC on", Argv: [][]string{{"nvidia-smi", "-i", selectGPU(g), "-e", "1"}}, Root: true, Disruption: None,
			Undo: [][]string{{"nvidia-smi", "-i", selectGPU(g), "-e", "0"}}}}, "%s: ECC will be off after the next reset", gpuName(g)), true
	}
	return Finding{}, false
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// emptyMIG says that a GPU is cut into no instances: CUDA sees none of it.
func emptyMIG(g host.GPU) bool { return g.MIG != nil && g.MIG.On && len(g.MIG.Devices) == 0 }

func mig(g host.GPU) (Finding, bool) {
	m := g.MIG
	switch {
	case m == nil:
		return Finding{}, false
	case m.On != m.Pending:
		return told([]Evidence{saw("NVML", "MIG is %s, after the next reset %s", onOff(m.On), onOff(m.Pending))}, []Fix{resetGPU(g)},
			"%s: MIG will be %s only after a reset", gpuName(g), onOff(m.Pending)), true
	case emptyMIG(g):
		return told([]Evidence{saw("NVML", "MIG is on, with no instances")},
			[]Fix{{Title: "see which instances can be made, then make them with `nvidia-smi mig -cgi PROFILE -C`, and write the CDI spec anew", Argv: [][]string{{"nvidia-smi", "mig", "-i", selectGPU(g), "-lgip"}}, Root: true, Disruption: None}},
			"%s is in MIG mode without any instance: CUDA sees no GPU there", gpuName(g)), true
	}
	return Finding{}, false
}
