package resolve

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Index answers which files an index has for a project, by file name; indexURL
// "" is the default index. A project that is not there has none.
type Index interface {
	Wheels(ctx context.Context, indexURL, project string) ([]string, error)
}

// wheel is what a wheel's file name says (PEP 427).
type wheel struct {
	version, variant string // "2.14.1", "cu126" or ""
	python           string // "3.12"; "" for any
	platform         string // "linux/amd64"
}

// parseWheel reads a file name such as
// torch-2.14.1+cu126-cp312-cp312-manylinux_2_28_x86_64.whl; false for another
// project, a pre-release, a free-threaded Python or a system that is not Linux with glibc.
func parseWheel(file, project string) (wheel, bool) {
	stem, ok := strings.CutSuffix(file, ".whl")
	parts := strings.Split(stem, "-")
	// A build number may stand between the version and the tags.
	if !ok || len(parts) < 5 || parts[0] != project {
		return wheel{}, false
	}
	python, abi, system := parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
	version, local, _ := strings.Cut(strings.ReplaceAll(parts[1], "%2B", "+"), "+")
	w := wheel{version: version, variant: local}
	switch {
	case !strings.Contains(system, "linux"), strings.Contains(system, "musl"):
		return wheel{}, false
	case strings.HasSuffix(system, "_x86_64"):
		w.platform = "linux/amd64"
	case strings.HasSuffix(system, "_aarch64"):
		w.platform = "linux/arm64"
	}
	if digits, ok := strings.CutPrefix(python, "cp3"); ok && abi == python {
		w.python = "3." + digits
	} else if abi != "abi3" && abi != "none" {
		return wheel{}, false
	}
	return w, w.platform != "" && dotted.MatchString(version)
}

// asker asks an Index for torch's wheels, each address once. After a failure it
// asks no more of that server, which would only fail as slowly again.
type asker struct {
	idx    Index
	found  map[string][]wheel
	failed map[string]error
}

var errNotAsked = errors.New("no index may be asked")

func newAsker(idx Index) *asker {
	return &asker{idx, map[string][]wheel{}, map[string]error{}}
}

func (a *asker) wheels(ctx context.Context, indexURL string) ([]wheel, error) {
	if a.idx == nil {
		return nil, errNotAsked
	}
	if w, ok := a.found[indexURL]; ok {
		return w, nil
	}
	server := indexURL
	if u, err := url.Parse(indexURL); err == nil {
		server = u.Host
	}
	if err := a.failed[server]; err != nil {
		return nil, err
	}
	files, err := a.idx.Wheels(ctx, indexURL, "torch")
	if err != nil {
		a.failed[server] = err
		return nil, err
	}
	var out []wheel
	for _, f := range files {
		if w, ok := parseWheel(f, "torch"); ok {
			out = append(out, w)
		}
	}
	a.found[indexURL] = out
	return out, nil
}

// versions are the releases among wheels, the newest first.
func versions(wheels []wheel) []string {
	var out []string
	for _, w := range wheels {
		if !slices.Contains(out, w.version) {
			out = append(out, w.version)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return policy.Compare(b, a) })
	return out
}

// of are the wheels of a release for a platform and, if not "", a Python.
func of(wheels []wheel, version, platform, python string) []wheel {
	var out []wheel
	for _, w := range wheels {
		if w.version == version && w.platform == platform && (python == "" || w.python == "" || w.python == python) {
			out = append(out, w)
		}
	}
	return out
}

// pythons are the Pythons that wheels are made for, oldest first; none if one
// wheel serves any.
func pythons(wheels []wheel) []string {
	var out []string
	for _, w := range wheels {
		if w.python == "" {
			return nil
		}
		if !slices.Contains(out, w.python) {
			out = append(out, w.python)
		}
	}
	slices.SortFunc(out, policy.Compare)
	return out
}
