package resolve

import (
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
			return &Conflict{What: d.onMachine("--cuda " + cudaOf(d.forced)), Why: "no known torch has such wheels for " + d.platform + d.forPython(),
				WaysOut: []string{"leave --cuda out for the one that fits", "known for " + d.platform + ": " + strings.Join(d.everyCUDA(), ", ")}}
		}
		return d.refuse(table[has])
	}
	r := table[slices.IndexFunc(table, d.pythonOK)]
	why := d.why(r)
	if len(d.m.targets) > 1 {
		why = "no single PyTorch wheel serves all of them"
	}
	return &Conflict{What: d.onMachine("--torch"), Why: why, WaysOut: d.waysOut(r)}
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
	return &Conflict{What: fmt.Sprintf("--python %s with torch %s", d.spec.Python, r.Version),
		Why:     fmt.Sprintf("it has wheels for Python %s only", strings.Join(r.Pythons, ", ")),
		WaysOut: append([]string{"take --python " + best(r.Pythons)}, otherTorch(d.spec.Python)...)}
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
	any := *d
	any.m.driver = ""
	best := ""
	for _, v := range any.wheels(r).Variants {
		if (d.forced != "" && v != d.forced) || any.fit(r, v) != "" {
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

func (d *decider) why(r policy.TorchRelease) string {
	w := d.wheels(r)
	switch {
	case d.forced != "" && !slices.Contains(w.Variants, d.forced):
		if why := d.fit(r, d.forced); why != "" && w.Partial {
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
	// Every wheel fails: the one with the most architectures says it best.
	return d.fit(r, w.Variants[len(w.Variants)-1])
}

// waysOut lists what would work instead: another CUDA of the release, another
// release, a newer driver, an image for each GPU.
func (d *decider) waysOut(r policy.TorchRelease) []string {
	var out []string
	free := d.unforced()
	if v := free.choose(r); v != "" && d.forced != "" {
		out = append(out, fmt.Sprintf("take --cuda %s, which torch %s has wheels for", cudaOf(v), r.Version))
	}
	if d.forced != "" && !slices.Contains(d.wheels(r).Variants, d.forced) {
		if c, ok := d.newest(); ok {
			out = append(out, fmt.Sprintf("take --torch %s, the newest known with wheels for CUDA %s", c.release.Version, cudaOf(d.forced)))
		}
	}
	if c, ok := free.newest(); ok && len(out) == 0 {
		out = append(out, fmt.Sprintf("take --torch %s, whose wheels for CUDA %s fit", c.release.Version, cudaOf(c.variant)))
	}
	if v := d.easiest(r); v != "" && !d.m.runs(cudaOf(v)) {
		out = append(out, fmt.Sprintf("upgrade the driver to %s or newer, which runs CUDA %s", minDriver(cudaOf(v), d.m.targets), cudaOf(v)))
	}
	if len(d.m.targets) > 1 && len(out) == 0 {
		for _, t := range d.m.targets {
			one := *free
			one.m = d.m.only(t)
			if c, ok := one.newest(); ok {
				out = append(out, fmt.Sprintf("build an image of its own for %s: --target-gpu %s chooses torch %s with CUDA %s",
					one.m.names(), t, c.release.Version, cudaOf(c.variant)))
			}
		}
	}
	if d.wheels(r).Partial && d.spec.Torch != "auto" {
		out = append(out, fmt.Sprintf("other wheels of torch %s may exist on %s: docker gpu looks there where it can reach it", r.Version, policy.TorchIndex("cuNNN")))
	}
	return out
}
