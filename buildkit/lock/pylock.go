package lock

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// pylock is the part of a PEP 751 pylock.toml that a build needs.
type pylock struct {
	Packages []struct {
		Name    string       `toml:"name"`
		Version string       `toml:"version"`
		Index   string       `toml:"index"`
		Wheels  []pylockFile `toml:"wheels"`
		Sdist   *pylockFile  `toml:"sdist"`
		Archive *pylockFile  `toml:"archive"`
		VCS     *struct{}    `toml:"vcs"`
		Dir     *struct{}    `toml:"directory"`
	} `toml:"packages"`
}

type pylockFile struct {
	Name   string            `toml:"name"`
	URL    string            `toml:"url"`
	Path   string            `toml:"path"`
	Size   int64             `toml:"size"`
	Hashes map[string]string `toml:"hashes"`
}

// NoWheelError is a package that has neither a wheel for the image's Python and
// platform nor a source to make one from.
type NoWheelError struct{ Name, Version, Python, Platform string }

func (e *NoWheelError) Error() string {
	return fmt.Sprintf("%s %s has no wheel for Python %s on %s, and no source to build; choose a version that has one, "+
		"or build the wheel yourself and name its place with --find-links", e.Name, e.Version, e.Python, e.Platform)
}

// FromPylock reads what uv chose. isTorch says which packages come from
// PyTorch's own index; python and platform are for messages.
func FromPylock(data []byte, python, platform string, isTorch func(name string) bool) ([]Wheel, error) {
	var lock pylock
	if err := toml.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("uv's answer cannot be read: %w", err)
	}
	var wheels []Wheel
	for _, p := range lock.Packages {
		switch {
		case p.VCS != nil || p.Dir != nil || p.Archive != nil:
			return nil, fmt.Errorf("%s comes from a repository, directory or address, which cannot be locked by hash; "+
				"name a release, or build a wheel and name its place with --find-links", p.Name)
		case len(p.Wheels) == 0 && p.Sdist == nil:
			return nil, &NoWheelError{p.Name, p.Version, python, platform}
		}
		source := len(p.Wheels) == 0
		f := p.Sdist
		if !source {
			// uv lists the wheels that fit, the one it would install first.
			f = &p.Wheels[0]
		}
		sha := strings.ToLower(f.Hashes["sha256"]) // as some indexes write it, in capitals
		if sha == "" {
			return nil, fmt.Errorf("the index gives no sha256 for %s %s, so it cannot be locked", p.Name, p.Version)
		}
		wheels = append(wheels, Wheel{
			Name: p.Name, Version: p.Version, File: f.file(), SHA256: sha, Size: f.Size, Torch: isTorch(p.Name), Source: source,
		})
	}
	if err := check(wheels); err != nil {
		return nil, fmt.Errorf("uv's answer cannot be locked: %w", err)
	}
	return wheels, nil
}

func (f pylockFile) file() string {
	name := f.Name
	if name == "" {
		name = path.Base(f.Path)
	}
	if f.URL != "" && f.Name == "" {
		name = path.Base(f.URL)
		if u, err := url.Parse(f.URL); err == nil {
			name = path.Base(u.Path)
		}
	}
	return strings.TrimSpace(name)
}
