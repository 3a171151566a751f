package policy

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestCompareByNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"580.65.06", "580.9", 1}, {"1.9", "1.10", -1}, {"1.20.1-1", "1.20.1", 0}, {"20.10.24+dfsg1", "20.10.24", 0},
		{"29", "29.0.0", 0}, {"29.2.0-rc.1", "29.2", 0}, {"", "0", 0}, {"x", "1", -1}, {"1.19.1~rc2", "1.19.0", 1},
	} {
		assert.Equal(t, Compare(c.a, c.b), c.want, "%s and %s", c.a, c.b)
		assert.Equal(t, Compare(c.b, c.a), -c.want, "%s and %s", c.b, c.a)
	}
}

func TestWhichCodeRunsWhere(t *testing.T) {
	for _, c := range []struct {
		arch, on string
		want     bool
	}{
		{"sm_80", "8.6", true}, {"sm_86", "8.0", false}, {"sm_80", "9.0", false}, {"compute_80", "9.0", true}, {"compute_90", "8.0", false},
		{"sm_90a", "9.0", true}, {"sm_90a", "9.1", false}, {"sm_100", "10.3", true}, {"sm_120", "12.1", true}, {"sm_12", "12.0", false},
		{"", "9.0", false}, {"sm_90; rm", "9.0", false}, {"sm_90", "", false},
	} {
		assert.Equal(t, Serves(c.arch, c.on), c.want, "%s on %s", c.arch, c.on)
	}
}

func TestGenerationOf(t *testing.T) {
	for cc, want := range map[string]string{"7.0": "Volta", "8.9": "Ada", "9.0": "Hopper", "12.0": "Blackwell", "11.0": "Blackwell (Thor)"} {
		g, ok := GenerationOf(cc)
		assert.Assert(t, ok, cc)
		assert.Equal(t, g.Name, want, cc)
	}
	for _, cc := range []string{"3.5", "99.0", ""} {
		_, ok := GenerationOf(cc)
		assert.Assert(t, !ok, cc)
	}
}
