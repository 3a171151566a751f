package policy

import (
	"math"
	"math/bits"
	"regexp"
	"testing"

	"gotest.tools/v3/assert"
)

var dated = regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)

func TestArchitecturesAreKnownByCode(t *testing.T) {
	families := map[string]bool{}
	for _, g := range Generations() {
		families[g.Name] = true
	}
	seen := map[uint32]bool{}
	for _, a := range Architectures() {
		assert.Assert(t, !seen[a.Code], "%d stands twice", a.Code)
		seen[a.Code] = true
		assert.Assert(t, dated.MatchString(a.Date) && a.Source != "", a.Name)
		// The same family has the same name in the table of generations, where it has a row.
		if a.Name != "Kepler" && a.Name != "Rubin" {
			assert.Assert(t, families[a.Name], "%s is no generation", a.Name)
		}
	}
	for code, want := range map[uint32]string{9: "Hopper", 10: "Blackwell", 6: "Turing", 0: "", 11: "", math.MaxUint32: ""} {
		assert.Equal(t, ArchitectureName(code), want)
	}
	for said, want := range map[string]string{"Hopper": "Hopper", "Ada Lovelace": "Ada", "Feynman": "Feynman", "": ""} {
		assert.Equal(t, ArchitectureOf(said), want)
	}
}

func TestClockReasonsHaveOneBitAndOneWord(t *testing.T) {
	var mask uint64
	words, fields := map[string]bool{}, map[uint32]bool{}
	for _, r := range ClockReasons() {
		assert.Equal(t, bits.OnesCount64(r.Bit), 1, r.Word)
		assert.Equal(t, mask&r.Bit, uint64(0), r.Word)
		mask |= r.Bit
		assert.Assert(t, r.Word != "" && !words[r.Word], r.Word)
		words[r.Word] = true
		assert.Assert(t, r.Field == 0 || !fields[r.Field], "field %d counts two reasons", r.Field)
		fields[r.Field] = true
		assert.Assert(t, dated.MatchString(r.Date) && r.Source != "", r.Word)
	}
	assert.Equal(t, mask, uint64(2047), "NVML's nvmlClocksEventReasonAll")
}

func TestRecoveryWords(t *testing.T) {
	for code, want := range []string{"none", "gpu-reset", "node-reboot", "drain-p2p", "drain-and-reset", "recover-imex-domain", "bus-reset", "system-reboot", ""} {
		assert.Equal(t, RecoveryWord(uint32(code)), want)
	}
	for text, want := range map[string]string{"None": "none", "Reset": "gpu-reset", "Reboot": "node-reboot", "Drain P2P": "drain-p2p",
		"Drain and Reset": "drain-and-reset", "drain and reset": "drain-and-reset", "": "", "N/A": "", "[Unknown Error]": ""} {
		assert.Equal(t, RecoveryWord(text), want, text)
	}
	for _, a := range RecoveryActions() {
		assert.Assert(t, dated.MatchString(a.Date) && a.Source != "", a.Word)
	}
}

func TestBoundsHoldWhatIsAndNotWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		bounds   Bounds
		yes, not []float64
	}{
		"temperature": {TemperatureBounds(), []float64{-5, 0, 34, 92, 200}, []float64{201, 255, math.MaxUint32, -300}},
		"power":       {PowerBounds(), []float64{0, 700, 2700}, []float64{-1, 4294967.295}},
		"clock":       {ClockBounds(), []float64{0, 14001}, []float64{-1, math.MaxUint32}},
		"percent":     {PercentBounds(), []float64{0, 100}, []float64{-1, 101}},
		"fan":         {FanBounds(), []float64{0, 110}, []float64{math.MaxUint32}},
		"turns":       {TurnBounds(), []float64{0, 20000}, []float64{math.MaxUint32}},
		"memory":      {MemoryBounds(), []float64{0, 288 << 30}, []float64{math.MaxUint64}},
		"generation":  {GenBounds(), []float64{0, 6}, []float64{-1, math.MaxUint32}},
		"width":       {WidthBounds(), []float64{0, 16, 32}, []float64{-1, 255}},
		"count":       {CountBounds(), []float64{0, 1 << 40}, []float64{-1, math.MaxUint64}},
		"duration":    {DurationBounds(), []float64{0, 3.6e12}, []float64{-1, math.MaxUint64}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Assert(t, dated.MatchString(c.bounds.Date) && c.bounds.Source != "")
			for _, v := range c.yes {
				assert.Assert(t, c.bounds.Hold(v), "%v", v)
			}
			for _, v := range append(c.not, math.NaN(), math.Inf(1)) {
				assert.Assert(t, !c.bounds.Hold(v), "%v", v)
			}
		})
	}
}
