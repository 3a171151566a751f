package solve

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	bkclient "github.com/moby/buildkit/client"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
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
	GPU   string
	Proxy map[string]string
}

// Open connects to a node.
func Open(ctx context.Context, node builder.Node) (*Builder, error) {
	if node.Err != nil {
		return nil, &BuilderError{Name: node.Builder, Err: node.Err}
	}
	if node.Driver == nil {
		return nil, &BuilderError{Name: node.Builder, Err: fmt.Errorf("it has no driver")}
	}
	if _, err := driver.Boot(ctx, ctx, node.Driver, nil); err != nil {
		return nil, &BuilderError{Name: node.Builder, Err: err}
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
