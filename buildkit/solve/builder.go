package solve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	bkclient "github.com/moby/buildkit/client"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Builder is one node of a buildx builder and what it can do.
type Builder struct {
	Name   string
	Client *bkclient.Client
	// Moby says that the builder is the engine's own BuildKit.
	Moby bool
	// OCIStore says that the engine keeps images in containerd's store.
	OCIStore bool
	// MultiPlatform says that images with several platforms and attestations can be exported.
	MultiPlatform bool
	// GPU is the CDI device with all GPUs of the builder, "" where it has none.
	GPU string
	// Platforms are those that the builder can run steps for.
	Platforms []ocispecs.Platform
	Proxy     map[string]string
}

// Open connects to a node.
func Open(ctx context.Context, node builder.Node) (*Builder, error) {
	if node.Err != nil {
		return nil, &BuilderError{Name: node.Builder, Err: node.Err}
	}
	if node.Driver == nil {
		return nil, &BuilderError{Name: node.Builder, Err: fmt.Errorf("it has no driver")}
	}
	if !node.Driver.IsMobyDriver() { // an engine is there or not, and asking takes it 5 ms
		if _, err := driver.Boot(ctx, ctx, node.Driver, nil); err != nil {
			return nil, &BuilderError{Name: node.Builder, Err: err}
		}
	}
	c, err := node.Driver.Client(ctx)
	if err != nil {
		return nil, &BuilderError{Name: node.Builder, Err: err}
	}
	features, err := node.Driver.Features(ctx)
	if err != nil {
		return nil, &BuilderError{Name: node.Builder, Err: err}
	}
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return nil, &BuilderError{Name: node.Builder, Err: err}
	}
	b := &Builder{
		Name: node.Builder, Client: c, Proxy: node.ProxyConfig,
		Moby: node.Driver.IsMobyDriver(), OCIStore: features[driver.OCIExporter], MultiPlatform: features[driver.MultiPlatform],
	}
	if len(workers) > 0 {
		b.GPU = gpuDevice(workers[0].CDIDevices)
		b.Platforms = workers[0].Platforms
	}
	return b, nil
}

// gpuDevice is the device that stands for all NVIDIA GPUs: the one that NVIDIA's
// own spec calls "all", else every device of the kind.
func gpuDevice(devices []bkclient.CDIDevice) string {
	const kind = "nvidia.com/gpu="
	any := ""
	for _, d := range devices {
		if d.Name == kind+"all" {
			return d.Name
		}
		if strings.HasPrefix(d.Name, kind) {
			any = kind + "*"
		}
	}
	return any
}

// Emulates says that the builder runs a platform's programs on another's processor.
func (b *Builder) Emulates(p ocispecs.Platform) bool {
	return len(b.Platforms) > 0 && !platforms.Only(b.Platforms[0]).Match(p)
}

// needs are the LLB operations without which no image is built here, and the
// BuildKit release that brought each.
func needs() map[apicaps.CapID]string {
	return map[apicaps.CapID]string{
		pb.CapFileBase:                   "0.5",
		pb.CapExecMountSecret:            "0.3",
		pb.CapExecMetaNetwork:            "0.3",
		pb.CapExecMountCache:             "0.3",
		pb.CapSourceLocalExcludePatterns: "0.3",
	}
}

// accepts refuses a request that the builder cannot carry out, before it is sent.
func (b *Builder) accepts(r *Request) error {
	for _, plan := range r.Plans {
		want, err := platforms.Parse(plan.Platform)
		if err != nil {
			return err
		}
		if len(b.Platforms) > 0 && !slices.ContainsFunc(b.Platforms, platforms.Only(want).Match) {
			return fmt.Errorf("--platform %s: builder %q cannot run it; install QEMU for it (`docker run --privileged --rm tonistiigi/binfmt --install all`), "+
				"or choose a builder that has it with --builder", plan.Platform, b.Name)
		}
	}
	if !b.MultiPlatform && len(r.Plans) > 1 {
		return fmt.Errorf("builder %q cannot make one image for several platforms: build one platform, turn on the engine's containerd image store, "+
			"or make a builder with `docker buildx create --use`", b.Name)
	}
	if !b.MultiPlatform && len(r.Attests) > 0 {
		return fmt.Errorf("builder %q cannot attach attestations: drop --sbom and --provenance, turn on the engine's containerd image store, "+
			"or make a builder with `docker buildx create --use`", b.Name)
	}
	return nil
}

// capable says what an old builder lacks.
func capable(name string, caps apicaps.CapSet) error {
	for id, release := range needs() {
		if err := caps.Supports(id); err != nil {
			return &BuilderError{Name: name, Err: fmt.Errorf("its BuildKit is too old (no %s); it takes BuildKit %s, Docker Engine 23 or newer", id, release)}
		}
	}
	return nil
}

func mergeable(opts gw.BuildOpts) bool { return opts.LLBCaps.Supports(pb.CapMergeOp) == nil }
