package resolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Decide makes the plan of an image for one platform. h is the machine's facts,
// empty if they are not known; idx may be nil, then no network is used. A
// *Conflict names the first wish that cannot be had, and what can.
func Decide(ctx context.Context, s spec.Spec, h host.Host, platform string, idx Index) (Plan, error) {
	p := Plan{SchemaVersion: 1, Platform: platform}
	if platform != "linux/amd64" && platform != "linux/arm64" {
		return p, &Conflict{What: "--platform " + platform, Why: "NVIDIA makes container libraries for linux/amd64 and linux/arm64 only"}
	}
	if s.CUDAOnly && s.Torch != "" {
		return p, &Conflict{What: "--cuda-only with --torch", Why: "PyTorch brings its own CUDA", WaysOut: []string{"drop one of the two"}}
	}
	if s.Python != "" && !minor.MatchString(s.Python) {
		return p, &Conflict{What: fmt.Sprintf("--python %q", s.Python), Why: "is no Python minor version", WaysOut: []string{`write it as "3.12"`}}
	}
	m, err := machineFor(s.Target, h)
	if err != nil {
		return p, err
	}
	p.Targets = m.targets
	p.describe(m)
	switch {
	case s.CUDAOnly:
		return p.cudaOnly(s, m)
	case s.Torch == "base":
		return p.inBase(s)
	case s.Torch != "":
		return p.withTorch(ctx, s, m, idx)
	case s.CUDA != "":
		return p, &Conflict{What: "--cuda " + s.CUDA, Why: "says nothing without PyTorch or --cuda-only", WaysOut: []string{"add --torch or --cuda-only"}}
	}
	p.base(s, cmp.Or(s.Python, policy.PythonDefault))
	return p, nil
}

func (p *Plan) because(topic, choice, format string, args ...any) {
	p.Reasons = append(p.Reasons, Reason{Topic: topic, Choice: choice, Because: fmt.Sprintf(format, args...)})
}

func (p *Plan) describe(m machine) {
	if len(m.targets) > 0 {
		p.because("GPU", m.names(), "%s", m.because)
	}
	if m.driver != "" {
		p.because("driver", m.driver, "%s", m.because)
	}
}

// base chooses the base image and, where it is ours, its Python.
func (p *Plan) base(s spec.Spec, python string) {
	if s.Base != "" {
		p.Base, p.Python = s.Base, s.Python
		p.because("base", s.Base, "asked for")
		return
	}
	p.Base, p.Python = policy.PythonBase(python), python
	if s.Python != "" {
		p.because("Python", python, "asked for")
	} else {
		p.because("Python", python, "the newest that nearly every package has wheels for")
	}
	p.because("base", p.Base, "slim: CUDA comes with the wheels, so none is in the base twice")
}

func (p Plan) inBase(s spec.Spec) (Plan, error) {
	if s.Base == "" {
		return p, &Conflict{What: "--torch=base", Why: "no base image is named", WaysOut: []string{"name the image that holds PyTorch with --base IMAGE"}}
	}
	p.Torch = &Torch{InBase: true}
	p.Base, p.Python = s.Base, s.Python
	p.because("torch", "base", "the base image holds it; the verification tells which it is")
	if s.CUDA != "" {
		v, ok := variantOf(s.CUDA)
		if !ok {
			return p, badCUDA(s.CUDA)
		}
		p.CUDA = cudaOf(v)
	}
	return p, nil
}

func badCUDA(cuda string) error {
	return &Conflict{What: fmt.Sprintf("--cuda %q", cuda), Why: "is no CUDA version", WaysOut: []string{`write it as "12.6" or "13.0"`}}
}

