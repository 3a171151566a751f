package apply

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// Installed are packages by name, with ":architecture" where it is not the machine's own.
type Installed struct {
	Versions map[string]string `json:"versions"`
	// Auto are those that came with others.
	Auto []string `json:"auto,omitempty"`
	// Removed are those of which configuration is left.
	Removed []string `json:"removed,omitempty"`
	// Half are those that a killed package manager left half unpacked.
	Half []string `json:"half,omitempty"`
}

// Change is the difference between two states of packages.
type Change struct {
	Came     map[string]string    `json:"came,omitempty"`
	Went     map[string]string    `json:"went,omitempty"`
	Replaced map[string][2]string `json:"replaced,omitempty"` // before, after
}

func (i *Installed) change(after *Installed) *Change {
	c := &Change{Came: map[string]string{}, Went: map[string]string{}, Replaced: map[string][2]string{}}
	for name, version := range i.Versions {
		switch now, there := after.Versions[name]; {
		case !there:
			c.Went[name] = version
		case now != version:
			c.Replaced[name] = [2]string{version, now}
		}
	}
	for name, version := range after.Versions {
		if _, there := i.Versions[name]; !there {
			c.Came[name] = version
		}
	}
	return c
}

// String says a change in a line.
func (c *Change) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(c.Came)) {
		words = append(words, "+"+name+" "+c.Came[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Replaced)) {
		words = append(words, name+" "+c.Replaced[name][0]+" → "+c.Replaced[name][1])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Went)) {
		words = append(words, "-"+name+" "+c.Went[name])
	}
	return cmp.Or(strings.Join(words, ", "), "nothing")
}

// after says what an order was to reach and did not: a package manager may end well without.
func (i *Installed) after(o order) error {
	for _, w := range o.install {
		if !i.has(w) {
			return fmt.Errorf("%s was not installed", strings.TrimSpace(w.Name+" "+w.Version))
		}
	}
	for _, name := range o.remove {
		if _, there := i.find(name); there {
			return fmt.Errorf("%s was not removed", name)
		}
	}
	return nil
}

// fits says whether a version is the one that is wanted; that may be a pattern.
func fits(want, version string) bool {
	ok, _ := path.Match(want, version)
	return want == "" || want == version || ok
}

// find is a package's version; of kernels, which are there several times, any.
func (i *Installed) find(name string) (version string, there bool) {
	for _, version := range i.all(name) {
		return version, true
	}
	return "", false
}

// has says whether a package is there, in the version that is wanted.
func (i *Installed) has(w setup.Package) bool {
	return slices.ContainsFunc(i.all(w.Name), func(version string) bool { return fits(w.Version, version) })
}

// all are a package's versions.
func (i *Installed) all(name string) (versions []string) {
	if version, there := i.Versions[name]; there {
		return []string{version}
	}
	if !strings.HasPrefix(name, "kernel") {
		return nil
	}
	for key, version := range i.Versions {
		if key == several(name, version) {
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return versions
}

// plain is a package's name without its architecture.
func plain(name string) string { name, _, _ = strings.Cut(name, ":"); return name }
