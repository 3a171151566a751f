package probe

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// smiUnknown says whether nvidia-smi has no value: the GPU does not have such a thing.
func smiUnknown(text string) bool {
	switch strings.ToLower(strings.Trim(text, "[]")) {
	case "", "n/a", "none", "not supported", "not available", "unknown", "requested functionality has been deprecated",
		"not available in wddm driver model":
		return true
	}
	return false
}

// smiFailed says whether nvidia-smi could not get a value that there should be.
func smiFailed(text string) bool {
	text = strings.ToLower(strings.Trim(text, "[]"))
	return text == "err!" || strings.Contains(text, "error") || strings.Contains(text, "gpu is lost") ||
		strings.Contains(text, "insufficient permissions") || strings.Contains(text, "requires reset")
}

// text is a value in words, "" if there is none.
func (r smiRecord) text(path string) string {
	if v := r[path]; !smiUnknown(v) && !smiFailed(v) {
		return v
	}
	return ""
}

// is says whether a switch is set; known is false where that is not told.
func (r smiRecord) is(path string) (set, known bool) {
	switch strings.ToLower(r[path]) {
	case "enabled", "yes", "active", "on":
		return true, true
	case "disabled", "no", "not active", "off":
		return false, true
	}
	return false, false
}

// number is a value of a unit of nvidia-smi's, such as "34 C" or "16x" ("x"), times the
// unit's size. What cannot be true is noted as a failure.
func (g *smiReader) number(r smiRecord, path, unit string, size float64, b policy.Bounds) (float64, bool) {
	said := r[path]
	if smiUnknown(said) || smiFailed(said) {
		return 0, false
	}
	text, fits := strings.CutSuffix(said, unit)
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !fits {
		g.wrong(path, fmt.Sprintf("nvidia-smi says %q, which is no number of unit %q", said, unit))
		return 0, false
	}
	if !b.Hold(v * size) {
		g.wrong(path, fmt.Sprintf("nvidia-smi says %q, which cannot be", said))
		return 0, false
	}
	return v * size, true
}

// count is a whole number, 0 if there is none.
func (g *smiReader) count(path string) uint64 {
	v, _ := g.number(g.smiRecord, path, "", 1, policy.CountBounds())
	return uint64(v)
}
