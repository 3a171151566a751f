package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// A file that people keep is not decoded and written anew: docker/cli's own configfile
// drops every key that it does not know. Here members of JSON objects are put in, changed
// and taken out by position, and every other byte stays.

// member is one key of an object and where it stands in the text.
type member struct {
	key                  string
	start, value, finish int // of the key, of its value, behind the value
}

// object reads the members of the object that begins at a position of a text.
func object(data []byte, at int) (members []member, finish int, err error) {
	dec := json.NewDecoder(bytes.NewReader(data[at:]))
	tok, err := dec.Token()
	if err != nil {
		return nil, 0, err
	}
	if tok != json.Delim('{') {
		return nil, 0, fmt.Errorf("there is %.20q where an object belongs", fmt.Sprint(tok))
	}
	for dec.More() {
		from := at + int(dec.InputOffset())
		start := from + bytes.IndexByte(data[from:], '"')
		key, err := dec.Token()
		if err != nil {
			return nil, 0, err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, 0, err
		}
		end := at + int(dec.InputOffset())
		for _, m := range members {
			if m.key == key {
				return nil, 0, fmt.Errorf("%q is there twice", key)
			}
		}
		members = append(members, member{key.(string), start, end - len(raw), end})
	}
	if _, err := dec.Token(); err != nil {
		return nil, 0, err
	}
	return members, at + int(dec.InputOffset()), nil
}

// setJSON gives the member at a path a string value, and makes the objects on the way to
// it where they are missing.
func setJSON(data []byte, path []string, value string) ([]byte, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}\n")
	}
	out, err := splice(data, beginning(data), path, &value, unit(data), "")
	return checked(data, out, err, path, &value)
}

// unsetJSON takes the member at a path out, and the objects above it that this leaves empty.
func unsetJSON(data []byte, path []string) ([]byte, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return data, nil
	}
	out, err := splice(data, beginning(data), path, nil, unit(data), "")
	return checked(data, out, err, path, nil)
}

func beginning(data []byte) int { return len(data) - len(bytes.TrimLeft(data, " \t\r\n")) }

// unit is how the file indents, Docker's own way where it does not show.
func unit(data []byte) string {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		line := data[i+1:]
		if n := len(line) - len(bytes.TrimLeft(line, " \t")); n > 0 {
			return string(line[:n])
		}
		return "\t"
	}
	if bytes.Contains(data, []byte(`":`)) {
		return "" // all on one line
	}
	return "\t"
}

// splice changes the object at a position; value nil takes the member out.
func splice(data []byte, at int, path []string, value *string, unit, indent string) ([]byte, error) {
	members, finish, err := object(data, at)
	if err != nil {
		return nil, err
	}
	for i, m := range members {
		if m.key != path[0] {
			continue
		}
		if len(path) > 1 {
			inner, err := splice(data, m.value, path[1:], value, unit, indent+unit)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.key, err)
			}
			if value != nil || !leftEmpty(inner, m.value) || bytes.Equal(inner, data) {
				return inner, nil
			}
			return without(data, at, finish, members, i), nil
		}
		if value == nil {
			return without(data, at, finish, members, i), nil
		}
		return replace(data, m.value, m.finish, quote(*value)), nil
	}
	if value == nil {
		return data, nil
	}
	return insert(data, at, finish, members, path, *value, unit, indent), nil
}

func leftEmpty(data []byte, at int) bool {
	members, _, err := object(data, at)
	return err == nil && len(members) == 0
}

func replace(data []byte, from, to int, text string) []byte {
	return append(append(append([]byte{}, data[:from]...), text...), data[to:]...)
}

// without takes a member out, with the comma and the space that go with it.
func without(data []byte, at, finish int, members []member, i int) []byte {
	switch {
	case len(members) == 1:
		return replace(data, at+1, finish-1, "")
	case i == len(members)-1:
		return replace(data, members[i-1].finish, members[i].finish, "")
	}
	return replace(data, members[i].start, members[i+1].start, "")
}

// insert puts a new member behind the last one, in the manner of the file.
func insert(data []byte, at, finish int, members []member, path []string, value, unit, indent string) []byte {
	newline, colon := "\n"+indent+unit, ": "
	if unit == "" {
		newline, colon = "", ":"
	}
	if len(members) > 0 {
		// As the first member stands in this object, which may have a manner of its own.
		newline = string(data[at+1 : members[0].start])
	}
	text := quote(path[0]) + colon
	for i, key := range path[1:] {
		if unit == "" {
			text += "{" + quote(key) + colon
			continue
		}
		text += "{\n" + indent + strings.Repeat(unit, i+2) + quote(key) + colon
	}
	text += quote(value)
	for i := len(path) - 2; i >= 0; i-- {
		if unit != "" {
			text += "\n" + indent + strings.Repeat(unit, i+1)
		}
		text += "}"
	}
	if len(members) > 0 {
		last := members[len(members)-1].finish
		return replace(data, last, last, ","+newline+text)
	}
	if unit != "" {
		text += "\n" + indent
	}
	return replace(data, at+1, finish-1, newline+text)
}

func quote(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}

// checked compares what was written with the change made on the decoded value: text that
// this file's author did not think of must not cost anyone a configuration.
func checked(before, after []byte, err error, path []string, value *string) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	want, err := decode(before)
	if err != nil {
		return nil, err
	}
	got, err := decode(after)
	if err != nil {
		return nil, fmt.Errorf("it cannot be edited safely: %w", err)
	}
	change(want, path, value)
	if !reflect.DeepEqual(want, got) {
		return nil, fmt.Errorf("it cannot be edited safely: add %s by hand", strings.Join(path, "."))
	}
	return after, nil
}

func decode(data []byte) (v map[string]any, err error) {
	dec := json.NewDecoder(bytes.NewReader(data)) // the first value, as docker reads the file
	dec.UseNumber()
	return v, dec.Decode(&v)
}

// change makes the change on a decoded value.
func change(v map[string]any, path []string, value *string) {
	if len(path) == 1 {
		if value == nil {
			delete(v, path[0])
		} else {
			v[path[0]] = *value
		}
		return
	}
	inner, ok := v[path[0]].(map[string]any)
	if !ok {
		if value == nil {
			return
		}
		inner = map[string]any{}
		v[path[0]] = inner
	}
	before := len(inner)
	change(inner, path[1:], value)
	if value == nil && len(inner) == 0 && before > 0 {
		delete(v, path[0])
	}
}
