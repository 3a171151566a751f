package splice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// checked compares what was written with the change made on the decoded value: a text
// that this package's author did not think of must not cost anyone a configuration.
func checked(before, after []byte, e edit) ([]byte, error) {
	var want, got map[string]any
	var value any
	if err := decode(before, &want); err != nil {
		return nil, err
	}
	if err := decode(after, &got); err != nil {
		return nil, fmt.Errorf("it cannot be edited safely: %w", err)
	}
	if e.value != nil {
		if err := decode(e.value, &value); err != nil {
			return nil, err
		}
	}
	e.make(want, 0, value)
	if !reflect.DeepEqual(want, got) {
		return nil, fmt.Errorf("it cannot be edited safely: change %.60q by hand", strings.Join(e.path, "."))
	}
	return after, nil
}

// make makes the change on a decoded object, which is that many steps down the path.
func (e edit) make(object map[string]any, depth int, value any) {
	key := e.path[depth]
	if depth == len(e.path)-1 {
		if e.value == nil {
			delete(object, key)
		} else {
			object[key] = value
		}
		return
	}
	inner, ok := object[key].(map[string]any)
	if !ok {
		if e.value == nil {
			return
		}
		inner = map[string]any{}
		object[key] = inner
	}
	before := len(inner)
	e.make(inner, depth+1, value)
	if e.value == nil && len(inner) == 0 && before > 0 && depth >= e.stay {
		delete(object, key)
	}
}

// decode decodes the first value of a text; numbers keep their digits.
func decode(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(v)
}

// Equal says whether two values are the same, however they are written; numbers are by their digits.
func Equal(a, b json.RawMessage) bool {
	var x, y any
	return decode(a, &x) == nil && decode(b, &y) == nil && reflect.DeepEqual(x, y)
}
