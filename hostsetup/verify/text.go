package verify

import "strings"

// clean is a text that came out of a container or an engine as it may be printed: in one
// line, without control characters, not endless.
func clean(text string) string {
	const most = 400
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), unprintable), " ")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// unprintable are spaces, both blocks of control characters, and those that turn the
// direction of a line.
func unprintable(r rune) bool {
	return r <= ' ' || 0x7f <= r && r < 0xa0 || 0x200e <= r && r <= 0x200f || 0x2028 <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}
