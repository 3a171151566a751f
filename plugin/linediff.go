package plugin

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// secretValues are members of the Docker client's configuration that nobody wants to see
// on a screen, and passwords in addresses.
var secretValues = regexp.MustCompile(`("(?i:auth|identitytoken|registrytoken|password|secret)"\s*:\s*)` + jsonText +
	`|("(?i:HttpHeaders)"\s*:\s*)\{(?:[^}"]|` + jsonText + `)*\}|(://)[^/"\s]*@`)

// jsonText is a string of JSON, with quotes in it or cut off.
const jsonText = `"(?:[^"\\]|\\.)*(?:"|$)`

// lineDiff shows which lines of a file change, with as many lines around them as are
// wished: none of a file that may hold credentials. Those on a line that is shown are hidden.
func lineDiff(file string, before, after []byte, around int) string {
	a, b := lines(before), lines(after)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", file, file)
	for all := changes(a, b); len(all) > 0; {
		n := 1
		for n < len(all) && all[n].a-all[n-1].toA <= 2*around {
			n++
		}
		first, last := all[0], all[n-1]
		lead, tail := min(around, first.a), min(around, len(a)-last.toA)
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", first.a-lead+1, last.toA+tail-first.a+lead, first.b-lead+1, last.toB+tail-first.b+lead)
		at := first.a - lead
		for _, c := range all[:n] {
			write(&out, " ", a[at:c.a], 0)
			from := 0
			if c.toA-c.a == 1 && c.toB-c.b == 1 {
				from = parting(shown(a[c.a]), shown(b[c.b]))
			}
			write(&out, "-", a[c.a:c.toA], from)
			write(&out, "+", b[c.b:c.toB], from)
			at = c.toA
		}
		write(&out, " ", a[at:last.toA+tail], 0)
		all = all[n:]
	}
	return out.String()
}

func write(out *strings.Builder, sign string, lines []string, from int) {
	for _, line := range lines {
		fmt.Fprintf(out, "%s%s\n", sign, window(shown(line), from))
	}
}

// change is where lines of a file go and others come in their place.
type change struct{ a, toA, b, toB int }

// changes are what lies between the lines that stay.
func changes(a, b []string) (all []change) {
	i, j := 0, 0
	for _, k := range append(common(a, b), [2]int{len(a), len(b)}) {
		if i < k[0] || j < k[1] {
			all = append(all, change{i, k[0], j, k[1]})
		}
		i, j = k[0]+1, k[1]+1
	}
	return all
}

// parting is where two lines begin to differ.
func parting(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// window cuts a long line to what is around a place in it.
func window(line string, from int) string {
	const most, lead = 2000, 100
	if len(line) <= most {
		return line
	}
	from = max(0, min(from-lead, len(line)-most))
	cut := strings.ToValidUTF8(line[from:from+most], "")
	if from > 0 {
		cut = "…" + cut
	}
	if from+most < len(line) {
		cut += "…"
	}
	return cut
}

// shown keeps a line's indentation and hides its secrets.
func shown(line string) string {
	line = secretValues.ReplaceAllStringFunc(line, func(m string) string {
		sub := secretValues.FindStringSubmatch(m)
		switch {
		case sub[3] != "":
			return sub[3] + "***@"
		case sub[2] != "":
			return sub[2] + "{***}"
		}
		return sub[1] + `"***"`
	})
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	return strings.ReplaceAll(indent, "\t", "    ") + clean(line, len(line)+1)
}

func lines(data []byte) []string {
	text := strings.TrimSuffix(string(data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// common pairs the lines that stay: those of the equal beginning and the equal end, and
// between them as many as can be.
func common(a, b []string) (pairs [][2]int) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		pairs = append(pairs, [2]int{head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for _, p := range shortest(a[head:len(a)-tail], b[head:len(b)-tail]) {
		pairs = append(pairs, [2]int{head + p[0], head + p[1]})
	}
	for t := tail; t > 0; t-- {
		pairs = append(pairs, [2]int{len(a) - t, len(b) - t})
	}
	return pairs
}

// shortest pairs the lines that the shortest way from a to b keeps, by Myers' algorithm:
// its time and memory go with what differs and not with the files' size. What differs in
// more than two hundred lines is taken to differ as a whole.
func shortest(a, b []string) (pairs [][2]int) {
	const most = 200
	// reach[k] is how far into a the furthest way gets that has k lines more of a than of b.
	reach := map[int]int{1: 0}
	var past []map[int]int
	for d := 0; d <= most; d++ {
		past = append(past, maps.Clone(reach))
		for k := -d; k <= d; k += 2 {
			i := reach[k-1] + 1
			if k == -d || k < d && reach[k-1] < reach[k+1] {
				i = reach[k+1]
			}
			for i < len(a) && i-k < len(b) && a[i] == b[i-k] {
				i++
			}
			if reach[k] = i; i >= len(a) && i-k >= len(b) {
				return backward(past, len(a), len(b))
			}
		}
	}
	return nil
}

// backward follows the ways of each length from the end, and gathers the lines that stay.
func backward(past []map[int]int, i, j int) (pairs [][2]int) {
	for d := len(past) - 1; d >= 0; d-- {
		k, reach := i-j, past[d]
		from := k - 1
		if k == -d || k < d && reach[k-1] < reach[k+1] {
			from = k + 1
		}
		fromI := reach[from]
		fromJ := fromI - from
		for i > fromI && j > fromJ && i > 0 && j > 0 {
			i, j = i-1, j-1
			pairs = append(pairs, [2]int{i, j})
		}
		i, j = fromI, fromJ
	}
	slices.Reverse(pairs)
	return pairs
}
