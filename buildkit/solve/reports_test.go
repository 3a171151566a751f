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

// A program that writes a line without end fills no memory, and its report is still read.
func TestReportsOfALineWithoutEnd(t *testing.T) {
	r := &reports{}
	r.add("a", []byte("gpu-error: apt: "))
	for range 1000 {
		r.add("a", []byte(strings.Repeat("x", 1<<10)))
	}
	assert.Assert(t, len(r.tail["a"]) <= 16<<10, "%d bytes are kept", len(r.tail["a"]))
	assert.Equal(t, r.last.Kind, "apt")
	assert.Assert(t, len(r.last.Text) < 20<<10)
	r.add("a", []byte("\ngpu-error: index: the next line\n"))
	assert.Equal(t, *r.last, StepError{"index", "the next line"})
}

func TestStepErrorsOfEachKind(t *testing.T) {
	for step, want := range map[StepError]string{
		{"certificate", "self-signed certificate in chain"}:                           "the package index has a certificate that the build does not trust; name your organisation's authorities with --ca-bundle FILE (self-signed certificate in chain)",
		{"resolve", "error sending request: invalid peer certificate: UnknownIssuer"}: "the package index has a certificate that the build does not trust; name your organisation's authorities with --ca-bundle FILE (error sending request: invalid peer certificate: UnknownIssuer)",
		{"resolve", "error: Failed to fetch: tcp connect error: Connection refused"}:  "the package index cannot be reached from the builder; check --index-url and the builder's network (Failed to fetch: tcp connect error: Connection refused)",
		{"apt", "E: Unable to locate package x"}:                                      "apt: E: Unable to locate package x",
		{"resolve", "error: × No solution found"}:                                     "the packages cannot be resolved: No solution found",
		{"resolve", "Failed to build psycopg2"}:                                       "a package has no wheel for this Python and cannot be built from its source here; choose a version that has one, or add what it takes to compile it, such as --apt build-essential,python3-dev: Failed to build psycopg2",
		{"install", "No space left on device"}:                                        "install: No space left on device",
		{"index", "error: Name or service not known"}:                                 "the package index cannot be reached from the builder; check --index-url and the builder's network (Name or service not known)",
		{"hash", "uv.whl has sha256 1, expected 2"}:                                   "the uv that the index offers is not the one this docker gpu knows: uv.whl has sha256 1, expected 2",
		{"install", "Hash mismatch for torch==2.14.0"}:                                "a package is not the file that was locked: Hash mismatch for torch==2.14.0; if you trust the new file, delete gpu.lock and build again",
		{"install", "Hash mismatch for x: tls handshake timed out"}:                   "the package index cannot be reached from the builder; check --index-url and the builder's network (Hash mismatch for x: tls handshake timed out)",
	} {
		assert.Error(t, &step, want)
	}
}

func TestBuilderErrorsOfEachKind(t *testing.T) {
	const look, running = "`docker buildx ls` shows the builders and `docker info` the engine", "is it running? `docker buildx ls` shows the builders, `docker context ls` the engines"
	for text, hint := range map[string]string{
		"Cannot connect to the Docker daemon at unix:///x. Is it running?": running,
		"open /x: no such file or directory":                               running,
		"dial tcp 10.0.0.1:2376: connection refused":                       running,
		" permission denied. ":                                             look,
		"no builder \"x\" found":                                           look,
	} {
		was := errors.New(text)
		err := &BuilderError{Name: "mine", Err: was}
		assert.Error(t, err, `builder "mine" cannot be used: `+strings.TrimSuffix(strings.TrimSpace(text), ".")+"; "+hint)
		assert.Assert(t, errors.Is(err, was))
	}
}
