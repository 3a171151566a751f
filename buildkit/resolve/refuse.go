package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// refuse says why no wheel of a release serves, and what would.
func (d *decider) refuse(r policy.TorchRelease) error {
	what := "torch " + r.Version
	if d.forced != "" {
		what = fmt.Sprintf("--cuda %s with torch %s", cudaOf(d.forced), r.Version)
	}
	return &Conflict{What: d.onMachine(what), Why: d.why(r), WaysOut: d.waysOut(r)}
}

// refuseAll says why no release serves.
func (d *decider) refuseAll() error {
	table := policy.Torch()
	if !slices.ContainsFunc(table, d.pythonOK) {
		return d.refusePython(table[0])
	}
	if d.forced != "" {
		has := slices.IndexFunc(table, func(r policy.TorchRelease) bool {
			return slices.Contains(r.On(d.platform).Variants, d.forced) && d.pythonOK(r)
		})
		if has < 0 {
			ways := []string{"known for " + d.platform + ": " + strings.Join(d.everyCUDA(), ", ")}
			free := d.unforced()
			if c, ok := free.newest(); ok {
				ways = append([]string{fmt.Sprintf("leave --cuda out: torch %s with CUDA %s fits", c.release.Version, cudaOf(c.variant))}, ways...)
			} else {
				ways = append(free.waysOut(free.nearly(table)), ways...)
			}
			return &Conflict{What: d.onMachine("--cuda " + cudaOf(d.forced)), Why: "no known torch has such wheels for " + d.platform + d.forPython(), WaysOut: ways}
		}
		return d.refuse(table[has])
	}
	r := d.nearly(table)
	why := d.why(r)
	if len(d.m.targets) > 1 && d.easiest(r) == "" {
		why = "no single PyTorch wheel serves all of them"
	}
	return &Conflict{What: d.onMachine("--torch"), Why: why, WaysOut: d.waysOut(r)}
}

// nearly is the release that takes the least change of the machine: the newest of those
// that run on the oldest driver, or the newest of all where no driver helps.
func (d *decider) nearly(table []policy.TorchRelease) policy.TorchRelease {
	best, need := table[slices.IndexFunc(table, d.pythonOK)], ""
	for _, r := range table {
		v := d.easiest(r)
		if v == "" || !d.pythonOK(r) {
			continue
		}
		if takes := minDriver(cudaOf(v), d.m.targets); need == "" || policy.Compare(takes, need) < 0 {
			best, need = r, takes
		}
	}
	return best
}

func (d *decider) forPython() string {
	if d.spec.Python == "" {
		return ""
	}
	return " and Python " + d.spec.Python
}

// everyCUDA lists the CUDA versions that any known release has wheels for.
func (d *decider) everyCUDA() []string {
	var out []string
	for _, r := range policy.Torch() {
		for _, v := range r.On(d.platform).Variants {
			if !slices.Contains(out, cudaOf(v)) {
				out = append(out, cudaOf(v))
			}
		}
	}
	slices.SortFunc(out, policy.Compare)
	return out
}

func (d *decider) refusePython(r policy.TorchRelease) error {
	ways := []string{"take --python " + best(r.Pythons)}
	if c, ok := d.newest(); ok {
		ways = append(ways, fmt.Sprintf("take --torch %s, which has wheels for Python %s", c.release.Version, d.spec.Python))
	}
	return &Conflict{What: fmt.Sprintf("--python %s with torch %s", d.spec.Python, r.Version),
		Why: fmt.Sprintf("it has wheels for Python %s only", strings.Join(r.Pythons, ", ")), WaysOut: ways}
}

func (d *decider) onMachine(what string) string {
	if len(d.m.targets) > 0 {
		what += " for " + d.m.names()
	}
	if d.m.driver != "" {
		what += " with driver " + d.m.driver
	}
	return what
}

// easiest is the variant with code for the GPUs that takes the oldest driver, ""
// if none has code for all of them.
func (d *decider) easiest(r policy.TorchRelease) string {
	best := ""
	for _, v := range d.wheels(r).Variants {
		if (d.forced != "" && v != d.forced) || d.anyDriver().fit(r, v) != "" {
			continue
		}
		// Of equal drivers the newest CUDA, which comes last.
		if best == "" || policy.Compare(minDriver(cudaOf(v), d.m.targets), minDriver(cudaOf(best), d.m.targets)) <= 0 {
			best = v
		}
	}
	return best
}

// unforced decides without the wish for a CUDA.
func (d *decider) unforced() *decider {
	other := *d
	other.forced = ""
	return &other
}

// anyDriver decides as if the driver could be changed.
func (d *decider) anyDriver() *decider {
	other := *d
	other.m.driver = ""
	return &other
}

func (d *decider) why(r policy.TorchRelease) string {
	w := d.wheels(r)
	switch {
	case slices.Contains(w.Variants, d.forced):
		return cmp.Or(d.anyDriver().fit(r, d.forced), d.fit(r, d.forced)) // a driver can be changed, a GPU cannot
	case d.forced != "":
		if why := d.fit(r, d.forced); why != "" && (w.Partial || len(w.Variants) == 0) {
			return why
		}
		return "there is no such wheel for " + d.platform
	case len(w.Variants) == 0:
		return "no CUDA wheel of it is known for " + d.platform
	}
	if v := d.easiest(r); v != "" {
		if why := d.fit(r, v); why != "" {
			return why
		}
	}
	if alone := func(t string) bool {
		one := *d
		one.m = d.m.only(t)
		return one.choose(r) != ""
	}; len(d.m.targets) > 1 && !slices.ContainsFunc(d.m.targets, func(t string) bool { return !alone(t) }) {
		return "no single wheel of it serves all of them"
	}
	// No wheel has code for them: the one with the most architectures says it best.
	return d.anyDriver().fit(r, w.Variants[len(w.Variants)-1])
}
