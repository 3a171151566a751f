package policy

import (
	"cmp"
	"regexp"
	"strings"
)

// Compare orders versions as projects, packages and drivers write them: -1, 0 or 1.
//
// The numbers decide, each by its value: "580.65.06" is newer than "580.9", and a
// missing one is 0. A pre-release comes before its release: "29.7.2-rc.1", "1.20.0~rc.1-1"
// and "2.15.0rc1" before "29.7.2", "1.20.0" and "2.15.0", and a beta before a candidate.
// All else is passed over: a "v" in front, a package's epoch and revision, what was
// repacked. "5:29.2.0-1~debian.12" and "20.10.24+dfsg1" are 29.2.0 and 20.10.24. A text
// that is no version is older than any.
func Compare(a, b string) int {
	va, vb := parse(a), parse(b)
	for i := range max(len(va.numbers), len(vb.numbers)) {
		if c := CompareDigits(part(va.numbers, i), part(vb.numbers, i)); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(va.stage, vb.stage); c != 0 {
		return c
	}
	return CompareDigits(va.nth, vb.nth)
}

// CompareDigits orders runs of digits by their value, of any length; none is 0.
func CompareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// version is what of a text counts: "1:29.7.2-rc.1" is 29, 7, 2 and the 1st candidate.
type version struct {
	numbers []string // digits
	stage   int      // released, or how far before that
	nth     string   // digits: which pre-release of its stage
}

// stages are the words for pre-releases, the first the farthest from the release. A single
// letter is one only where nothing lies between it and the numbers (Python's "2.0b1"):
// behind a "-" stands a commit too.
var stages = []*regexp.Regexp{
	regexp.MustCompile(`^[-~._]?dev[-.]?(\d*)(?:[-.+~]|$)`),
	regexp.MustCompile(`^(?:[-~._]?alpha[-.]?|a)(\d*)(?:[-.+~]|$)`),
	regexp.MustCompile(`^(?:[-~._]?beta[-.]?|b)(\d*)(?:[-.+~]|$)`),
	regexp.MustCompile(`^[-~._]?(?:rc|pre)[-.]?(\d*)(?:[-.+~]|$)`),
}

var (
	epoch   = regexp.MustCompile(`^\d+:`)
	leading = regexp.MustCompile(`^\d+(?:\.\d+)*`)
)

func parse(text string) version {
	text = strings.ToLower(strings.TrimSpace(text))
	text = strings.TrimPrefix(epoch.ReplaceAllString(text, ""), "v")
	numbers := leading.FindString(text)
	if numbers == "" {
		return version{stage: -1}
	}
	v := version{numbers: strings.Split(numbers, "."), stage: len(stages)}
	for i, s := range stages {
		if m := s.FindStringSubmatch(text[len(numbers):]); m != nil {
			v.stage, v.nth = i, m[1]
		}
	}
	return v
}

func part(parts []string, i int) string {
	if i >= len(parts) {
		return ""
	}
	return parts[i]
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
	major, _, _ := strings.Cut(cc, ".")
	return strings.HasPrefix(capability, major+".") && Compare(capability, cc) >= 0
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
