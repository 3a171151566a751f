package plugin

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/moby/sys/atomicwriter"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
)

// doctorRun is one run of the command, with what it depends on.
type doctorRun struct {
	cli    command.Cli
	opts   *doctorOptions
	checks []doctor.Check
	facts  func(ctx context.Context, contextName string) (host.Host, error)
	image  func(ctx context.Context, contextName, name string) (doctor.ImageFacts, error)
	run    func(ctx context.Context, argv []string) error // a fix's command
	root   bool                                           // this process may do what root may
	now    time.Time
	paint  paint
}

func newDoctorRun(cli command.Cli, opts *doctorOptions) *doctorRun {
	g := newGatherer(cli)
	g.engineOnly = opts.engineOnly
	r := &doctorRun{cli: cli, opts: opts, checks: doctor.All(), facts: g.facts, image: g.image, root: os.Geteuid() == 0, now: time.Now(), paint: paintFor(cli)}
	r.run = r.command
	return r
}

func (r *doctorRun) do(ctx context.Context) error {
	chosen, err := r.opts.choose(r.checks)
	if err != nil {
		return err
	}
	if r.opts.list {
		return r.printList(chosen)
	}
	ignore, err := r.ignoreRules()
	if err != nil {
		return err
	}
	if r.opts.contexts != nil || r.opts.allContexts {
		return r.many(ctx, chosen, ignore)
	}
	j, err := r.one(ctx, chosen, ignore)
	if err != nil {
		return err
	}
	if r.opts.fix {
		again, err := r.mend(ctx, j)
		if err != nil {
			return err
		}
		if again {
			if j, err = r.one(ctx, chosen, ignore); err != nil {
				return err
			}
		}
	}
	if r.opts.record != "-" { // the facts are the output then
		if err := r.print(j); err != nil {
			return err
		}
	}
	return r.verdict(j.Worst())
}

// one examines one machine: that of the current context, or a recorded one.
func (r *doctorRun) one(ctx context.Context, chosen selection, ignore []ignoreRule) (*judgement, error) {
	h, err := r.host(ctx)
	if err != nil {
		return nil, err
	}
	if r.opts.record != "" {
		if err := r.write(h); err != nil {
			return nil, err
		}
	}
	j := r.judge(h, chosen, ignore)
	return j, r.judgeImages(ctx, j)
}

func (r *doctorRun) host(ctx context.Context) (host.Host, error) {
	if r.opts.replay == "" {
		return r.facts(ctx, "")
	}
	return replayed(r.opts.replay)
}

// replayed reads the recorded facts that --replay names.
func replayed(file string) (host.Host, error) {
	f, err := os.Open(file)
	if err != nil {
		return host.Host{}, fmt.Errorf("--replay: %w", err)
	}
	defer f.Close()
	h, err := probe.Replay(f)
	if err != nil {
		return host.Host{}, fmt.Errorf("--replay %s: %w", file, err)
	}
	return h, nil
}

// write records the facts, whole or not at all.
func (r *doctorRun) write(h host.Host) error {
	var data bytes.Buffer
	if err := probe.Record(&data, h, !r.opts.noRedact); err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	if r.opts.record == "-" {
		_, err := r.cli.Out().Write(data.Bytes())
		return err
	}
	if err := atomicwriter.WriteFile(r.opts.record, data.Bytes(), 0o600); err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	without := ", without serial numbers, UUIDs, names and addresses"
	if r.opts.noRedact {
		without = ", with serial numbers, UUIDs, names and addresses: look at it before you hand it on"
	}
	fmt.Fprintf(r.cli.Err(), "The facts of this host are in %s%s.\n", r.opts.record, without)
	return nil
}

// verdict is the exit code as an error without words: the report has said it all.
func (r *doctorRun) verdict(worst doctor.Severity) error {
	switch {
	case worst == doctor.Error:
		return cli.StatusError{StatusCode: exitFailed}
	case worst == doctor.Warning && r.opts.strict:
		return cli.StatusError{StatusCode: exitWarnings}
	}
	return nil
}

func newDoctorCmd(cli command.Cli) *cobra.Command {
	opts := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [OPTIONS] [IMAGE...]",
		Short: "Say what is wrong with a GPU host, and what mends it",
		Long: `Say what is wrong with a GPU host, why, and which command mends it.
The host is the one behind the current context. Where its engine is not on this
machine, short containers there, without a network and with the machine's files
read-only, look at it; with --engine-only the engine alone is asked. With IMAGE,
also say whether the host can run the image, without starting it.

A file of ignored findings holds lines "CODE [until=2026-12-31] [reason]"; a line
that begins with "#" is a comment. Without --ignore-file, it is
.docker-gpu-ignore beside the Docker client's config.json, if it is there.

Exit code: 0 nothing is wrong, 1 errors were found, 2 warnings were found
(--strict).`,
		Example: `  # What is wrong here?
  docker gpu doctor

  # With evidence, all fixes and what was checked
  docker gpu doctor -v

  # Can this host run that image?
  docker gpu doctor nvidia/cuda:13.0.1-base-ubuntu24.04

  # Mend what takes no restart
  docker gpu doctor --fix

  # Every host that docker knows
  docker gpu doctor --all-contexts

  # Take the facts along, and judge them elsewhere
  docker gpu doctor --record host.json
  docker gpu doctor --replay host.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.images = args
			if err := opts.check(cmd.Flags()); err != nil {
				return err
			}
			return newDoctorRun(cli, opts).do(cmd.Context())
		},
	}
	opts.install(cmd)
	return cmd
}
