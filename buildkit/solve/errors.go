package solve

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"
)

// BuilderError is a builder that cannot be used.
type BuilderError struct {
	Name string
	Err  error
}

func (e *BuilderError) Error() string {
	text := e.Err.Error()
	hint := "`docker buildx ls` shows the builders and `docker info` the engine"
	if strings.Contains(text, "Cannot connect") || strings.Contains(text, "connection refused") || strings.Contains(text, "no such file") {
		hint = "is it running? `docker buildx ls` shows the builders, `docker context ls` the engines"
	}
	return fmt.Sprintf("builder %q cannot be used: %s; %s", e.Name, strings.TrimSuffix(strings.TrimSpace(text), "."), hint)
}

func (e *BuilderError) Unwrap() error { return e.Err }

// StepError is a step of the build that said itself what is wrong.
type StepError struct {
	Kind string // "resolve", "install", "index", "certificate", "hash", "apt"
	Text string
}

func (e *StepError) Error() string {
	text := strings.TrimSpace(strings.TrimPrefix(e.Text, "error: "))
	switch {
	case e.Kind == "certificate" || untrusted.MatchString(text):
		return fmt.Sprintf("the package index has a certificate that the build does not trust; "+
			"name your organisation's authorities with --ca-bundle FILE (%s)", brief(text))
	case unreachable.MatchString(text):
		return fmt.Sprintf("the package index cannot be reached from the builder; check --index-url and the builder's network (%s)", brief(text))
	case e.Kind == "install" && strings.Contains(text, "Hash mismatch"):
		return fmt.Sprintf("a package is not the file that was locked: %s; if you trust the new file, delete gpu.lock and build again", brief(text))
	case e.Kind == "hash":
		return fmt.Sprintf("the uv that the index offers is not the one this docker gpu knows: %s", text)
	case strings.HasPrefix(text, "Failed to build"):
		return fmt.Sprintf("a package has no wheel for this Python and cannot be built from its source here; "+
			"choose a version that has one, or add what it takes to compile it, such as --apt build-essential,python3-dev: %s", text)
	case e.Kind == "resolve":
		return "the packages cannot be resolved: " + strings.TrimPrefix(text, "× ")
	}
	return e.Kind + ": " + text
}

var (
	untrusted   = regexp.MustCompile(`(?i)certificate|UnknownIssuer|self.signed`)
	unreachable = regexp.MustCompile(`(?i)connection refused|dns error|failed to lookup|timed out|tcp connect|network is unreachable|name resolution|error sending request|Name or service not known`)
)

// brief keeps the end of a long chain of causes, where the cause is.
func brief(text string) string {
	const most = 300
	if len(text) > most {
		return "… " + text[len(text)-most:]
	}
	return text
}

// reports collects what the steps of a build say about their own failure; the
// error that BuildKit returns holds only the exit code.
type reports struct {
	builder string
	mu      sync.Mutex
	tail    map[string]string // the unfinished line of each vertex
	last    *StepError
}

func (r *reports) add(vertex string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tail == nil {
		r.tail = map[string]string{}
	}
	lines := strings.Split(r.tail[vertex]+string(data), "\n")
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "gpu-error: "); ok {
			kind, text, _ := strings.Cut(rest, ": ")
			r.last = &StepError{Kind: kind, Text: text}
		}
	}
	// A line without end would be kept without end; its beginning tells what it is.
	const most = 16 << 10
	last := lines[len(lines)-1]
	r.tail[vertex] = last[:min(len(last), most)]
}

// explain turns what BuildKit returned into what a user can act on.
func (r *reports) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if last != nil && strings.Contains(err.Error(), "exit code") {
		err = last
	}
	text := err.Error()
	switch {
	case grpcerrors.Code(err) == codes.Canceled:
		return context.Canceled
	case strings.Contains(strings.ToLower(text), "no space left on device"):
		return fmt.Errorf("the builder's disk is full; `docker buildx prune --builder %s` frees its cache, `docker system df` shows what else an engine holds: %w", r.builder, err)
	case last != nil && err == error(last):
		return last
	case strings.Contains(text, "push access denied"), strings.Contains(text, "no basic auth credentials"),
		strings.Contains(text, "401 Unauthorized"), strings.Contains(text, "authorization failed"), strings.Contains(text, "insufficient_scope"):
		return fmt.Errorf("the registry refuses: run `docker login` for it, or check the repository's name: %w", err)
	case strings.Contains(text, "is requested by the build but not allowed"), strings.Contains(text, "granting entitlement"):
		return &EntitlementError{Err: err}
	}
	return err
}

// EntitlementError is a builder that has GPUs but refuses them to builds.
type EntitlementError struct{ Err error }

func (e *EntitlementError) Error() string {
	return fmt.Sprintf("the builder refuses its GPU to the build; allow the entitlement \"device\" in its configuration, or verify after loading: %v", e.Err)
}
func (e *EntitlementError) Unwrap() error { return e.Err }
