package splice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// edit is one change of a member.
type edit struct {
	path     []string
	value    json.RawMessage // nil takes the member out
	verbatim bool            // the value is written as it is
	stay     int             // how many of the objects above it stay, if they are left empty
	indent   string
}

func change(text []byte, e edit) ([]byte, error) {
	if len(e.path) == 0 {
		return nil, errors.New("an edit names no member")
	}
	at, _, err := First(text)
	if err != nil {
		return nil, err
	}
	members, _, err := object(text, at)
	if err != nil {
		return nil, err
	}
	w := writer{text, e, mannerOf(text, at, members, e.indent)}
	margin, _ := lastLine(text[:at])
	out, err := w.within(at, 0, layout{indent: margin})
	if err != nil {
		return nil, err
	}
	return checked(text, out, e)
}

// writer makes an edit in a text.
type writer struct {
	text []byte
	edit
	manner
}

// within makes it in the object that begins at a position, which is that many steps down
// the path and stands in a layout.
func (w writer) within(at, depth int, around layout) ([]byte, error) {
	members, end, err := object(w.text, at)
	if err != nil {
		return nil, fmt.Errorf("%s%w", way(w.path[:depth]), err)
	}
	here := w.inside(w.text, at, members, around)
	last := depth == len(w.path)-1
	for i, m := range members {
		switch {
		case m.Key != w.path[depth]:
		case !last:
			out, err := w.within(m.Value, depth+1, here)
			if err != nil || w.value != nil || depth < w.stay || bytes.Equal(out, w.text) {
				return out, err
			}
			if left, _, err := object(out, m.Value); err != nil || len(left) > 0 {
				return out, err
			}
			return without(w.text, at, end, members, i), nil
		case w.value == nil:
			return without(w.text, at, end, members, i), nil
		case !w.verbatim && Equal(w.text[m.Value:m.End], w.value):
			return w.text, nil
		default:
			return replace(w.text, m.Value, m.End, w.written(w.value, here)), nil
		}
	}
	if w.value == nil {
		return w.text, nil
	}
	value := w.value
	for i := len(w.path) - 1; i > depth; i-- {
		value = json.RawMessage("{" + quote(w.path[i]) + ":" + string(value) + "}")
	}
	return w.insert(at, end, members, quote(w.path[depth])+w.colon+w.written(value, here), here, around), nil
}

// written is a value as it is written in a layout.
func (w writer) written(value json.RawMessage, here layout) string {
	if w.verbatim {
		return string(value)
	}
	return w.render(value, here)
}

// insert puts a member behind the last one.
func (w writer) insert(at, end int, members []Member, text string, here, around layout) []byte {
	switch {
	case len(members) > 0:
		last := members[len(members)-1].End
		return replace(w.text, last, last, ","+w.before(here)+text)
	case here.inline:
		return replace(w.text, at+1, end-1, text)
	}
	return replace(w.text, at+1, end-1, w.before(here)+text+w.before(around))
}

// without takes a member out, with the comma and the space that go with it.
func without(text []byte, at, end int, members []Member, i int) []byte {
	switch {
	case len(members) == 1:
		return replace(text, at+1, end-1, "")
	case i == len(members)-1:
		return replace(text, members[i-1].End, members[i].End, "")
	}
	return replace(text, members[i].Start, members[i+1].Start, "")
}

func replace(text []byte, from, to int, with string) []byte {
	return append(append(append(make([]byte, 0, len(text)+len(with)), text[:from]...), with...), text[to:]...)
}

// way names the objects that lead to a place, for an error.
func way(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return fmt.Sprintf("%.60q: ", strings.Join(path, "."))
}

func quote(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}
