package plugin

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker"
)

type smokeOptions struct {
	image   string
	pull    string
	reload  bool
	timeout time.Duration
	format  string
	// imageSet says that --image was given, be it empty.
	imageSet bool
}

// smokeEngine is the engine of a context.
type smokeEngine interface {
	verify.Containers
	ImageID(ctx context.Context, image string) (string, error)
	Pull(ctx context.Context, image string, progress io.Writer) error
}

// smokeRun is one run of the command, with what it depends on.
type smokeRun struct {
	cli   command.Cli
	opts  *smokeOptions
	facts func(ctx context.Context) (host.Host, error)
	open  func() (smokeEngine, func() error, error)
	// image makes sure that the engine has the worker's image, and names it.
	image  func(ctx context.Context) (string, error)
	binary func(arch string) ([]byte, error)
	reload func(ctx context.Context) error
}

func newSmokeRun(cli command.Cli, opts *smokeOptions) *smokeRun {
	g := newGatherer(cli)
	g.instead = "the GPUs are then tried in containers of their own"
	return &smokeRun{
		cli: cli, opts: opts, binary: worker.Binary, image: g.workerImage,
		facts: func(ctx context.Context) (host.Host, error) { return g.facts(ctx, "") },
		open: func() (smokeEngine, func() error, error) {
			e, err := g.open("")
			if err != nil {
				return nil, nil, err
			}
			return containers{e}, e.API.Close, nil
		},
		reload: reloadSystemd,
	}
}

// containers is an engine as verify takes it.
type containers struct{ *engine.Engine }

func (c containers) Start(ctx context.Context, w engine.Worker) (verify.Container, error) {
	return c.Engine.Start(ctx, w)
}

// reloadSystemd has systemd read its units again.
func reloadSystemd(ctx context.Context) error {
	argv := []string{"systemctl", "daemon-reload"}
	if os.Geteuid() != 0 {
		argv = append([]string{"sudo"}, argv...)
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Stdin, c.Stderr = os.Stdin, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return nil
}

func (r *smokeRun) do(ctx context.Context) error {
	h, err := r.facts(ctx)
	if err != nil {
		return err
	}
	if r.opts.reload && !h.Local {
		return usageError{fmt.Errorf("--reload reloads this machine's systemd, and the engine of context %q is not on it: run docker gpu smoke --reload there", clean(h.Context, 80))}
	}
	report, err := r.climb(ctx, &h)
	if err != nil {
		return err
	}
	if err := r.print(&h, report); err != nil {
		return err
	}
	if !report.OK {
		return cli.StatusError{StatusCode: exitFailed}
	}
	return nil
}

// climb climbs the ladder on a host.
func (r *smokeRun) climb(ctx context.Context, h *host.Host) (*verify.SmokeReport, error) {
	s := verify.Smoke{Host: h, Limit: r.opts.timeout}
	if h.Engine.Version != "" { // else there is nothing to start: the report says so
		e, closed, err := r.open()
		if err != nil {
			return nil, err
		}
		defer closed()
		s.Engine = e
		if err := r.prepare(ctx, e, &s); err != nil {
			return nil, err
		}
	}
	if r.opts.reload {
		s.Reload = r.reload
	}
	return s.Run(ctx)
}

// print writes the report. Under a ladder that is broken stands what doctor finds on this
// host, or else what is known of the words that the rung broke with.
func (r *smokeRun) print(h *host.Host, report *verify.SmokeReport) error {
	doc := newDoctorRun(r.cli, &doctorOptions{format: "text"})
	j := &judgement{Report: &doctor.Report{}, host: h}
	broke := report.Broken == "engine" && h.Engine.Version != "" // in the middle, which is no finding
	if !report.OK && !broke {
		j = doc.judge(*h, selection{make: doc.checks}, nil)
		j.Findings = slices.DeleteFunc(j.Findings, func(f doctor.Finding) bool { return f.Severity != doctor.Error })
		report.See = see(report.See, j.Findings, doctor.Explain(report.Why(), h, doc.now))
	}
	w := r.cli.Out()
	if r.opts.format == "json" {
		return writeJSON(w, struct {
			*verify.SmokeReport
			Findings []doctor.Finding `json:"findings,omitempty"`
		}{report, j.Findings})
	}
	if err := report.Print(w); err != nil || report.OK {
		return err
	}
	if len(j.Findings) > 0 {
		fmt.Fprintln(w, "\nOn this host `docker gpu doctor` finds:")
		doc.findings(w, j)
	}
	return nil
}

// see chooses the code for a broken rung: of what was found on the host the one that its
// words stand for; else what is known of its result; else the first cause that was found,
// or what is known of the words.
func see(result string, found []doctor.Finding, known []doctor.Answer) string {
	if len(known) > 0 && known[0].Near {
		known = nil
	}
	if len(known) > 0 && known[0].Found {
		cause := known[0].Findings[0].Code
		if slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Code == cause }) {
			return cause
		}
	}
	switch {
	case result != "":
		return result
	case len(found) > 0:
		return found[0].Code
	case len(known) > 0:
		return known[0].Code
	}
	return ""
}

