package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// wished is a torch release as asked for.
type wished struct {
	release policy.TorchRelease
	known   bool // stands in the table
	warning string
}

// release finds the release that the user names; "auto" is not one.
func (d *decider) release() (wished, error) {
	table, wish := policy.Torch(), d.spec.Torch
	if wish != "latest" {
		if !dotted.MatchString(wish) {
			ways := []string{fmt.Sprintf("name one such as %q or %q, or write --torch alone for the newest known", table[0].Version, "2.14")}
			if version, local, ok := strings.Cut(wish, "+"); ok {
				if v, is := variantOf(local); is {
					ways = []string{fmt.Sprintf("write --torch %s --cuda %s", version, cudaOf(v))}
				}
			}
			return wished{}, &Conflict{What: fmt.Sprintf("--torch %q", wish), Why: "is no release", WaysOut: ways}
		}
		if r, ok := inTable(wish); ok {
			return wished{release: r, known: true}, nil
		}
		if oldest := table[len(table)-1].Version; policy.Compare(wish, oldest) < 0 {
			return wished{}, &Conflict{What: "--torch " + wish, Why: "is older than the oldest release that docker gpu knows",
				WaysOut: []string{"the nearest are " + nearVersions(wish), "build from an image that has it, with --torch=base --base IMAGE"}}
		}
	}
	return d.lookUp(wish)
}

// inTable finds "2.14.0", or the newest patch of "2.14".
func inTable(wish string) (policy.TorchRelease, bool) {
	for _, r := range policy.Torch() {
		if r.Version == wish || strings.HasPrefix(r.Version, wish+".") {
			return r, true
		}
	}
	return policy.TorchRelease{}, false
}

// nearVersions are the known releases nearest to a wish, for an error.
func nearVersions(wish string) string {
	table := policy.Torch()
	at := slices.IndexFunc(table, func(r policy.TorchRelease) bool { return policy.Compare(r.Version, wish) < 0 })
	if at < 0 {
		at = len(table)
	}
	var out []string
	for _, r := range table[max(0, min(at-2, len(table)-3)):min(len(table), at+2)] {
		out = append(out, r.Version)
	}
	return strings.Join(out, ", ")
}

// lookUp asks the index for a release that no table row knows.
func (d *decider) lookUp(wish string) (wished, error) {
	table := policy.Torch()
	wheels, err := d.ask.wheels(d.ctx, d.spec.Index.URL)
	if d.ctx.Err() != nil {
		return wished{}, d.ctx.Err()
	}
	for _, v := range versions(wheels) {
		if wish != "latest" && v != wish && !strings.HasPrefix(v, wish+".") {
			continue
		}
		if r, ok := inTable(v); ok && r.Version == v {
			return wished{release: r, known: true}, nil
		}
		here := of(wheels, v, d.platform, "")
		if len(here) == 0 {
			return wished{}, &Conflict{What: "--torch " + v, Why: "has no wheels for " + d.platform + " on the index", WaysOut: []string{"known releases: " + nearVersions(v)}}
		}
		return wished{release: policy.TorchRelease{Version: v, Pythons: pythons(here), Source: "the package index"},
			warning: fmt.Sprintf("torch %s is newer than docker gpu's tables: which GPUs and drivers it runs on only the verification tells", v)}, nil
	}
	switch {
	case wish == "latest" && err == errNotAsked:
		return wished{release: table[0], known: true, warning: "no index was asked: the newest known release was taken"}, nil
	case wish == "latest" && err != nil:
		return wished{}, fmt.Errorf("--torch latest: the index cannot be asked; write --torch alone for the newest known release: %w", err)
	case wish == "latest":
		return wished{}, &Conflict{What: "--torch latest", Why: "the index has no torch", WaysOut: []string{"check --index-url", "write --torch alone for the newest known release"}}
	case err == nil:
		ways := []string{"known releases that are near: " + nearVersions(wish)}
		if there := versions(wheels); len(there) > 0 {
			ways = append(ways, "the newest on the index is "+there[0])
		}
		return wished{}, &Conflict{What: "--torch " + wish, Why: "does not exist on the index", WaysOut: ways}
	case policy.Compare(wish, table[0].Version) < 0 || branch(wish) != branch(table[0].Version):
		return wished{}, &Conflict{What: "--torch " + wish, Why: "is not a release that docker gpu knows, and the index could not be asked: " + err.Error(),
			WaysOut: []string{"known releases that are near: " + nearVersions(wish)}}
	}
	if strings.Count(wish, ".") < 2 {
		wish += ".0" // the wheel's own version says it in full
	}
	return wished{release: policy.TorchRelease{Version: wish},
		warning: fmt.Sprintf("torch %s is newer than docker gpu's tables, and no index could be asked whether it exists (%v)", wish, err)}, nil
}

// CheckPython says whether the plan's PyTorch has wheels for a Python, "3.11".
// It is for a base whose Python is seen only on the builder.
func CheckPython(p Plan, python string) error {
	if p.Torch == nil || p.Torch.InBase || !p.Torch.Known {
		return nil
	}
	r, ok := inTable(p.Torch.Version)
	if !ok || slices.Contains(r.Pythons, python) {
		return nil
	}
	return &Conflict{What: fmt.Sprintf("Python %s of base %s", python, p.Base),
		Why: fmt.Sprintf("torch %s has wheels for Python %s only", r.Version, strings.Join(r.Pythons, ", ")),
		WaysOut: append([]string{"take a base with one of these, such as " + policy.PythonBase(best(r.Pythons))},
			otherTorch(python)...)}
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
	if len(pythons) == 0 || slices.Contains(pythons, policy.PythonDefault) {
		return policy.PythonDefault
	}
	return pythons[len(pythons)-1]
}
