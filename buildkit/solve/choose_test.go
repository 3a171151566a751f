package solve

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	gw "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
)

// made are the files that a request's steps are handed, by path.
func made(t *testing.T, req gw.SolveRequest) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, data := range req.Definition.Def {
		var op pb.Op
		assert.NilError(t, op.UnmarshalVT(data))
		for _, action := range op.GetFile().GetActions() {
			if f := action.GetMkfile(); f != nil {
				out[f.Path] = string(f.Data)
			}
		}
	}
	return out
}

// requests are what uv was asked, in order.
func requests(t *testing.T, g *gateway) (out []graph.Request) {
	t.Helper()
	for i, title := range g.titles {
		if strings.HasPrefix(title, "[resolve]") {
			var r graph.Request
			assert.NilError(t, json.Unmarshal([]byte(made(t, g.requests[i])["/request.json"]), &r))
			out = append(out, r)
		}
	}
	return out
}

func request(t *testing.T, g *gateway) graph.Request {
	t.Helper()
	all := requests(t, g)
	assert.Equal(t, len(all), 1)
	return all[0]
}

func withTorch() resolve.Plan {
	plan := packagesOnly()
	plan.Torch = &resolve.Torch{Version: "2.14.0", Variant: "cu126", Index: "https://download.pytorch.org/whl/cu126", Known: true}
	return plan
}

func TestWhatUVIsAsked(t *testing.T) {
	r := idna()
	r.Files = Files{Requirements: []string{"requirements.txt"}, Content: map[string][]byte{"requirements.txt": []byte("-r deep/er/more.txt\n"), "deep/er/more.txt": []byte("rich\n")}}
	g := choosing("torch 2.14.0+cu126", "idna 3.10")
	in, _, err := ready(t, g, r, withTorch())
	assert.NilError(t, err)
	ask := request(t, g)
	assert.DeepEqual(t, ask.Requirements, []string{"torch==2.14.0+cu126", "idna"})
	assert.DeepEqual(t, ask.Files, []string{"requirements.txt"})
	assert.Equal(t, ask.TorchIndex, "https://download.pytorch.org/whl/cu126")
	assert.Assert(t, slices.Contains(ask.TorchPackages, "torchvision"))
	assert.Equal(t, len(ask.Constraints), 0)
	// The project's files lie where they lay, and nothing else of it is handed over.
	handed := made(t, g.requests[slices.IndexFunc(g.titles, func(s string) bool { return strings.HasPrefix(s, "[resolve]") })])
	assert.Equal(t, handed["/requirements.txt"], "-r deep/er/more.txt\n")
	assert.Equal(t, handed["/deep/er/more.txt"], "rich\n")
	// Which of them come from PyTorch's own index is locked with them.
	for _, w := range in.Lock.Wheels {
		assert.Equal(t, w.Torch, w.Name == "torch", w.Name)
	}
}

// A package of PyTorch's family that another one brings along has to come from the same
// index: it is asked for by name, until none is left.
func TestTheFamilyIsAskedForUntilItIsWhole(t *testing.T) {
	g := choosing()
	answers := []string{pylock("torch 2.14.0+cu126", "triton 3.6"), pylock("torch 2.14.0+cu126", "triton 3.6+cu126", "torchao 1"), pylock("torch 2.14.0+cu126", "triton 3.6+cu126", "torchao 1")}
	g.files["[resolve]"] = nil
	g.answer = func(title string) files {
		if !strings.HasPrefix(title, "[resolve]") {
			return nil
		}
		next := answers[0]
		answers = answers[1:]
		return files{"/pylock.toml": next}
	}
	in, _, err := ready(t, g, &Request{}, withTorch())
	assert.NilError(t, err)
	var asked [][]string
	for _, r := range requests(t, g) {
		asked = append(asked, r.Requirements)
	}
	assert.DeepEqual(t, asked, [][]string{{"torch==2.14.0+cu126"}, {"torch==2.14.0+cu126", "triton"}, {"torch==2.14.0+cu126", "triton", "torchao"}})
	assert.Equal(t, len(in.Lock.Wheels), 3)
}

// A mirror is a secret of the step, yet other packages are another answer.
func TestTheIndexIsInTheCacheKey(t *testing.T) {
	salt := func(index spec.Index) string {
		r := idna()
		r.Spec.Index = index
		g := choosing("idna 3.10")
		_, _, err := ready(t, g, r, packagesOnly())
		assert.NilError(t, err)
		for i := range g.requests {
			for _, data := range g.requests[i].Definition.Def {
				assert.Assert(t, !strings.Contains(string(data), "mirror.example.com"), "an address is in the graph")
			}
		}
		return request(t, g).Salt
	}
	pypi, mirror := salt(spec.Index{}), salt(spec.Index{URL: "https://mirror.example.com/simple"})
	assert.Assert(t, pypi != mirror && len(pypi) == 64, "%s %s", pypi, mirror)
	assert.Equal(t, pypi, salt(spec.Index{}))
}

func TestChoicesThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		answer files
		fails  map[string]error
		says   string
	}{
		"uv fails":       {nil, map[string]error{"[resolve]": errors.New("exit code: 1")}, "exit code: 1"},
		"no answer":      {files{}, nil, "/pylock.toml: no such file in [resolve] let uv choose the packages"},
		"no TOML":        {files{"/pylock.toml": "[[packages"}, nil, "uv's answer cannot be read: "},
		"no wheel":       {files{"/pylock.toml": "[[packages]]\nname = \"old\"\nversion = \"1\"\n"}, nil, "old 1 has no wheel for Python 3.12.7 on linux/amd64, and no source to build"},
		"a forged name":  {files{"/pylock.toml": pylock("idna;id 3.10")}, nil, `uv's answer cannot be locked: "idna;id" "3.10" is no package and version`},
		"a git checkout": {files{"/pylock.toml": "[[packages]]\nname = \"mine\"\nvcs = {type = \"git\", url = \"https://x\", commit-id = \"1\"}\n"}, nil, "mine comes from a repository"},
	} {
		t.Run(name, func(t *testing.T) {
			g := choosing()
			g.files["[resolve]"], g.fails = c.answer, c.fails
			_, _, err := ready(t, g, idna(), packagesOnly())
			assert.ErrorContains(t, err, c.says)
		})
	}
	_, _, err := ready(t, choosing(), idna(), packagesOnly())
	assert.NilError(t, err, "what uv finds to need nothing is nothing")
}

// A project with uv.lock is asked for with its pins.
func TestProjectsOfUV(t *testing.T) {
	r := &Request{Files: Files{Pyproject: true, UVLock: true, Content: map[string][]byte{"pyproject.toml": []byte("[project]\n"), "uv.lock": []byte("version = 1\n")}}}
	g := choosing("idna 3.10")
	in, _, err := ready(t, g, r, packagesOnly())
	assert.NilError(t, err)
	ask := request(t, g)
	assert.Assert(t, ask.Pyproject && ask.UVLock && len(ask.Requirements) == 0)
	assert.DeepEqual(t, in.Lock.Wheels, []lock.Wheel{{Name: "idna", Version: "3.10", File: "idna-3.10.whl", SHA256: strings.Repeat("d", 64), Size: 5}})
	assert.Assert(t, strings.HasPrefix(in.Lock.Inputs["uv.lock"], "sha256:"))
}
