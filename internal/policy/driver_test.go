package policy

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

var day = regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)

func TestXidTable(t *testing.T) {
	last := 0
	for _, x := range Xids() {
		assert.Assert(t, x.Code > last, "%d is there twice, or out of order", x.Code)
		last = x.Code
		assert.Assert(t, x.Meaning != "" && x.Fault != "", "%d says too little", x.Code)
		assert.Assert(t, slices.Contains([]string{"error", "warning", "note"}, x.Severity), "%d: %s", x.Code, x.Severity)
		// What takes a reset or a restart of the machine is no mere note.
		if x.Action == ActionResetGPU || x.Action == ActionReboot {
			assert.Equal(t, x.Severity, "error", "%d", x.Code)
		}
		got, ok := LookupXid(x.Code)
		assert.Assert(t, ok && got == x, "%d", x.Code)
	}
	// The codes that the reference names, with NVIDIA's action.
	for action, list := range map[string][]int{
		ActionRestartApp: {13, 31, 32, 39, 40, 41, 68, 69, 94}, ActionResetGPU: {46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158},
		ActionReboot: {79}, ActionIgnore: {43, 63, 92, 93, 106, 107, 108, 121, 137, 141}, ActionMechanical: {54}, ActionUpdate: {78},
		ActionNVLink: {74}, ActionNVLink5: {144, 145, 146, 147, 148, 149, 150}, ActionECC: {48}, ActionRecovery: {154}, "": {163, 164, 165, 167, 171, 172},
	} {
		for _, code := range list {
			x, ok := LookupXid(code)
			assert.Assert(t, ok, "%d is missing", code)
			assert.Equal(t, x.Action, action, "%d", code)
		}
	}
	for _, code := range []int{0, -1, 1, 12, 999} {
		_, ok := LookupXid(code)
		assert.Assert(t, !ok, "%d", code)
	}
}

func TestBranches(t *testing.T) {
	last := 1 << 16
	for _, b := range DriverBranches() {
		assert.Assert(t, b.Branch < last, "%d is out of order", b.Branch)
		last = b.Branch
		assert.Assert(t, day.MatchString(b.Date) && b.Source != "" && b.Kind != "", "%d", b.Branch)
		_, ok := b.End()
		assert.Equal(t, ok, b.Ends != "", "%d", b.Branch)
		assert.Assert(t, ok || b.Ended || b.Kind == "new feature", "%d has no end", b.Branch)
		if b.Branch > 580 {
			assert.Equal(t, b.Oldest, Turing, "%d", b.Branch)
		}
		assert.Equal(t, b.OpenOnly, b.Branch >= 620, "%d", b.Branch)
	}
	for version, over := range map[string]map[string]bool{
		"570.195.03": {"2026-02-27": false, "2026-03-01": true}, "580.65.06": {"2028-06-30": false, "2028-07-01": true}, "590.48.01": {"2026-11-24": true}, "615.1": {"2026-11-24": false},
	} {
		for on, want := range over {
			b, ok := LookupBranch(BranchOf(version))
			assert.Assert(t, ok, version)
			now, err := time.Parse(time.DateOnly, on)
			assert.NilError(t, err)
			assert.Equal(t, b.Over(now), want, "%s on %s", version, on)
		}
	}
	for version, want := range map[string]int{"580.65.06": 580, "580": 580, "": 0, "N/A": 0, "-5.1": 0} {
		assert.Equal(t, BranchOf(version), want, version)
	}
}

func TestDriverForEveryArchitecture(t *testing.T) {
	for _, c := range []struct {
		oldest, newest Arch
		want           Advice
		ok             bool
	}{
		{UnknownArch, UnknownArch, Advice{580, true}, true},
		{Kepler, Kepler, Advice{}, false},
		{Maxwell, Volta, Advice{580, false}, true},
		{Pascal, Hopper, Advice{580, false}, true},
		{Pascal, Blackwell, Advice{580, false}, false},
		{Turing, Ada, Advice{580, true}, true},
		{Hopper, Blackwell, Advice{580, true}, true},
	} {
		got, ok := DriverFor(c.oldest, c.newest)
		assert.Equal(t, ok, c.ok, "%s to %s", c.oldest, c.newest)
		assert.Equal(t, got, c.want, "%s to %s", c.oldest, c.newest)
		if ok && c.oldest != UnknownArch {
			b, known := LookupBranch(got.Branch)
			assert.Assert(t, known && b.Oldest <= c.oldest, "%s", c.oldest)
		}
	}
}

