package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// show prints a plan in the format that was asked for.
func (r *setupRun) show(ctx context.Context, h *host.Host, plan *setup.Plan) error {
	if r.opts.format == "json" {
		return writeJSON(r.cli.Out(), plan)
	}
	var b strings.Builder
	r.text(&b, h, plan)
	if r.opts.replay == "" && h.Engine.Running > 0 && restarts(plan) && !keeps(h, plan) {
		r.stopping(ctx, &b)
	}
	_, err := io.WriteString(r.cli.Out(), b.String())
	return err
}

// text is the plan for people: what is done and why, what is right, what is left.
func (r *setupRun) text(w io.Writer, h *host.Host, plan *setup.Plan) {
	paragraph(w, "", "docker gpu setup: "+setupSubject(h))
	daemon := []byte(h.Engine.Config)
	for i, s := range plan.Steps {
		fmt.Fprintln(w)
		var b strings.Builder
		begin := fmt.Sprintf("%2d. ", i+1)
		paragraph(&b, begin, clean(upperFirst(s.Title), 400))
		fmt.Fprint(w, begin+r.paint.bold(strings.TrimSuffix(b.String()[len(begin):], "\n"))+"\n")
		paragraph(w, "    Why:   ", clean(upperFirst(s.Why), 600)+".")
		daemon = r.operation(w, s.Op, daemon)
		if s.Disruption != doctor.None {
			paragraph(w, "    Note:  ", r.paint.yellow(setupDisruption(s.Disruption, h.Engine.Running > 0)))
		}
		if s.Op.Reboot == nil {
			paragraph(w, "    Undo:  ", clean(s.Undo, 300))
		}
	}
	r.notes(w, "Right already", plan.Right)
	r.notes(w, "Left to you", plan.Left)
	fmt.Fprintln(w)
	r.total(w, plan)
}

// setupSubject names the machine in a few words, with its GPUs also where no driver does.
func setupSubject(h *host.Host) string {
	parts := []string{cmp.Or(clean(h.OS.Pretty, 60), "this machine")}
	if len(h.GPUs) > 0 {
		parts = append(parts, gpuNames(h))
	} else {
		count := map[string]int{}
		for _, d := range h.PCI {
			if d.Class == "0300" || d.Class == "0302" {
				count[policy.ArchOfPCI(d.Device).String()]++
			}
		}
		for _, arch := range slices.Sorted(maps.Keys(count)) {
			parts = append(parts, plural(count[arch], arch+" GPU"))
		}
	}
	parts = append(parts, map[bool]string{true: "no driver", false: "driver " + clean(h.Driver.Version, 40)}[h.Driver.Version == ""])
	if h.Engine.Version == "" {
		return strings.Join(append(parts, "no Docker that answers"), ", ")
	}
	return strings.Join(append(parts, "Docker "+clean(h.Engine.Version, 40)), ", ")
}

