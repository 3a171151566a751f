package solve

import (
	"errors"
	"testing"

	"github.com/docker/buildx/builder"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	capspb "github.com/moby/buildkit/util/apicaps/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

// without are the capabilities of a builder that lacks one.
func without(lacking apicaps.CapID) apicaps.CapSet {
	all := pb.Caps.All()
	var told []*capspb.APICap
	for _, c := range all {
		if c.ID != string(lacking) {
			told = append(told, c)
		}
	}
	return pb.Caps.CapSet(told)
}

func TestOldBuildersAreToldWhatTheyNeed(t *testing.T) {
	assert.NilError(t, capable("mine", without("")))
	for id, release := range needs() {
		err := capable("mine", without(id))
		var refused *BuilderError
		assert.Assert(t, errors.As(err, &refused), "%s: %v", id, err)
		assert.ErrorContains(t, err, `builder "mine"`)
		assert.ErrorContains(t, err, "it takes BuildKit "+release)
		assert.ErrorContains(t, err, string(id))
	}
	// Merging is done without where a builder cannot.
	assert.NilError(t, capable("mine", without(pb.CapMergeOp)))
}

func TestGPUDeviceOfNone(t *testing.T) {
	assert.Equal(t, gpuDevice(nil), "")
	// The vendor's class, not a name that begins like it.
	assert.Equal(t, gpuDevice([]bkclient.CDIDevice{{Name: "nvidia.com/gpu-mig=0"}, {Name: "example.com/nvidia.com/gpu=0"}}), "")
	assert.Equal(t, gpuDevice([]bkclient.CDIDevice{{Name: "nvidia.com/gpu=GPU-1"}}), "nvidia.com/gpu=*")
}

func TestAcceptsWhatPlatformsMean(t *testing.T) {
	// As BuildKit lists an x86 machine with QEMU for arm64: every variant on its own.
	b := &Builder{Name: "mine", MultiPlatform: true, Platforms: []ocispecs.Platform{
		{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "amd64", Variant: "v2"}, {OS: "linux", Architecture: "arm64"}}}
	for platform, says := range map[string]string{
		"linux/amd64":      "",
		"linux/arm64":      "",
		"linux/arm64/v8":   "", // the same by another name
		"linux/ppc64le":    "binfmt",
		"linux/amd64/v1/x": "linux/amd64/v1/x",
	} {
		err := b.accepts(&Request{Plans: []resolve.Plan{{Platform: platform}}})
		if says == "" {
			assert.NilError(t, err, platform)
		} else {
			assert.ErrorContains(t, err, says, platform)
		}
	}
	// A builder that tells no platforms is tried.
	assert.NilError(t, (&Builder{}).accepts(&Request{Plans: []resolve.Plan{{Platform: "linux/ppc64le"}}}))
}

func TestEntitlementsOnlyWhereNeeded(t *testing.T) {
	torch := []resolve.Plan{{Torch: &resolve.Torch{}}}
	for name, c := range map[string]struct {
		request Request
		gpu     string
		want    []string
	}{
		"a GPU to prove on": {Request{Plans: torch, Verify: verify.Auto}, "nvidia.com/gpu=all", []string{"device=nvidia.com/gpu=all"}},
		"no GPU":            {Request{Plans: torch, Verify: verify.Auto}, "", nil},
		"without a proof":   {Request{Plans: torch, Verify: verify.Off}, "nvidia.com/gpu=all", nil},
		"the host's net":    {Request{Network: "host"}, "", []string{"network.host"}},
		"the user's":        {Request{Entitlements: []string{"security.insecure"}}, "", []string{"security.insecure"}},
	} {
		t.Run(name, func(t *testing.T) {
			opt, err := c.request.solveOpt(&Builder{GPU: c.gpu})
			assert.NilError(t, err)
			assert.DeepEqual(t, opt.AllowedEntitlements, c.want)
		})
	}
}

func TestOptionsOfABuild(t *testing.T) {
	opt, err := (&Request{Attests: map[string]string{"sbom": "generator=x"}}).solveOpt(&Builder{})
	assert.NilError(t, err)
	assert.DeepEqual(t, opt.FrontendAttrs, map[string]string{"attest:sbom": "generator=x", "build-arg:SOURCE_DATE_EPOCH": "315532800"})
	assert.Equal(t, len(opt.LocalMounts), 0, "without a project nothing of the disk is sent")
	assert.Equal(t, len(opt.Session), 1, "the secrets are handed over")
	opt, err = (&Request{Dir: t.TempDir()}).solveOpt(&Builder{})
	assert.NilError(t, err)
	assert.Equal(t, len(opt.LocalMounts), 1)
	_, err = (&Request{Spec: spec.Spec{CABundle: "/nowhere"}}).solveOpt(&Builder{})
	assert.ErrorContains(t, err, "--ca-bundle")
}

// A node that buildx could not load is told by its builder's name.
func TestOpenOfNodesThatAreNone(t *testing.T) {
	_, err := Open(t.Context(), builder.Node{Builder: "mine", Err: errors.New("failed to find driver \"x\"")})
	assert.Error(t, err, `builder "mine" cannot be used: failed to find driver "x"; `+"`docker buildx ls` shows the builders and `docker info` the engine")
	_, err = Open(t.Context(), builder.Node{Builder: "mine"})
	assert.ErrorContains(t, err, `builder "mine" cannot be used: it has no driver; `)
}

// What is refused before anything is sent still ends the progress that others wait for.
func TestARefusedBuildEndsItsProgress(t *testing.T) {
	for name, r := range map[string]*Request{
		"a platform": {Plans: []resolve.Plan{{Platform: "linux/ppc64le"}}},
		"a bundle":   {Plans: []resolve.Plan{{Platform: "linux/amd64"}}, Spec: spec.Spec{CABundle: "/nowhere"}},
		"a folder":   {Plans: []resolve.Plan{{Platform: "linux/amd64"}}, Dir: "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Builder{Name: "mine", Platforms: []ocispecs.Platform{amd64}}
			for _, build := range []func() error{
				func() error { _, err := Build(t.Context(), b, r); return err },
				func() error { _, _, err := Inspect(t.Context(), b, r); return err },
			} {
				status := make(chan *bkclient.SolveStatus)
				r.Status = status
				assert.Assert(t, build() != nil)
				_, open := <-status
				assert.Assert(t, !open)
			}
		})
	}
}

func TestWhatABuilderCannotDoIsSaidInFull(t *testing.T) {
	b := &Builder{Name: "old", Platforms: []ocispecs.Platform{amd64}}
	plans := func(p ...string) (out []resolve.Plan) {
		for _, name := range p {
			out = append(out, resolve.Plan{Platform: name})
		}
		return out
	}
	assert.Error(t, b.accepts(&Request{Plans: plans("linux/arm64")}), `--platform linux/arm64: builder "old" cannot run it; install QEMU for it (`+
		"`docker run --privileged --rm tonistiigi/binfmt --install all`), or choose a builder that has it with --builder")
	b.Platforms = nil
	assert.Error(t, b.accepts(&Request{Plans: plans("linux/amd64", "linux/arm64")}), `builder "old" cannot make one image for several platforms: build one platform, `+
		"turn on the engine's containerd image store, or make a builder with `docker buildx create --use`")
	assert.Error(t, b.accepts(&Request{Plans: plans("linux/amd64"), Attests: map[string]string{"sbom": ""}}), `builder "old" cannot attach attestations: drop --sbom and --provenance, `+
		"turn on the engine's containerd image store, or make a builder with `docker buildx create --use`")
}
