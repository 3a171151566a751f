package lock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Parse reads a gpu.lock. name appears in errors.
func Parse(name string, data []byte) (*Lock, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, unreadable(name, data, err)
	}
	switch head.Version {
	case Version:
	case 0:
		return nil, fmt.Errorf("%s: it names no format version, so it is no lock; %s", name, anew)
	default: // said before what else is not known here
		return nil, fmt.Errorf("%s: format version %d is not %d, the one this docker gpu reads; update docker gpu or delete the file", name, head.Version, Version)
	}
	var l Lock
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return nil, unreadable(name, data, err)
	}
	for _, platform := range slices.Sorted(maps.Keys(l.Platforms)) {
		if err := l.Platforms[platform].validate(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w; %s", name, platform, err, anew)
		}
	}
	return &l, nil
}

const anew = "delete the file to resolve anew"

// unreadable says where a text is no lock, in words of the file and not of Go.
func unreadable(name string, data []byte, err error) error {
	line := func(offset int64) int { return 1 + bytes.Count(data[:min(int(offset), len(data))], []byte("\n")) }
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("%s: it is empty; %s", name, anew)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		if int(syntax.Offset) >= len(data) {
			return fmt.Errorf("%s:%d: it ends in the middle; %s", name, line(syntax.Offset), anew)
		}
		return fmt.Errorf("%s:%d: %w; %s", name, line(syntax.Offset), err, anew)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s:%d: %s cannot be a JSON %s; %s", name, line(kind.Offset), cmp.Or(kind.Field, "a lock"), kind.Value, anew)
	}
	return fmt.Errorf("%s: %w; %s", name, err, anew)
}

var (
	// word is what a package's name or a version is made of (PEP 503, PEP 440): nothing
	// that an option, a shell or a requirement line could take for something else.
	word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+!-]*$`)
	hash = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func (p *Platform) validate() error {
	if p == nil {
		return errors.New("it says nothing")
	}
	if err := p.Base.validate("base"); err != nil {
		return err
	}
	if p.ToolBase != nil {
		if err := p.ToolBase.validate("tool base"); err != nil {
			return err
		}
	}
	if len(p.Wheels) > 0 && (!word.MatchString(p.UV.Version) || !hash.MatchString(p.UV.SHA256)) {
		return fmt.Errorf("uv %q with sha256 %q is no version and hash", p.UV.Version, p.UV.SHA256)
	}
	return check(p.Wheels)
}

// validate refuses an image that is none: its name and digest become a line of a Dockerfile.
func (b Base) validate(which string) error {
	if _, err := reference.ParseNormalizedNamed(b.Ref); err != nil {
		return fmt.Errorf("the %s %q is no image", which, b.Ref)
	}
	if digest, ok := strings.CutPrefix(b.Digest, "sha256:"); !ok || !hash.MatchString(digest) {
		return fmt.Errorf("the %s image %s has the digest %q, which is no SHA-256", which, b.Ref, b.Digest)
	}
	if b.Python != "" && !word.MatchString(b.Python) {
		return fmt.Errorf("the %s image %s has the Python %q, which is no version", which, b.Ref, b.Python)
	}
	return nil
}

// check refuses files that could not be installed, or that are not what they say.
func check(wheels []Wheel) error {
	seen := map[string]bool{}
	for _, w := range wheels {
		switch {
		case !word.MatchString(w.Name) || !word.MatchString(w.Version):
			return fmt.Errorf("%q %q is no package and version", w.Name, w.Version)
		case !hash.MatchString(w.SHA256):
			return fmt.Errorf("%s has the sha256 %q, which is no SHA-256", w.Name, w.SHA256)
		case w.Size < 0:
			return fmt.Errorf("%s has the size %d", w.Name, w.Size)
		case seen[w.Name]:
			return fmt.Errorf("%s is there twice", w.Name)
		}
		seen[w.Name] = true
	}
	return nil
}
