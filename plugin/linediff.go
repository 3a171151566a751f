package plugin

import (
	"fmt"
	"regexp"
	"strings"
)

// secretValues are members of the Docker client's configuration that nobody wants to see
// on a screen, and passwords in addresses.
var secretValues = regexp.MustCompile(`("(?i:auth|identitytoken|registrytoken|password|secret)"\s*:\s*)` + jsonText +
	`|("(?i:HttpHeaders)"\s*:\s*)\{(?:[^}"]|` + jsonText + `)*\}|(://)[^/"\s]*@`)

// jsonText is a string of JSON, with quotes in it or cut off.
const jsonText = `"(?:[^"\\]|\\.)*(?:"|$)`

// lineDiff shows which lines of a file change, and nothing of the rest: it may hold
// credentials, and those on a changed line are hidden.
func lineDiff(file string, before, after []byte) string {
	a, b := lines(before), lines(after)
	keep := common(a, b)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", file, file)
	i, j := 0, 0
	for _, k := range append(keep, [2]int{len(a), len(b)}) {
		if i < k[0] || j < k[1] {
			fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", i+1, k[0]-i, j+1, k[1]-j)
		}
		for ; i < k[0]; i++ {
			fmt.Fprintf(&out, "-%s\n", shown(a[i]))
		}
		for ; j < k[1]; j++ {
			fmt.Fprintf(&out, "+%s\n", shown(b[j]))
		}
		i, j = k[0]+1, k[1]+1
	}
	return out.String()
}

// shown keeps a line's indentation, hides its secrets and cuts it to a length.
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
	return strings.ReplaceAll(indent, "\t", "    ") + clean(line, 2000)
}

func lines(data []byte) []string {
	text := strings.TrimSuffix(string(data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// common pairs the lines that stay, by the longest common subsequence between the equal
// beginning and the equal end.
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
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	longest := make([][]int, len(x)+1)
	for i := range longest {
		longest[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] == y[j]:
			pairs = append(pairs, [2]int{head + i, head + j})
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	for t := tail; t > 0; t-- {
		pairs = append(pairs, [2]int{len(a) - t, len(b) - t})
	}
	return pairs
}