func (p Plan) cudaOnly(s spec.Spec, m machine) (Plan, error) {
	cuda, why := policy.CUDADefault, "the default; name another with --cuda"
	if s.CUDA != "" {
		v, ok := variantOf(s.CUDA)
		if !ok {
			return p, badCUDA(s.CUDA)
		}
		cuda, why = cudaOf(v), "asked for"
		if !slices.ContainsFunc(policy.Drivers(), func(d policy.Driver) bool { return d.CUDA == cuda }) {
			return p, &Conflict{What: "--cuda " + s.CUDA, Why: "is not a CUDA that docker gpu knows", WaysOut: []string{"known: " + knownCUDA()}}
		}
		if !m.runs(cuda) {
			return p, &Conflict{What: "--cuda " + cuda, Why: fmt.Sprintf("driver %s is older than the %s that it takes", m.driver, minDriver(cuda, m.targets)),
				WaysOut: []string{"take an older CUDA: " + knownCUDA(), "upgrade the driver to " + minDriver(cuda, m.targets) + " or newer"}}
		}
	} else if !m.runs(cuda) {
		for _, d := range policy.Drivers() {
			if m.runs(d.CUDA) && d.CUDA != "12.4" && d.CUDA != "12.1" {
				cuda, why = d.CUDA, "the newest that driver "+m.driver+" runs"
				break
			}
		}
	}
	python := cmp.Or(s.Python, policy.PythonDefault)
	p.CUDA, p.Python, p.MinDriver = cuda, python, minDriver(cuda, m.targets)
	p.CUDAPackages = policy.CUDAPackages(cuda)
	p.Base, p.ToolBase = cmp.Or(s.Base, policy.PlainBase), cmp.Or(s.ToolBase, policy.PythonBase(python))
	p.because("CUDA", cuda, "%s", why)
	p.because("base", p.Base, "CUDA's libraries are put on it; it takes no Python")
	return p, nil
}

func knownCUDA() string {
	var out []string
	for _, d := range policy.Drivers() {
		out = append(out, d.CUDA)
	}
	return strings.Join(out, ", ")
}

func (p Plan) withTorch(ctx context.Context, s spec.Spec, m machine, idx Index) (Plan, error) {
	w, err := release(ctx, s.Torch, s.Index.URL, idx)
	if err != nil {
		return p, err
	}
	if w.warning != "" {
		p.Warnings = append(p.Warnings, w.warning)
	}
	if w.auto && s.CUDA != "" {
		w.release = newestWith(s.CUDA, p.Platform, w.release)
	}
	r, variant, why := w.release, "", ""
	if s.CUDA != "" {
		if variant, err = forced(r, w.known, s.CUDA, p.Platform, m); err != nil {
			return p, err
		}
		why = "asked for"
	} else if w.known {
		if r, variant, err = chosen(w, p.Platform, m); err != nil {
			return p, err
		}
		why = reasonFor(r, variant, m)
		if m.driver == "" {
			p.Warnings = append(p.Warnings, fmt.Sprintf("no driver is known here: the image takes driver %s or newer; say --target-driver to have it checked",
				minDriver(cudaOf(variant), m.targets)))
		}
	}
	python, err := pythonFor(r, s)
	if err != nil {
		return p, err
	}
	p.Torch = &Torch{Version: r.Version, Variant: variant, Known: w.known, Index: s.Index.Torch}
	if variant != "" {
		p.CUDA = cudaOf(variant)
		p.MinDriver = minDriver(p.CUDA, m.targets)
		p.Archs = archsOf(r.Version, variant, p.Platform)
		if variant != r.Default && p.Torch.Index == "" {
			p.Torch.Index = policy.TorchIndex(variant)
		}
	}
	p.Reasons = append(p.Reasons, Reason{Topic: "torch", Choice: r.Version, Because: torchReason(s.Torch, w), Source: r.Source})
	if variant != "" {
		p.because("CUDA", p.CUDA, "%s", why)
		p.because("needs", "driver "+p.MinDriver, "the lowest that runs CUDA %s (minor-version compatibility)", p.CUDA)
	}
	if p.Torch.Index != "" {
		p.because("index", p.Torch.Index, "PyPI's own wheels of torch %s are %s", r.Version, cmp.Or(r.Default, "not known"))
	}
	p.base(s, python)
	return p, nil
}

// newestWith is the newest release that is known to have wheels for a CUDA.
func newestWith(cuda, platform string, otherwise policy.TorchRelease) policy.TorchRelease {
	v, _ := variantOf(cuda)
	for _, r := range policy.Torch() {
		if slices.Contains(variants(r, platform), v) {
			return r
		}
	}
	return otherwise
}

