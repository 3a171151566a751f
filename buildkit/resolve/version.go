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

// branch is a version's first part: "570.26" → "570".
func branch(version string) string {
	first, _, _ := strings.Cut(version, ".")
	return first
}

var (
	dotted     = regexp.MustCompile(`^\d{1,5}(\.\d{1,5}){0,3}$`)
	minor      = regexp.MustCompile(`^3\.\d{1,2}$`)
	capability = regexp.MustCompile(`^(?:sm_?|compute_)?(\d{1,2})\.?(\d)[af]?$`)
	cudaNumber = regexp.MustCompile(`^(\d{2})\.?(\d)(\.\d{1,3})?$`)
)

// variantOf is the wheel tag of a CUDA version in any of its spellings: "12.6",
// "cu126", "126"; CUDA 12.6.3 is made for as 12.6.
func variantOf(cuda string) (string, bool) {
	m := cudaNumber.FindStringSubmatch(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(cuda)), "cu"))
	if m == nil {
		return "", false
	}
	return "cu" + m[1] + m[2], true
}

// cudaOf is the CUDA version of a wheel tag: "cu126" → "12.6"; "" for "cpu".
func cudaOf(variant string) string {
	s := strings.TrimPrefix(variant, "cu")
	if len(s) != 3 || strings.Trim(s, "0123456789") != "" {
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

// smOf is a compute capability as nvcc writes it, "9.0" → "sm_90".
func smOf(cc string) string { return "sm_" + strings.ReplaceAll(cc, ".", "") }
