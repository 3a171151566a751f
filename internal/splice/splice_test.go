package splice

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func at(path string) []string { return strings.Split(path, ".") }

func TestSet(t *testing.T) {
	for name, c := range map[string]struct{ before, path, value, after string }{
		"no file":         {"", "a.b", `"x"`, "{\n\t\"a\": {\n\t\t\"b\": \"x\"\n\t}\n}\n"},
		"a blank file":    {" \r\n", "a", "1", "{\r\n\t\"a\": 1\r\n}\r\n"},
		"empty":           {"{}", "a", `"x"`, "{\n\t\"a\": \"x\"\n}"},
		"empty, blank":    {"{\n}\n", "a", `"x"`, "{\n\t\"a\": \"x\"\n}\n"},
		"one line":        {`{"auths":{}}`, "a.b", `"x"`, `{"auths":{},"a":{"b":"x"}}`},
		"one line, loose": {`{ "k": 1 }`, "a", `"x"`, `{ "k": 1, "a": "x" }`},
		"as in Python":    {`{"k": 1, "l": 2}`, "a.b", "[1,2]", `{"k": 1, "l": 2, "a": {"b": [1, 2]}}`},
		"tabs, as docker writes": {"{\n\t\"auths\": {},\n\t\"credsStore\": \"pass\"\n}", "plugins.gpu.hooks", `"run"`,
			"{\n\t\"auths\": {},\n\t\"credsStore\": \"pass\",\n\t\"plugins\": {\n\t\t\"gpu\": {\n\t\t\t\"hooks\": \"run\"\n\t\t}\n\t}\n}"},
		"blanks":           {"{\n  \"a\": {\n    \"z\": 1\n  }\n}\n", "a.b.c", `"x"`, "{\n  \"a\": {\n    \"z\": 1,\n    \"b\": {\n      \"c\": \"x\"\n    }\n  }\n}\n"},
		"replaced":         {"{\"a\" : \"old\" ,\n \"b\":2.50}", "a", `"n\"ew"`, "{\"a\" : \"n\\\"ew\" ,\n \"b\":2.50}"},
		"same":             {`{"a":"x"}`, "a", `"x"`, `{"a":"x"}`},
		"same, otherwise":  {"{\"a\": {\"x\": 1,\n\"y\":[ ]}}", "a", `{"y":[],"x":1}`, "{\"a\": {\"x\": 1,\n\"y\":[ ]}}"},
		"of another kind":  {`{"a": {"b": 1}}`, "a", "false", `{"a": false}`},
		"null goes":        {`{"a": null}`, "a", "7", `{"a": 7}`},
		"odd numbers":      {`{"n":1e400,"a":{}}`, "a.b", "0.10e+3", `{"n":1e400,"a":{"b":0.10e+3}}`},
		"escaped keys":     {`{"\u0061":{"k":"}{\","}}`, "a.b", `"x"`, `{"\u0061":{"k":"}{\",","b":"x"}}`},
		"signs of HTML":    {`{"k":1}`, "<&>", `"<&>"`, `{"k":1,"<&>":"<&>"}`},
		"more behind":      {"{\"a\":\"1\"}\ntrailing", "a", `"2"`, "{\"a\":\"2\"}\ntrailing"},
		"windows":          {"{\r\n  \"k\": 1\r\n}", "a.b", `"x"`, "{\r\n  \"k\": 1,\r\n  \"a\": {\r\n    \"b\": \"x\"\r\n  }\r\n}"},
		"into an empty":    {"{\n  \"a\": {\n    \"b\": {}\n  }\n}", "a.b.c", "1", "{\n  \"a\": {\n    \"b\": {\n      \"c\": 1\n    }\n  }\n}"},
		"in a short one":   {"{\n  \"a\": {\"z\": 1},\n  \"c\": 2\n}", "a.b", `{"d":{}}`, "{\n  \"a\": {\"z\": 1, \"b\": {\"d\": {}}},\n  \"c\": 2\n}"},
		"other indents":    {"{\n  \"a\": {\n        \"z\": 1\n  }\n}", "a.b.c", "1", "{\n  \"a\": {\n        \"z\": 1,\n        \"b\": {\n          \"c\": 1\n        }\n  }\n}"},
		"flush left":       {"{\n\"a\": 1\n}\n", "b.c", "1", "{\n\"a\": 1,\n\"b\": {\n\"c\": 1\n}\n}\n"},
		"a blank line":     {"{\n\n  \"a\": 1\n}\n", "b", "1", "{\n\n  \"a\": 1,\n  \"b\": 1\n}\n"},
		"comma first":      {"{ \"a\": 1\n, \"b\": 2\n}\n", "c", "3", "{ \"a\": 1\n, \"b\": 2, \"c\": 3\n}\n"},
		"all of it shifts": {"  {\n    \"a\": 1\n  }\n", "b.c", "1", "  {\n    \"a\": 1,\n    \"b\": {\n      \"c\": 1\n    }\n  }\n"},
		"a whole object":   {"{\n  \"a\": 1\n}\n", "r", `{"path":"p","args":["--x", "--y"],"o":{},"l":[]}`, "{\n  \"a\": 1,\n  \"r\": {\n    \"path\": \"p\",\n    \"args\": [\n      \"--x\",\n      \"--y\"\n    ],\n    \"o\": {},\n    \"l\": []\n  }\n}\n"},
		"aligned values":   {"{\n  \"a\"   : 1,\n  \"bcd\" : 2\n}", "c", "3", "{\n  \"a\"   : 1,\n  \"bcd\" : 2,\n  \"c\": 3\n}"},
		"a key twice":      {`{"a":1}`, "b", `{"x":1,"x":2}`, `{"a":1,"b":{"x":1,"x":2}}`},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := Set([]byte(c.before), at(c.path), json.RawMessage(c.value), "\t")
			assert.NilError(t, err)
			assert.Equal(t, string(after), c.after)
		})
	}
}

