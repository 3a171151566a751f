package doctor

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Of each broken host one cause is told; what follows from it is counted, not told.
func TestCausesHideWhatFollowsFromThem(t *testing.T) {
	for _, c := range []struct {
		sick
		cause  string
		others []string // told too, as they have nothing to do with it
		hides  []string
	}{
		{sick{"nouveau", "workstation", func(h *host.Host) { unload(h); h.PCI[0].Driver = "nouveau" }}, "G004", nil, []string{"G001", "G003", "H001"}},
		{sick{"a rejected key", "workstation", func(h *host.Host) { unload(h); logLines(h, "Key was rejected by service") }}, "G005", nil, []string{"G001", "G003", "G014"}},
		{sick{"no module", "dgx-h100", unload}, "G001", nil, []string{"G002", "G010", "G014", "G021", "H016"}},
		{sick{"upgraded libraries", "dgx-h100", func(h *host.Host) {
			h.GPUs = nil
			h.Unread = map[string]string{"nvml": "Driver/library version mismatch"}
			h.Driver.Libraries[1].Version = "580.119.02"
		}}, "G002", nil, []string{"G010", "G014", "G021", "H001", "H016"}},
		{sick{"a driver that hangs", "dgx-h100", func(h *host.Host) { h.GPUs, h.Unread = nil, map[string]string{"nvml": "NVML did not answer within 5s"} }}, "G019", nil, []string{"G010", "G014", "H002"}},
		{sick{"Blackwell and proprietary modules", "workstation", func(h *host.Host) {
			h.PCI[0].Device, h.Driver.Flavour, h.GPUs = "2b85", "proprietary", nil
			logLines(h, "NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:884)")
		}}, "G006", nil, []string{"G007", "G014", "G021"}},
		{sick{"Pascal after an upgrade", "workstation", func(h *host.Host) {
			unload(h)
			h.PCI[0].Device = "1b06"
			h.Kernel.Installed[1].NVIDIAVersion = "595.71.05"
		}}, "G008", nil, []string{"G001", "G014"}},
		{sick{"a GPU off the bus", "dgx-h100", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.")
			h.GPUs = slices.Delete(h.GPUs, 2, 3)
		}}, "G012", nil, []string{"G014", "G013", "H016", "H018"}},
		{sick{"a cable", "workstation", func(h *host.Host) {
			xid(h, "0000:01:00", 54, "54")
			xid(h, "0000:01:00", 79, "79")
			h.GPUs = nil
		}}, "G018", nil, []string{"G012", "G014"}},
		{sick{"no fabric manager", "dgx-h100", func(h *host.Host) {
			h.Units[3].Active = "failed"
			for i := range h.GPUs {
				h.GPUs[i].Fabric.State = "in-progress"
				h.GPUs[i].NVLinks[0].Active = false
			}
			h.Driver.CUDAError = "802 CUDA_ERROR_SYSTEM_NOT_READY"
		}}, "G010", nil, []string{"H007", "G009"}},
		{sick{"some nodes missing, one closed", "dgx-h100", func(h *host.Host) { h.Nodes = h.Nodes[:1]; h.Nodes[0].Mode = 0o600 }}, "G021", []string{"G016"}, nil},
		{sick{"a BAR without a place", "workstation", func(h *host.Host) {
			h.GPUs = nil
			logLines(h, "pci 0000:01:00.0: BAR 1: can't assign; no space")
		}}, "G007", nil, []string{"G014"}},
		{sick{"an old driver is no cause", "dgx-h100", func(h *host.Host) {
			for i := range h.Driver.Libraries {
				h.Driver.Libraries[i].Version = "570.195.03"
			}
			h.Driver.Version, h.Driver.FabricManager, h.Kernel.Installed[0].NVIDIAVersion = "570.195.03", "570.195.03", "570.195.03"
			h.GPUs[0].RemappedRows.Failed = true
		}}, "H001", []string{"G020"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Examine(recording(t, "healthy-"+c.base, c.spoil), mine(), today)
			assert.Equal(t, r.Findings[0].Code, c.cause)
			for _, f := range r.Findings[1:] {
				assert.Assert(t, f.Code == c.cause || slices.Contains(c.others, f.Code), "%s is told too: %s", f.Code, f.Summary)
			}
			for _, code := range c.hides {
				assert.Assert(t, slices.Contains(r.Hidden, Hidden{code, c.cause}), "%s does not hide %s: %v", c.cause, code, r.Hidden)
			}
		})
	}
}

// A check that asks NVML comes after all that keeps NVML from answering.
func TestWhatNeedsADriverComesAfterIt(t *testing.T) {
	for _, c := range mine() {
		if slices.Contains(c.Needs, NVML) {
			for _, cause := range afterDriver() {
				assert.Assert(t, slices.Contains(c.After, cause), "%s is not after %s", c.Code, cause)
			}
		}
	}
}

// A fleet of 500 machines is to be judged within a second.
func BenchmarkFiveHundredHosts(b *testing.B) {
	data, err := os.ReadFile("testdata/healthy-dgx-h100.json")
	assert.NilError(b, err)
	var h host.Host
	assert.NilError(b, json.Unmarshal(data, &h))
	for b.Loop() {
		for range 500 {
			Examine(&h, All(), today)
		}
	}
}
