package resolve

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// compare orders dotted versions by their numbers: "535.183.01" < "570.26".
// A missing part counts as 0.
func compare(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(part(as, i), part(bs, i)); c != 0 {
			return c
		}
	}
	return 0
}

func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i])
	return n
}

var (
	dotted     = regexp.MustCompile(`^\d{1,5}(\.\d{1,5}){0,3}$`)
	minor      = regexp.MustCompile(`^3\.\d{1,2}$`)
	capability = regexp.MustCompile(`^(?:sm_|compute_)?(\d{1,2})\.?(\d)a?$`)
)

// variantOf is the wheel tag of a CUDA version in any of its spellings: "12.6",
// "cu126", "126"; CUDA 12.6.3 is made for as 12.6.
func variantOf(cuda string) (string, bool) {
	s := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(cuda)), "cu")
	if p := strings.Split(s, "."); len(p) >= 2 {
		s = p[0] + p[1]
	}
	if len(s) != 3 || strings.Trim(s, "0123456789") != "" {
		return "", false
	}
	return "cu" + s, true
}

// cudaOf is the CUDA version of a wheel tag: "cu126" → "12.6".
func cudaOf(variant string) string {
	s := strings.TrimPrefix(variant, "cu")
	if len(s) != 3 {
		return ""
	}
	return s[:2] + "." + s[2:]
}

// normalCC is a compute capability in its dotted form, "sm_90" → "9.0".
func normalCC(s string) (string, bool) {
	m := capability.FindStringSubmatch(strings.ToLower(strings.TrimSpace(s)))
	if m == nil {
		return "", false
	}
	return m[1] + "." + m[2], true
}
