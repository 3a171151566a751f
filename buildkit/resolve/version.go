package resolve

import (
	"regexp"
	"strings"
)

// branch is a version's first part: "570.26" → "570".
func branch(version string) string {
	first, _, _ := strings.Cut(version, ".")
	return first
}

var (
	dotted     = regexp.MustCompile(`^\d{1,5}(\.\d{1,5}){0,3}$`)
	minor      = regexp.MustCompile(`^3\.\d{1,2}$`)
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

// smOf is a compute capability as nvcc writes it, "9.0" → "sm_90".
func smOf(cc string) string { return "sm_" + strings.ReplaceAll(cc, ".", "") }
