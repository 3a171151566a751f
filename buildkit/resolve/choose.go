package resolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// decider is one decision about PyTorch on its way.
type decider struct {
	ctx      context.Context
	spec     spec.Spec
	platform string
	m        machine
	ask      *asker
	forced   string // the CUDA tag that the user or the user's index asks for, or ""
	asked    string // how it does
	onMirror []wheel
	warnings []string
}

// choice is a release and one of its wheels.
type choice struct {
	release policy.TorchRelease
	known   bool
	variant string // "" if nobody knows
	why     string
}

// preference orders CUDA tags by how well they serve a machine: first what is
// common for its driver, then what else runs. cu132 is only taken where it is
// PyPI's own.
func (d *decider) preference(dflt string) []string {
	switch {
	case d.forced != "":
		return []string{d.forced}
	case len(d.m.targets) > 0 && policy.Compare(d.m.targets[0], "7.5") < 0:
		return []string{"cu126", "cu129", "cu128", "cu124", "cu121", "cu118"}
	case d.m.driver == "":
		return []string{dflt, "cu130", "cu129", "cu128", "cu126", "cu124", "cu121", "cu118"}
	case atLeast(d.m.driver, "580"):
		return []string{"cu130", dflt, "cu129", "cu128", "cu126", "cu124", "cu121", "cu118"}
	case atLeast(d.m.driver, "570"):
		return []string{"cu129", "cu128", "cu126", "cu124", "cu121", "cu118"}
	case atLeast(d.m.driver, "525"):
		return []string{"cu126", "cu129", "cu128", "cu124", "cu121", "cu118"}
	}
	return []string{"cu118"}
}

// fit says why a variant of a release does not serve the machine, "" if it does.
func (d *decider) fit(r policy.TorchRelease, variant string) string {
	cuda := cudaOf(variant)
	if !d.m.runs(cuda) {
		return fmt.Sprintf("driver %s is older than the %s that CUDA %s takes", d.m.driver, minDriver(cuda, d.m.targets), cuda)
	}
	if row, ok := archsOf(r.Version, variant, d.platform); ok {
		if err := CheckArchs(d.m.targets, row.Archs); err != nil {
			return err.Error()
		}
		return ""
	}
	return inCUDA(cuda, d.m.targets)
}

// wheels are the CUDA wheels of a release, where a torch index of the user's was
// seen those on it.
func (d *decider) wheels(r policy.TorchRelease) policy.Wheels {
	w := r.On(d.platform)
	if here := of(d.onMirror, r.Version, d.platform, ""); len(here) > 0 {
		w = policy.Wheels{Default: w.Default}
		for _, x := range here {
			tag := x.variant
			if tag == "" {
				tag = w.Default // a copy of PyPI's
			}
			if !slices.Contains(w.Variants, tag) && cudaOf(tag) != "" {
				w.Variants = append(w.Variants, tag)
			}
		}
	}
	return w
}

// choose is the best established variant of a release, "" if none serves.
func (d *decider) choose(r policy.TorchRelease) string {
	w := d.wheels(r)
	dflt := w.Default
	if !slices.Contains(w.Variants, dflt) {
		dflt = r.AMD64.Default // PyPI's arm64 wheel may have no CUDA
	}
	for _, v := range d.preference(dflt) {
		if slices.Contains(w.Variants, v) && d.fit(r, v) == "" {
			return v
		}
	}
	return ""
}

// pythonOK says whether a release has wheels for the wished Python.
func (d *decider) pythonOK(r policy.TorchRelease) bool {
	return d.spec.Python == "" || len(r.Pythons) == 0 || slices.Contains(r.Pythons, d.spec.Python)
}

// newest is the newest known release that serves the machine and the Python.
func (d *decider) newest() (choice, bool) {
	for _, r := range policy.Torch() {
		if v := d.choose(r); v != "" && d.pythonOK(r) {
			return choice{release: r, known: true, variant: v, why: d.reason(r, v)}, true
		}
	}
	return choice{}, false
}

// pick decides on the release and its wheel.
func (d *decider) pick() (choice, error) {
	if d.spec.Torch == "auto" {
		c, ok := d.newest()
		if !ok {
			return c, d.refuseAll()
		}
		return c, nil
	}
	w, err := d.release()
	if err != nil {
		return choice{}, err
	}
	r := w.release
	if w.warning != "" {
		d.warnings = append(d.warnings, w.warning)
	}
	if !d.pythonOK(r) {
		return choice{}, d.refusePython(r)
	}
	c := choice{release: r, known: w.known, variant: d.choose(r)}
	switch {
	case c.variant != "":
		c.why = d.reason(r, c.variant)
	case w.known && !d.wheels(r).Partial:
		return c, d.refuse(r)
	default:
		return d.search(c)
	}
	return c, nil
}

// search looks for a wheel that no table row knows of on PyTorch's own indexes.
func (d *decider) search(c choice) (choice, error) {
	r := c.release
	if !c.known && d.forced == "" && inCUDA(policy.CUDADefault, d.m.targets) == "" && d.m.runs(policy.CUDADefault) {
		return c, nil // PyPI's wheel, whatever CUDA it has
	}
	var failed error
	for _, v := range d.preference(r.On(d.platform).Default) {
		if cudaOf(v) == "" || d.fit(r, v) != "" {
			continue
		}
		wheels, err := d.ask.wheels(d.ctx, cmp.Or(d.spec.Index.Torch, policy.TorchIndex(v)))
		if d.ctx.Err() != nil {
			return c, d.ctx.Err()
		}
		if err != nil {
			failed = err
			continue
		}
		if len(of(wheels, r.Version, d.platform, d.spec.Python)) > 0 {
			c.variant, c.why = v, "found on PyTorch's index; "+d.reason(r, v)
			return c, nil
		}
	}
	switch {
	case failed != nil && d.forced != "" && d.fit(r, d.forced) == "":
		d.warnings = append(d.warnings, fmt.Sprintf("nobody established whether torch %s has wheels for CUDA %s, and PyTorch's index could not be asked (%v)",
			r.Version, cudaOf(d.forced), failed))
		c.variant, c.why = d.forced, d.asked
		return c, nil
	case failed != nil && !c.known:
		d.warnings = append(d.warnings, fmt.Sprintf("PyTorch's indexes could not be asked for a wheel of torch %s that fits this machine (%v): PyPI's is taken", r.Version, failed))
		return c, nil
	}
	return c, d.refuse(r)
}

func (d *decider) reason(r policy.TorchRelease, variant string) string {
	m := d.m
	switch {
	case d.forced != "":
		return d.asked
	case m.driver == "" && len(m.targets) == 0 && variant == r.On(d.platform).Default:
		return fmt.Sprintf("PyPI's default for torch %s, as no GPU or driver is known", r.Version)
	case m.driver == "" && len(m.targets) == 0:
		return "the one for amd64 on PyPI, as no GPU or driver is known"
	case len(m.targets) > 0 && policy.Compare(m.targets[0], "7.5") < 0:
		return fmt.Sprintf("the newest with code for %s", m.names())
	case m.driver == "":
		return "it has code for " + m.names()
	case len(m.targets) > 0:
		return fmt.Sprintf("the best that driver %s runs with code for %s", m.driver, m.names())
	}
	return fmt.Sprintf("the best that driver %s runs", m.driver)
}
