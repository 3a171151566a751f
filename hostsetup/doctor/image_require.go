package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// truth is the value of a condition; a condition about something not known is neither.
type truth int

const (
	no truth = iota
	unknown
	yes
)

// condition is one comparison of NVIDIA_REQUIRE_CUDA.
var condition = regexp.MustCompile(`^([a-z]+)(>=|<=|!=|==|=|>|<)([A-Za-z0-9._-]+)$`)

// satisfies evaluates a requirement: a blank is OR, a comma AND, as in
// "cuda>=12.8 brand=tesla,driver>=535,driver<536". An empty one holds; what cannot be
// read makes its term neither true nor false. failed is the first condition that does
// not hold, the one that the toolkit would name.
// Source: NVIDIA Container Toolkit, "Constraints", and libnvidia-container src/dsl.c; 2026-11-23.
func satisfies(h *host.Host, requirement string) (result truth, failed string) {
	terms := strings.Fields(requirement)
	if len(terms) == 0 {
		return yes, ""
	}
	for _, term := range terms {
		value := yes
		for c := range strings.SplitSeq(term, ",") {
			v := holds(h, c)
			if v == no && failed == "" {
				failed = c
			}
			value = min(value, v)
		}
		result = max(result, value)
	}
	return result, failed
}

func holds(h *host.Host, text string) truth {
	m := condition.FindStringSubmatch(text)
	if m == nil {
		return unknown
	}
	of := func(have string) truth {
		if have == "" {
			return unknown
		}
		return answer(compares(policy.Compare(have, m[3]), m[2]))
	}
	switch m[1] {
	case "cuda":
		return of(h.Driver.CUDA)
	case "driver":
		return of(h.Driver.Version)
	case "arch":
		return overGPUs(h, func(g host.GPU) truth { return of(g.ComputeCapability) })
	case "brand":
		return overGPUs(h, func(g host.GPU) truth {
			b := brandOf(g.Name)
			switch {
			case b == "":
				return unknown
			case m[2] == "=" || m[2] == "==":
				return answer(b == strings.ToLower(m[3]))
			case m[2] == "!=":
				return answer(b != strings.ToLower(m[3]))
			}
			return unknown
		})
	}
	return unknown
}

// overGPUs is a condition for all GPUs of a host; where they differ, it depends on
// which one the container gets.
func overGPUs(h *host.Host, value func(host.GPU) truth) truth {
	var seen []truth
	for _, g := range h.GPUs {
		if v := value(g); !slices.Contains(seen, v) {
			seen = append(seen, v)
		}
	}
	if len(seen) != 1 {
		return unknown
	}
	return seen[0]
}

func answer(b bool) truth {
	if b {
		return yes
	}
	return no
}

func compares(c int, operator string) bool {
	switch operator {
	case ">=":
		return c >= 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case "<":
		return c < 0
	case "!=":
		return c != 0
	}
	return c == 0
}

// brandOf is NVML's brand of a GPU as far as its name tells, in lower case as
// requirements write it; "" where the name does not.
// Source: nvmlBrandType_t in nvml.h; 2026-11-23.
func brandOf(name string) string {
	name = strings.ToLower(name)
	for _, b := range []struct{ in, brand string }{
		{"quadro rtx", "quadrortx"}, {"geforce rtx", "geforcertx"}, {"titan rtx", "titanrtx"}, {"geforce", "geforce"}, {"quadro", "quadro"}, {"titan", "titan"}, {"tesla", "tesla"}, {"grid", "grid"},
	} {
		if strings.Contains(name, b.in) {
			return b.brand
		}
	}
	for w := range strings.FieldsSeq(name) {
		switch strings.SplitN(w, "-", 2)[0] {
		case "a100", "a30", "a40", "a10", "h100", "h200", "h20", "h800", "gh200", "b100", "b200", "gb200", "b300", "gb300", "l4", "l40", "l40s":
			return "nvidia"
		}
	}
	if strings.HasPrefix(name, "nvidia rtx ") {
		return "nvidiartx"
	}
	return ""
}

func requirement(h *host.Host, i ImageFacts, hook bool) []Finding {
	if v := strings.ToLower(i.env("NVIDIA_DISABLE_REQUIRE")); v == "1" || v == "true" {
		return nil
	}
	require := i.env("NVIDIA_REQUIRE_CUDA")
	if len(require) > 1<<16 {
		return nil
	}
	result, failed := satisfies(h, require)
	if result != no {
		return nil
	}
	f := Finding{
		Summary: fmt.Sprintf("%s requires %s; this host has driver %s for CUDA %s", shown(i.Name), shown(failed), shown(h.Driver.Version), shown(h.Driver.CUDA)),
		Evidence: []Evidence{{"image", shown("NVIDIA_REQUIRE_CUDA=" + require)},
			{"driver", shown(h.Driver.Version + ", CUDA " + h.Driver.CUDA)}},
		Fixes: []Fix{byHand("upgrade the driver, or use an image of an earlier CUDA", true, Reboot),
			byHand("or start it all the same with -e NVIDIA_DISABLE_REQUIRE=1", false, None)},
	}
	if !hook {
		f.Severity = Warning
		f.Summary += "; by CDI nothing stops it, and it may fail later"
		f.Fixes = f.Fixes[:1]
	}
	return []Finding{f}
}
