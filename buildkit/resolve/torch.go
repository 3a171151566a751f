package resolve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Index answers which files an index has for a project, by file name. A project
// that is not there has none.
type Index interface {
	Wheels(ctx context.Context, indexURL, project string) ([]string, error)
}

// wished is a torch release as asked for.
type wished struct {
	release policy.TorchRelease
	known   bool // stands in the table
	auto    bool // the user named none, so an older one may be taken
	warning string
}

func release(ctx context.Context, wish, indexURL string, idx Index) (wished, error) {
	table := policy.Torch()
	if wish == "auto" {
		return wished{release: table[0], known: true, auto: true}, nil
	}
	if wish != "latest" {
		if !dotted.MatchString(wish) {
			return wished{}, &Conflict{What: fmt.Sprintf("--torch %q", wish), Why: "is no release",
				WaysOut: []string{`name one such as "2.14.0" or "2.14", or write --torch alone for the newest known`}}
		}
		for _, r := range table {
			if r.Version == wish || strings.HasPrefix(r.Version, wish+".") {
				return wished{release: r, known: true}, nil
			}
		}
		if compare(wish, table[len(table)-1].Version) < 0 {
			return wished{}, &Conflict{What: "--torch " + wish, Why: "is older than the oldest release that docker gpu knows",
				WaysOut: []string{"the oldest is " + table[len(table)-1].Version, "build from an image that has it, with --torch=base --base IMAGE"}}
		}
	}
	return lookUp(ctx, wish, indexURL, idx, table)
}

// lookUp asks the index for a release that no table row knows.
func lookUp(ctx context.Context, wish, indexURL string, idx Index, table []policy.TorchRelease) (wished, error) {
	var found []string
	var failed error
	if idx != nil {
		files, err := idx.Wheels(ctx, indexURL, "torch")
		failed = err
		for _, f := range files {
			if v, ok := torchVersion(f); ok && !slices.Contains(found, v) {
				found = append(found, v)
			}
		}
		slices.SortFunc(found, func(a, b string) int { return compare(b, a) })
	}
	for _, v := range found {
		if wish == "latest" || v == wish || strings.HasPrefix(v, wish+".") {
			for _, r := range table {
				if r.Version == v {
					return wished{release: r, known: true}, nil
				}
			}
			return wished{release: policy.TorchRelease{Version: v, Partial: true},
				warning: fmt.Sprintf("torch %s is newer than docker gpu's tables: it comes from the default index with whatever CUDA that has, "+
					"and the verification tells which GPUs it runs on", v)}, nil
		}
	}
	switch {
	case wish == "latest" && failed != nil:
		return wished{}, fmt.Errorf("--torch latest: the index cannot be asked: %w", failed)
	case wish == "latest":
		return wished{release: table[0], known: true, warning: "no index was asked: the newest known release was taken"}, nil
	case idx == nil || failed != nil:
		return wished{release: policy.TorchRelease{Version: wish, Partial: true},
			warning: fmt.Sprintf("torch %s is in no table, and no index could be asked whether it exists", wish)}, nil
	}
	return wished{}, &Conflict{What: "--torch " + wish, Why: "does not exist on the index",
		WaysOut: []string{"releases there: " + strings.Join(found[:min(6, len(found))], ", ")}}
}

// torchVersion is the public version in a wheel's file name, for final releases.
func torchVersion(file string) (string, bool) {
	rest, ok := strings.CutPrefix(file, "torch-")
	if !ok || !strings.HasSuffix(file, ".whl") {
		return "", false
	}
	v, _, _ := strings.Cut(rest, "-")
	v, _, _ = strings.Cut(strings.ReplaceAll(v, "%2B", "+"), "+")
	return v, dotted.MatchString(v)
}

// CheckPython says whether the plan's PyTorch has wheels for a Python, "3.11".
func CheckPython(p Plan, python string) error {
	if p.Torch == nil || p.Torch.InBase || !p.Torch.Known {
		return nil
	}
	for _, r := range policy.Torch() {
		if r.Version != p.Torch.Version || slices.Contains(r.Pythons, python) {
			continue
		}
		return &Conflict{What: fmt.Sprintf("Python %s of base %s", python, p.Base),
			Why:     fmt.Sprintf("torch %s has wheels for Python %s only", r.Version, strings.Join(r.Pythons, ", ")),
			WaysOut: append([]string{"take a base with one of these, such as " + policy.PythonBase(best(r.Pythons))}, otherTorch(python)...)}
	}
	return nil
}

func otherTorch(python string) []string {
	for _, r := range policy.Torch() {
		if slices.Contains(r.Pythons, python) {
			return []string{fmt.Sprintf("take --torch %s, which has wheels for Python %s", r.Version, python)}
		}
	}
	return nil
}

// best is the default Python if it is among these, else the newest.
func best(pythons []string) string {
	if slices.Contains(pythons, policy.PythonDefault) {
		return policy.PythonDefault
	}
	return pythons[len(pythons)-1]
}

func noDot(s string) string { return strings.ReplaceAll(s, ".", "") }
