package solve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/containerd/platforms"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/util/entitlements"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sync/errgroup"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

// Build runs a request on a builder. Whatever the error, nothing was exported.
func Build(ctx context.Context, b *Builder, r *Request) (*Outcome, error) {
	run := &run{Request: r, builder: b, outcome: &Outcome{Results: map[string]*verify.Result{}, Lock: &lock.Lock{Platforms: map[string]*lock.Platform{}}}}
	if r.Lock != nil {
		maps.Copy(run.outcome.Lock.Platforms, r.Lock.Platforms)
	}
	resp, err := run.solve(ctx, run.image)
	if err != nil {
		return nil, err
	}
	run.outcome.Response = resp.ExporterResponse
	return run.outcome, nil
}

// Inspect makes the graph and the image config of a request's one platform and
// builds nothing but what they are resolved with.
func Inspect(ctx context.Context, b *Builder, r *Request) (*graph.Input, *dockerspec.DockerOCIImage, error) {
	var in graph.Input
	var img dockerspec.DockerOCIImage
	run := &run{Request: r, builder: b}
	_, err := run.solve(ctx, func(ctx context.Context, g gw.Client) (*gw.Result, error) {
		platform, err := platforms.Parse(r.Plans[0].Platform)
		if err != nil {
			return nil, err
		}
		var parts *parts
		if in, parts, err = run.prepare(ctx, g, platform, r.Plans[0]); err != nil {
			return nil, err
		}
		img = run.config(in, parts, platform)
		return gw.NewResult(), nil
	})
	return &in, &img, err
}

// solve runs a callback on the builder and explains its failure.
func (r *run) solve(ctx context.Context, callback gw.BuildFunc) (*bkclient.SolveResponse, error) {
	opt, err := r.solveOpt(r.builder)
	if err == nil {
		err = r.builder.accepts(r.Request)
	}
	if err != nil {
		close(r.Status)
		return nil, err
	}
	said := &reports{builder: r.builder.Name}
	ch := make(chan *bkclient.SolveStatus)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(r.Status)
		for s := range ch {
			for _, l := range s.Logs {
				said.add(l.Vertex.String(), l.Data)
			}
			r.Status <- s
		}
	}()
	var own error
	resp, err := r.builder.Client.Build(ctx, *opt, "docker-gpu", func(ctx context.Context, g gw.Client) (res *gw.Result, err error) {
		defer func() { own = err }()
		if err := capable(r.builder.Name, g.BuildOpts().LLBCaps); err != nil {
			return nil, err
		}
		caching, err := withImports(g)
		if err != nil {
			return nil, err
		}
		return callback(ctx, caching)
	}, ch)
	<-done
	if err != nil && own != nil && !errors.Is(own, context.Canceled) {
		// What the callback returned is better than its way through gRPC.
		err = own
	}
	return resp, said.explain(ctx, err)
}

func (r *Request) solveOpt(b *Builder) (*bkclient.SolveOpt, error) {
	secrets, err := secretProvider(r.Spec, r.Secrets)
	if err != nil {
		return nil, err
	}
	opt := &bkclient.SolveOpt{
		Exports:             r.Exports,
		CacheExports:        r.CacheTo,
		CacheImports:        r.CacheFrom,
		Session:             append([]session.Attachable{secrets}, r.Session...),
		FrontendAttrs:       map[string]string{"build-arg:SOURCE_DATE_EPOCH": strconv.FormatInt(r.created().Unix(), 10)},
		AllowedEntitlements: r.Entitlements,
		LocalMounts:         map[string]fsutil.FS{},
	}
	if r.gpu(b) != "" {
		opt.AllowedEntitlements = append(opt.AllowedEntitlements, "device="+b.GPU)
	}
	if r.Network == "host" {
		opt.AllowedEntitlements = append(opt.AllowedEntitlements, entitlements.EntitlementNetworkHost.String())
	}
	for kind, params := range r.Attests {
		opt.FrontendAttrs["attest:"+kind] = params
	}
	if r.Dir != "" {
		dir, err := fsutil.NewFS(r.Dir)
		if err != nil {
			return nil, err
		}
		opt.LocalMounts[graph.ProjectLocal] = dir
	}
	return opt, nil
}

// run is one build while it runs.
type run struct {
	*Request
	builder *Builder
	outcome *Outcome
}

