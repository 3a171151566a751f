package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
)

// proof is how a setup is proven: Docker still answers, doctor finds no error that was not
// there before, and a container computes on the GPU by one of the ways that the engine has.
type proof struct {
	cli    command.Cli
	facts  func(ctx context.Context, contextName string) (host.Host, error)
	smoke  func(ctx context.Context, h *host.Host) (*verify.SmokeReport, error)
	checks []doctor.Check
	now    func() time.Time
	// answered says that Docker answered before.
	answered bool
	// before are the codes of errors that were there already, or that nobody could have seen.
	before []string
}

// newProof is of this machine as it is now, before anything is changed.
func newProof(cli command.Cli) *proof {
	p := &proof{cli: cli, facts: newGatherer(cli).facts, smoke: climb(cli), checks: doctor.All(), now: time.Now}
	if h, err := p.facts(context.Background(), ""); err == nil {
		p.look(&h)
	}
	return p
}

// look notes how a machine is before. An error that another one hides is none that setup made.
func (p *proof) look(h *host.Host) {
	r := doctor.Examine(h, p.checks, p.now())
	p.answered, p.before = h.Engine.Version != "", errorCodes(r)
	for _, c := range r.Hidden {
		p.before = append(p.before, c.Code)
	}
	for _, c := range r.Unread {
		p.before = append(p.before, c.Code)
	}
}

// climb is a run of smoke without a report of its own.
func climb(cli command.Cli) func(context.Context, *host.Host) (*verify.SmokeReport, error) {
	return func(ctx context.Context, h *host.Host) (*verify.SmokeReport, error) {
		return newSmokeRun(cli, &smokeOptions{timeout: time.Minute}).climb(ctx, h)
	}
}

func errorCodes(r *doctor.Report) (codes []string) {
	for _, f := range r.Findings {
		if f.Severity == doctor.Error && !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// promises says whether a plan makes GPUs work in containers: one of a part alone, or one
// that leaves something to the user, does not yet.
func promises(plan *setup.Plan) bool {
	about := func(n setup.Note) bool { return n.Part == setup.RuntimePart }
	return plan != nil && !slices.ContainsFunc(plan.Left, about) &&
		(slices.ContainsFunc(plan.Right, about) || slices.ContainsFunc(plan.Steps, func(s setup.Step) bool { return s.Part == setup.RuntimePart }))
}

// prove says what is wrong with the result of a plan. What the plan did not promise is no
// reason to take it back, and is told.
func (p *proof) prove(ctx context.Context, plan *setup.Plan) error {
	h, err := p.facts(ctx, "")
	if err != nil {
		return err
	}
	if p.answered && h.Engine.Version == "" {
		return fmt.Errorf("docker answered before, and does not now: %s", clean(h.Engine.Error, 300))
	}
	err = p.works(ctx, &h)
	if err != nil && ctx.Err() == nil && !promises(plan) {
		p.say("GPUs do not work in containers yet, which these steps alone were not to bring: " + clean(err.Error(), 400) + ".")
		return nil
	}
	return err
}

// works says why GPUs do not work in containers. Where no driver is loaded, or this user may
// not talk to Docker, nothing can be proven, and that is said.
func (p *proof) works(ctx context.Context, h *host.Host) error {
	var fresh []string
	for _, code := range errorCodes(doctor.Examine(h, p.checks, p.now())) {
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
		p.say("Nothing was computed: " + cmp.Or(clean(h.Engine.Error, 300), "there is no Docker") + ". `docker gpu smoke` proves it later.")
		return nil
	}
	report, err := p.smoke(ctx, h)
	if err != nil {
		return err
	}
	for _, r := range report.Rungs {
		if r.Name == "kernel" && !r.OK {
			return errors.New("docker gpu smoke: " + strings.TrimSuffix(report.Verdict(), "."))
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
