package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// cudaOnly plans an image with CUDA's libraries and no PyTorch.
func (p Plan) cudaOnly(s spec.Spec, asked string, m machine) (Plan, error) {
	if err := m.tooOld(); err != nil {
		return p, err
	}
	cuda, why := asked, "asked for"
	if cuda != "" {
		if err := p.checkCUDA(cuda, m); err != nil {
			return p, err
		}
	} else {
		cuda, why = p.newestCUDA(m)
		if cuda == "" {
			c := &Conflict{What: "--cuda-only for " + m.names(), Why: "no CUDA has code for all of them"}
			for _, t := range m.targets {
				if own, _ := p.newestCUDA(m.only(t)); own != "" {
					c.WaysOut = append(c.WaysOut, fmt.Sprintf("build an image of its own for %s: --target-gpu %s --cuda %s", m.only(t).names(), t, own))
				}
			}
			return p, c
		}
	}
	python := cmp.Or(s.Python, policy.PythonDefault)
	p.CUDA, p.Python, p.CUDAPackages = cuda, python, policy.CUDAPackages(cuda, p.Platform)
	p.Base, p.ToolBase = cmp.Or(s.Base, policy.PlainBase), cmp.Or(s.ToolBase, policy.PythonBase(python))
	p.because("CUDA", cuda, "", "%s", why)
	p.needs(m)
	for _, t := range m.targets {
		if _, ok := policy.GenerationOf(t); !ok {
			p.warn("%s is in no table of docker gpu: whether CUDA %s has code for it was not established", m.only(t).names(), cuda)
		}
	}
	if s.Base != "" {
		p.because("base", p.Base, "", "asked for; CUDA's libraries are put on it, and it takes no Python")
	} else {
		p.because("base", p.Base, "", "CUDA's libraries are put on it; it takes no Python")
	}
	return p, nil
}

func (p Plan) checkCUDA(cuda string, m machine) error {
	switch {
	case !slices.Contains(p.cudas(), cuda):
		return &Conflict{What: "--cuda " + cuda, Why: "is no CUDA that docker gpu knows libraries of for " + p.Platform, WaysOut: []string{"known: " + strings.Join(p.cudas(), ", ")}}
	case !m.runs(cuda):
		need := minDriver(cuda, m.targets)
		ways := []string{"upgrade the driver to " + need + " or newer"}
		if other, _ := p.newestCUDA(m); other != "" {
			ways = append([]string{"take --cuda " + other}, ways...)
		}
		return &Conflict{What: "--cuda " + cuda, Why: "driver " + m.driver + " is older than the " + need + " that it takes", WaysOut: ways}
	}
	if why := inCUDA(cuda, m.targets); why != "" {
		var ways []string
		if other, _ := p.newestCUDA(m); other != "" {
			ways = []string{"take --cuda " + other}
		}
		return &Conflict{What: "--cuda " + cuda, Why: why, WaysOut: ways}
	}
	return nil
}

// newestCUDA is the default CUDA, or the newest that the machine runs; "" if none.
func (p Plan) newestCUDA(m machine) (cuda, why string) {
	ok := func(cuda string) bool { return m.runs(cuda) && inCUDA(cuda, m.targets) == "" }
	if ok(policy.CUDADefault) {
		return policy.CUDADefault, "the default; name another with --cuda"
	}
	for _, cuda := range p.cudas() {
		if !ok(cuda) {
			continue
		}
		switch {
		case m.runs(policy.CUDADefault):
			return cuda, "the newest with code for " + m.names()
		case len(m.targets) > 0:
			return cuda, "the newest that driver " + m.driver + " runs with code for " + m.names()
		}
		return cuda, "the newest that driver " + m.driver + " runs"
	}
	return "", ""
}

// cudas are the CUDA versions with libraries for the platform, the newest first.
func (p Plan) cudas() []string {
	var out []string
	for _, d := range policy.Drivers() {
		if policy.CUDAPackages(d.CUDA, p.Platform) != nil {
			out = append(out, d.CUDA)
		}
	}
	return out
}
