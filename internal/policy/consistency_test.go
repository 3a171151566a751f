package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// The families are named in four tables: by PCI id, by NVML's code, by compute capability, by
// the driver branches that know them. They must speak of the same ones.
func TestFamiliesAreTheSameInEveryTable(t *testing.T) {
	generations := map[string]bool{}
	for _, g := range Generations() {
		name, _, _ := strings.Cut(g.Name, " (")
		generations[name] = true
	}
	nvml := map[string]bool{}
	for _, a := range Architectures() {
		nvml[a.Name] = true
	}
	onBus := map[Arch]bool{}
	for _, r := range PCIRanges() {
		onBus[r.Arch] = true
	}
	for a := Kepler; a <= Blackwell; a++ {
		assert.Assert(t, onBus[a], "%s has no PCI ids", a)
		assert.Assert(t, nvml[a.String()], "%s has no code of NVML's", a)
		// CUDA's tables begin with Maxwell: nothing that is maintained runs on Kepler.
		assert.Equal(t, generations[a.String()], a > Kepler, a.String())
	}
	for _, b := range DriverBranches() {
		assert.Assert(t, onBus[b.Oldest], "R%d: %s", b.Branch, b.Oldest)
	}
}

// A card of the table, by its name, its PCI id and what it takes: the three agree.
func TestCardsByNameAndByID(t *testing.T) {
	for _, c := range []struct {
		name, id string
		arch     Arch
		data     bool
		open     bool // takes the open modules
	}{
		{"NVIDIA GeForce GTX 980", "13c0", Maxwell, false, false}, {"Tesla M60", "13f2", Maxwell, true, false}, {"NVIDIA GeForce GTX 1080", "1b80", Pascal, false, false}, {"Tesla P100-PCIE-16GB", "15f8", Pascal, true, false},
		{"Tesla P40", "1b38", Pascal, true, false}, {"Tesla V100-SXM2-32GB", "1db5", Volta, true, false}, {"NVIDIA TITAN V", "1d81", Volta, false, false}, {"Tesla T4", "1eb8", Turing, true, true}, {"NVIDIA GeForce RTX 2080 Ti", "1e04", Turing, false, true},
		{"NVIDIA GeForce GTX 1660", "2184", Turing, false, true}, {"NVIDIA A100-SXM4-80GB", "20b2", Ampere, true, true}, {"NVIDIA A10", "2236", Ampere, true, true}, {"NVIDIA GeForce RTX 3090", "2204", Ampere, false, true}, {"NVIDIA RTX A2000", "2531", Ampere, false, true},
		{"NVIDIA L4", "27b8", Ada, true, true}, {"NVIDIA L40S", "26b9", Ada, true, true}, {"NVIDIA GeForce RTX 4090", "2684", Ada, false, true}, {"NVIDIA H100 80GB HBM3", "2330", Hopper, true, true}, {"NVIDIA H200", "2335", Hopper, true, true},
		{"NVIDIA GH200 480GB", "2342", Hopper, true, true}, {"NVIDIA B200", "2901", Blackwell, true, true}, {"NVIDIA B300 SXM6 AC", "3182", Blackwell, true, true}, {"NVIDIA GB300", "31c2", Blackwell, true, true}, {"NVIDIA GB10", "2e12", Blackwell, false, true},
		{"NVIDIA GeForce RTX 5090", "2b85", Blackwell, false, true}, {"NVIDIA GeForce RTX 5060 Ti", "2d04", Blackwell, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, ArchOfPCI(c.id).String(), c.arch.String())
			capability, ok := GPUCapability(c.name)
			assert.Assert(t, ok)
			g, ok := GenerationOf(capability)
			assert.Assert(t, ok && strings.HasPrefix(g.Name, c.arch.String()), "%s is of %s", capability, g.Name)
			assert.Equal(t, DataCentre(c.name), c.data)
			advice, ok := DriverFor(c.arch, c.arch)
			assert.Assert(t, ok)
			assert.Equal(t, advice.Open, c.open)
		})
	}
}

