package lock

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// aa and bb are hashes of nothing in particular.
var aa, bb = strings.Repeat("a", 64), strings.Repeat("b", 64)

func sample() *Lock {
	return &Lock{Platforms: map[string]*Platform{"linux/amd64": {
		Inputs: map[string]string{"base": "python:3.12", "requirements.txt": "sha256:11"},
		Base:   Base{Ref: "docker.io/library/python:3.12", Digest: "sha256:" + aa, Python: "3.12.1"},
		UV:     Tool{Version: "0.13.9", SHA256: bb},
		Wheels: []Wheel{
			{Name: "torch", Version: "2.14.0+cu126", File: "torch.whl", SHA256: aa, Size: 5, Torch: true},
			{Name: "idna", Version: "3.10", File: "idna.whl", SHA256: bb, Size: 1},
		},
	}}}
}

func TestLockComesBackAsItWas(t *testing.T) {
	data, err := Marshal(sample())
	assert.NilError(t, err)
	got, err := Parse("gpu.lock", data)
	assert.NilError(t, err)
	again, err := Marshal(got)
	assert.NilError(t, err)
	assert.Equal(t, string(again), string(data))
	assert.Equal(t, got.Platforms["linux/amd64"].Wheels[0].Name, "idna", "wheels are sorted by name")
	assert.Assert(t, !strings.Contains(string(data), "://"), "a lock names no index")
}

func TestDriftNamesWhatChanged(t *testing.T) {
	p := sample().Platforms["linux/amd64"]
	same := map[string]string{"base": "python:3.12", "requirements.txt": "sha256:11"}
	assert.Equal(t, len(p.Drift(same)), 0)
	assert.DeepEqual(t, p.Drift(map[string]string{"base": "python:3.13", "requirements.txt": "sha256:22", "python": "3.13"}),
		[]string{`base was "python:3.12" and is now "python:3.13"`, "python is new", "requirements.txt changed"})
	assert.DeepEqual(t, p.Drift(map[string]string{"base": "python:3.12"}), []string{"requirements.txt is gone"})
}

// One line that pip and uv take, and a shell too.
func TestRequirement(t *testing.T) {
	assert.Equal(t, sample().Platforms["linux/amd64"].Wheels[0].Requirement(), "torch==2.14.0+cu126 --hash=sha256:"+aa)
}

// The order of what resolving found says nothing, so a diff of two locks shows what changed.
func TestMarshalIsTheSameForTheSameContent(t *testing.T) {
	l := sample()
	l.Version = 7 // what is written is this program's form
	first, err := Marshal(l)
	assert.NilError(t, err)
	slices.Reverse(l.Platforms["linux/amd64"].Wheels)
	second, err := Marshal(l)
	assert.NilError(t, err)
	assert.Equal(t, string(first), string(second))
	golden.Assert(t, string(first), "gpu.lock")
}

func TestDriftOfEveryKind(t *testing.T) {
	for name, c := range map[string]struct {
		locked, now map[string]string
		want        []string
	}{
		"both know nothing": {nil, nil, nil},
		"a file's content":  {map[string]string{"a": "sha256:1"}, map[string]string{"a": "sha256:2"}, []string{"a changed"}},
		"a file for a word": {map[string]string{"a": "1"}, map[string]string{"a": "sha256:2"}, []string{"a changed"}},
		"a word for a file": {map[string]string{"a": "sha256:1"}, map[string]string{"a": "1"}, []string{`a was "sha256:1" and is now "1"`}},
		"empty is not gone": {map[string]string{"a": ""}, map[string]string{"a": ""}, nil},
		"empty and gone":    {map[string]string{"a": ""}, nil, []string{"a is gone"}},
		"all is new":        {nil, map[string]string{"b": "1", "a": "2"}, []string{"a is new", "b is new"}},
		"in order":          {map[string]string{"c": "1", "a": "1"}, map[string]string{"b": "1", "a": "2"}, []string{`a was "1" and is now "2"`, "b is new", "c is gone"}},
		"what acts":         {map[string]string{"a": "\x1b[2J"}, map[string]string{"a": "\n"}, []string{`a was "\x1b[2J" and is now "\n"`}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, (&Platform{Inputs: c.locked}).Drift(c.now), c.want) })
	}
}