func upperFirst(text string) string {
	if text == "" || strings.ContainsAny(text[:1], "-`\"/") {
		return text
	}
	first, _, _ := strings.Cut(text, " ")
	if strings.ContainsAny(first, ".-0123456789") {
		return text // a name
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func setupDisruption(d doctor.Disruption, running bool) string {
	switch {
	case d == doctor.Reload:
		return "Docker reads its configuration again; nothing stops."
	case d == doctor.Restart && !running:
		return "Docker is away for a moment, and builds stop."
	case d == doctor.Restart:
		return "Docker restarts: commands that are attached to containers end, and builds stop."
	case d == doctor.Reboot:
		return "the machine has to be restarted, by you; nothing restarts it by itself."
	}
	return "nothing stops."
}

func (r *setupRun) notes(w io.Writer, title string, notes []setup.Note) {
	if len(notes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", r.paint.bold(title))
	for _, n := range notes {
		paragraph(w, fmt.Sprintf("  %-8s ", n.Part), clean(upperFirst(n.Text), 1000)+".")
	}
}

// total is the last line: what all of it takes.
func (r *setupRun) total(w io.Writer, plan *setup.Plan) {
	switch {
	case len(plan.Steps) == 0 && len(plan.Left) > 0:
		fmt.Fprintln(w, r.paint.bold("Nothing to do but what is left to you."))
		return
	case len(plan.Steps) == 0:
		fmt.Fprintln(w, r.paint.green("Nothing to do."))
		return
	}
	root, worst := 0, doctor.None
	order := []doctor.Disruption{doctor.None, doctor.Reload, doctor.Restart, doctor.Reboot}
	for _, s := range plan.Steps {
		if s.Root {
			root++
		}
		if slices.Index(order, s.Disruption) > slices.Index(order, worst) {
			worst = s.Disruption
		}
	}
	text := plural(len(plan.Steps), "step")
	switch {
	case root == len(plan.Steps):
		text += ", as root"
	case root > 0:
		text += fmt.Sprintf(", %d of them as root", root)
	}
	text += "; " + map[doctor.Disruption]string{doctor.None: "nothing stops", doctor.Reload: "nothing stops", doctor.Restart: "Docker restarts", doctor.Reboot: "you restart the machine in between"}[worst] + "."
	fmt.Fprintln(w, r.paint.bold(text))
}

// detail is where what a step does stands.
const detail = "           "

// operation tells exactly what a step does, and hands on daemon.json as it is then.
func (r *setupRun) operation(w io.Writer, op setup.Op, daemon []byte) []byte {
	line := func(begin, text string) { paragraph(w, fmt.Sprintf("    %-7s", begin), clean(text, 1000)) }
	switch {
	case op.File != nil && op.File.Absent:
		line("File:", op.File.Path+" is removed")
	case op.File != nil:
		line("File:", op.File.Path)
		for _, l := range lines([]byte(op.File.Content)) {
			fmt.Fprintln(w, strings.TrimRight(detail+"+ "+clean(l, 200), " "))
		}
	case op.Key != nil:
		line("Key:", op.Key.URL)
		for _, f := range op.Key.Fingerprints {
			fmt.Fprintln(w, detail+clean(f, 40))
		}
		line("To:", map[bool]string{true: "rpm's keyring", false: op.Key.Path}[op.Key.Path == ""])
	case op.Packages != nil:
		packagesOf(line, op.Packages)
	case op.Hold != nil:
		line("Hold:", strings.Join(op.Hold.Packages, " "))
	case op.Programs != nil:
		for _, n := range op.Programs.Names {
			line("Copy:", path.Join(op.Programs.From, n)+" to "+path.Join(op.Programs.To, n)+fmt.Sprintf(" (SHA-256 %.12s…)", op.Programs.Sums[n]))
		}
	case op.Daemon != nil:
		return r.daemonDiff(w, op.Daemon, daemon)
	case op.CDI != nil:
		line("File:", op.CDI.Output+", written by "+op.CDI.Tool)
	case op.Unit != nil:
		line("Unit:", unitWords(op.Unit))
	case op.Module != nil:
		line("Loads:", op.Module.Name)
	case op.Toolkit != nil:
		for _, key := range slices.Sorted(maps.Keys(op.Toolkit.Set)) {
			line("File:", op.Toolkit.Path+": "+key+" = "+op.Toolkit.Set[key])
		}
	case op.Hooks != nil:
		line("File:", op.Hooks.Path)
	}
	return daemon
}

func packagesOf(line func(begin, text string), op *setup.Packages) {
	line("From:", op.Origin)
	if len(op.Modules) > 0 {
		line("Using:", "the module stream "+strings.Join(op.Modules, " "))
	}
	var names []string
	for _, p := range op.Install {
		if p.Version != "" {
			p.Name += "=" + p.Version
		}
		names = append(names, p.Name)
	}
	if len(names) > 0 {
		line("Adds:", strings.Join(names, " "))
	}
	if len(op.Remove) > 0 {
		line("Drops:", strings.Join(op.Remove, " "))
	}
}

func unitWords(u *setup.Unit) string {
	switch {
	case u.PID != 0:
		return fmt.Sprintf("SIGHUP to process %d", u.PID)
	case u.User:
		return fmt.Sprintf("%s of your own systemd: %s", u.Name, u.Do)
	}
	return u.Name + ": " + u.Do
}

// daemonDiff shows what changes in daemon.json, and returns how it is then.
func (r *setupRun) daemonDiff(w io.Writer, op *setup.Daemon, before []byte) []byte {
	after, err := r.edit(before, op.Edits)
	if err != nil {
		paragraph(w, "    File:  ", clean(op.Path+": "+err.Error(), 400))
		return before
	}
	for l := range strings.Lines(lineDiff(op.Path, before, after, 0)) {
		fmt.Fprint(w, detail+l)
	}
	return after
}
