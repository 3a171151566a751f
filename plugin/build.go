package plugin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/docker/buildx/builder"
	_ "github.com/docker/buildx/driver/docker"           // the engine's own BuildKit
	_ "github.com/docker/buildx/driver/docker-container" // a BuildKit in a container
	_ "github.com/docker/buildx/driver/remote"           // a BuildKit elsewhere
	"github.com/docker/cli/cli/command"
	bkclient "github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // faster messages
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/buildkit"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/pkgindex"
	"github.com/dockergpu/docker-gpu/buildkit/project"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// buildRun is one run of the command: what the flags and files came to.
type buildRun struct {
	cli     command.Cli
	opts    *buildOptions
	spec    spec.Spec
	dir     string // absolute; the current directory where there is no project
	project *project.Project
	host    host.Host
	plans   []resolve.Plan
	lock    *lock.Lock
}

func runBuild(ctx context.Context, cli command.Cli, opts *buildOptions) error {
	r := &buildRun{cli: cli, opts: opts}
	if err := r.read(); err != nil {
		return err
	}
	if err := r.decide(ctx); err != nil {
		return err
	}
	if opts.explain {
		return r.printReasons()
	}
	wish, err := r.wish()
	if err != nil {
		return err
	}
	if opts.print == "plan" {
		return r.printPlan(&wish.Request)
	}
	// A display that cannot be is told now, not when the image is built.
	if _, err := r.progress(""); err != nil {
		return flagError("--progress %q: %w; take auto, plain, quiet or rawjson", opts.progressMode(), err)
	}
	b, err := r.builder(ctx)
	if err != nil {
		return err
	}
	defer b.Client.Close()
	if opts.print != "" {
		return r.printGraph(ctx, b, wish)
	}
	e := engine.Open(cli)
	report, err := buildkit.Build(ctx, b, e, wish, r.display(b))
	if err != nil {
		return err
	}
	return r.finish(ctx, b, e, report)
}

// read takes in flags, gpu.yaml, the project and the lock.
func (r *buildRun) read() error {
	dir, err := project.Open(r.opts.path)
	if err != nil {
		return err
	}
	r.dir = dir
	file := r.opts.file
	if file == "" && r.opts.path != "" {
		if _, err := os.Stat(filepath.Join(dir, "gpu.yaml")); err == nil {
			file = filepath.Join(dir, "gpu.yaml")
		}
	}
	if file != "" {
		if r.spec, err = spec.Load(file); err != nil {
			return err
		}
	}
	r.spec = spec.Merge(r.spec, r.opts.flagSpec())
	if err := spec.Validate(r.spec); err != nil {
		if own := spec.Validate(r.opts.flagSpec()); own != nil && own.Error() == err.Error() {
			return usageError{err} // a flag says it, and no file
		}
		return err
	}
	if r.opts.path == "" && !r.spec.Wants() {
		return flagError("there is nothing to build: name a project (PATH), --torch, --cuda-only or --package")
	}
	if r.project, err = project.Read(dir, r.spec.Requirements, r.opts.path != ""); err != nil {
		return err
	}
	if r.opts.path != "" || r.opts.lock != "" {
		r.lock, err = project.ReadLock(r.lockFile())
	}
	return err
}

// lockFile is where the lock is: beside the project unless told otherwise.
func (r *buildRun) lockFile() string {
	if r.opts.lock != "" {
		return r.opts.lock
	}
	return filepath.Join(r.dir, lock.FileName)
}

// decide makes a plan for each platform.
func (r *buildRun) decide(ctx context.Context) error {
	if engine.Open(r.cli).Local {
		r.host = probe.GPUs(ctx)
	}
	index, err := pkgindex.New(pkgindex.Options{CABundle: r.spec.CABundle})
	if err != nil {
		return err
	}
	platforms, err := r.platforms()
	if err != nil {
		return err
	}
	for _, p := range platforms {
		plan, err := resolve.Decide(ctx, r.spec, r.host, p, index)
		if err != nil {
			return err
		}
		r.plans = append(r.plans, plan)
	}
	return nil
}

// builder is the node that --builder, $BUILDX_BUILDER or the context names.
func (r *buildRun) builder(ctx context.Context) (*solve.Builder, error) {
	b, err := builder.New(r.cli, builder.WithName(r.opts.builder))
	if err != nil {
		return nil, &solve.BuilderError{Name: r.opts.builder, Err: err}
	}
	nodes, err := b.LoadNodes(ctx)
	if err != nil {
		return nil, &solve.BuilderError{Name: b.Name, Err: err}
	}
	if len(nodes) == 0 {
		return nil, &solve.BuilderError{Name: b.Name, Err: fmt.Errorf("it has no node")}
	}
	return solve.Open(ctx, nodes[0])
}

// display shows progress on standard error, as docker buildx build does.
func (r *buildRun) display(b *solve.Builder) buildkit.Display {
	return func(status <-chan *bkclient.SolveStatus) error {
		d, err := r.progress(b.Name)
		if err != nil {
			for range status {
			}
			return err
		}
		ch := make(chan *bkclient.SolveStatus)
		go func() {
			defer close(ch)
			for s := range status {
				ch <- s
			}
		}()
		_, err = d.UpdateFrom(context.Background(), ch)
		return err
	}
}

// progress is a display of a builder's progress in the mode asked for.
func (r *buildRun) progress(name string) (progressui.Display, error) {
	out, _ := r.cli.Err().File()
	return progressui.NewDisplay(out, r.opts.progressMode(), progressui.WithDesc("docker gpu build on "+name, name))
}

// sourceDate is SOURCE_DATE_EPOCH, zero where it is not set.
func sourceDate() (time.Time, error) {
	v, ok := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !ok || v == "" {
		return time.Time{}, nil
	}
	const last = 253402300799 // of the year 9999: no later one can be written in an image
	seconds, err := strconv.ParseInt(v, 10, 64)
	if err != nil || seconds < 0 || seconds > last {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%q is no number of seconds since 1970", v)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func newBuildCmd(cli command.Cli) *cobra.Command {
	opts := &buildOptions{}
	cmd := &cobra.Command{
		Use:   "build [OPTIONS] [PATH]",
		Short: "Build a PyTorch or CUDA image and prove that it computes",
		Long: `Build a PyTorch or CUDA image without a Dockerfile and prove that it computes.

PATH is a project that is copied into the image; its requirements.txt, or its
pyproject.toml with or without uv.lock, is installed. Without PATH the image
holds packages only.`,
		Example: `  # PyTorch for this machine's GPUs, and this project
  docker gpu build --torch -t mymodel .

  # For an H100 with an older driver, pushed
  docker gpu build --torch=2.11 --target-gpu h100 --target-driver 550 -t registry.example.com/team/model --push .

  # What would be built, and why
  docker gpu build --torch --explain .`,
		Args: onePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.path = args[0]
			}
			if err := opts.check(cmd.Flags()); err != nil {
				return err
			}
			return runBuild(cmd.Context(), cli, opts)
		},
	}
	opts.install(cmd)
	return cmd
}
