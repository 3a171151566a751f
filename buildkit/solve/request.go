package solve

import (
	"io"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

// Request is one build.
type Request struct {
	Spec  spec.Spec
	Plans []resolve.Plan // one for each platform
	// Dir is the project's directory; empty means that there is none.
	Dir string
	// Exclude are the patterns of what stays out of the image, from .dockerignore.
	Exclude []string
	// Files are the requirement files that the packages are resolved from.
	Files Files
	// Lock is the lock that was there before, or nil.
	Lock *lock.Lock
	// Locked fails the build when the lock does not answer.
	Locked bool
	Verify verify.Mode
	// GPUSalt is what identifies the builder's GPUs and driver, "" if that is not known.
	GPUSalt string

	Exports      []bkclient.ExportEntry
	CacheFrom    []bkclient.CacheOptionsEntry
	CacheTo      []bkclient.CacheOptionsEntry
	Attests      map[string]string // type → parameters, as the builder takes them
	Annotations  map[string]string // exporter attribute → value
	Secrets      secrets.SecretStore
	Session      []session.Attachable // SSH agent, registry credentials
	Entitlements []string
	NoCache      bool
	Pull         bool
	Network      string
	// Created is the image's time, from SOURCE_DATE_EPOCH; zero means graph.Epoch.
	Created time.Time

	// Status gets the progress of the build and is closed at its end.
	Status chan<- *bkclient.SolveStatus
	// Log gets sentences for people while no display is up.
	Log io.Writer
}

// Outcome is a finished build.
type Outcome struct {
	// Response is what the exporter said: digests, names.
	Response map[string]string
	// Lock is what went in, to be written to gpu.lock.
	Lock *lock.Lock
	// Results are the proofs by platform; empty where --verify=off.
	Results map[string]*verify.Result
	// Refused is why a GPU of the builder could not be used for the proof, or nil.
	Refused error
}

// Files are the requirement files of a project, with their content, by path
// relative to the project.
type Files struct {
	Requirements []string // those named, in order
	Pyproject    bool
	UVLock       bool
	// Content is every file that resolving reads, the named and the included.
	Content map[string][]byte
}
