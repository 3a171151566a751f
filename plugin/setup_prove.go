package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
)

// proof is how a setup is proven: doctor finds no error that was not there before, and a
// container computes on the GPU by one of the ways that the engine has.
type proof struct {
	cli    command.Cli
	facts  func(ctx context.Context, contextName string) (host.Host, error)
	smoke  func(ctx context.Context, h *host.Host) (*verify.SmokeReport, error)
	checks []doctor.Check
	now    func() time.Time
	// before are the codes of errors that were there already.
	before []string
}

// newProof is of this machine as it is now, before anything is changed.
func newProof(cli command.Cli) *proof {
	p := &proof{cli: cli, facts: newGatherer(cli).facts, smoke: climb(cli), checks: doctor.All(), now: time.Now}
	if h, err := p.facts(context.Background(), ""); err == nil {
		p.before = p.errors(&h)
	}
	return p
}

// climb is a run of smoke without a report of its own.
func climb(cli command.Cli) func(context.Context, *host.Host) (*verify.SmokeReport, error) {
	return func(ctx context.Context, h *host.Host) (*verify.SmokeReport, error) {
		return newSmokeRun(cli, &smokeOptions{timeout: time.Minute}).climb(ctx, h)
	}
}

func (p *proof) errors(h *host.Host) (codes []string) {
	for _, f := range doctor.Examine(h, p.checks, p.now()).Findings {
		if f.Severity == doctor.Error && !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// prove says what is wrong with the result. Where no driver is loaded, or this user may not
// talk to Docker, nothing can be proven, and that is said.
func (p *proof) prove(ctx context.Context) error {
	h, err := p.facts(ctx, "")
	if err != nil {
		return err
	}
	var fresh []string
	for _, code := range p.errors(&h) {
		if !slices.Contains(p.before, code) {
			fresh = append(fresh, code)
		}
	}
	if len(fresh) > 0 {
		return fmt.Errorf("docker gpu doctor finds %s, which was not there before", strings.Join(fresh, ", "))
	}
	switch {
	case h.Driver.Version == "":
		p.say("Nothing was computed: no driver is loaded yet. `docker gpu smoke` proves it later.")
		return nil
	case h.Engine.Version == "":
		p.say("Nothing was computed: " + clean(h.Engine.Error, 300) + ". `docker gpu smoke` proves it later.")
		return nil
	}
	report, err := p.smoke(ctx, &h)
	if err != nil {
		return err
	}
	for _, r := range report.Rungs {
		if r.Name == "kernel" && !r.OK {
			return errors.New("docker gpu smoke: " + report.Verdict())
		}
	}
	if !report.OK {
		p.say("Proven: a container computes on the GPU, though not by every way. " + report.Verdict())
		return nil
	}
	p.say("Proven: " + report.Verdict())
	return nil
}

func (p *proof) say(text string) { fmt.Fprintln(p.cli.Err(), text) }
