package spec

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"gotest.tools/v3/assert"
)

func TestParseReadsEveryKey(t *testing.T) {
	s, err := Parse("gpu.yaml", []byte(`version: 1
torch: "2.14"
cuda: "12.6"
cuda-only: true
python: "3.12"
base: debian:12
tool-base: python:3.12
requirements: [a.txt]
packages: [numpy, 'transformers>=5']
apt: [git]
entrypoint: [python]
cmd: [serve.py]
user: app
workdir: /srv
index: {url: https://x/simple, extra: [https://e], find-links: [https://y], torch: https://t}
ca-bundle: ca.pem
target:
  gpus: [h100]
  driver: "570.86"
platforms: [linux/amd64]
labels: {a: b}
`))
	assert.NilError(t, err)
	want := Spec{
		Version: 1, Torch: "2.14", CUDA: "12.6", CUDAOnly: true, Python: "3.12", Base: "debian:12", ToolBase: "python:3.12",
		Requirements: []string{"a.txt"}, Packages: []string{"numpy", "transformers>=5"}, Apt: []string{"git"},
		Entrypoint: []string{"python"}, Cmd: []string{"serve.py"}, User: "app", WorkDir: "/srv",
		Index:    Index{URL: "https://x/simple", Extra: []string{"https://e"}, FindLinks: []string{"https://y"}, Torch: "https://t"},
		CABundle: "ca.pem", Target: Target{GPUs: []string{"h100"}, Driver: "570.86"}, Platforms: []string{"linux/amd64"}, Labels: map[string]string{"a": "b"},
	}
	assert.DeepEqual(t, s, want)
	each(reflect.ValueOf(want), func(name string, field reflect.Value) { assert.Assert(t, !field.IsZero(), "no %s in the file", name) })
}

// each visits the fields of a struct and of the structs in it.
func each(v reflect.Value, visit func(name string, field reflect.Value)) {
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct {
			each(f, visit)
		} else {
			visit(v.Type().Name()+"."+v.Type().Field(i).Name, f)
		}
	}
}

// The README shows a file that works.
func TestTheExampleOfTheREADME(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	_, rest, ok := strings.Cut(string(data), "```yaml\n")
	assert.Assert(t, ok, "there is no example")
	example, _, _ := strings.Cut(rest, "```")
	s, err := Parse("README.md", []byte(example))
	assert.NilError(t, err)
	assert.NilError(t, Validate(s))
	assert.Assert(t, s.Wants())
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

// What is taken can be written and read again, and holds nothing that a later file or
// log could take for a line of its own.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"torch: auto\n", "index: {url: x}\n", "a: &a [*a]\n", "labels: {? a : b}\n", "- 1", "packages: [~]", "user: 0x10", "torch: |\n  a\n",
		"packages: ['a;\\n-r b']", "cmd: [\"\\0\"]", "\xff\xfet\x00", "version: 1\n...\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("gpu.yaml", data)
		if err != nil || Validate(s) != nil {
			return
		}
		for _, word := range slices.Concat([]string{s.Torch, s.CUDA, s.Python, s.Base, s.User, s.WorkDir}, s.Requirements, s.Packages, s.Apt, s.Platforms) {
			if strings.ContainsAny(word, "\n\r\x00\x1b") {
				t.Fatalf("%q was let in", word)
			}
		}
		text, err := yaml.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again.yaml", text)
		if err != nil {
			t.Fatalf("%s was written of %+v: %v", text, s, err)
		}
		if same, _ := yaml.Marshal(again); string(same) != string(text) {
			t.Fatalf("%+v was written as\n%s and read as\n%s", s, text, same)
		}
	})
}
