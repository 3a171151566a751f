package cuda

import "strings"

// plain is a text of the driver's, a name or an environment variable as it may be printed:
// in one line, without control characters, not endless.
func plain(text string) string {
	const most = 1000
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return r <= ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 }), " ")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
