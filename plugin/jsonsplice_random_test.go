package plugin

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// writer makes JSON as people and programs do: any space, any order, any depth.
type writer struct{ *rand.Rand }

func (w writer) space() string {
	return []string{"", "", " ", "\n", "\n\t", "\r\n  ", "    "}[w.IntN(7)]
}

func (w writer) text() string {
	return []string{`""`, `"a"`, `"}"`, `"{\""`, `"\u0061"`, `"\\"`, `"é\n"`, `"a,b: [c]"`}[w.IntN(8)]
}

func (w writer) value(depth int) string {
	switch n := w.IntN(9); {
	case n == 0:
		return "null"
	case n == 1:
		return []string{"0", "-1.50", "1e400", "12345678901234567890"}[w.IntN(4)]
	case n == 2:
		return "true"
	case n < 6 || depth <= 0:
		return w.text()
	case n == 6:
		var list []string
		for range w.IntN(4) {
			list = append(list, w.space()+w.value(depth-1)+w.space())
		}
		return "[" + strings.Join(list, ",") + w.space() + "]"
	}
	return w.object(depth-1, "")
}

// object has members of its own and, if asked, an object by a name among them.
func (w writer) object(depth int, with string) string {
	var members []string
	for i := range w.IntN(4) {
		members = append(members, fmt.Sprintf(`%s"k%d"%s:%s%s`, w.space(), i, w.space(), w.space(), w.value(depth)))
	}
	if with != "" {
		at := w.IntN(len(members) + 1)
		member := w.space() + `"` + with + `"` + w.space() + ":" + w.object(depth-1, "")
		members = append(members[:at], append([]string{member}, members[at:]...)...)
	}
	return "{" + strings.Join(members, w.space()+",") + w.space() + "}"
}

// Whatever a configuration looks like, one value is put in, every other byte stays, and
// taking it out again leaves what was there.
func TestEditsOfAnyConfiguration(t *testing.T) {
	w := writer{rand.New(rand.NewPCG(1, 2))}
	path := []string{"plugins", "gpu", "hooks"}
	for n := range 3000 {
		with := ""
		if n%2 == 0 {
			with = "plugins"
		}
		before := w.space() + w.object(3, with) + w.space()
		want, err := decode([]byte(before))
		assert.NilError(t, err, before)

		after, err := setJSON([]byte(before), path, "run")
		assert.NilError(t, err, before)
		got, err := decode(after)
		assert.NilError(t, err, string(after))
		value := "run"
		change(want, path, &value)
		assert.Assert(t, reflect.DeepEqual(got, want), "%s\n→\n%s", before, after)
		assert.Assert(t, kept(before, string(after)), "%s\n→\n%s", before, after)

		again, err := setJSON(after, path, "run")
		assert.NilError(t, err)
		assert.Equal(t, string(again), string(after), "what is there already changes nothing")

		back, err := unsetJSON(after, path)
		assert.NilError(t, err, string(after))
		change(want, path, nil)
		got, err = decode(back)
		assert.NilError(t, err)
		assert.Assert(t, reflect.DeepEqual(got, want), "%s\n→\n%s", after, back)
	}
}

// kept says that a text is another with one piece put in.
func kept(before, after string) bool {
	head := 0
	for head < len(before) && head < len(after) && before[head] == after[head] {
		head++
	}
	tail := 0
	for tail < len(before)-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	// Space within an object that was empty is the one thing that may go.
	return strings.TrimSpace(before[head:len(before)-tail]) == ""
}
