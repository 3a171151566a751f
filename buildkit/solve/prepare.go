package solve

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// parts are what a build knows of its base images.
type parts struct {
	images images
	base   *image
	tool   *image // nil where the base is the tool
	probed *probed
}

// python is the interpreter that the image runs.
func (p *parts) python(in graph.Input) string {
	if len(in.Lock.Wheels) > 0 {
		return graph.Venv + "/bin/python"
	}
	if p.probed != nil {
		return p.probed.Executable
	}
	return "python3"
}

// prepare finds the bases, settles the lock and fills the graph's input.
func (r *run) prepare(ctx context.Context, g gw.Client, platform ocispecs.Platform, plan resolve.Plan) (graph.Input, *parts, error) {
	mode := llb.ResolveModeDefault
	if r.builder.Moby {
		mode = llb.ResolveModePreferLocal
	}
	if r.Pull {
		mode = llb.ResolveModeForcePull
	}
	p := &parts{images: images{g: g, platform: platform, mode: mode, noCache: r.NoCache}}
	steps := graph.Steps{Platform: plan.Platform, NoCache: r.NoCache, Network: r.Network, Proxy: r.builder.Proxy}
	locked, err := r.locked(plan)
	if err != nil {
		return graph.Input{}, nil, err
	}
	if p.base, err = p.images.find(ctx, plan.Base, lockedDigest(locked, func(l *lock.Platform) *lock.Base { return &l.Base })); err != nil {
		return graph.Input{}, nil, err
	}
	if plan.ToolBase != "" {
		if p.tool, err = p.images.find(ctx, plan.ToolBase, lockedDigest(locked, func(l *lock.Platform) *lock.Base { return l.ToolBase })); err != nil {
			return graph.Input{}, nil, err
		}
	}
	if locked != nil && locked.Base.Local && locked.Base.Digest != p.base.digest.String() {
		// A local image has no digest to ask for by, so it may have become another one.
		if r.Locked {
			return graph.Input{}, nil, &DriftError{plan.Platform, []string{"base changed"}}
		}
		locked = nil
	}
	tool := cmp.Or(p.tool, p.base)
	if p.probed = remembered(locked, plan); p.probed == nil {
		if p.probed, err = p.images.probe(ctx, steps, tool); err != nil {
			return graph.Input{}, nil, err
		}
	}
	if err := fits(plan, tool, p.probed); err != nil {
		return graph.Input{}, nil, err
	}
	if locked == nil {
		locked = &lock.Platform{Inputs: r.inputs(plan), Base: p.base.lock()}
		if p.tool != nil {
			toolBase := p.tool.lock()
			toolBase.Python = p.probed.Python
			locked.ToolBase = &toolBase
		} else {
			locked.Base.Python = p.probed.Python
		}
		if r.wants(plan) {
			on := p.images.state(tool)
			if p.tool == nil && len(r.Spec.Apt) > 0 {
				on = steps.Apt(on, r.Spec.Apt)
			}
			if locked.Wheels, locked.UV, err = r.choose(ctx, p.images, steps, on, plan, p.probed); err != nil {
				return graph.Input{}, nil, err
			}
		}
	}
	in := graph.Input{
		Steps: steps, Plan: plan, Lock: locked, AptPackages: r.Spec.Apt,
		WorkDir: cmp.Or(r.Spec.WorkDir, "/app"), Project: r.Dir != "", Exclude: r.Exclude, SharedKey: "docker-gpu:" + r.Dir,
		Merge: mergeable(g.BuildOpts()), Created: graph.Epoch(),
		Images: func(ref, _ string) llb.State {
			if p.tool != nil && ref == p.tool.ref {
				return p.images.state(p.tool)
			}
			return p.images.state(p.base)
		},
	}
	if plan.Torch != nil && plan.Torch.InBase {
		in.Parents = p.probed.SitePackages
	}
	err = r.account(ctx, p, &in)
	return in, p, err
}

// remembered is what the lock says of the base's Python: the base is the same, by
// digest, so it need not be asked again. nil where more must be known of it.
func remembered(l *lock.Platform, plan resolve.Plan) *probed {
	if l == nil || len(l.Wheels) == 0 || plan.Torch != nil && plan.Torch.InBase {
		return nil
	}
	python := l.Base.Python
	if l.ToolBase != nil {
		python = l.ToolBase.Python
	}
	if python == "" {
		return nil
	}
	return &probed{Python: python}
}

func (img *image) lock() lock.Base {
	return lock.Base{Ref: img.ref, Digest: img.digest.String(), Local: img.local}
}

// locked is the lock's part for a plan if it still answers, else nil.
func (r *run) locked(plan resolve.Plan) (*lock.Platform, error) {
	var have *lock.Platform
	if r.Lock != nil {
		have = r.Lock.Platforms[plan.Platform]
	}
	if have == nil {
		if r.Locked {
			return nil, &DriftError{plan.Platform, []string{"there is no lock for this platform"}}
		}
		return nil, nil
	}
	drift := r.Drift(plan)
	if len(drift) > 0 && r.Locked {
		return nil, &DriftError{plan.Platform, drift}
	}
	if len(drift) > 0 || r.Pull {
		return nil, nil
	}
	return have, nil
}

// Drift is what differs between what is asked for now and when the lock was
// written, in words; empty where the lock has the answer.
func (r *Request) Drift(plan resolve.Plan) []string {
	return r.Lock.Platforms[plan.Platform].Drift(r.inputs(plan))
}

func lockedDigest(l *lock.Platform, of func(*lock.Platform) *lock.Base) digest.Digest {
	if l == nil || of(l) == nil || of(l).Local {
		return ""
	}
	return digest.Digest(of(l).Digest)
}

// fits refuses a base whose Python or C library cannot hold the wheels.
func fits(plan resolve.Plan, img *image, p *probed) error {
	minor := p.Python
	if parts := strings.SplitN(p.Python, ".", 3); len(parts) == 3 {
		minor = parts[0] + "." + parts[1]
	}
	if plan.Python != "" && plan.Python != minor {
		return fmt.Errorf("base image %s has Python %s, not the %s that was asked for; drop --python or choose another --base", img.ref, p.Python, plan.Python)
	}
	if plan.Torch == nil || plan.Torch.InBase {
		if plan.Torch != nil && p.Installed["torch"] == "" {
			return fmt.Errorf("base image %s holds no torch in its %s; drop --torch=base to have it installed", img.ref, p.Executable)
		}
		return nil
	}
	return resolve.CheckPython(plan, minor)
}

func (r *run) imageWish(in graph.Input) graph.ImageWish {
	user := r.Spec.User
	if user == "" {
		user = in.Owner
	}
	return graph.ImageWish{
		Entrypoint: r.Spec.Entrypoint, Cmd: r.Spec.Cmd, User: user, WorkDir: in.WorkDir,
		Labels: r.Spec.Labels, Created: r.created(),
	}
}

func (r *Request) created() time.Time {
	if r.Created.IsZero() {
		return graph.Epoch()
	}
	return r.Created
}
