// Package splice puts members into JSON objects, changes them and takes them out by
// position: every other byte of the text stays.
//
// A file that people keep is not decoded and written anew: that loses keys that the
// program does not know, their order, the digits of numbers and the file's own look. What
// is put in follows that look: indentation, line endings, space around colons.
//
// A text that cannot be edited without a guess is refused, with line and column: a value
// of another kind where an object belongs, a key that is there twice.
package splice

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Member is a member of an object, and where it stands in the text.
type Member struct {
	Key string
	// Start and KeyEnd enclose the key, Value and End its value.
	Start, KeyEnd, Value, End int
}

// Set gives the member at a path a value, and makes the objects on the way to it where
// they are missing. Where it has that value already, however it is written, the text stays
// as it is. A text that does not show how it is indented gets the indentation given.
func Set(text []byte, path []string, value json.RawMessage, indent string) ([]byte, error) {
	return put(text, path, value, indent, false)
}

// Restore is Set with a value that keeps its bytes: it was in this text before.
func Restore(text []byte, path []string, value json.RawMessage, indent string) ([]byte, error) {
	return put(text, path, value, indent, true)
}

func put(text []byte, path []string, value json.RawMessage, indent string, verbatim bool) ([]byte, error) {
	value = bytes.TrimSpace(value)
	if !json.Valid(value) {
		return nil, fmt.Errorf("%q is no JSON value", fmt.Sprintf("%.40s", value))
	}
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}" + newlineOf(text))
	}
	return change(text, edit{path: path, value: value, verbatim: verbatim, indent: indent})
}

// Unset takes the member at a path out, and the objects above it that this leaves empty,
// but for the first of them as many as stay says. Objects that were empty stay.
func Unset(text []byte, path []string, stay int) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return text, nil
	}
	return change(text, edit{path: path, stay: stay})
}

// Object reads the members of the object at a path, the outermost without one. ok is
// false where nothing is there.
func Object(text []byte, path ...string) (members []Member, ok bool, err error) {
	at, _, err := First(text)
	if err != nil {
		return nil, false, err
	}
	members, _, err = object(text, at)
	for i := 0; i < len(path) && err == nil; i++ {
		m, there := find(members, path[i])
		if !there {
			return nil, false, nil
		}
		if members, _, err = object(text, m.Value); err != nil {
			err = fmt.Errorf("%s%w", way(path[:i+1]), err)
		}
	}
	return members, err == nil, err
}

// Get is the value of the member at a path, as it is written. ok is false where nothing is there.
func Get(text []byte, path ...string) (value json.RawMessage, ok bool, err error) {
	last := len(path) - 1
	if last < 0 {
		return nil, false, nil
	}
	members, ok, err := Object(text, path[:last]...)
	if !ok {
		return nil, false, err
	}
	m, ok := find(members, path[last])
	return json.RawMessage(text[m.Value:m.End]), ok, nil
}

func find(members []Member, key string) (Member, bool) {
	for _, m := range members {
		if m.Key == key {
			return m, true
		}
	}
	return Member{}, false
}

// First is where a text's first value begins and ends; what follows it is not looked at.
// The error of a text that is no JSON is an *Error.
func First(text []byte) (begin, end int, err error) {
	var first json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&first); err != nil {
		return 0, 0, flaw(text, err)
	}
	end = int(dec.InputOffset())
	return end - len(first), end, nil
}

// object reads the members of the object that begins at a position of a text, and where
// it ends. The text is known to be JSON.
func object(text []byte, at int) (members []Member, end int, err error) {
	if text[at] != '{' {
		return nil, 0, errorAt(text, at, "there is %s where an object belongs: make it {} or take it out", kind(text[at]))
	}
	dec := json.NewDecoder(bytes.NewReader(text[at:]))
	if _, err := dec.Token(); err != nil {
		return nil, 0, err
	}
	seen := map[string]int{}
	for dec.More() {
		from := at + int(dec.InputOffset())
		m := Member{Start: from + bytes.IndexByte(text[from:], '"')}
		key, err := dec.Token()
		if err != nil {
			return nil, 0, err
		}
		m.Key, _ = key.(string)
		m.KeyEnd = at + int(dec.InputOffset())
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, 0, err
		}
		m.End = at + int(dec.InputOffset())
		m.Value = m.End - len(raw)
		if first, twice := seen[m.Key]; twice {
			line, _ := Position(text, first)
			return nil, 0, errorAt(text, m.Start, "%.60q is there twice, first in line %d: leave one of them", m.Key, line)
		}
		seen[m.Key] = m.Start
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, 0, err
	}
	return members, at + int(dec.InputOffset()), nil
}
