package solve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
)

// image is a base image as the builder sees it.
type image struct {
	ref    string // as wished, normalised
	digest digest.Digest
	// local says that the engine has it under this name only, without a registry's digest.
	local  bool
	config dockerspec.DockerOCIImage
}

// probed is what probe.py says of an image's Python.
type probed struct {
	Python       string            `json:"python"`
	Executable   string            `json:"executable"`
	Libc         string            `json:"libc"`
	LibcVersion  string            `json:"libcVersion"`
	Installed    map[string]string `json:"installed"`
	SitePackages []string          `json:"sitePackages"`
}

// images finds and describes base images through the gateway.
type images struct {
	g        gw.Client
	platform ocispecs.Platform
	mode     llb.ResolveMode
	noCache  bool
}

// find resolves a reference. A digest from a lock is kept.
func (im images) find(ctx context.Context, ref string, locked digest.Digest) (*image, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("--base %q is no image reference: %w", ref, err)
	}
	named = reference.TagNameOnly(named)
	name := named.String()
	if locked != "" && !strings.Contains(name, "@") {
		name += "@" + locked.String()
	}
	resolved, dgst, config, err := im.g.ResolveImageConfig(ctx, name, sourceresolver.Opt{
		LogName:  "[base] find " + named.String(),
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &im.platform, ResolveMode: im.mode.String()},
	})
	if err != nil {
		return nil, baseError(named.String(), platforms.Format(im.platform), err)
	}
	_ = resolved
	out := &image{ref: named.String(), digest: dgst}
	if dgst == "" {
		// An engine without containerd's store knows its local images by their config only.
		out.digest, out.local = digest.FromBytes(config), true
	}
	if err := json.Unmarshal(config, &out.config); err != nil {
		return nil, fmt.Errorf("the config of base image %s cannot be read: %w", named, err)
	}
	return out, nil
}

func baseError(ref, platform string, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "no match for platform"): // ends in "not found"
		return fmt.Errorf("base image %s is not made for %s: choose another --base or --platform: %w", ref, platform, err)
	case strings.Contains(text, "not found"), strings.Contains(text, "manifest unknown"), strings.Contains(text, "pull access denied"):
		return fmt.Errorf("base image %s does not exist, or is private: check --base, or run `docker login` for its registry: %w", ref, err)
	case strings.Contains(text, "certificate"):
		return fmt.Errorf("the builder does not trust the registry of base image %s; its engine must know the registry's certificate authority: %w", ref, err)
	case strings.Contains(text, "dial tcp"), strings.Contains(text, "lookup "), strings.Contains(text, "connection refused"), strings.Contains(text, "i/o timeout"):
		return fmt.Errorf("the builder cannot reach the registry of base image %s; check its network, or name an image that is near with --base: %w", ref, err)
	}
	return fmt.Errorf("base image %s cannot be resolved: %w", ref, err)
}

// state is the image as a graph's root.
func (im images) state(img *image) llb.State {
	ref := img.ref
	if !img.local && !strings.Contains(ref, "@") {
		ref += "@" + img.digest.String()
	}
	st := llb.Image(ref, im.mode, llb.Platform(im.platform), llb.WithCustomName("[base] "+img.ref))
	if data, err := json.Marshal(img.config); err == nil {
		if with, err := st.WithImageConfig(data); err == nil {
			st = with
		}
	}
	return st
}

// probe asks an image for its Python and refuses one that cannot hold wheels.
func (im images) probe(ctx context.Context, steps graph.Steps, img *image) (*probed, error) {
	st := im.state(img)
	if names, err := im.list(ctx, st, "/lib", "ld-musl-*"); err == nil && len(names) > 0 {
		return nil, fmt.Errorf("base image %s uses musl (%s), for which PyTorch and NVIDIA make no wheels; "+
			"use a glibc image such as python:3.12-slim-trixie", img.ref, names[0])
	}
	found, err := im.onPath(ctx, st, img, "python3")
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("base image %s has no python3 on its PATH; choose one that has, such as python:3.12-slim-trixie", img.ref)
	}
	ref, err := im.solve(ctx, steps.Probe(st))
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the Python of base image %s cannot be asked: %w", img.ref, err)
	}
	data, err := ref.ReadFile(ctx, gw.ReadRequest{Filename: "/probe.json"})
	if err != nil {
		return nil, err
	}
	var p probed
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("the Python of base image %s gave no readable answer: %w", img.ref, err)
	}
	return &p, nil
}

// onPath says whether an image has a program where its PATH looks for it.
func (im images) onPath(ctx context.Context, st llb.State, img *image, program string) (bool, error) {
	ref, err := im.solve(ctx, st)
	if err != nil {
		return false, err
	}
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, e := range img.config.Config.Env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	for dir := range strings.SplitSeq(search, ":") {
		if _, err := ref.StatFile(ctx, gw.StatRequest{Path: path.Join(dir, program)}); err == nil {
			return true, nil
		}
	}
	return false, ctx.Err()
}

func (im images) list(ctx context.Context, st llb.State, dir, pattern string) ([]string, error) {
	ref, err := im.solve(ctx, st)
	if err != nil {
		return nil, err
	}
	stats, err := ref.ReadDir(ctx, gw.ReadDirRequest{Path: dir, IncludePattern: pattern})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range stats {
		names = append(names, s.Path)
	}
	return names, nil
}

// solve evaluates a state and returns the reference to read from.
func (im images) solve(ctx context.Context, st llb.State) (gw.Reference, error) {
	return solveState(ctx, im.g, st, im.platform)
}

func solveState(ctx context.Context, g gw.Client, st llb.State, platform ocispecs.Platform) (gw.Reference, error) {
	def, err := st.Marshal(ctx, llb.Platform(platform))
	if err != nil {
		return nil, err
	}
	res, err := g.Solve(ctx, gw.SolveRequest{Definition: def.ToPB(), Evaluate: true})
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return nil, err
	}
	if ref == nil {
		return nil, errors.New("the build returned no result")
	}
	return ref, nil
}
