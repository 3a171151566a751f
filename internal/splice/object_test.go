package splice

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// What a member's places enclose, in all manners of writing.
func TestObject(t *testing.T) {
	text := []byte("\t{ \"a\" :1.50 ,\r\n\"\\u0062\":\n [ {} , \"}\" ]\t, \"c\\\"\": { \"d\" : null } , \"\":-0e1}x")
	members, ok, err := Object(text)
	assert.NilError(t, err)
	assert.Assert(t, ok)
	var got []string
	for _, m := range members {
		got = append(got, m.Key, string(text[m.Start:m.KeyEnd]), string(text[m.Value:m.End]))
	}
	assert.DeepEqual(t, got, []string{"a", `"a"`, "1.50", "b", `"\u0062"`, `[ {} , "}" ]`, `c"`, `"c\""`, `{ "d" : null }`, "", `""`, "-0e1"})

	members, ok, err = Object(text, `c"`)
	assert.Assert(t, ok && err == nil && len(members) == 1 && string(text[members[0].Value:members[0].End]) == "null")
	for _, path := range [][]string{{"x"}, {"x", "y"}, {`c"`, "x"}} {
		_, ok, err = Object(text, path...)
		assert.Assert(t, !ok && err == nil, "%q", path)
	}
	_, ok, err = Object(text, `c"`, "d")
	assert.Assert(t, !ok)
	assert.ErrorContains(t, err, "there is null where an object belongs")
}

func TestPosition(t *testing.T) {
	text := []byte("é{\n\n  ü: 1")
	for offset, want := range map[int][2]int{0: {1, 1}, 2: {1, 2}, 3: {1, 3}, 4: {2, 1}, 5: {3, 1}, 7: {3, 3}, 9: {3, 4}, -5: {1, 1}, 99: {3, 7}} {
		line, column := Position(text, offset)
		assert.Equal(t, [2]int{line, column}, want, offset)
	}
	_, _, err := First([]byte("{\n ü}"))
	var flaw *Error
	assert.Assert(t, errors.As(err, &flaw))
	assert.DeepEqual(t, *flaw, Error{3, 2, 2, "invalid character 'ü' looking for beginning of object key string"})
	begin, end, err := First([]byte(" {} more"))
	assert.Assert(t, begin == 1 && end == 3 && err == nil)
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":[2]}`, "{ \"b\" : [ 2 ],\n\"\\u0061\":1 }", true}, {`"<"`, `"\u003c"`, true}, {"1", "1.0", false}, {"9007199254740993", "9007199254740992", false},
		{"null", "{}", false}, {"[]", "{}", false}, {"[1,2]", "[2,1]", false}, {"", "", false}, {"true", "", false},
	} {
		assert.Equal(t, Equal(json.RawMessage(c.a), json.RawMessage(c.b)), c.same, "%s, %s", c.a, c.b)
	}
}

// Whatever a value is put beside, and however deep, it is what was given, and taking it
// out again leaves the text as it was, where it was not alone in an object.
func TestPutInAndTakenOut(t *testing.T) {
	values := []string{"true", "-1.5e-7", `"\u00e9 <&> \""`, "[]", "{}", `[1, [2, {"x": []}]]`, `{"path": "p", "args": ["--a", "b"]}`}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 5))
		gap := func() string {
			return strings.Repeat(" ", r.IntN(3)) + strings.Repeat("\n", r.IntN(2)) + strings.Repeat("\t", r.IntN(2))
		}
		text := gap() + "{" + gap() + `"k"` + gap() + ":" + gap() + `{` + gap() + `"l":` + gap() + `[1]` + gap() + `,"m"` + gap() + ":{}}" + gap() + "}" + gap()
		path := [][]string{{"new"}, {"k", "new"}, {"k", "m2", "new"}, {"n", "e", "w"}}[r.IntN(4)]
		value := json.RawMessage(values[r.IntN(len(values))])
		with, err := Set([]byte(text), path, value, "  ")
		assert.NilError(t, err, "%q", text)
		got, ok, err := Get(with, path...)
		assert.NilError(t, err)
		assert.Assert(t, ok && Equal(got, value), "%q in %q", got, with)
		without, err := Unset(with, path, 0)
		assert.NilError(t, err)
		assert.Equal(t, string(without), text, "%q", with)
	}
}
