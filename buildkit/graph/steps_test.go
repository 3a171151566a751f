package graph

import (
	"encoding/json"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"
)

func TestProbingABaseChangesNothing(t *testing.T) {
	e, m := taken(t, sample().Probe(llb.Image("base")))
	assert.Equal(t, m.Dest, outDir)
	assert.Equal(t, e.Network, pb.NetMode_NONE)
}

func TestWhatDecidesAResolutionIsInItsKey(t *testing.T) {
	in := sample()
	tool := llb.Image("base")
	resolved := func(req Request) llb.State {
		project := llb.Scratch().File(llb.Mkfile("/requirements.txt", 0o644, []byte("idna")))
		st, err := in.Resolve(tool, in.UV(tool, in.Lock.UV), req, &project)
		assert.NilError(t, err)
		return st
	}
	const title = "[resolve] let uv choose the packages"
	req := Request{Requirements: []string{"torch==2.14.0"}, Files: []string{"requirements.txt"}, Salt: "one index"}
	before := digests(t, resolved(req))[title]
	assert.Equal(t, before, digests(t, resolved(req))[title])
	for name, change := range map[string]func(*Request){
		"another index": func(r *Request) { r.Salt = "another" },
		"a package":     func(r *Request) { r.Requirements = []string{"torch==2.15.0"} },
		"a constraint":  func(r *Request) { r.Constraints = []string{"numpy==2"} },
		"torch's index": func(r *Request) { r.TorchIndex = "https://x" },
	} {
		other := req
		change(&other)
		assert.Assert(t, before != digests(t, resolved(other))[title], name)
	}
	e, m := taken(t, resolved(req))
	assert.Equal(t, m.Dest, outDir)
	for _, m := range e.Mounts {
		if m.Dest == srcDir || m.Dest == uvDir {
			assert.Assert(t, m.Readonly, m.Dest)
		}
	}
}

// What resolve.py reads and what Go writes have the same names.
func TestRequestInJSON(t *testing.T) {
	data, err := json.Marshal(Request{Requirements: []string{"a"}, Files: []string{"b"}, Pyproject: true, UVLock: true,
		Constraints: []string{"c"}, TorchIndex: "https://d", TorchPackages: []string{"a"}})
	assert.NilError(t, err)
	got := resolving(t, nil, string(data))
	assert.Equal(t, got.Files["constraints.txt"], "c\nidna==3.10\ntorch==2.0\n")
	assert.Assert(t, contains(lines(got.Files["pyproject.toml"]), `a = { index = "torch" }`))
	assert.Assert(t, contains(got.Args, "/src/b") && contains(got.Args, "/src/pyproject.toml"), "%q", got.Args)
}

func TestASourceIsBuiltWhereTheCompilerIs(t *testing.T) {
	in := sample()
	in.AptPackages = []string{"build-essential"}
	in.Lock.Wheels[1].Source = true // idna
	apt := digests(t, in.Base())["[apt] build-essential"]
	assert.Assert(t, apt != "")
	for title, want := range map[string]bool{"[source] idna 1.0 (1kB)": true, "[wheel] numpy 1.0 (16.8MB)": false} {
		root := ops(t, in.Runtime())[title][0].Inputs[0].Digest
		assert.Equal(t, root == apt.String(), want, title)
	}
}
