package daemonjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dockergpu/docker-gpu/internal/splice"
)

// Edit sets the member at a path of keys, or removes it where there is no Value.
type Edit struct {
	Key   []string        `json:"key"` // "features", "cdi"
	Value json.RawMessage `json:"value,omitempty"`
}

// indent is how a new file is indented, as Docker's documentation does it.
const indent = "  "

// Apply makes edits in the text of a daemon.json; an empty text is no file. Objects on the
// way to a member are made where they are missing, and removed where a removal leaves them
// empty. Where all is as wished, the same bytes come back.
func Apply(text []byte, edits []Edit) ([]byte, error) {
	if err := possible(edits); err != nil {
		return nil, err
	}
	return editing(text, func(body []byte) (_ []byte, err error) {
		for _, e := range putFirst(edits) {
			if err := otherCase(body, e.Key); err != nil {
				return nil, err
			}
			if len(e.Value) == 0 {
				body, err = splice.Unset(body, e.Key, 0)
			} else {
				body, err = splice.Set(body, e.Key, e.Value, indent)
			}
			if err != nil {
				return nil, err
			}
		}
		return body, nil
	})
}

// Revert takes out of a text what the edits changed in the text before, and nothing that
// others changed since. left are the edits whose members others have changed: those stay.
func Revert(now, before []byte, edits []Edit) (after []byte, left []Edit, err error) {
	made, err := Apply(before, edits)
	if err != nil {
		return nil, nil, fmt.Errorf("the text before: %w", err)
	}
	if bytes.Equal(now, made) {
		return before, nil, nil
	}
	_, old, err := read(before)
	if err != nil {
		return nil, nil, fmt.Errorf("the text before: %w", err)
	}
	after, err = editing(now, func(body []byte) ([]byte, error) {
		for _, e := range slices.Backward(putFirst(edits)) {
			was, had, stay, err := lookup(old, e.Key)
			if err != nil {
				return nil, err
			}
			is, has, _, err := lookup(body, e.Key)
			if err != nil {
				return nil, err
			}
			switch {
			case has == had && (!has || splice.Equal(is, was)): // nothing to take back
			case has != (len(e.Value) > 0) || has && !splice.Equal(is, e.Value):
				left = append(left, e)
			case had:
				body, err = splice.Restore(body, e.Key, was, indent)
			default:
				body, err = splice.Unset(body, e.Key, stay)
			}
			if err != nil {
				return nil, err
			}
		}
		return body, nil
	})
	return after, left, err
}

// putFirst are the edits with those that remove something last: a file that they leave
// empty shows no more how it was written, and an object that gets a member is not left empty.
func putFirst(edits []Edit) []Edit {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return cmp.Compare(len(b.Value), 0) - cmp.Compare(len(a.Value), 0) })
	return sorted
}

// lookup is the value of a member, and how many of the objects above it are there.
func lookup(body []byte, key []string) (value json.RawMessage, ok bool, above int, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, false, 0, nil
	}
	for above < len(key)-1 {
		if _, ok, err = splice.Object(body, key[:above+1]...); !ok {
			return nil, false, above, err
		}
		above++
	}
	value, ok, err = splice.Get(body, key...)
	return value, ok, above, err
}

// editing makes a change in the JSON of a text, whose byte-order mark stays.
func editing(text []byte, change func([]byte) ([]byte, error)) ([]byte, error) {
	mark, body, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("%w; put that right first", err)
	}
	after, err := change(body)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(after, body) {
		return text, nil
	}
	return slices.Concat(mark, after), nil
}

// possible refuses edits that would undo each other or that dockerd has no use for.
func possible(edits []Edit) error {
	for i, e := range edits {
		name := strings.Join(e.Key, ".")
		switch {
		case len(e.Key) == 0 || slices.Contains(e.Key, ""):
			return fmt.Errorf("edit %d names no key: %q", i+1, e.Key)
		case !utf8.ValidString(name) || !utf8.Valid(e.Value):
			return fmt.Errorf("the edit of %q is not UTF-8", name)
		case len(e.Value) > 0 && !json.Valid(e.Value):
			return fmt.Errorf("the edit of %q has a value that is no JSON: %.60q", name, e.Value)
		case string(bytes.TrimSpace(e.Value)) == "null":
			return fmt.Errorf("the edit of %q sets it to null: an edit without a value removes it", name)
		}
		for j, other := range edits[:i] {
			if n := min(len(e.Key), len(other.Key)); slices.Equal(e.Key[:n], other.Key[:n]) {
				return fmt.Errorf("edits %d and %d both change %q: join them", j+1, i+1, strings.Join(e.Key[:n], "."))
			}
		}
	}
	return nil
}
