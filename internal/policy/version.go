package policy

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// Compare orders dotted versions by their numbers: "580.65.06" is newer than
// "580.9". What follows the numbers is passed over, as is a package's epoch, so
// "5:29.2.0-1~debian" and "20.10.24+dfsg1" are 29.2.0 and 20.10.24; missing parts are 0.
func Compare(a, b string) int {
	as, bs := numbers(a), numbers(b)
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(part(as, i), part(bs, i)); c != 0 {
			return c
		}
	}
	return 0
}

func numbers(version string) []string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		version = version[:end]
	}
	return strings.Split(version, ".")
}

func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i])
	return n
}

var capability = regexp.MustCompile(`^(?:sm_?|compute_)?(\d{1,2})\.?(\d)[af]?$`)

// Capability is a compute capability in any of its spellings as "9.0": "sm_90",
// "compute_90", "90", "9.0"; false for what is none.
func Capability(s string) (string, bool) {
	m := capability.FindStringSubmatch(strings.ToLower(strings.TrimSpace(s)))
	if m == nil {
		return "", false
	}
	return m[1] + "." + m[2], true
}

// Serves says whether code for an architecture ("sm_90", "compute_90") runs on GPUs
// of a compute capability ("9.0"). Code runs on GPUs of its own major version from
// its minor on; PTX is compiled by the driver for every newer GPU; an "a" entry
// ("sm_90a") runs on exactly its own. Source: CUDA C++ Programming Guide, compute
// capabilities; 2026-11-23.
func Serves(arch, capability string) bool {
	cc, ok := Capability(arch)
	if !ok {
		return false
	}
	switch {
	case strings.HasSuffix(arch, "a"):
		return cc == capability
	case strings.HasPrefix(arch, "compute_"):
		return Compare(capability, cc) >= 0
	}
	return part(numbers(cc), 0) == part(numbers(capability), 0) && Compare(capability, cc) >= 0
}

// GenerationOf is the family of a compute capability; false for one that is newer
// or older than the table.
func GenerationOf(cc string) (Generation, bool) {
	for _, g := range Generations() {
		if Compare(cc, g.From) >= 0 && Compare(cc, g.To) <= 0 {
			return g, true
		}
	}
	return Generation{}, false
}
