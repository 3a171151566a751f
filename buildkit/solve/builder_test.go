package solve

import (
	"errors"
	"testing"

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
