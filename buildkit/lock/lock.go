// Package lock is gpu.lock: what exactly goes into an image. It holds every
// wheel with its hash and size, the base image by digest and the version of the
// tool that resolved them, for each platform, and what all that was resolved
// from, so that drift is found without asking an index.
//
// It names no index: a hash is what a wheel is, an address only the way to it.
package lock

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// FileName is the lock's name in a project.
const FileName = "gpu.lock"

// Version is the format written. Newer formats are refused, not guessed.
const Version = 1

// Lock is a whole gpu.lock.
type Lock struct {
	Version   int                  `json:"version"`
	Platforms map[string]*Platform `json:"platforms"`
}

// Platform is what was locked for one OCI platform.
type Platform struct {
	// Inputs are what was resolved, by name; see Drift.
	Inputs map[string]string `json:"inputs"`
	Base   Base              `json:"base"`
	// ToolBase is the image that unpacks the wheels where Base has no Python.
	ToolBase *Base   `json:"toolBase,omitempty"`
	UV       Tool    `json:"uv"`
	Wheels   []Wheel `json:"wheels"`
}

// Base is an image by name and content.
type Base struct {
	Ref    string `json:"ref"`
	Digest string `json:"digest"`
	// Local says that an engine without containerd's store had the image under
	// this name only; Digest is then that of the image's config.
	Local bool `json:"local,omitempty"`
	// Python is its full version, "3.11.2"; empty where there is none.
	Python string `json:"python,omitempty"`
}

// Tool is a tool of the build, by version and hash.
type Tool struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// Wheel is one package file: a wheel, or the source to make it from.
type Wheel struct {
	Name    string `json:"name"`    // normalised, "nvidia-cublas"
	Version string `json:"version"` // with the local part, "2.14.0+cu126"
	File    string `json:"file"`
	SHA256  string `json:"sha256"` // hexadecimal, without a prefix
	Size    int64  `json:"size"`   // compressed bytes
	// Torch says that the file comes from PyTorch's own index.
	Torch bool `json:"torch,omitempty"`
	// Source says that the file is an archive of the source, and no wheel fits.
	Source bool `json:"source,omitempty"`
}

// Requirement is the line that installs exactly this file.
func (w Wheel) Requirement() string {
	return fmt.Sprintf("%s==%s --hash=sha256:%s", w.Name, w.Version, w.SHA256)
}

// Marshal writes a lock, the same bytes for the same content.
func Marshal(l *Lock) ([]byte, error) {
	for _, p := range l.Platforms {
		slices.SortFunc(p.Wheels, func(a, b Wheel) int { return strings.Compare(a.Name, b.Name) })
	}
	l.Version = Version
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// Drift names the inputs that differ from those that were locked, in order;
// it is empty when the lock still answers the question.
func (p *Platform) Drift(inputs map[string]string) []string {
	var drift []string
	for name, value := range inputs {
		if locked, ok := p.Inputs[name]; !ok {
			drift = append(drift, name+" is new")
		} else if locked != value {
			drift = append(drift, describe(name, locked, value))
		}
	}
	for name := range p.Inputs {
		if _, ok := inputs[name]; !ok {
			drift = append(drift, name+" is gone")
		}
	}
	slices.Sort(drift)
	return drift
}

func describe(name, locked, value string) string {
	if strings.HasPrefix(value, "sha256:") {
		return name + " changed"
	}
	return fmt.Sprintf("%s was %q and is now %q", name, locked, value)
}
