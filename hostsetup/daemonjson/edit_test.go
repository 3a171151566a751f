package daemonjson

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func set(path, value string) Edit {
	return Edit{strings.Split(path, "."), json.RawMessage(value)}
}

func out(path string) Edit { return Edit{Key: strings.Split(path, ".")} }

func TestEditsThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		edits []Edit
		says  string
	}{
		"no key":        {[]Edit{{}}, `edit 1 names no key: []`},
		"an empty key":  {[]Edit{set("a", "1"), set("b.", "1")}, `edit 2 names no key: ["b" ""]`},
		"no JSON":       {[]Edit{set("a", "tru")}, `the edit of "a" has a value that is no JSON: "tru"`},
		"two values":    {[]Edit{set("a", "1 2")}, `no JSON`},
		"null":          {[]Edit{set("a.b", " null ")}, `the edit of "a.b" sets it to null: an edit without a value removes it`},
		"no UTF-8":      {[]Edit{set("a", "\"\xff\"")}, `the edit of "a" is not UTF-8`},
		"key no UTF-8":  {[]Edit{set("\xff", "1")}, `the edit of "\xff" is not UTF-8`},
		"twice":         {[]Edit{set("a.b", "1"), set("c", "1"), out("a.b")}, `edits 1 and 3 both change "a.b": join them`},
		"one in other":  {[]Edit{set("a.b", "1"), out("a")}, `edits 1 and 2 both change "a": join them`},
		"other in one":  {[]Edit{set("a", "{}"), set("a.b.c", "1")}, `edits 1 and 2 both change "a": join them`},
		"a longer name": {[]Edit{set("a.b", "1"), set("a.bc", "1"), set("ab", "1")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Apply([]byte("{}"), c.edits)
			if c.says == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.says)
			_, _, err = Revert([]byte("{}"), []byte("{}"), c.edits)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// The JSON of an edit is that of a plan.
func TestEditAsJSON(t *testing.T) {
	for text, e := range map[string]Edit{
		`{"key":["features","cdi"],"value":true}`: set("features.cdi", "true"),
		`{"key":["features","cdi"]}`:              out("features.cdi"),
	} {
		data, err := json.Marshal(e)
		assert.NilError(t, err)
		assert.Equal(t, string(data), text)
		var back Edit
		assert.NilError(t, json.Unmarshal(data, &back))
		assert.DeepEqual(t, back, e)
	}
}

func TestNothingToEdit(t *testing.T) {
	for _, text := range []string{"", "null", "{}", " \n"} {
		after, err := Apply([]byte(text), nil)
		assert.NilError(t, err)
		assert.Equal(t, string(after), text)
	}
	after, err := Apply(nil, []Edit{out("features.cdi")})
	assert.NilError(t, err)
	assert.Assert(t, after == nil, "no file stays none")
}

// What one edit takes out and another puts in meet: the object that both are in stays in
// its place, and the file's manner is not forgotten.
func TestOutAndInTogether(t *testing.T) {
	after, err := Apply([]byte("{\r\n \"features\": {\r\n  \"a\": true\r\n },\r\n \"debug\": true\r\n}"), []Edit{out("features.a"), set("features.b", "true")})
	assert.NilError(t, err)
	assert.Equal(t, string(after), "{\r\n \"features\": {\r\n  \"b\": true\r\n },\r\n \"debug\": true\r\n}")
}

func TestRevert(t *testing.T) {
	made := []Edit{set("features.cdi", "true"), set("default-runtime", `"nvidia"`), out("debug")}
	for name, c := range map[string]struct {
		before, now, after string
		left               []Edit
	}{
		"as we left it": {"{\n  \"debug\" : true,\n  \"x\": 1\n}", "{\n  \"x\": 1,\n  \"features\" : {\n    \"cdi\" : true\n  },\n  \"default-runtime\" : \"nvidia\"\n}", "{\n  \"debug\" : true,\n  \"x\": 1\n}", nil},
		"others added one": {
			`{"x": 1}`, `{"x": 2, "features": {"cdi": true, "buildkit": true}, "default-runtime": "nvidia", "y": 3}`,
			`{"x": 2, "features": {"buildkit": true}, "y": 3}`, nil,
		},
		"their empty object stays": {`{"features": {}, "x": 1}`, `{"features": {"cdi": true}, "x": 2, "default-runtime": "nvidia"}`, `{"features": {}, "x": 2}`, nil},
		"their values come back": {
			`{"default-runtime": "crun", "features": {"cdi": false}, "debug": true}`, `{"default-runtime": "nvidia", "features": {"cdi": true}, "x": 1}`,
			`{"default-runtime": "crun", "features": {"cdi": false}, "x": 1, "debug": true}`, nil,
		},
		"others changed what we set": {
			`{}`, `{"features": {"cdi": false}, "default-runtime": "nvidia"}`, `{"features": {"cdi": false}}`, []Edit{made[0]},
		},
		"others put in what we took out": {`{"debug": true}`, `{"debug": false, "x": 1}`, `{"debug": false, "x": 1}`, []Edit{made[2]}},
		"others took it back":            {`{"x": 1}`, `{"x": 2}`, `{"x": 2}`, nil},
		"others took our value away":     {`{"default-runtime": "crun"}`, `{"x": 2}`, `{"x": 2}`, []Edit{made[1]}},
		"there was no file":              {"", "{\n  \"features\": {\n    \"cdi\": true\n  },\n  \"default-runtime\": \"nvidia\",\n  \"x\": 1\n}\n", "{\n  \"x\": 1\n}\n", nil},
		"there was no file, as left":     {"", "{\n  \"features\": {\n    \"cdi\": true\n  },\n  \"default-runtime\": \"nvidia\"\n}\n", "", nil},
		"the file went":                  {`{"x": 1}`, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			after, left, err := Revert([]byte(c.now), []byte(c.before), made)
			assert.NilError(t, err)
			assert.Equal(t, string(after), c.after)
			assert.DeepEqual(t, left, c.left)
		})
	}
	_, _, err := Revert([]byte("{}"), []byte("{"), made)
	assert.Error(t, err, "the text before: line 1, column 2: it ends in the middle; put that right first")
	_, _, err = Revert([]byte(`{"features": 7}`), []byte("{}"), made)
	assert.Error(t, err, `"features": line 1, column 14: there is a number where an object belongs: make it {} or take it out`)
	_, _, err = Revert([]byte("{} x"), []byte("{}"), made)
	assert.Error(t, err, "line 1, column 4: text follows the end of the object; put that right first")
}
