package spec

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParse(t *testing.T) {
	s, err := Parse("gpu.yaml", []byte("torch: \"2.14\"\npackages: [numpy, 'transformers>=5']\nindex: {url: https://x/simple, find-links: [https://y]}\n"+
		"target:\n  gpus: [h100]\n  driver: \"570.86\"\nlabels: {a: b}\ncuda-only: false\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, s, Spec{
		Torch: "2.14", Packages: []string{"numpy", "transformers>=5"}, Index: Index{URL: "https://x/simple", FindLinks: []string{"https://y"}},
		Target: Target{GPUs: []string{"h100"}, Driver: "570.86"}, Labels: map[string]string{"a": "b"},
	})
	for _, empty := range []string{"", "# nothing\n"} {
		s, err := Parse("gpu.yaml", []byte(empty))
		assert.NilError(t, err, empty)
		assert.DeepEqual(t, s, Spec{})
	}
}

func TestParseNamesTheLine(t *testing.T) {
	for text, says := range map[string]string{
		"torch: \"2.14\"\npyhton: '3.12'\n": `gpu.yaml:2:1: "pyhton" is not a key; did you mean "python"?`,
		"nonsense: 1\n":                     "keys are apt, base",
		"index:\n  ulr: https://x\n":        `gpu.yaml:2:3: "ulr" is not a key of index; did you mean "url"?`,
		"torch: a\ntorch: b\n":              `gpu.yaml:2:1: "torch" stands twice, first on line 1`,
		"packages: numpy\n":                 "gpu.yaml:1:11: packages is a list",
		"packages: [[numpy]]\n":             "an entry of packages is a word",
		"python: 3.10\n":                    `gpu.yaml:1:9: python is text, but 3.10 is read as a float; put quotes around it: "3.10"`,
		"cuda-only: maybe\n":                `cuda-only is true or false, not "maybe"`,
		"target: h100\n":                    "target is a mapping",
		"labels: [a]\n":                     "labels is a mapping of names to values",
		"- torch\n":                         "gpu.yaml:1: a build file is a mapping",
		"torch: [\n":                        "gpu.yaml:1: ",
		"torch: true\n":                     "torch is text, but true is read as a bool",
	} {
		_, err := Parse("gpu.yaml", []byte(text))
		assert.ErrorContains(t, err, says, text)
	}
}

func TestMerge(t *testing.T) {
	file := Spec{Torch: "2.13", Base: "b", Packages: []string{"a", "b"}, Labels: map[string]string{"x": "file", "y": "file"}, Index: Index{URL: "u"}, Cmd: []string{"run"}}
	flags := Spec{Torch: "2.14", Packages: []string{"c"}, Labels: map[string]string{"x": "flag"}, Index: Index{Extra: []string{"e"}}, CUDAOnly: true}
	assert.DeepEqual(t, Merge(file, flags), Spec{
		Torch: "2.14", Base: "b", Packages: []string{"c"}, Labels: map[string]string{"x": "flag", "y": "file"},
		Index: Index{URL: "u", Extra: []string{"e"}}, CUDAOnly: true, Cmd: []string{"run"},
	})
	assert.DeepEqual(t, Merge(Spec{}, flags), flags)
}

func TestValidate(t *testing.T) {
	assert.NilError(t, Validate(Spec{Packages: []string{"numpy>=2", "x[extra]; python_version>'3'"}, Apt: []string{"libgl1", "g++", "gcc:arm64=1.2-3"},
		User: "1000:1000", WorkDir: "/srv/app", Index: Index{URL: "https://x/simple"}}))
	for says, s := range map[string]Spec{
		`--package "-r evil" is no requirement`: {Packages: []string{"-r evil"}},
		`--package "a\nb"`:                      {Packages: []string{"a\nb"}},
		`--package ""`:                          {Packages: []string{""}},
		`--apt "a b" is no Debian package`:      {Apt: []string{"a b"}},
		`--apt "-y"`:                            {Apt: []string{"-y"}},
		`--user "a b"`:                          {User: "a b"},
		`--workdir "app"`:                       {WorkDir: "app"},
		`--workdir "/"`:                         {WorkDir: "/"},
		`index "ftp://x" is no http`:            {Index: Index{Extra: []string{"ftp://x"}}},
		"is given with credentials":             {Index: Index{URL: "https://me:secret@x/simple"}},
		"at most 8":                             {Platforms: make([]string, 9)},
	} {
		assert.ErrorContains(t, Validate(s), says)
	}
	assert.Assert(t, !strings.Contains(Validate(Spec{Index: Index{URL: "https://me:secret@x"}}).Error(), "secret@"))
}

// The published schema and the struct say the same keys, also below.
func TestSchemaIsInStep(t *testing.T) {
	var schema map[string]any
	assert.NilError(t, json.Unmarshal(Schema(), &schema))
	same(t, "", reflect.TypeFor[Spec](), schema)
}

func same(t *testing.T, in string, typ reflect.Type, schema map[string]any) {
	t.Helper()
	assert.Equal(t, schema["additionalProperties"], false, in)
	properties := schema["properties"].(map[string]any)
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		p, ok := properties[name].(map[string]any)
		assert.Assert(t, ok, "the schema lacks %s%s", in, name)
		assert.Assert(t, p["description"] != "", name)
		want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Slice: "array", reflect.Map: "object", reflect.Struct: "object"}[f.Type.Kind()]
		if many, ok := p["type"].([]any); ok { // a number is a user too
			assert.Assert(t, slices.Contains(many, any(want)), name)
		} else {
			assert.Equal(t, p["type"], want, name)
		}
		if f.Type.Kind() == reflect.Struct {
			same(t, name+".", f.Type, p)
		}
		delete(properties, name)
	}
	assert.Equal(t, len(properties), 0, "the schema has more than the struct: %v", properties)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"torch: auto\n", "index: {url: x}\n", "a: &a [*a]\n", "labels: {? a : b}\n", "- 1", "packages: [~]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = Parse("gpu.yaml", data) })
}
