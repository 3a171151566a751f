package doctor

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

// nearest are the checks whose words a text shares, the nearest first, as indices;
// none where it shares too little. A word counts the more, the fewer checks have it.
func nearest(text string, checks []Check) []int {
	const most = 4096 // of a long log the end is compared
	said := wordsOf(text[max(0, len(text)-most):])
	if len(said) == 0 {
		return nil
	}
	have := make([]map[string]bool, len(checks))
	spread := map[string]int{}
	for i, c := range checks {
		var parts []string
		for _, s := range c.Symptoms {
			parts = append(parts, strings.TrimPrefix(s, "re:"))
		}
		have[i] = wordsOf(strings.Join(append(parts, c.Title), " "))
		for w := range have[i] {
			spread[w]++
		}
	}
	type score struct {
		check  int
		value  float64
		shared int
	}
	var scores []score
	for i := range checks {
		s := score{check: i}
		for w := range said {
			if have[i][w] {
				s.value += math.Log(float64(len(checks)+1) / float64(spread[w]))
				s.shared++
			}
		}
		// Two words in common, rare enough together, and a good part of a short text.
		if s.shared >= 2 && s.value >= 4 && float64(s.shared) >= 0.3*float64(min(len(said), 12)) {
			scores = append(scores, s)
		}
	}
	slices.SortStableFunc(scores, func(a, b score) int { return cmp.Compare(b.value, a.value) })
	var out []int
	for _, s := range scores[:min(len(scores), mostNear)] {
		if s.value >= scores[0].value/2 {
			out = append(out, s.check)
		}
	}
	return out
}

// wordsOf are the words of a text that can tell things apart.
func wordsOf(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) < 3 || len(w) > 40 || strings.Trim(w, "0123456789") == "" {
			continue
		}
		switch w {
		case "the", "and", "for", "with", "that", "this", "are", "was", "not", "from", "has", "have", "can", "cannot", "error", "failed", "docker", "container", "daemon", "response", "nvidia", "gpu", "is", "re":
			continue
		}
		out[w] = true
	}
	return out
}
