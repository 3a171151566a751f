package solve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"gotest.tools/v3/assert"
)

// BuildKit hands over output in chunks that end anywhere.
func TestReportsInEveryCut(t *testing.T) {
	const text = "noise\ngpu-error: install: no such: thing\nmore noise"
	for cut := range len(text) {
		r := &reports{}
		r.add("a", []byte(text[:cut]))
		r.add("a", []byte(text[cut:]))
		assert.Assert(t, r.last != nil, "cut at %d", cut)
		assert.Equal(t, *r.last, StepError{"install", "no such: thing"}, "cut at %d", cut)
	}
}

func TestReportsOfOneStepAreNotAnothers(t *testing.T) {
	r := &reports{}
	r.add("a", []byte("gpu-"))
	r.add("b", []byte("error: apt: not said by one step\n"))
	assert.Assert(t, r.last == nil, "%v", r.last)
	// Only a whole line counts: a program may print the words.
	r.add("c", []byte("it said gpu-error: apt: no\n"))
	assert.Assert(t, r.last == nil, "%v", r.last)
	r.add("d", []byte("gpu-error: apt: first\n"))
	r.add("e", []byte("gpu-error: index: last, without a line's end"))
	assert.Equal(t, *r.last, StepError{"index", "last, without a line's end"})
}

func TestStepErrorsAreShort(t *testing.T) {
	err := &StepError{"resolve", strings.Repeat("because ", 500) + "invalid peer certificate: UnknownIssuer"}
	assert.Assert(t, len(err.Error()) < 600, "%d", len(err.Error()))
	assert.ErrorContains(t, err, "UnknownIssuer", "the cause is at the end")
}

func TestExplainOfBuildKitsErrors(t *testing.T) {
	r := &reports{}
	canceled := status.Error(codes.Canceled, "context canceled")
	assert.Assert(t, errors.Is(r.explain(context.Background(), canceled), context.Canceled))
	for text, says := range map[string]string{
		"failed to push x: no basic auth credentials":                          "docker login",
		"server message: insufficient_scope: authorization failed":             "docker login",
		"granting entitlement device is not allowed by build daemon":           `entitlement "device"`,
		"failed to copy: write /var/lib/buildkit/x: no space left on device":   "disk is full",
		"device nvidia.com/gpu=all is requested by the build but not allowed;": "verify after loading",
	} {
		was := errors.New(text)
		err := r.explain(context.Background(), was)
		assert.ErrorContains(t, err, says)
		assert.Assert(t, errors.Is(err, was), "the cause is lost: %v", err)
	}
	// What ended the build, not that it ended.
	timeout := errors.New("the time is over")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(timeout)
	assert.Assert(t, errors.Is(r.explain(ctx, fmt.Errorf("rpc: %w", canceled)), timeout))
}

func TestBaseErrorsKeepTheirCause(t *testing.T) {
	for text, says := range map[string]string{
		"failed to resolve: manifest unknown":                   "does not exist, or is private",
		"dial tcp 10.0.0.1:443: connect: connection refused":    "cannot reach",
		"read tcp: i/o timeout":                                 "cannot reach",
		"lookup registry.example.com: no such host":             "cannot reach",
		"tls: failed to verify certificate: x509: unknown":      "does not trust",
		"no match for platform in manifest sha256:0: not found": "is not made for linux/arm64",
	} {
		was := errors.New(text)
		err := baseError("registry.example.com/base:1", "linux/arm64", was)
		assert.ErrorContains(t, err, says)
		assert.Assert(t, errors.Is(err, was), "%v", err)
	}
}

func TestDriftSaysWhatToDo(t *testing.T) {
	err := &DriftError{"linux/arm64", []string{"base changed", "a.txt is new"}}
	assert.ErrorContains(t, err, "linux/arm64")
	assert.ErrorContains(t, err, "base changed, a.txt is new")
	assert.ErrorContains(t, err, "without --locked")
}
