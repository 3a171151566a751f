package resolve

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Decide makes the plan of an image for one platform, "linux/amd64". h is the
// machine's facts, empty if they are not known; idx may be nil, then no network
// is used. It is asked only for what the tables do not know. A *Conflict names
// the first wish that cannot be had, and what can.
func Decide(ctx context.Context, s spec.Spec, h host.Host, platform string, idx Index) (Plan, error) {
	p := Plan{SchemaVersion: 1, Platform: platform}
	if platform != "linux/amd64" && platform != "linux/arm64" {
		return p, &Conflict{What: "--platform " + platform, Why: "NVIDIA makes container libraries for linux/amd64 and linux/arm64 only",
			WaysOut: []string{"take --platform linux/amd64 or linux/arm64"}}
	}
	if s.CUDAOnly && s.Torch != "" {
		return p, &Conflict{What: "--cuda-only with --torch", Why: "PyTorch brings its own CUDA", WaysOut: []string{"drop one of the two"}}
	}
	if s.Python != "" && !minor.MatchString(s.Python) {
		return p, &Conflict{What: fmt.Sprintf("--python %q", s.Python), Why: "is no Python minor version", WaysOut: []string{`write it as "3.12"`}}
	}
	tag := ""
	if s.CUDA != "" {
		var ok bool
		if tag, ok = variantOf(s.CUDA); !ok {
			return p, &Conflict{What: fmt.Sprintf("--cuda %q", s.CUDA), Why: "is no CUDA version", WaysOut: []string{`write it as "12.6" or "13.0"`}}
		}
	}
	m, err := machineFor(s.Target, h, platform)
	if err != nil {
		return p, err
	}
	p.Targets = m.targets
	p.describe(m)
	switch {
	case s.CUDAOnly:
		return p.cudaOnly(s, cudaOf(tag), m)
	case s.Torch == "base":
		return p.inBase(s, cudaOf(tag), m)
	case s.Torch != "":
		return p.withTorch(&decider{ctx: ctx, spec: s, platform: platform, m: m, ask: newAsker(idx), forced: tag, asked: "asked for"})
	case tag != "":
		return p, &Conflict{What: "--cuda " + s.CUDA, Why: "says nothing without PyTorch or --cuda-only", WaysOut: []string{"add --torch or --cuda-only"}}
	}
	p.base(s, cmp.Or(s.Python, policy.PythonDefault))
	return p, nil
}

func (p *Plan) because(topic, choice, source, format string, args ...any) {
	p.Reasons = append(p.Reasons, Reason{Topic: topic, Choice: choice, Because: fmt.Sprintf(format, args...), Source: source})
}

func (p *Plan) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

func (p *Plan) describe(m machine) {
	if len(m.targets) > 0 {
		p.because("GPU", m.names(), "", "%s", m.because)
	}
	if m.driver != "" {
		p.because("driver", m.driver, "", "%s", m.because)
	}
	for _, name := range m.unknown {
		p.warn("the compute capability of this machine's %s is not known, so it is not checked; give it with --target-gpu", name)
	}
}

// needs notes the driver that the plan's CUDA takes.
func (p *Plan) needs(m machine) {
	p.MinDriver = minDriver(p.CUDA, m.targets)
	if p.MinDriver == "" {
		return
	}
	for _, d := range policy.Drivers() {
		if d.CUDA == p.CUDA && d.Min == p.MinDriver {
			p.because("needs", "driver "+p.MinDriver, dated(d.Source, d.Date), "the lowest that runs CUDA %s (minor-version compatibility)", p.CUDA)
		}
	}
	for _, t := range m.targets {
		if g, ok := policy.GenerationOf(t); ok && g.MinDriver == p.MinDriver && p.MinDriver != minDriver(p.CUDA, nil) {
			p.because("needs", "driver "+p.MinDriver, dated(g.Source, g.Date), "the lowest that knows %s", m.only(t).names())
		}
	}
	if m.driver == "" {
		p.warn("no driver is known here: the image takes driver %s or newer; say --target-driver to have it checked", p.MinDriver)
	}
}

// tooOld is the conflict of a driver that cannot serve the GPUs, whatever CUDA is taken.
func (m machine) tooOld() error {
	if m.driver == "" {
		return nil
	}
	for _, t := range m.targets {
		if g, ok := policy.GenerationOf(t); ok && g.MinDriver != "" && !atLeast(m.driver, g.MinDriver) {
			return &Conflict{What: "driver " + m.driver + " for " + m.only(t).names(), Why: fmt.Sprintf("%s GPUs take driver %s or newer, whatever the CUDA", g.Name, g.MinDriver),
				WaysOut: []string{"upgrade the driver to " + g.MinDriver + " or newer"}}
		}
	}
	drivers := policy.Drivers()
	if least := drivers[len(drivers)-1].Min; !atLeast(m.driver, least) {
		return &Conflict{What: "driver " + m.driver, Why: "is too old for every CUDA that there are wheels for",
			WaysOut: []string{"upgrade the driver to " + least + " or newer, better to " + minDriver(policy.CUDADefault, nil) + " or newer"}}
	}
	return nil
}

