package solve

import (
	"context"
	"errors"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
)

func looking(g *gateway) images {
	return images{g: g, platform: amd64, mode: llb.ResolveModePreferLocal}
}

func TestFindAsksForTheImageThatIsMeant(t *testing.T) {
	known := registered{digest: sha("a"), config: configOf()}
	for name, c := range map[string]struct {
		ref    string
		locked string
		asked  string
		want   string // the name in the lock
	}{
		"a short name":         {"python", "", "docker.io/library/python:latest", "docker.io/library/python:latest"},
		"a tag":                {"python:3.12", "", "docker.io/library/python:3.12", "docker.io/library/python:3.12"},
		"a registry":           {"localhost:5000/team/base", "", "localhost:5000/team/base:latest", "localhost:5000/team/base:latest"},
		"what a lock says":     {"python:3.12", sha("b").String(), "docker.io/library/python:3.12@" + sha("b").String(), "docker.io/library/python:3.12"},
		"a digest":             {"python@" + sha("c").String(), "", "docker.io/library/python@" + sha("c").String(), "docker.io/library/python@" + sha("c").String()},
		"a digest and a lock":  {"python@" + sha("c").String(), sha("b").String(), "docker.io/library/python@" + sha("c").String(), "docker.io/library/python@" + sha("c").String()},
		"a tag and its digest": {"python:3.12@" + sha("c").String(), "", "docker.io/library/python:3.12@" + sha("c").String(), "docker.io/library/python:3.12@" + sha("c").String()},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gateway{images: map[string]registered{c.asked: known}}
			img, err := looking(g).find(t.Context(), c.ref, digest.Digest(c.locked))
			assert.NilError(t, err)
			assert.DeepEqual(t, g.found, []string{c.asked})
			assert.Equal(t, img.ref, c.want)
			assert.Equal(t, img.digest, sha("a"))
			assert.Assert(t, !img.local)
			assert.DeepEqual(t, *g.opts[0].ImageOpt.Platform, amd64)
			assert.Equal(t, g.opts[0].ImageOpt.ResolveMode, "local")
		})
	}
}

// An engine without containerd's store gives its own images no digest of a registry.
func TestFindOfAnEnginesOwnImage(t *testing.T) {
	g := &gateway{images: map[string]registered{"docker.io/library/mine:1": {config: `{"os":"linux"}`}}}
	img, err := looking(g).find(t.Context(), "mine:1", "")
	assert.NilError(t, err)
	assert.Assert(t, img.local)
	assert.Equal(t, img.digest.String(), "sha256:"+hash([]byte(`{"os":"linux"}`)))
	l := img.lock()
	assert.Assert(t, l.Local && l.Ref == "docker.io/library/mine:1" && l.Digest == img.digest.String(), "%+v", l)
}

func TestBasesThatCannotBeFound(t *testing.T) {
	g := &gateway{images: map[string]registered{
		"docker.io/library/broken:latest": {digest: sha("a"), config: "{"},
		"docker.io/library/odd:latest":    {digest: sha("a"), config: `{"config":[]}`},
		"docker.io/library/away:latest":   {err: errors.New("dial tcp: lookup docker.io: no such host")},
	}}
	for ref, says := range map[string]string{
		"A B":    `--base "A B" is no image reference: `,
		"none:1": "base image docker.io/library/none:1 does not exist, or is private: check --base, or run `docker login` for its registry: docker.io/library/none:1: not found",
		"away":   "the builder cannot reach the registry of base image docker.io/library/away:latest; check its network, or name an image that is near with --base: dial tcp: lookup docker.io: no such host",
		"broken": "the config of base image docker.io/library/broken:latest cannot be read: unexpected end of JSON input",
		"odd":    "the config of base image docker.io/library/odd:latest cannot be read: json: ",
	} {
		_, err := looking(g).find(t.Context(), ref, "")
		assert.ErrorContains(t, err, says)
	}
}

