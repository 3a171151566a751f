package spec

import (
	"reflect"
	"testing"

	"gotest.tools/v3/assert"
)

// filled is a spec in which every field says something, and what it says is the word's.
func filled(word string) Spec {
	var s Spec
	each(reflect.ValueOf(&s).Elem(), func(_ string, f reflect.Value) {
		switch f.Kind() {
		case reflect.String:
			f.SetString(word)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int:
			f.SetInt(int64(len(word)))
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{word, word}))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{word: word}))
		}
	})
	return s
}

// A field that is new must be merged without a word about it here.
func TestMergeOfEveryField(t *testing.T) {
	each(reflect.ValueOf(filled("x")), func(name string, f reflect.Value) {
		assert.Assert(t, !f.IsZero(), "%s is of a kind that this test does not know", name)
	})
	file, flags := filled("file"), filled("flags")
	merged := Merge(file, flags)
	assert.DeepEqual(t, merged.Labels, map[string]string{"file": "file", "flags": "flags"})
	merged.Labels = flags.Labels
	assert.DeepEqual(t, merged, flags)
	assert.DeepEqual(t, Merge(file, Spec{}), file)
	assert.DeepEqual(t, Merge(Spec{}, flags), flags)
	assert.DeepEqual(t, Merge(Spec{}, Spec{}), Spec{})
}

func TestMergeFieldByField(t *testing.T) {
	file := Spec{Torch: "2.13", Base: "b", Packages: []string{"a", "b"}, Labels: map[string]string{"x": "file", "y": "file"},
		Index: Index{URL: "u", FindLinks: []string{"f"}}, Cmd: []string{"run"}, Target: Target{GPUs: []string{"h100"}, Driver: "570"}}
	for name, c := range map[string]struct {
		flags Spec
		want  func(*Spec)
	}{
		"a word":          {Spec{Torch: "2.14"}, func(s *Spec) { s.Torch = "2.14" }},
		"a list replaces": {Spec{Packages: []string{"c"}}, func(s *Spec) { s.Packages = []string{"c"} }},
		// --cmd '[]' clears what the file says; no --cmd does not.
		"an empty list clears":     {Spec{Cmd: []string{}}, func(s *Spec) { s.Cmd = []string{} }},
		"one label of two":         {Spec{Labels: map[string]string{"x": "flag"}}, func(s *Spec) { s.Labels = map[string]string{"x": "flag", "y": "file"} }},
		"an empty label is one":    {Spec{Labels: map[string]string{"x": ""}}, func(s *Spec) { s.Labels = map[string]string{"x": "", "y": "file"} }},
		"one index beside another": {Spec{Index: Index{Extra: []string{"e"}}}, func(s *Spec) { s.Index.Extra = []string{"e"} }},
		"the driver alone":         {Spec{Target: Target{Driver: "580"}}, func(s *Spec) { s.Target.Driver = "580" }},
	} {
		t.Run(name, func(t *testing.T) {
			want := file
			c.want(&want)
			assert.DeepEqual(t, Merge(file, c.flags), want)
		})
	}
}

// The file is read once and the flags are what the command line says: both stay.
func TestMergeChangesNeither(t *testing.T) {
	file, flags := filled("file"), filled("flags")
	merged := Merge(file, flags)
	merged.Labels["new"] = "new"
	assert.DeepEqual(t, file, filled("file"))
	assert.DeepEqual(t, flags, filled("flags"))
}
