package solve

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
)

func TestALockAnswersWhatItWasMadeFrom(t *testing.T) {
	plan := resolve.Plan{Platform: "linux/amd64", Base: "python:3.12", Python: "3.12", Torch: &resolve.Torch{Version: "2.14.0"}}
	fresh := func() *Request {
		r := &Request{Spec: spec.Spec{Packages: []string{"idna"}}, Files: Files{Content: map[string][]byte{"requirements.txt": []byte("idna\n")}}}
		r.Lock = &lock.Lock{Platforms: map[string]*lock.Platform{plan.Platform: {Inputs: r.inputs(plan)}}}
		return r
	}
	for name, c := range map[string]struct {
		change func(*Request)
		says   string // with --locked; "" where the lock answers
	}{
		"unchanged":     {func(*Request) {}, ""},
		"a mirror":      {func(r *Request) { r.Spec.Index.URL = "https://mirror.example.com" }, ""},
		"apt":           {func(r *Request) { r.Spec.Apt = []string{"git"} }, ""}, // no wheel depends on it
		"a package":     {func(r *Request) { r.Spec.Packages = []string{"rich"} }, `packages was "torch==2.14.0 idna" and is now "torch==2.14.0 rich"`},
		"a line":        {func(r *Request) { r.Files.Content["requirements.txt"] = []byte("rich\n") }, "requirements.txt changed"},
		"a file":        {func(r *Request) { r.Files.Content["more.txt"] = nil }, "more.txt is new"},
		"a file's loss": {func(r *Request) { clear(r.Files.Content) }, "requirements.txt is gone"},
		"no lock":       {func(r *Request) { r.Lock = nil }, "there is no lock for this platform"},
		"other platform": {func(r *Request) {
			r.Lock.Platforms = map[string]*lock.Platform{"linux/arm64": r.Lock.Platforms[plan.Platform]}
		}, "there is no lock for this platform"},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh()
			c.change(r)
			got, err := (&run{Request: r}).locked(plan)
			assert.NilError(t, err, "without --locked a stale lock is made anew")
			assert.Equal(t, got != nil, c.says == "")
			r.Locked = true
			got, err = (&run{Request: r}).locked(plan)
			if c.says == "" {
				assert.NilError(t, err)
				assert.Assert(t, got != nil)
				return
			}
			var drift *DriftError
			assert.Assert(t, errors.As(err, &drift), "%v", err)
			assert.ErrorContains(t, err, "linux/amd64")
			assert.ErrorContains(t, err, c.says)
			assert.Equal(t, got == nil, true)
		})
	}
}

// --pull asks for what is newest, so nothing that was locked counts.
func TestPullResolvesAnew(t *testing.T) {
	plan := resolve.Plan{Platform: "linux/amd64", Base: "python:3.12"}
	r := &Request{Pull: true}
	r.Lock = &lock.Lock{Platforms: map[string]*lock.Platform{plan.Platform: {Inputs: r.inputs(plan)}}}
	got, err := (&run{Request: r}).locked(plan)
	assert.NilError(t, err)
	assert.Assert(t, got == nil)
}

func TestInputsOfAPlan(t *testing.T) {
	r := &Request{Spec: spec.Spec{Packages: []string{"idna"}}}
	for name, c := range map[string]struct {
		plan resolve.Plan
		want map[string]string
	}{
		"any Python": {resolve.Plan{Base: "b"}, map[string]string{"base": "b", "packages": "idna"}},
		"in base":    {resolve.Plan{Base: "b", Python: "3.12", Torch: &resolve.Torch{InBase: true}}, map[string]string{"base": "b", "packages": "idna", "python": "3.12"}},
		"torch index": {resolve.Plan{Base: "b", Torch: &resolve.Torch{Version: "2.14.0", Index: "https://x"}},
			map[string]string{"base": "b", "packages": "torch==2.14.0 idna", "torch index": "https://x"}},
		"CUDA only": {resolve.Plan{Base: "b", CUDAPackages: []string{"nvidia-cublas==13.0"}}, map[string]string{"base": "b", "packages": "nvidia-cublas==13.0 idna"}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, r.inputs(c.plan), c.want) })
	}
}

func TestRequirementsNameTheVariantOnce(t *testing.T) {
	// A version that has its variant already, as --torch-index-url may find it.
	plan := resolve.Plan{Torch: &resolve.Torch{Version: "2.14.0+cu126", Variant: "cu126", Index: "https://x"}}
	assert.DeepEqual(t, (&Request{}).requirements(plan), []string{"torch==2.14.0+cu126"})
}

func TestNamesCompareAsPEP503Says(t *testing.T) {
	for in, want := range map[string]string{
		"Typing_Extensions": "typing-extensions",
		"zope.interface":    "zope-interface",
		"a-b":               "a-b",
		"a__b":              "a-b", // runs of separators are one
		"a-_.b":             "a-b",
	} {
		assert.Equal(t, normal(in), want, in)
	}
}

func TestLockedDigestOnlyOfARegistrys(t *testing.T) {
	own := func(l *lock.Platform) *lock.Base { return &l.Base }
	tool := func(l *lock.Platform) *lock.Base { return l.ToolBase }
	l := &lock.Platform{Base: lock.Base{Digest: "sha256:aa"}}
	assert.Equal(t, lockedDigest(l, own).String(), "sha256:aa")
	assert.Equal(t, lockedDigest(l, tool).String(), "", "the lock has no tool base")
	assert.Equal(t, lockedDigest(nil, own).String(), "")
	// The digest of a local image is its config's, which no registry knows.
	l.Base.Local = true
	assert.Equal(t, lockedDigest(l, own).String(), "")
}

func TestRememberedOfAToolBase(t *testing.T) {
	l := &lock.Platform{ToolBase: &lock.Base{Python: "3.12.1"}, Wheels: []lock.Wheel{{Name: "nvidia-cublas"}}}
	assert.Equal(t, remembered(l, resolve.Plan{}).Python, "3.12.1")
}

func TestFamilyComparesNames(t *testing.T) {
	torch := func(n string) bool { return n == "torch_vision" || n == "torchao" }
	wheels := []lock.Wheel{{Name: "torch_vision"}, {Name: "torchao"}}
	req := []string{"torch-vision[extra]>=1; python_version > '3'", "torchao @ https://x/torchao.whl"}
	assert.Equal(t, len(family(wheels, graph.Request{Requirements: req}, torch)), 0)
}
