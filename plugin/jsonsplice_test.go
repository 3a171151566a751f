package plugin

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestSetJSON(t *testing.T) {
	for name, c := range map[string]struct{ before, path, value, after string }{
		"no file":         {"", "a.b", "x", "{\n\t\"a\": {\n\t\t\"b\": \"x\"\n\t}\n}\n"},
		"empty":           {"{}", "a", "x", "{\n\t\"a\": \"x\"\n}"},
		"one line":        {`{"auths":{}}`, "a.b", "x", `{"auths":{},"a":{"b":"x"}}`},
		"one line, loose": {`{ "k": 1 }`, "a", "x", `{ "k": 1, "a":"x" }`},
		"tabs, as docker writes": {"{\n\t\"auths\": {},\n\t\"credsStore\": \"pass\"\n}", "plugins.gpu.hooks", "run",
			"{\n\t\"auths\": {},\n\t\"credsStore\": \"pass\",\n\t\"plugins\": {\n\t\t\"gpu\": {\n\t\t\t\"hooks\": \"run\"\n\t\t}\n\t}\n}"},
		"blanks":       {"{\n  \"a\": {\n    \"z\": 1\n  }\n}\n", "a.b.c", "x", "{\n  \"a\": {\n    \"z\": 1,\n    \"b\": {\n      \"c\": \"x\"\n    }\n  }\n}\n"},
		"replaced":     {"{\"a\" : \"old\" ,\n \"b\":2.50}", "a", "n\"ew", "{\"a\" : \"n\\\"ew\" ,\n \"b\":2.50}"},
		"same":         {`{"a":"x"}`, "a", "x", `{"a":"x"}`},
		"odd numbers":  {`{"n":1e400,"a":{}}`, "a.b", "x", `{"n":1e400,"a":{"b":"x"}}`},
		"escaped keys": {`{"\u0061":{"k":"}{\","}}`, "a.b", "x", `{"\u0061":{"k":"}{\",","b":"x"}}`},
		"more behind":  {"{\"a\":\"1\"}\ntrailing", "a", "2", "{\"a\":\"2\"}\ntrailing"},
		"windows":      {"{\r\n  \"k\": 1\r\n}", "a", "x", "{\r\n  \"k\": 1,\r\n  \"a\": \"x\"\r\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := setJSON([]byte(c.before), strings.Split(c.path, "."), c.value)
			assert.NilError(t, err)
			assert.Equal(t, string(after), c.after)
		})
	}
}

func TestUnsetJSON(t *testing.T) {
	for name, c := range map[string]struct{ before, path, after string }{
		"no file":           {"", "a.b", ""},
		"not there":         {`{"k": 1}`, "a.b", `{"k": 1}`},
		"empty above":       {`{"a": {}}`, "a.b", `{"a": {}}`},
		"not an object":     {`{"k": {"z": 1}}`, "k.b", `{"k": {"z": 1}}`},
		"the only one":      {"{\n\t\"a\": \"x\"\n}", "a", "{}"},
		"the first":         {"{\n\t\"a\": \"x\",\n\t\"b\": 2\n}", "a", "{\n\t\"b\": 2\n}"},
		"the last":          {"{\n\t\"a\": 1,\n\t\"b\": \"x\"\n}", "b", "{\n\t\"a\": 1\n}"},
		"with what held it": {"{\n\t\"k\": 1,\n\t\"p\": {\n\t\t\"g\": {\n\t\t\t\"h\": \"x\"\n\t\t}\n\t}\n}\n", "p.g.h", "{\n\t\"k\": 1\n}\n"},
		"others stay":       {`{"p":{"o":{"h":"y"},"g":{"h":"x"}}}`, "p.g.h", `{"p":{"o":{"h":"y"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := unsetJSON([]byte(c.before), strings.Split(c.path, "."))
			assert.NilError(t, err)
			assert.Equal(t, string(after), c.after)
		})
	}
}

func TestJSONThatCannotBeEdited(t *testing.T) {
	for text, says := range map[string]string{
		"{":                       "EOF",
		"[]":                      "where an object belongs",
		"null":                    "where an object belongs",
		`{"a": "text"}`:           "a: there is",
		`{"a": {}, "a": {}}`:      `"a" is there twice`,
		`{"a": {"b": 1, "b": 2}}`: `"b" is there twice`,
		"{'a': 1}":                "invalid character",
		`{"a": {"k": 1,}}`:        "invalid character",
		"// comment\n{\"a\": {}}": "invalid character",
		`{"x": 1 "a": {}}`:        "invalid character",
		"\xef\xbb\xbf{\"a\": {}}": "invalid character",
		`{"deep": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`: "exceeded max depth",
	} {
		_, err := setJSON([]byte(text), []string{"a", "b"}, "x")
		assert.ErrorContains(t, err, says)
	}
}

// What is put in can be taken out again, and the file is what it was, byte for byte.
func TestThereAndBack(t *testing.T) {
	for _, text := range []string{"{\n\t\"auths\": {}\n}", `{"a":1}`, "{\n  \"plugins\": {\n    \"other\": {\n      \"hooks\": \"x\"\n    }\n  },\n  \"z\": []\n}\n"} {
		data := []byte(text)
		for _, key := range []string{"hooks", "error-hooks"} {
			var err error
			data, err = setJSON(data, []string{"plugins", "gpu", key}, "run,compose")
			assert.NilError(t, err)
		}
		for _, key := range []string{"hooks", "error-hooks"} {
			var err error
			data, err = unsetJSON(data, []string{"plugins", "gpu", key})
			assert.NilError(t, err)
		}
		assert.Equal(t, string(data), text)
	}
}

func FuzzSetJSON(f *testing.F) {
	f.Add(`{"a":{"b":"c"}}`)
	f.Add("{\n\t\"a\": {\n\t}\n}")
	f.Add(`{"a\"":[{}],"\u0061":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		after, err := setJSON([]byte(text), []string{"a", "b"}, "x")
		if err != nil {
			return // refused, which is always allowed
		}
		got, err := decode(after)
		assert.NilError(t, err)
		assert.Equal(t, got["a"].(map[string]any)["b"], "x")
	})
}