func TestPCIIDs(t *testing.T) {
	last := -1
	for _, r := range PCIRanges() {
		assert.Assert(t, int(r.From) > last && r.To >= r.From, "%04x overlaps or is out of order", r.From)
		last = int(r.To)
		assert.Assert(t, r.Arch != UnknownArch && r.Source != "" && day.MatchString(r.Date), "%04x", r.From)
	}
	for id, want := range map[string]Arch{
		"1004": Kepler, "102d": Kepler, "1180": Kepler, "1380": Maxwell, "13c2": Maxwell, "17c2": Maxwell, "15f8": Pascal, "1b06": Pascal, "1c03": Pascal, "1db6": Volta,
		"1e04": Turing, "1eb8": Turing, "2182": Turing, "20b0": Ampere, "2204": Ampere, "2235": Ampere, "2503": Ampere, "2330": Hopper, "2335": Hopper, "2342": Hopper,
		"2684": Ada, "26B9": Ada, "27b8": Ada, "2901": Blackwell, "2b85": Blackwell, "2c02": Blackwell, "2d04": Blackwell, "2f04": Blackwell,
		"0dc4": Older, "1080": Older, "ffff": UnknownArch, "": UnknownArch, "zz": UnknownArch, "12335": UnknownArch, "0010": UnknownArch,
	} {
		assert.Equal(t, ArchOfPCI(id).String(), want.String(), id)
	}
	assert.Equal(t, Arch(99).String(), "unknown")
}

func TestFloors(t *testing.T) {
	for _, c := range CVEs() {
		assert.Assert(t, regexp.MustCompile(`^CVE-20\d\d-\d{4,}$`).MatchString(c.ID), c.ID)
		assert.Assert(t, len(c.Fixed) > 0 && c.What != "" && c.Source != "" && day.MatchString(c.Date), c.ID)
	}
	assert.Equal(t, len(Open("toolkit", ToolkitCurrent)), 0)
	assert.Equal(t, len(Open("runc", RuncAdvised)), 0)
	for version, want := range map[string]int{"1.20.1": 0, "1.19.1": 0, "1.19.0": 1, "1.17.7": 3, "1.17.8": 1, "1.16.1": 10, "1.19.1-rc.1": 1, "": 0, "N/A": 0, "1": 0} {
		assert.Equal(t, len(Open("toolkit", version)), want, version)
	}
	for version, want := range map[string]int{"1.1.11": 4, "1.1.12": 3, "1.2.7": 3, "1.2.8": 0, "1.3.0": 3, "1.3.3": 0, "1.4.0-rc.3": 3, "1.4.0": 0, "1.5.2": 0, "v1.3.4": 0, "1.1.12-0ubuntu3": 3} {
		assert.Equal(t, len(Open("runc", version)), want, version)
	}
}

func TestDataCentreCards(t *testing.T) {
	for name, want := range map[string]bool{
		"NVIDIA H100 80GB HBM3": true, "NVIDIA A100-SXM4-80GB": true, "Tesla V100-SXM2-32GB": true, "NVIDIA L40S": true, "NVIDIA A10G": true, "NVIDIA B200": true, "Tesla T4": true,
		"NVIDIA RTX A6000": false, "NVIDIA GeForce RTX 4090": false, "NVIDIA RTX A2000": false, "NVIDIA RTX 6000 Ada Generation": false, "Quadro P400": false, "": false,
	} {
		assert.Equal(t, DataCentre(name), want, name)
	}
}
