package solve

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session/secrets"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

func TestRequirementsOfAPlan(t *testing.T) {
	r := &Request{Spec: spec.Spec{Packages: []string{"idna"}}}
	assert.DeepEqual(t, r.requirements(resolve.Plan{}), []string{"idna"})
	assert.DeepEqual(t, r.requirements(resolve.Plan{Torch: &resolve.Torch{Version: "2.14.0", Variant: "cu130"}}), []string{"torch==2.14.0", "idna"})
	assert.DeepEqual(t, r.requirements(resolve.Plan{Torch: &resolve.Torch{Version: "2.14.0", Variant: "cu126", Index: "https://x/cu126"}}),
		[]string{"torch==2.14.0+cu126", "idna"})
	assert.DeepEqual(t, r.requirements(resolve.Plan{Torch: &resolve.Torch{InBase: true}}), []string{"idna"})
	assert.Assert(t, !(&Request{}).wants(resolve.Plan{Torch: &resolve.Torch{InBase: true}}))
	assert.Assert(t, (&Request{Files: Files{Pyproject: true}}).wants(resolve.Plan{}))
}

func TestInputsSeeWhatDecides(t *testing.T) {
	plan := resolve.Plan{Base: "python:3.12", Python: "3.12", Torch: &resolve.Torch{Version: "2.14.0", Index: "https://x"}}
	r := &Request{Files: Files{Content: map[string][]byte{"requirements.txt": []byte("idna\n")}}}
	before := r.inputs(plan)
	r.Files.Content["requirements.txt"] = []byte("idna==3\n")
	after := r.inputs(plan)
	assert.Assert(t, before["requirements.txt"] != after["requirements.txt"])
	// An index is a route: a mirror does not make a lock stale.
	r.Spec.Index.URL = "https://mirror.example.com/simple"
	assert.DeepEqual(t, after, r.inputs(plan))
}

func TestFamilyIsAskedForByName(t *testing.T) {
	torch := func(n string) bool { return strings.HasPrefix(n, "torch") }
	wheels := []lock.Wheel{{Name: "torch"}, {Name: "torchvision"}, {Name: "idna"}}
	assert.DeepEqual(t, family(wheels, graph.Request{Requirements: []string{"torch==2.14.0"}}, torch), []string{"torchvision"})
	assert.Equal(t, len(family(wheels, graph.Request{Requirements: []string{"torch==2.14.0", "TorchVision>=0.2"}}, torch)), 0)
}

func TestRoutesAreSecrets(t *testing.T) {
	own, err := routes(spec.Spec{Index: spec.Index{URL: "https://mirror.example.com"}})
	assert.NilError(t, err)
	var index map[string]any
	assert.NilError(t, json.Unmarshal(own[graph.SecretIndex], &index))
	assert.Equal(t, index["url"], "https://mirror.example.com")

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const pem = "-----BEGIN CERTIFICATE-----\n"
	own, err = routes(spec.Spec{CABundle: file("good.pem", pem)})
	assert.NilError(t, err)
	assert.Equal(t, string(own[graph.SecretCA]), pem)
	for says, path := range map[string]string{
		"no such file":       filepath.Join(dir, "none"),
		"no PEM certificate": file("key.pem", "secret"),
		"over the":           file("big.pem", pem+strings.Repeat("x", maxCABundle)),
		"larger than 16MiB":  "/dev/zero",
	} {
		_, err := routes(spec.Spec{CABundle: path})
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "--ca-bundle")
	}
}

type fixed map[string][]byte

func (f fixed) GetSecret(_ context.Context, id string) ([]byte, error) {
	if v, ok := f[id]; ok {
		return v, nil
	}
	return nil, secrets.ErrNotFound
}

func TestUsersSecretsComeAfterOurs(t *testing.T) {
	s := store{own: map[string][]byte{"a": []byte("ours")}, user: fixed{"a": []byte("theirs"), "b": []byte("theirs")}}
	for id, want := range map[string]string{"a": "ours", "b": "theirs"} {
		got, err := s.GetSecret(t.Context(), id)
		assert.NilError(t, err)
		assert.Equal(t, string(got), want)
	}
	_, err := s.GetSecret(t.Context(), "c")
	assert.Assert(t, errors.Is(err, secrets.ErrNotFound))
	_, err = store{}.GetSecret(t.Context(), "c")
	assert.Assert(t, errors.Is(err, secrets.ErrNotFound), "an optional secret that is not there is no error to BuildKit")
}

