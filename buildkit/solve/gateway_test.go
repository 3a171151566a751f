package solve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
	"gotest.tools/v3/assert"
)

// files are what a step leaves, by path.
type files map[string]string

// registered is an image as a builder finds it.
type registered struct {
	digest digest.Digest // "" where an engine has it by name only
	config any           // marshalled; a string as it is
	err    error
}

// gateway is a builder of a build that runs nothing: each step that it is asked for has
// left the files that the test says, by a part of the step's title, the longest that fits.
type gateway struct {
	gw.Client
	imports string
	images  map[string]registered
	files   map[string]files
	answer  func(title string) files // before files, where not nil
	fails   map[string]error
	lacks   string // a capability
	nothing bool   // steps leave nothing at all

	mu       sync.Mutex
	found    []string // images that were asked for
	opts     []sourceresolver.Opt
	titles   []string          // steps that were solved, in order
	requests []gw.SolveRequest // of each
}

func (g *gateway) BuildOpts() gw.BuildOpts {
	return gw.BuildOpts{Opts: map[string]string{"cache-imports": g.imports}, LLBCaps: without(apicaps.CapID(g.lacks))}
}

func (g *gateway) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.found, g.opts = append(g.found, ref), append(g.opts, opt)
	img, ok := g.images[ref]
	if !ok {
		return "", "", nil, fmt.Errorf("%s: not found", ref)
	}
	if text, ok := img.config.(string); ok {
		return ref, img.digest, []byte(text), img.err
	}
	data, err := json.Marshal(img.config)
	return ref, img.digest, data, errors.Join(err, img.err)
}

func (g *gateway) Solve(ctx context.Context, req gw.SolveRequest) (*gw.Result, error) {
	title, err := titleOf(req.Definition)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.titles, g.requests = append(g.titles, title), append(g.requests, req)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for part, err := range g.fails {
		for _, meta := range req.Definition.Metadata { // what a step stands on fails it
			if strings.Contains(meta.GetDescription()["llb.customname"], part) {
				return nil, err
			}
		}
	}
	var f files
	if g.answer != nil {
		f = g.answer(title)
	}
	best := ""
	for part := range g.files {
		if f == nil && strings.Contains(title, part) && len(part) >= len(best) {
			best = part
		}
	}
	if f == nil {
		f = g.files[best]
	}
	res := gw.NewResult()
	if !g.nothing {
		res.SetRef(left{files: f, title: title})
	}
	return res, nil
}

// step is the last request for a step with such a title, as operations.
func (g *gateway) step(t *testing.T, part string) *pb.Op {
	t.Helper()
	for i, title := range g.titles {
		if strings.Contains(title, part) {
			def := g.requests[i].Definition
			op, err := target(def)
			assert.NilError(t, err)
			return op
		}
	}
	t.Fatalf("%q was not solved, only %q", part, g.titles)
	return nil
}

// target is the operation that a definition ends in.
func target(def *pb.Definition) (*pb.Op, error) {
	var end, op pb.Op
	if err := end.UnmarshalVT(def.Def[len(def.Def)-1]); err != nil {
		return nil, err
	}
	for _, data := range def.Def {
		if digest.FromBytes(data).String() == end.Inputs[0].Digest {
			return &op, op.UnmarshalVT(data)
		}
	}
	return nil, errors.New("the definition ends in nothing")
}

func titleOf(def *pb.Definition) (string, error) {
	var end pb.Op
	if err := end.UnmarshalVT(def.Def[len(def.Def)-1]); err != nil {
		return "", err
	}
	return def.Metadata[end.Inputs[0].Digest].GetDescription()["llb.customname"], nil
}

// left are the files that a step has left.
type left struct {
	gw.Reference
	files files
	title string
}

func (r left) ReadFile(_ context.Context, req gw.ReadRequest) ([]byte, error) {
	if text, ok := r.files[req.Filename]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("%s: no such file in %s", req.Filename, r.title)
}

func (r left) StatFile(_ context.Context, req gw.StatRequest) (*fstypes.Stat, error) {
	if _, ok := r.files[req.Path]; ok {
		return &fstypes.Stat{Path: path.Base(req.Path)}, nil
	}
	return nil, fmt.Errorf("%s: no such file", req.Path)
}

func (r left) ReadDir(_ context.Context, req gw.ReadDirRequest) (out []*fstypes.Stat, err error) {
	for name := range r.files {
		if ok, _ := path.Match(req.IncludePattern, path.Base(name)); ok && path.Dir(name) == req.Path {
			out = append(out, &fstypes.Stat{Path: path.Base(name)})
		}
	}
	return out, nil
}

// amd64 is the platform that tests build for.
var amd64 = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

func sha(c string) digest.Digest { return digest.Digest("sha256:" + strings.Repeat(c, 64)) }

// configOf is an image's config with these variables.
func configOf(env ...string) dockerspec.DockerOCIImage {
	var img dockerspec.DockerOCIImage
	img.OS, img.Architecture = "linux", "amd64"
	img.Config.Env = env
	return img
}

const probeOf312 = `{"python":"3.12.7","executable":"/usr/local/bin/python3","libc":"glibc","libcVersion":"2.41","installed":{},"sitePackages":["/usr/lib/python3/dist-packages"]}`

// withPython is a builder that has a Python image by the name of python:3.12 and an empty debian.
func withPython() *gateway {
	return &gateway{
		images: map[string]registered{
			"docker.io/library/python:3.12": {digest: sha("a"), config: configOf("PATH=/usr/local/bin:/usr/bin", "PYTHON_VERSION=3.12.7")},
			"docker.io/library/debian:13":   {digest: sha("b"), config: configOf()},
		},
		files: map[string]files{
			"[base] docker.io/library/python:3.12": {"/usr/local/bin/python3": "", "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/var/www:\n", "/etc/group": "root:x:0:\nvideo:x:44:a,b\n"},
			"[base] docker.io/library/debian:13":   {"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"},
			"[base] look at its Python":            {"/probe.json": probeOf312},
		},
	}
}
