package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// holdOp keeps packages from upgrades.
type holdOp struct{ *setup.Hold }

// held are the packages, or patterns of them, that are held.
func (h holdOp) held(ctx context.Context, j *job) ([]string, error) {
	argv := map[string][]string{
		"apt":    {"apt-mark", "showhold"},
		"dnf":    {"dnf", "-q", "versionlock", "list"},
		"zypper": {"zypper", "--quiet", "--non-interactive", "locks"},
	}[h.Manager]
	if argv == nil {
		return nil, unknownManager(h.Manager)
	}
	r, err := j.program(ctx, Command{Argv: argv})
	if h.Manager == "dnf" && bytes.Contains(r.Err, []byte("No such command")) {
		err = errors.New("dnf cannot hold packages here: install python3-dnf-plugin-versionlock, or leave out --hold")
	}
	if err != nil {
		return nil, err
	}
	var held []string
	for line := range strings.Lines(string(r.Out)) {
		line = strings.TrimSpace(line)
		if h.Manager == "zypper" { // "1 | nvidia-open | package | (any)"
			cells := strings.Split(line, "|")
			if len(cells) < 3 || strings.TrimSpace(cells[0]) == "#" {
				continue
			}
			line = strings.TrimSpace(cells[1])
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			held = append(held, line)
		}
	}
	return held, nil
}

// names are what is to be held: zypper takes patterns, for apt and dnf they stand for the
// packages that are installed.
func (h holdOp) names(ctx context.Context, j *job) (names []string, err error) {
	if h.Manager == "zypper" {
		return h.Packages, nil
	}
	m, err := managerOf(h.Manager)
	if err != nil {
		return nil, err
	}
	have, err := m.installed(ctx, j)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(have.Versions)) {
		if slices.ContainsFunc(h.Packages, func(pattern string) bool {
			byName, _ := path.Match(pattern, plain(name))
			whole, _ := path.Match(pattern, name+"-"+have.Versions[name])
			return byName || whole && h.Manager == "dnf"
		}) {
			names = append(names, name)
		}
	}
	return names, nil
}

// missing are those that are not held yet. dnf lists what it holds with its version.
func (h holdOp) missing(ctx context.Context, j *job, held []string) (names []string, err error) {
	all, err := h.names(ctx, j)
	for _, name := range all {
		if !slices.ContainsFunc(held, func(have string) bool { return h.same(have, name) }) {
			names = append(names, name)
		}
	}
	return names, err
}

func (h holdOp) same(have, name string) bool {
	if h.Manager == "dnf" {
		rest, ok := strings.CutPrefix(have, name+"-")
		return have == name || ok && strings.ContainsAny(rest[:1], "0123456789")
	}
	return have == name
}

func (h holdOp) check(ctx context.Context, j *job) (Standing, error) {
	held, err := h.held(ctx, j)
	if err != nil {
		return Standing{}, err
	}
	names, err := h.missing(ctx, j, held)
	if len(names) > 0 {
		return Standing{Is: ToDo, Why: strings.Join(names, ", ") + " may be upgraded"}, err
	}
	if j.acted && h.Manager != "zypper" && slices.ContainsFunc(j.plan.Steps[:j.index], func(s setup.Step) bool { return s.Op.Packages != nil }) {
		return Standing{Is: ToDo, Why: "packages that come with a step before are to be held"}, err
	}
	return Standing{Is: IsDone, Why: "all are held"}, err
}

func (h holdOp) note(ctx context.Context, j *job) (*Before, error) {
	held, err := h.held(ctx, j)
	if err != nil || h.Manager != "zypper" {
		return &Before{Held: held}, err
	}
	file, err := j.save(target{path: zyppLocks, absent: true})
	return &Before{Held: held, Configs: []Saved{file}}, err
}

// zyppLocks is what zypper keeps locks in; it leaves the file when the last one is gone.
const zyppLocks = "/etc/zypp/locks"

// restoreLocks has the file be as it was, if it says the same as then.
func (h holdOp) restoreLocks(ctx context.Context, j *job, b *Before) error {
	for _, s := range b.Configs {
		held, err := h.held(ctx, j)
		if err != nil || !slices.Equal(held, b.Held) {
			return err
		}
		n, err := j.tree().Look(s.Name)
		if err != nil {
			return err
		}
		s.Wants = []Want{{Absent: !n.There, Sum: n.Sum}}
		if err := j.restore(s, nil); err != nil {
			return err
		}
	}
	return nil
}

func (h holdOp) do(ctx context.Context, j *job, b *Before) (*After, error) {
	held, err := h.held(ctx, j)
	if err != nil {
		return nil, err
	}
	names, err := h.missing(ctx, j, held)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	argv := map[string][]string{
		"apt":    {"apt-mark", "hold"},
		"dnf":    {"dnf", "-q", "-y", "versionlock", "add"},
		"zypper": {"zypper", "--quiet", "--non-interactive", "addlock"},
	}[h.Manager]
	if _, err := j.program(ctx, Command{Argv: append(slices.Clone(argv), names...)}); err != nil {
		return nil, err
	}
	now, err := h.held(ctx, j)
	now = slices.DeleteFunc(now, func(name string) bool { return slices.Contains(b.Held, name) })
	return &After{Held: now}, err
}

func (holdOp) blocked(context.Context, *job, *Before, *After) error { return nil }

func (h holdOp) undo(ctx context.Context, j *job, b *Before, a *After) error {
	held, err := h.held(ctx, j)
	if err != nil {
		return err
	}
	all, err := h.names(ctx, j)
	if err != nil {
		return err
	}
	var names []string
	for _, have := range held {
		ours := slices.ContainsFunc(all, func(name string) bool { return h.same(have, name) })
		if a != nil {
			ours = slices.Contains(a.Held, have)
		}
		if ours && !slices.Contains(b.Held, have) {
			names = append(names, have)
		}
	}
	if len(names) == 0 {
		return h.restoreLocks(ctx, j, b)
	}
	argv := map[string][]string{
		"apt":    {"apt-mark", "unhold"},
		"dnf":    {"dnf", "-q", "-y", "versionlock", "delete"},
		"zypper": {"zypper", "--quiet", "--non-interactive", "removelock"},
	}[h.Manager]
	if _, err := j.program(ctx, Command{Argv: append(slices.Clone(argv), names...)}); err != nil {
		return err
	}
	return h.restoreLocks(ctx, j, b)
}

func unknownManager(name string) error {
	return fmt.Errorf("%q is no package manager that setup knows: apt, dnf, zypper", name)
}
