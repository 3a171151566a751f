package splice

import (
	"bytes"
	"encoding/json"
	"strings"
)

// manner is how a whole text is written.
type manner struct {
	unit    string // by which a line is indented further than the one around it
	newline string
	colon   string // ": "
}

// layout is how the members of an object stand: each on a line of its own with an
// indentation, or all on one line with some space before each.
type layout struct {
	inline bool
	indent string
	space  string
}

// mannerOf looks at the outermost object. One that does not show how it is indented is
// taken to be indented by what is given.
func mannerOf(text []byte, at int, members []Member, indent string) manner {
	m := manner{indent, newlineOf(text), ": "}
	if len(members) == 0 {
		return m
	}
	first := members[0]
	switch colon := string(text[first.KeyEnd:first.Value]); colon {
	case ":", " : ", " :", ": ": // more space is there to align the values, or a line ends
		m.colon = colon
	}
	if margin, ok := lastLine(text[at+1 : first.Start]); ok {
		outer, _ := lastLine(text[:at])
		m.unit = strings.TrimPrefix(margin, outer)
	}
	return m
}

// newlineOf is how a text's first line ends.
func newlineOf(text []byte) string {
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lastLine is what stands on the last line of some white space; ok says that it has lines.
func lastLine(space []byte) (margin string, ok bool) {
	i := bytes.LastIndexByte(space, '\n')
	return string(space[i+1:]), i >= 0
}

// inside is the layout of an object's members, of which the last is the model. One
// without members is laid out as what is around it.
func (m manner) inside(text []byte, at int, members []Member, around layout) layout {
	n := len(members)
	if n == 0 {
		return m.deeper(around)
	}
	lead := text[at+1 : members[0].Start]
	if n > 1 {
		_, lead, _ = bytes.Cut(text[members[n-2].End:members[n-1].Start], []byte(","))
	}
	if margin, ok := lastLine(lead); ok {
		return layout{indent: margin}
	}
	if n == 1 && len(lead) == 0 && strings.HasSuffix(m.colon, " ") {
		lead = []byte(" ")
	}
	return layout{inline: true, space: string(lead)}
}

// deeper is the layout within a value that stands in a layout.
func (m manner) deeper(l layout) layout {
	l.indent += m.unit
	return l
}

// before is what stands before a member or an element.
func (m manner) before(l layout) string {
	if l.inline {
		return l.space
	}
	return m.newline + l.indent
}

// render writes a value in a layout. Numbers and texts keep their bytes.
func (m manner) render(value json.RawMessage, here layout) string {
	inner, parts := m.deeper(here), []string(nil)
	switch value[0] {
	case '{':
		members, _, err := object(value, 0)
		if err != nil { // a key is there twice
			return compact(value)
		}
		for _, e := range members {
			parts = append(parts, string(value[e.Start:e.KeyEnd])+m.colon+m.render(value[e.Value:e.End], inner))
		}
	case '[':
		var elements []json.RawMessage
		if json.Unmarshal(value, &elements) != nil {
			return compact(value)
		}
		for _, e := range elements {
			parts = append(parts, m.render(bytes.TrimSpace(e), inner))
		}
	default:
		return string(value)
	}
	open, shut := string(value[:1]), string(value[len(value)-1:])
	switch {
	case len(parts) == 0:
		return open + shut
	case here.inline:
		return open + strings.Join(parts, ","+here.space) + shut
	}
	return open + m.before(inner) + strings.Join(parts, ","+m.before(inner)) + m.before(here) + shut
}

func compact(value json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, value) // it is known to be JSON
	return b.String()
}