func TestUnset(t *testing.T) {
	for name, c := range map[string]struct {
		before, path string
		stay         int
		after        string
	}{
		"no file":           {"", "a.b", 0, ""},
		"not there":         {`{"k": 1}`, "a.b", 0, `{"k": 1}`},
		"empty above":       {`{"a": {}}`, "a.b", 0, `{"a": {}}`},
		"not an object":     {`{"k": {"z": 1}}`, "k.b", 0, `{"k": {"z": 1}}`},
		"the only one":      {"{\n\t\"a\": \"x\"\n}", "a", 0, "{}"},
		"the first":         {"{\n\t\"a\": \"x\",\n\t\"b\": 2\n}", "a", 0, "{\n\t\"b\": 2\n}"},
		"the last":          {"{\n\t\"a\": 1,\n\t\"b\": \"x\"\n}", "b", 0, "{\n\t\"a\": 1\n}"},
		"with what held it": {"{\n\t\"k\": 1,\n\t\"p\": {\n\t\t\"g\": {\n\t\t\t\"h\": \"x\"\n\t\t}\n\t}\n}\n", "p.g.h", 0, "{\n\t\"k\": 1\n}\n"},
		"one above stays":   {`{"k": 1, "p": {"g": {"h": "x"}}}`, "p.g.h", 1, `{"k": 1, "p": {}}`},
		"all above stay":    {`{"k": 1, "p": {"g": {"h": "x"}}}`, "p.g.h", 2, `{"k": 1, "p": {"g": {}}}`},
		"others stay":       {`{"p":{"o":{"h":"y"},"g":{"h":"x"}}}`, "p.g.h", 0, `{"p":{"o":{"h":"y"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := Unset([]byte(c.before), at(c.path), c.stay)
			assert.NilError(t, err)
			assert.Equal(t, string(after), c.after)
		})
	}
}

func TestGet(t *testing.T) {
	text := []byte(`{"a": {"b": [ 1, 2 ], "c": "x"}, "n": null}`)
	for path, want := range map[string]string{"a.b": "[ 1, 2 ]", "a": `{"b": [ 1, 2 ], "c": "x"}`, "n": "null", "x": "", "a.x": "", "x.y.z": ""} {
		value, ok, err := Get(text, at(path)...)
		assert.NilError(t, err, path)
		assert.Equal(t, string(value), want)
		assert.Equal(t, ok, want != "", path)
	}
	_, ok, err := Get(text)
	assert.Assert(t, !ok && err == nil)
	_, ok, err = Get(text, "a", "b", "c")
	assert.Assert(t, !ok)
	assert.Error(t, err, `"a.b": line 1, column 13: there is an array where an object belongs: make it {} or take it out`)
}

// A value that was there before comes back as it was written, not in the file's manner.
func TestRestore(t *testing.T) {
	const before = "{\n  \"a\": {\"x\":1, \"y\": [1,2]}\n}\n"
	changed, err := Set([]byte(before), at("a"), json.RawMessage(`{"z":1}`), "\t")
	assert.NilError(t, err)
	assert.Equal(t, string(changed), "{\n  \"a\": {\n    \"z\": 1\n  }\n}\n")
	back, err := Restore(changed, at("a"), json.RawMessage(`{"x":1, "y": [1,2]}`), "\t")
	assert.NilError(t, err)
	assert.Equal(t, string(back), before)
}

func TestTextThatCannotBeEdited(t *testing.T) {
	for text, says := range map[string]string{
		"{":                        "line 1, column 2: it ends in the middle",
		"{\n \"a\": {\n":           "line 3, column 1: it ends in the middle",
		"[]":                       "line 1, column 1: there is an array where an object belongs: make it {} or take it out",
		"\nnull":                   "line 2, column 1: there is null where an object belongs: make it {} or take it out",
		"7":                        "there is a number where",
		"true":                     "there is true or false where",
		`{"a": "text"}`:            `"a": line 1, column 7: there is a text where an object belongs`,
		"{\n\"é\": 1, \"a\": 3\n}": `"a": line 2, column 14: there is a number where`,
		`{"a": {}, "a": {}}`:       `line 1, column 11: "a" is there twice, first in line 1: leave one of them`,
		`{"a": {"b": 1, "b": 2}}`:  `"b" is there twice`,
		"{'a': 1}":                 `line 1, column 2: invalid character '\''`,
		"{\n \"a\": {\"k\": 1,}}":  `line 2, column 15: there is a comma before '}', with nothing behind it`,
		`{"a": [1, ]}`:             `line 1, column 11: there is a comma before ']'`,
		"// comment\n{\"a\": {}}":  "line 1, column 1: invalid character '/'",
		"{\n\"x\": 1 \"a\": {}}":   `line 2, column 8: invalid character '"'`,
		"\xef\xbb\xbf{\"a\": {}}":  "invalid character",
		"{\n “a”: 1}":              "line 2, column 2: invalid character '“' looking for",
		"{\"a\": {}}\x00":          "",
		`{"deep": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`: "exceeded max depth",
	} {
		_, err := Set([]byte(text), []string{"a", "b"}, json.RawMessage(`"x"`), "\t")
		if says == "" {
			assert.NilError(t, err, "%q", text)
			continue
		}
		assert.ErrorContains(t, err, says)
	}
}

func TestEditThatIsNone(t *testing.T) {
	for value, says := range map[string]string{"": `"" is no JSON value`, "tru": `"tru" is no JSON value`, "1 2": `"1 2" is no JSON value`, strings.Repeat("x", 99): `"` + strings.Repeat("x", 40) + `" is no`} {
		_, err := Set([]byte("{}"), []string{"a"}, json.RawMessage(value), "\t")
		assert.ErrorContains(t, err, says)
	}
	_, err := Set([]byte("{}"), nil, json.RawMessage("1"), "\t")
	assert.Error(t, err, "an edit names no member")
	_, err = Unset([]byte("{}"), nil, 0)
	assert.Error(t, err, "an edit names no member")
}

// What is put in can be taken out again, and the file is what it was, byte for byte.
func TestThereAndBack(t *testing.T) {
	for _, text := range []string{"{\n\t\"auths\": {}\n}", `{"a":1}`, "{\n  \"plugins\": {\n    \"other\": {\n      \"hooks\": \"x\"\n    }\n  },\n  \"z\": []\n}\n"} {
		data := []byte(text)
		for _, key := range []string{"hooks", "error-hooks"} {
			var err error
			data, err = Set(data, []string{"plugins", "gpu", key}, json.RawMessage(`"run,compose"`), "\t")
			assert.NilError(t, err)
		}
		for _, key := range []string{"hooks", "error-hooks"} {
			var err error
			data, err = Unset(data, []string{"plugins", "gpu", key}, 0)
			assert.NilError(t, err)
		}
		assert.Equal(t, string(data), text)
	}
}

// A large file takes no time that grows faster than it does.
func TestManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, `,"key-%d":[1,2,3]`, i)
	}
	text := []byte("{" + b.String()[1:] + "}")
	after, err := Set(text, at("a.b"), json.RawMessage("1"), "\t")
	assert.NilError(t, err)
	assert.Equal(t, string(after), string(text[:len(text)-1])+`,"a":{"b":1}}`)
}

func FuzzSet(f *testing.F) {
	f.Add(`{"a":{"b":"c"}}`, `"x"`)
	f.Add("{\n\t\"a\": {\n\t}\n}", `{"x":[1,{}]}`)
	f.Add(`{"a\"":[{}],"\u0061":null}`, "null")
	f.Fuzz(func(t *testing.T, text, value string) {
		after, err := Set([]byte(text), []string{"a", "b"}, json.RawMessage(value), "\t")
		if err != nil {
			return // refused, which is always allowed
		}
		got, ok, err := Get(after, "a", "b")
		assert.NilError(t, err)
		assert.Assert(t, ok && Equal(got, json.RawMessage(value)), "%q is there for %q", got, value)
	})
}
