package doctor

import (
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// memoryChecks are of memory that the GPU has given up, and of errors it could not correct.
func memoryChecks() []Check {
	return []Check{
		{
			Code: "H001", Title: "all memory rows and pages that had to be replaced are", Group: Health, Severity: Error, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"Row Remapper: New row marked for remapping, reset gpu to activate", "Remapping Failure Occurred : Yes", "Pending Page Blacklist : Yes"},
			Cause:    "Memory errors made the GPU replace rows (or retire pages). That takes effect with the next reset; once no spare row is left, it fails.",
			Run:      pressing(givenUp),
		},
		{
			Code: "H002", Title: "no memory error went uncorrected", Group: Health, Severity: Error, Needs: []Fact{NVML}, After: afterDriver(),
			Symptoms: []string{"uncorrectable ECC error encountered", "CUDA error: uncorrectable ECC error encountered", "CUDA_ERROR_ECC_UNCORRECTABLE"},
			Cause:    "ECC found an error that it could not correct: data were lost. Once may be chance; again and again it is a defect.",
			Run:      pressing(dataLost),
		},
	}
}

// remapXids and lossXids are what the driver logs of memory given up, and of data lost.
var (
	remapXids = []int{63, 64}
	lossXids  = []int{48, 94, 95}
)

// memoryTells says whether a check of the memory tells of what an Xid announced.
func memoryTells(g host.GPU, code int) bool {
	_, gone := remap(g)
	_, lost := uncorrected(g)
	return gone && slices.Contains(remapXids, code) || lost && slices.Contains(lossXids, code)
}

func givenUp(h *host.Host, _ time.Time) []Finding { return withXids(h, remap, remapXids) }

func dataLost(h *host.Host, _ time.Time) []Finding { return withXids(h, uncorrected, lossXids) }

// withXids looks at each GPU, and adds what the driver logged of it.
func withXids(h *host.Host, look func(host.GPU) (Finding, bool), codes []int) []Finding {
	return each(h, func(g host.GPU) (Finding, bool) {
		f, wrong := look(g)
		if of := xidsAt(xidsOf(h, codes...), shortPCI(g.PCI)); wrong && len(of) > 0 {
			f.Evidence = append(f.Evidence, saw("kernel log", "%d × %s", len(of), of[len(of)-1].Text))
		}
		return f, wrong
	})
}

func replaceCard(why string) Fix {
	return manual("take the GPU out of use and ask its vendor for a replacement: "+why, Reboot)
}

func remap(g host.GPU) (Finding, bool) {
	if r := g.RemappedRows; r != nil {
		seen := []Evidence{saw("NVML", "remapped rows: %d after correctable, %d after uncorrectable errors; pending %t, failed %t", r.Corrected, r.Uncorrected, r.Pending, r.Failed)}
		switch {
		case r.Failed:
			return told(seen, []Fix{replaceCard("a memory row could not be replaced")}, "%s: replacing a memory row failed", gpuName(g)), true
		case r.Pending:
			f := told(seen, []Fix{resetGPU(g), reboot("or restart the machine")}, "%s: a memory row waits for a reset to be replaced", gpuName(g))
			f.Severity = Warning
			return f, true
		}
	}
	if e := g.ECC; e != nil {
		seen := []Evidence{saw("NVML", "retired pages: %d, of them %d after double-bit errors; pending %t", e.RetiredPages, e.RetiredPagesDoubleBits, e.RetiredPagesPending)}
		switch {
		case e.RetiredPages >= policy.RetiredPages:
			return told(seen, []Fix{replaceCard("it has no pages left to retire")}, "%s has retired %d pages of memory", gpuName(g), e.RetiredPages), true
		case e.RetiredPagesPending:
			f := told(seen, []Fix{resetGPU(g), reboot("or restart the machine")}, "%s: a page of memory waits for a reset to be retired", gpuName(g))
			f.Severity = Warning
			return f, true
		}
	}
	return Finding{}, false
}

func uncorrected(g host.GPU) (Finding, bool) {
	e := g.ECC
	if e == nil || e.VolatileUncorrected == 0 && !e.SRAMThresholdExceeded {
		return Finding{}, false
	}
	seen := []Evidence{saw("NVML", "uncorrectable errors: %d since the driver was loaded, %d in all; SRAM threshold exceeded: %t", e.VolatileUncorrected, e.AggregateUncorrected, e.SRAMThresholdExceeded)}
	if e.SRAMThresholdExceeded {
		return told(seen, []Fix{replaceCard("its SRAM has more errors than NVIDIA allows")}, "%s: the SRAM error threshold is exceeded", gpuName(g)), true
	}
	return told(seen, []Fix{resetGPU(g), replaceCard("if errors come back after the reset")}, "%s: %d uncorrected memory error%s", gpuName(g), e.VolatileUncorrected, map[bool]string{false: "s"}[e.VolatileUncorrected == 1]), true
}
