package policy

import (
	"cmp"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCompare(t *testing.T) {
	for name, ordered := range map[string][][]string{ // the oldest first; those in one list are alike
		"drivers": {{"450.80.02"}, {"535"}, {"535.183.01"}, {"570.26", "570.26.0", "570.026"}, {"570.124.06"}, {"580", "580.0"}, {"580.9"}, {"580.65.06", "580.65.6", " 580.65.06\n"}, {"580.105.08"}},
		"Docker": {{"", "dev", "library-import", "x", "-1", "~", ":", "v"}, {"0"}, {"1.13.1"}, {"17.03.0-ce"}, {"20.10.24+dfsg1", "20.10.24", "5:20.10.24~3-0~ubuntu-jammy"},
			{"29.7.2-dev"}, {"29.7.2-alpha.1"}, {"29.7.2-beta"}, {"29.7.2-beta.2"}, {"29.7.2-beta.10"}, {"29.7.2-rc.1", "v29.7.2-rc1", "29.7.2~rc.1", "5:29.7.2~rc.1-1~debian.13~trixie"}, {"29.7.2-rc.2"},
			{"29.7.2", "v29.7.2", "V29.7.2", "5:29.7.2-1~ubuntu.24.04~noble", "3:29.7.2-1.el9", "29.7.2-0ubuntu1", "29.7.2-b1946ac", "29.7.2-a1"}, {"29.7.2.1"}, {"29.10"}},
		"toolkit":                {{"1.9"}, {"1.10"}, {"1.20.0-rc.3", "1.20.0~rc.3-1"}, {"1.20.0", "1.20", "1.20.0-1"}, {"1.20.1", "1.20.1-1", "0:1.20.1-2.el9", "1:1.20.1"}},
		"runc":                   {{"1.1.12~rc1"}, {"1.1.12", "1.1.12-0ubuntu3", "1.1.12+ds1-1", "1.1.12~ds1-1+deb12u1"}, {"1.2.0-rc.1+dev"}, {"1.2.0"}},
		"Python":                 {{"2.15.0.dev20260801+cu130"}, {"2.15.0.dev20260802+cu130"}, {"2.15.0a0+git1946"}, {"2.15.0b1"}, {"2.15.0rc1"}, {"2.15.0", "2.15.0+cu130", "2.15.0.post1"}},
		"capability":             {{"7.5"}, {"8.0", "8"}, {"8.6"}, {"9.0"}, {"10.0"}, {"12.1"}},
		"numbers of any length":  {{"9223372036854775807"}, {"9223372036854775808"}, {"99999999999999999999.1"}, {"100000000000000000000"}},
		"epochs are of packages": {{"x:2.1", ":9"}, {"1.9"}, {"99:2.0", "2.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, older := range ordered {
				for j, newer := range ordered {
					for _, a := range older {
						for _, b := range newer {
							assert.Equal(t, Compare(a, b), cmp.Compare(i, j), "%q and %q", a, b)
						}
					}
				}
			}
		})
	}
}

func TestCompareDigits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "0", 0}, {"007", "7", 0}, {"9", "10", -1}, {"18446744073709551616", "18446744073709551615", 1}} {
		assert.Equal(t, CompareDigits(c.a, c.b), c.want, "%s and %s", c.a, c.b)
		assert.Equal(t, CompareDigits(c.b, c.a), -c.want, "%s and %s", c.b, c.a)
	}
}

// Whatever the texts are, they can be sorted.
func FuzzCompare(f *testing.F) {
	f.Add("535.1", "570", "580.65.06")
	f.Add("1.0-rc.1", "1.0~ds1", "1:1.0")
	f.Add("", "v", "0-dev")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if Compare(a, a) != 0 || Compare(a, b) != -Compare(b, a) {
			t.Fatalf("%q and %q", a, b)
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Fatalf("%q, %q and %q", a, b, c)
		}
	})
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

// How callers ask whether a version is new enough: a text that is none is too old, and so
// is a candidate of the release that is asked for.
func TestThresholds(t *testing.T) {
	for version, want := range map[string]bool{
		"29.3.0": true, "29.3": true, "29.10.1": true, "30.0.0-rc.1": true, "v29.3.0": true, "5:29.3.0-1~debian.12~bookworm": true,
		"29.2.1": false, "29.3.0-rc.1": false, "29.3.0~rc.1-1": false, "28.99.99": false, "": false, "dev": false, "unknown": false, "Docker version 29.3.0": false,
	} {
		assert.Equal(t, Compare(version, ErrorHooks) >= 0, want, version)
	}
}