func (o *smokeOptions) check() error {
	switch {
	case o.format != "text" && o.format != "json":
		return flagError("--format %q is not one of text, json", o.format)
	case !slices.Contains([]string{"missing", "always", "never"}, o.pull):
		return flagError("--pull %q is not one of missing, always, never", o.pull)
	case o.timeout < time.Second || o.timeout > time.Hour:
		return flagError("--timeout %s is not between 1s and 1h", o.timeout)
	case o.imageSet && strings.TrimSpace(o.image) == "":
		return flagError("--image is empty: name an image, or leave it out for the worker's own")
	case o.image == "" && o.pull != "missing":
		return flagError("--pull goes with --image only: the worker's own image is never pulled")
	}
	return nil
}

func newSmokeCmd(cli command.Cli) *cobra.Command {
	opts := &smokeOptions{}
	cmd := &cobra.Command{
		Use:   "smoke [OPTIONS]",
		Short: "Prove that GPUs work in containers, or name the layer that breaks",
		Long: `Prove that GPUs work in containers, or name the layer that breaks.

Every way that the engine has to a GPU is tried at once: --gpus all, a CDI
device, and the nvidia runtime where it is registered. A small program then
starts CUDA in the container, allocates memory, runs kernels and multiplies
matrices on each GPU, and compares the results with the CPU's. (nvidia-smi alone
never touches unified memory, and calls many a broken host healthy.)

The containers have no network, a read-only root and no capabilities. Their image
is made of this program and the C library of the engine's machine, there if it is
another one: nothing is downloaded.

Exit code: 0 every rung that applies holds, 1 one is broken.`,
		Example: `  # Do GPUs work in containers here?
  docker gpu smoke

  # The same in an image of yours, and nvidia-smi there
  docker gpu smoke --image nvidia/cuda:13.0.1-base-ubuntu24.04

  # Also: do containers keep their GPUs when systemd reloads?
  docker gpu smoke --reload`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.imageSet = cmd.Flags().Changed("image")
			if err := opts.check(); err != nil {
				return err
			}
			return newSmokeRun(cli, opts).do(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.image, "image", "", "Run in this image, which needs a GNU C library, and try its nvidia-smi too")
	f.StringVar(&opts.pull, "pull", "missing", `Pull the image of --image: "missing", "always", "never"`)
	f.BoolVar(&opts.reload, "reload", false, "Also run systemctl daemon-reload and see whether a container keeps its GPUs; on a host with that fault, running containers lose theirs")
	f.DurationVar(&opts.timeout, "timeout", time.Minute, "How long each container may take")
	f.StringVar(&opts.format, "format", "text", `Format output: "text", "json"`)
	for flag, values := range map[string][]string{"format": {"text", "json"}, "pull": {"missing", "always", "never"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}