// Cards for data centres have a known capability: builds for them must not ask.
func TestDataCentreCardsHaveACapability(t *testing.T) {
	for _, name := range []string{"V100", "V100S", "P100", "P40", "P4", "T4", "T4G", "A100", "A100X", "A800", "A30", "A30X", "A40", "A10", "A10G", "A10M", "A16", "A2", "H100", "H200", "H20", "H800", "GH200", "B100", "B200", "B300", "GB200", "GB300", "L2", "L4", "L20", "L40", "L40S", "L40G"} {
		assert.Assert(t, DataCentre("NVIDIA "+name), name)
		_, ok := GPUCapability("NVIDIA " + name)
		assert.Assert(t, ok, name)
	}
}

// What a branch drives, an older one that still knew the card drove too: families are dropped and never come back.
func TestBranchesDropFamiliesInOrder(t *testing.T) {
	last := Arch(99)
	for _, b := range DriverBranches() { // the newest first
		assert.Assert(t, b.Oldest <= last, "R%d knows fewer GPUs than the branch after it", b.Branch)
		last = b.Oldest
	}
	open := false
	for _, b := range slices.Backward(DriverBranches()) {
		assert.Assert(t, !open || b.OpenOnly, "R%d has proprietary modules again", b.Branch)
		open = open || b.OpenOnly
		assert.Assert(t, slices.Contains([]string{"LTS", "production", "new feature", "legacy"}, b.Kind), "R%d: %s", b.Branch, b.Kind)
	}
}

// An engine learns and does not forget.
func TestEnginesLearn(t *testing.T) {
	rank := []string{"no", "feature", "default"}
	all := Engines()
	for i, e := range all {
		assert.Assert(t, slices.Contains(rank, e.CDI), "%s: %s", e.From, e.CDI)
		assert.Equal(t, e.Schema == "", e.CDI == "no", e.From)
		assert.Assert(t, !e.GPUsByCDI || e.CDI == "default", e.From)
		if i > 0 {
			assert.Assert(t, slices.Index(rank, e.CDI) >= slices.Index(rank, all[i-1].CDI) && (e.GPUsByCDI || !all[i-1].GPUsByCDI), e.From)
		}
	}
	for _, f := range CDIFields() {
		for _, e := range all {
			knows := e.Schema != "" && Compare(e.Schema, f.Schema) >= 0
			assert.Equal(t, Compare(e.From, f.Engine) >= 0, knows, "%s of %s", f.Name, e.From)
		}
	}
}

// NVML's words are names in JSON: small letters, without what a terminal or a shell acts on.
func TestWordsOfNVML(t *testing.T) {
	for _, r := range ClockReasons() {
		assert.Equal(t, r.Word, strings.ToLower(strings.ReplaceAll(r.Word, "-", "_")))
	}
	for i, a := range RecoveryActions() {
		assert.Equal(t, a.Code, uint32(i), "codes have no gap")
		assert.Equal(t, a.Word, strings.ToLower(strings.ReplaceAll(a.Word, "_", "-")))
		assert.Equal(t, RecoveryWord(a.Word), a.Word, "a word is its own")
		if a.SMI != "" {
			assert.Equal(t, RecoveryWord(strings.ToUpper(a.SMI)), a.Word)
		}
	}
	for _, said := range []string{"Ada Lovelace", "Hopper", "Blackwell"} {
		assert.Assert(t, strings.HasPrefix(said, ArchitectureOf(said)), said)
	}
}

// A bound says what it is of; zero is within each, since an idle card reads as that.
func TestBoundsHaveUnits(t *testing.T) {
	for want, b := range map[string]Bounds{
		"°C": TemperatureBounds(), "W": PowerBounds(), "MHz": ClockBounds(), "%": PercentBounds(), "RPM": TurnBounds(), "bytes": MemoryBounds(), "lanes": WidthBounds(), "ns": DurationBounds(), "": CountBounds(),
	} {
		assert.Equal(t, b.Unit, want)
		assert.Assert(t, b.Min < b.Max && b.Hold(0) && b.Hold(b.Min) && b.Hold(b.Max) && !b.Hold(b.Max*2+1), "%s", fmt.Sprint(b))
	}
	assert.Assert(t, GenBounds().Hold(7) && !GenBounds().Hold(13) && FanBounds().Hold(120))
}
