package setup

import (
	"strings"
	"unicode"
)

// tidy makes one line of a text that may hold what a machine said: it ends on a terminal.
func tidy(text string) string {
	const most = 1000 // characters: a paragraph
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar:
			return -1 // Cf: marks that turn the direction of text
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