func torchReason(wish string, w wished) string {
	switch {
	case w.auto:
		return "the newest release known that fits"
	case wish == "latest":
		return "the newest on the index"
	}
	return "asked for"
}

// forced checks the CUDA that the user asks for.
func forced(r policy.TorchRelease, known bool, cuda, platform string, m machine) (string, error) {
	v, ok := variantOf(cuda)
	if !ok {
		return "", badCUDA(cuda)
	}
	if known && !r.Partial && !slices.Contains(variants(r, platform), v) {
		ways := []string{fmt.Sprintf("torch %s has wheels for CUDA %s", r.Version, cudaList(variants(r, platform)))}
		for _, other := range policy.Torch() {
			if slices.Contains(variants(other, platform), v) {
				ways = append(ways, fmt.Sprintf("torch %s is the newest with wheels for CUDA %s", other.Version, cudaOf(v)))
				break
			}
		}
		return "", &Conflict{What: fmt.Sprintf("--cuda %s with torch %s", cuda, r.Version), Why: "there is no such wheel for " + platform, WaysOut: ways}
	}
	if why := fit(r, v, platform, m); why != "" {
		return "", &Conflict{What: fmt.Sprintf("--cuda %s with torch %s", cuda, r.Version), Why: why, WaysOut: waysOut(r, platform, m)}
	}
	return v, nil
}

// chosen is the release and variant for a machine; an older release is taken
// only where the user named none.
func chosen(w wished, platform string, m machine) (policy.TorchRelease, string, error) {
	if m.driver != "" && !atLeast(m.driver, "450") {
		return w.release, "", &Conflict{What: "driver " + m.driver, Why: "is too old for every CUDA that PyTorch has wheels for",
			WaysOut: []string{"upgrade the driver; `docker gpu setup` does it"}}
	}
	if v := choose(w.release, platform, m); v != "" {
		return w.release, v, nil
	}
	if w.auto {
		for _, r := range policy.Torch() {
			if v := choose(r, platform, m); v != "" {
				return r, v, nil
			}
		}
	}
	what := "torch " + w.release.Version
	if w.auto {
		what = "--torch"
	}
	if len(m.targets) > 0 {
		what += " for " + m.names()
	}
	if m.driver != "" {
		what += " with driver " + m.driver
	}
	why := "no wheel of it serves all of them"
	for _, v := range variants(w.release, platform) {
		why = fit(w.release, v, platform, m)
	}
	if len(variants(w.release, platform)) == 0 {
		why = "it has no CUDA wheels for " + platform
	}
	if w.auto {
		why = "no single PyTorch wheel serves all of them"
	}
	return w.release, "", &Conflict{What: what, Why: why, WaysOut: waysOut(w.release, platform, m)}
}

func reasonFor(r policy.TorchRelease, variant string, m machine) string {
	switch {
	case m.driver == "" && variant == r.Default && len(m.targets) == 0:
		return fmt.Sprintf("PyPI's default for torch %s, as no GPU or driver is known", r.Version)
	case len(m.targets) > 0 && compare(m.targets[0], "7.5") < 0:
		return fmt.Sprintf("the newest with code for %s", m.names())
	case m.driver == "":
		return "it has code for " + m.names()
	}
	why := fmt.Sprintf("the best that driver %s runs", m.driver)
	if len(m.targets) > 0 {
		why += " with code for " + m.names()
	}
	return why
}

func pythonFor(r policy.TorchRelease, s spec.Spec) (string, error) {
	if len(r.Pythons) == 0 {
		return cmp.Or(s.Python, policy.PythonDefault), nil
	}
	if s.Python == "" {
		return best(r.Pythons), nil
	}
	if slices.Contains(r.Pythons, s.Python) {
		return s.Python, nil
	}
	return "", &Conflict{What: "--python " + s.Python, Why: fmt.Sprintf("torch %s has wheels for Python %s", r.Version, strings.Join(r.Pythons, ", ")),
		WaysOut: append([]string{"take --python " + best(r.Pythons)}, otherTorch(s.Python)...)}
}

func cudaList(variants []string) string {
	var out []string
	for _, v := range variants {
		out = append(out, cudaOf(v))
	}
	return strings.Join(out, ", ")
}