// image builds and proves every platform and returns what is exported.
func (r *run) image(ctx context.Context, g gw.Client) (*gw.Result, error) {
	res := gw.NewResult()
	exported := exptypes.Platforms{}
	for _, plan := range r.Plans {
		platform, err := platforms.Parse(plan.Platform)
		if err != nil {
			return nil, err
		}
		built, err := r.platform(ctx, g, platform, plan)
		if err != nil {
			return nil, err
		}
		id := platforms.Format(platform)
		suffix := "/" + id
		if len(r.Plans) == 1 {
			suffix = ""
			res.SetRef(built.ref)
		} else {
			res.AddRef(id, built.ref)
		}
		res.AddMeta(exptypes.ExporterImageConfigKey+suffix, built.config)
		res.AddMeta(exptypes.ExporterImageBaseConfigKey+suffix, built.baseConfig)
		// Attestations are attached by platform even where there is one.
		exported.Platforms = append(exported.Platforms, exptypes.Platform{ID: id, Platform: platform})
	}
	data, err := json.Marshal(exported)
	if err != nil {
		return nil, err
	}
	res.AddMeta(exptypes.ExporterPlatformsKey, data)
	return res, nil
}

// built is the image for one platform, as an exporter takes it.
type built struct {
	ref gw.Reference
	// config is the image's; baseConfig is that of its base, whose history keeps its times.
	config, baseConfig []byte
}

// platform builds and proves the image for one platform.
func (r *run) platform(ctx context.Context, g gw.Client, platform ocispecs.Platform, plan resolve.Plan) (*built, error) {
	in, parts, err := r.prepare(ctx, g, platform, plan)
	if err != nil {
		return nil, err
	}
	config := r.config(in, parts, platform)
	out := &built{}
	if out.config, err = json.Marshal(config); err != nil {
		return nil, err
	}
	if out.baseConfig, err = json.Marshal(parts.base.config); err != nil {
		return nil, err
	}
	var result *verify.Result
	eg, egctx := errgroup.WithContext(ctx)
	eg.Go(func() (err error) {
		out.ref, err = solveState(egctx, g, in.Runtime(), platform)
		return err
	})
	if r.Verify != verify.Off {
		eg.Go(func() (err error) {
			result, err = r.prove(egctx, g, in, parts, config.Config.User, config.Config.Env)
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	if result != nil {
		r.outcome.Results[plan.Platform] = result
		if err := verify.Judge(result, plan); err != nil {
			return nil, err
		}
	}
	r.outcome.Lock.Platforms[plan.Platform] = in.Lock
	return out, nil
}

// config is the image's config.
func (r *run) config(in graph.Input, parts *parts, platform ocispecs.Platform) dockerspec.DockerOCIImage {
	img := graph.Config(parts.base.config, in.Plan, in.Lock.Base.Python, len(in.Lock.Wheels) > 0, r.imageWish(in))
	img.Architecture, img.OS, img.Variant = platform.Architecture, platform.OS, platform.Variant
	img.History = graph.History(parts.base.config, in)
	return img
}

// prove runs the verification, on the builder's GPUs where that is asked for.
func (r *run) prove(ctx context.Context, g gw.Client, in graph.Input, parts *parts, user string, env []string) (*verify.Result, error) {
	device := r.gpu(r.builder)
	if r.builder.Emulates(parts.images.platform) {
		device = "" // an emulated program has no GPU
	}
	config, err := json.Marshal(verify.Config{Torch: in.Plan.Torch != nil, GPU: device != ""})
	if err != nil {
		return nil, err
	}
	salt := ""
	if device != "" {
		salt = r.GPUSalt
	}
	st := in.Verify(in.Packages(), graph.VerifyInput{
		Program: verify.Program(), Config: config, Python: parts.python(in),
		User: user, Env: env, Device: device, Salt: salt,
	})
	ref, err := solveState(ctx, g, st, parts.images.platform)
	if err != nil {
		// A package that cannot be installed is no failed proof.
		if _, own := solveState(ctx, g, in.Packages(), parts.images.platform); own != nil {
			return nil, own
		}
		return nil, fmt.Errorf("the verification could not run: %w", err)
	}
	data, err := ref.ReadFile(ctx, gw.ReadRequest{Filename: graph.ResultFile})
	if err != nil {
		return nil, fmt.Errorf("the verification left no result: %w", err)
	}
	return verify.Parse(data)
}

// gpu is the builder's device if this build may use it.
func (r *Request) gpu(b *Builder) string {
	if r.Verify == verify.Auto || r.Verify == verify.Require {
		for _, p := range r.Plans {
			if p.Torch != nil {
				return b.GPU
			}
		}
	}
	return ""
}