// base chooses the base image and, where it is ours, its Python. A base of the
// user's decides on the Python itself unless one is asked for.
func (p *Plan) base(s spec.Spec, python string) {
	if s.Base != "" {
		p.Base, p.Python = s.Base, s.Python
		p.because("base", s.Base, "", "asked for")
		return
	}
	p.Base, p.Python = policy.PythonBase(python), python
	switch {
	case s.Python != "":
		p.because("Python", python, "", "asked for")
	case python == policy.PythonDefault:
		p.because("Python", python, "", "the default: nearly every package has wheels for it")
	default:
		p.because("Python", python, "", "the newest that this torch has wheels for")
	}
	if p.Torch == nil {
		p.because("base", p.Base, "", "slim: nothing is in it that nobody asks for")
		return
	}
	p.because("base", p.Base, "", "slim: CUDA comes with the wheels, so none is in the base twice")
}

func (p Plan) inBase(s spec.Spec, cuda string, m machine) (Plan, error) {
	if s.Base == "" {
		return p, &Conflict{What: "--torch=base", Why: "no base image is named", WaysOut: []string{"name the image that holds PyTorch with --base IMAGE"}}
	}
	if s.Index.Torch != "" {
		return p, &Conflict{What: "--torch=base with --torch-index-url", Why: "PyTorch is not installed, so no index is asked for it", WaysOut: []string{"drop one of the two"}}
	}
	p.Torch, p.CUDA = &Torch{InBase: true}, cuda
	p.because("torch", "base", "", "the base image holds it; the verification tells which it is")
	p.base(s, "")
	if cuda != "" {
		if !m.runs(cuda) {
			return p, &Conflict{What: "--cuda " + cuda + " with driver " + m.driver, Why: "CUDA " + cuda + " takes driver " + minDriver(cuda, m.targets) + " or newer",
				WaysOut: []string{"upgrade the driver", "take a base with an older CUDA"}}
		}
		p.because("CUDA", cuda, "", "asked for; the verification checks that the base's PyTorch is made for it")
		p.needs(m)
	}
	return p, nil
}

func (p Plan) withTorch(d *decider) (Plan, error) {
	s := d.spec
	if err := d.m.tooOld(); err != nil {
		return p, err
	}
	if err := d.mirror(); err != nil {
		return p, err
	}
	if cuda := cudaOf(d.forced); cuda != "" && minDriver(cuda, nil) == "" && policy.Compare(cuda, policy.Drivers()[0].CUDA) < 0 {
		return p, &Conflict{What: "--cuda " + cuda, Why: "is no CUDA that docker gpu knows", WaysOut: []string{"torch has wheels for " + strings.Join(d.everyCUDA(), ", ")}}
	}
	c, err := d.pick()
	if err != nil {
		return p, err
	}
	r := c.release
	p.Torch = &Torch{Version: r.Version, Variant: c.variant, Known: c.known, Index: s.Index.Torch}
	how := "asked for"
	switch s.Torch {
	case "auto":
		how = "the newest known release that fits"
	case "latest":
		how = "the newest on the index"
	}
	if r.Torchvision != "" {
		how += "; torchvision " + r.Torchvision + " goes with it"
	}
	p.because("torch", r.Version, dated(r.Source, r.Date), "%s", how)
	p.Warnings = append(p.Warnings, d.warnings...)
	dflt := r.On(p.Platform).Default
	if c.variant != "" {
		p.CUDA = cudaOf(c.variant)
		row, known := archsOf(r.Version, c.variant, p.Platform)
		p.Archs = row.Archs
		p.because("CUDA", p.CUDA, dated(row.Source, row.Date), "%s", c.why)
		if !known && len(p.Targets) > 0 {
			p.warn("which GPUs the CUDA %s wheel of torch %s has code for was not established: the verification tells", p.CUDA, r.Version)
		}
		if p.Torch.Index == "" && c.variant != dflt {
			p.Torch.Index = policy.TorchIndex(c.variant)
			p.because("index", p.Torch.Index, "", "PyPI's wheel of torch %s is %s", r.Version, cmp.Or(strings.Replace(dflt, "cpu", "without CUDA", 1), "not known"))
		}
		p.needs(d.m)
	}
	if s.Index.Torch != "" {
		p.because("index", s.Index.Torch, "", "asked for")
		if c.variant == dflt && !d.tagged(r.Version) {
			p.Torch.Variant = "" // a copy of PyPI's wheel, which carries no tag
		}
	}
	python := s.Python
	if python == "" {
		python = best(r.Pythons)
	}
	p.base(s, python)
	return p, nil
}

func dated(source, date string) string {
	if source == "" || date == "" {
		return source
	}
	return source + ", " + date
}