// What a base must have before anything is installed on it.
func TestProbe(t *testing.T) {
	const base = "docker.io/library/python:3.12"
	steps := graph.Steps{Platform: "linux/amd64"}
	for name, c := range map[string]struct {
		env    []string
		base   files
		probe  files
		fails  map[string]error
		python string
		says   string
	}{
		"Python":            {nil, files{"/usr/bin/python3": ""}, files{"/probe.json": probeOf312}, nil, "3.12.7", ""},
		"on a PATH":         {[]string{"PATH=/opt/conda/bin:/usr/bin"}, files{"/opt/conda/bin/python3": ""}, files{"/probe.json": probeOf312}, nil, "3.12.7", ""},
		"not on the PATH":   {[]string{"PATH=/usr/bin"}, files{"/opt/conda/bin/python3": ""}, nil, nil, "", "base image " + base + " has no python3 on its PATH; choose one that has, such as python:3.12-slim-trixie"},
		"no Python":         {nil, files{"/usr/bin/python2": ""}, nil, nil, "", "base image " + base + " has no python3 on its PATH; choose one that has, such as python:3.12-slim-trixie"},
		"an empty PATH":     {[]string{"PATH="}, files{"/usr/bin/python3": ""}, nil, nil, "", "base image " + base + " has no python3 on its PATH; choose one that has, such as python:3.12-slim-trixie"},
		"musl":              {nil, files{"/usr/bin/python3": "", "/lib/ld-musl-x86_64.so.1": ""}, nil, nil, "", "base image " + base + " uses musl (ld-musl-x86_64.so.1), for which PyTorch and NVIDIA make no wheels; use a glibc image such as python:3.12-slim-trixie"},
		"a base that fails": {nil, nil, nil, map[string]error{"[base] docker.io": errors.New("no space left on device")}, "", "no space left on device"},
		"a Python that fails": {nil, files{"/usr/bin/python3": ""}, nil, map[string]error{"look at its Python": errors.New("exit code: 127")}, "",
			"the Python of base image " + base + " cannot be asked: exit code: 127"},
		"no answer":       {nil, files{"/usr/bin/python3": ""}, files{}, nil, "", "/probe.json: no such file in [base] look at its Python"},
		"half an answer":  {nil, files{"/usr/bin/python3": ""}, files{"/probe.json": `{"python":`}, nil, "", "the Python of base image " + base + " gave no readable answer: unexpected end of JSON input"},
		"another's words": {nil, files{"/usr/bin/python3": ""}, files{"/probe.json": `{"python":3}`}, nil, "", "the Python of base image " + base + " gave no readable answer: json: cannot unmarshal number into Go struct field probed.python of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gateway{images: map[string]registered{base: {digest: sha("a"), config: configOf(c.env...)}}, files: map[string]files{"[base] docker.io": c.base, "look at its Python": c.probe}, fails: c.fails}
			im := looking(g)
			img, err := im.find(t.Context(), base, "")
			assert.NilError(t, err)
			p, err := im.probe(t.Context(), steps, img)
			if c.says != "" {
				assert.Error(t, err, c.says)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, p.Python, c.python)
			assert.Equal(t, g.step(t, "look at its Python").GetExec().Network.String(), "NONE", "a base needs no network to say what it is")
		})
	}
}

// Ctrl-C in the middle of looking is no fault of the base.
func TestProbeEndsWithItsContext(t *testing.T) {
	g := withPython()
	im := looking(g)
	img, err := im.find(t.Context(), "python:3.12", "")
	assert.NilError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = im.probe(ctx, graph.Steps{Platform: "linux/amd64"}, img)
	assert.ErrorIs(t, err, context.Canceled)
}

// The graph names the image by what it holds, so that a tag that moves changes nothing.
func TestStateOfAnImage(t *testing.T) {
	source := func(img *image) string {
		g := &gateway{}
		im := looking(g)
		_, err := im.solve(t.Context(), im.state(img))
		assert.NilError(t, err)
		return g.step(t, "[base] ").GetSource().Identifier
	}
	const name = "docker.io/library/python:3.12"
	assert.Equal(t, source(&image{ref: name, digest: sha("a")}), "docker-image://"+name+"@"+sha("a").String())
	assert.Equal(t, source(&image{ref: name, digest: sha("a"), local: true}), "docker-image://"+name, "an engine knows its own by name")
	assert.Equal(t, source(&image{ref: name + "@" + sha("b").String(), digest: sha("a")}), "docker-image://"+name+"@"+sha("b").String())
}

func TestSolveOfNothing(t *testing.T) {
	im := looking(&gateway{nothing: true})
	_, err := im.solve(t.Context(), llb.Scratch().File(llb.Mkdir("x", 0o755), llb.WithCustomName("x")))
	assert.Error(t, err, "the build returned no result")
	_, err = im.solve(t.Context(), llb.Image("A B"))
	assert.ErrorContains(t, err, "invalid reference format", "a state that cannot be is no step")
}
