package solve

import (
	"context"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
)

func TestReportsReadAcrossChunks(t *testing.T) {
	r := &reports{}
	r.add("a", []byte("noise\ngpu-er"))
	r.add("b", []byte("other step\n"))
	r.add("a", []byte("ror: resolve: no such thing: really\nmore"))
	assert.Equal(t, *r.last, StepError{"resolve", "no such thing: really"})
}

func TestExplain(t *testing.T) {
	ctx := context.Background()
	r := &reports{}
	assert.NilError(t, r.explain(ctx, nil))
	assert.ErrorContains(t, r.explain(ctx, errors.New("write /x: no space left on device")), "disk is full")
	assert.ErrorContains(t, r.explain(ctx, errors.New("push access denied, 401 Unauthorized")), "docker login")
	var refused *EntitlementError
	assert.Assert(t, errors.As(r.explain(ctx, errors.New("device nvidia.com/gpu=all is requested by the build but not allowed")), &refused))
	plain := errors.New("something else")
	assert.Equal(t, r.explain(ctx, plain), plain)

	r.add("a", []byte("gpu-error: apt: no\n"))
	assert.ErrorContains(t, r.explain(ctx, errors.New("did not complete successfully: exit code: 1")), "apt: no")
	assert.Equal(t, r.explain(ctx, plain), plain, "a step's words explain only a step's failure")

	ended, cancel := context.WithCancel(ctx)
	cancel()
	assert.Assert(t, errors.Is(r.explain(ended, plain), context.Canceled))
}

func TestBaseErrorsNameTheImage(t *testing.T) {
	for text, says := range map[string]string{
		"x: not found":                       "does not exist",
		"pull access denied":                 "docker login",
		"no match for platform in manifest":  "not made for linux/arm64",
		"x509: certificate signed by nobody": "does not trust",
		"dial tcp: lookup nowhere: no such":  "cannot reach",
		"surprise":                           "cannot be resolved",
	} {
		err := baseError("example.com/base:1", "linux/arm64", errors.New(text))
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "example.com/base:1")
	}
}