func TestGPUDevice(t *testing.T) {
	devices := func(names ...string) (out []bkclient.CDIDevice) {
		for _, n := range names {
			out = append(out, bkclient.CDIDevice{Name: n})
		}
		return out
	}
	assert.Equal(t, gpuDevice(devices("nvidia.com/gpu=0", "nvidia.com/gpu=all")), "nvidia.com/gpu=all")
	assert.Equal(t, gpuDevice(devices("nvidia.com/gpu=0", "nvidia.com/gpu=1")), "nvidia.com/gpu=*")
	assert.Equal(t, gpuDevice(devices("amd.com/gpu=0", "nvidia.com/nic=all")), "")
}

func TestGPUOnlyForPyTorchAndWhereAsked(t *testing.T) {
	b := &Builder{GPU: "nvidia.com/gpu=all"}
	torch := []resolve.Plan{{Torch: &resolve.Torch{}}}
	for mode, want := range map[verify.Mode]string{verify.Auto: b.GPU, verify.Require: b.GPU, verify.CPU: "", verify.Off: ""} {
		assert.Equal(t, (&Request{Plans: torch, Verify: mode}).gpu(b), want, string(mode))
	}
	assert.Equal(t, (&Request{Plans: []resolve.Plan{{}}, Verify: verify.Auto}).gpu(b), "")
}

func TestAccepts(t *testing.T) {
	amd64 := []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}
	plans := func(p ...string) (out []resolve.Plan) {
		for _, name := range p {
			out = append(out, resolve.Plan{Platform: name})
		}
		return out
	}
	b := &Builder{Name: "mine", Platforms: amd64}
	assert.NilError(t, b.accepts(&Request{Plans: plans("linux/amd64")}))
	assert.ErrorContains(t, b.accepts(&Request{Plans: plans("linux/arm64")}), "binfmt")
	assert.ErrorContains(t, b.accepts(&Request{Plans: plans("linux/amd64", "linux/amd64")}), "several platforms")
	assert.ErrorContains(t, b.accepts(&Request{Plans: plans("linux/amd64"), Attests: map[string]string{"sbom": ""}}), "--sbom")
	b.MultiPlatform = true
	assert.NilError(t, b.accepts(&Request{Plans: plans("linux/amd64"), Attests: map[string]string{"sbom": ""}}))
}

func TestRememberedOnlyWhereTheLockKnowsEnough(t *testing.T) {
	l := &lock.Platform{Base: lock.Base{Python: "3.12.1"}, Wheels: []lock.Wheel{{Name: "idna"}}}
	assert.Equal(t, remembered(l, resolve.Plan{}).Python, "3.12.1")
	assert.Assert(t, remembered(nil, resolve.Plan{}) == nil)
	assert.Assert(t, remembered(&lock.Platform{}, resolve.Plan{}) == nil, "without wheels the base's interpreter is the image's")
	assert.Assert(t, remembered(l, resolve.Plan{Torch: &resolve.Torch{InBase: true}}) == nil)
	// Edited by hand: the base is asked again.
	l.Base.Python = ""
	assert.Assert(t, remembered(l, resolve.Plan{}) == nil)
	l.ToolBase, l.Base.Python = &lock.Base{}, "3.12.1"
	assert.Assert(t, remembered(l, resolve.Plan{}) == nil, "the tool's is not the base's")
}

func TestFits(t *testing.T) {
	img := &image{ref: "base:1"}
	assert.NilError(t, fits(resolve.Plan{Python: "3.11"}, img, &probed{Python: "3.11.2"}))
	assert.ErrorContains(t, fits(resolve.Plan{Python: "3.12"}, img, &probed{Python: "3.11.2"}), "has Python 3.11.2, not the 3.12")
	inBase := resolve.Plan{Torch: &resolve.Torch{InBase: true}}
	assert.ErrorContains(t, fits(inBase, img, &probed{Python: "3.11.2"}), "holds no torch")
	assert.NilError(t, fits(inBase, img, &probed{Python: "3.11.2", Installed: map[string]string{"torch": "2.11.0"}}))
	assert.ErrorContains(t, fits(resolve.Plan{Torch: &resolve.Torch{Version: "2.5.1", Known: true}}, img, &probed{Python: "3.14.0"}), "3.14")
}
