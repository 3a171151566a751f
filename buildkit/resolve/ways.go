package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

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
		if d.forced != "" {
			out = append(out, fmt.Sprintf("take --torch %s --cuda %s, which fit", c.release.Version, cudaOf(c.variant)))
		} else {
			out = append(out, fmt.Sprintf("take --torch %s, whose wheels for CUDA %s fit", c.release.Version, cudaOf(c.variant)))
		}
	}
	easy := d.easiest(r)
	if len(out) == 0 {
		easy = cmp.Or(easy, free.easiest(r))
	}
	if easy != "" && !d.m.runs(cudaOf(easy)) {
		out = append(out, fmt.Sprintf("upgrade the driver to %s or newer, which runs CUDA %s", minDriver(cudaOf(easy), d.m.targets), cudaOf(easy)))
	}
	if len(out) == 0 {
		out = append(free.apart(r), free.elsewhere()...)
	}
	if len(out) == 0 {
		out = append(out, "build from an image that has a PyTorch for it, with --torch=base --base IMAGE")
	}
	if d.wheels(r).Partial && d.spec.Torch != "auto" {
		out = append(out, fmt.Sprintf("other wheels of torch %s may exist on %s: docker gpu looks there where it can reach it", r.Version, policy.TorchIndex("cuNNN")))
	}
	return out
}

// apart are images for each GPU alone, where several cannot share one.
func (d *decider) apart(r policy.TorchRelease) (out []string) {
	if len(d.m.targets) < 2 {
		return nil
	}
	var lost []string
	for _, t := range d.m.targets {
		one := *d
		one.m = d.m.only(t)
		c := choice{release: r, variant: one.choose(r)}
		if c.variant == "" || !d.pythonOK(r) {
			var ok bool
			if c, ok = one.newest(); !ok {
				lost = append(lost, one.m.names())
				continue
			}
		}
		out = append(out, fmt.Sprintf("build an image of its own for %s: --target-gpu %s --torch %s --cuda %s",
			one.m.names(), t, c.release.Version, cudaOf(c.variant)))
	}
	if len(out) > 0 && len(lost) > 0 {
		out = append(out, "leave out "+strings.Join(lost, " and ")+", which no known PyTorch for "+d.platform+" serves")
	}
	return out
}

// elsewhere is the other platform, where that has what this one lacks.
func (d *decider) elsewhere() []string {
	other := *d
	other.onMirror = nil
	other.platform = "linux/arm64"
	if d.platform == other.platform {
		other.platform = "linux/amd64"
	}
	if c, ok := other.newest(); ok {
		return []string{fmt.Sprintf("take --platform %s, if that is the GPU's machine: torch %s with CUDA %s fits there", other.platform, c.release.Version, cudaOf(c.variant))}
	}
	return nil
}
