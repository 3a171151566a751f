package solve

import (
	"context"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
)

func TestStepErrorsSayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		step StepError
		says []string
	}{
		"certificate":      {StepError{"certificate", "self-signed certificate in chain"}, []string{"--ca-bundle", "self-signed"}},
		"uv's certificate": {StepError{"resolve", "error sending request: invalid peer certificate: UnknownIssuer"}, []string{"--ca-bundle", "UnknownIssuer"}},
		"unreachable":      {StepError{"resolve", "error: Failed to fetch: tcp connect error: Connection refused"}, []string{"--index-url", "cannot be reached"}},
		"hash":             {StepError{"install", "Hash mismatch for torch==2.14.0"}, []string{"not the file that was locked", "delete gpu.lock"}},
		"uv itself":        {StepError{"hash", "uv.whl has sha256 1, expected 2"}, []string{"not the one this docker gpu knows"}},
		"conflict":         {StepError{"resolve", "× No solution found when resolving"}, []string{"the packages cannot be resolved: No solution"}},
		"apt":              {StepError{"apt", "E: Unable to locate package x"}, []string{"apt: E: Unable to locate package x"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range c.says {
				assert.ErrorContains(t, &c.step, s)
			}
		})
	}
}

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

func TestBuilderErrorSaysWhereToLook(t *testing.T) {
	err := &BuilderError{Name: "big", Err: errors.New("dial unix: connection refused")}
	assert.ErrorContains(t, err, `builder "big"`)
	assert.ErrorContains(t, err, "is it running?")
	assert.ErrorContains(t, &BuilderError{Name: "x", Err: errors.New("odd.")}, "docker buildx ls")
}
