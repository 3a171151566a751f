package nvml

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"
)

func TestCut(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  NVIDIA H200 \n": "NVIDIA H200", "\xff\xfe96": "96", "a\xffb": "ab", "é": "é", strings.Repeat("x", longest): strings.Repeat("x", longest),
		strings.Repeat("x", longest+1):       strings.Repeat("x", longest),
		strings.Repeat("x", longest-1) + "é": strings.Repeat("x", longest-1), // no half of a rune
		strings.Repeat(" ", 1000) + "y":      "y",
	} {
		assert.Equal(t, Cut(in), want)
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"00000000:65:00.0": "0000:65:00.0", "00000000:0A:00.0": "0000:0a:00.0", "00000000:C1:00.0": "0000:c1:00.0", "00010000:65:00.0": "10000:65:00.0", "0000:65:00.0": "0000:65:00.0",
		"00000008:01:00.0": "0008:01:00.0", "": "", "nonsense": "nonsense", ":": ":", "00000000": "00000000",
	} {
		assert.Equal(t, Address(in), want)
	}
}

func FuzzText(f *testing.F) {
	f.Add("00000000:65:00.0")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Cut(s), Address(s)} {
			if !utf8.ValidString(out) || len(out) > 2*longest {
				t.Fatalf("%q of %q", out, s)
			}
		}
		if id := ContainerOf(s); id != "" && len(id) != 64 {
			t.Fatal(id)
		}
	})
}
