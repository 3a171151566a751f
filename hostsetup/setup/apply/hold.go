package apply

import (
	"context"
	"fmt"
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

// missing are those that are not held yet. dnf lists what it holds with its version.
func (h holdOp) missing(held []string) (names []string) {
	for _, name := range h.Packages {
		if !slices.ContainsFunc(held, func(have string) bool { return h.same(have, name) }) {
			names = append(names, name)
		}
	}
	return names
}

func (h holdOp) same(have, name string) bool {
	if h.Manager == "dnf" {
		rest, ok := strings.CutPrefix(have, name+"-")
		return have == name || ok && strings.ContainsAny(rest[:1], "0123456789")
	}
	return strings.Split(have, ":")[0] == strings.Split(name, ":")[0]
}

func (h holdOp) check(ctx context.Context, j *job) (Standing, error) {
	held, err := h.held(ctx, j)
	if err != nil {
		return Standing{}, err
	}
	if names := h.missing(held); len(names) > 0 {
		return Standing{Is: ToDo, Why: strings.Join(names, ", ") + " may be upgraded"}, nil
	}
	return Standing{Is: IsDone, Why: "all are held"}, nil
}

func (h holdOp) note(ctx context.Context, j *job) (*Before, error) {
	held, err := h.held(ctx, j)
	return &Before{Held: held}, err
}

func (h holdOp) do(ctx context.Context, j *job, _ *Before) (*After, error) {
	held, err := h.held(ctx, j)
	if err != nil {
		return nil, err
	}
	names := h.missing(held)
	if len(names) == 0 {
		return nil, nil
	}
	argv := map[string][]string{
		"apt":    {"apt-mark", "hold"},
		"dnf":    {"dnf", "-q", "-y", "versionlock", "add"},
		"zypper": {"zypper", "--quiet", "--non-interactive", "addlock"},
	}[h.Manager]
	_, err = j.program(ctx, Command{Argv: append(slices.Clone(argv), names...)})
	return nil, err
}

func (holdOp) blocked(context.Context, *job, *Before, *After) error { return nil }

func (h holdOp) undo(ctx context.Context, j *job, b *Before, _ *After) error {
	held, err := h.held(ctx, j)
	if err != nil {
		return err
	}
	var names []string
	for _, have := range held {
		ours := slices.ContainsFunc(h.Packages, func(name string) bool { return h.same(have, name) })
		if ours && !slices.Contains(b.Held, have) {
			names = append(names, have)
		}
	}
	if len(names) == 0 {
		return nil
	}
	argv := map[string][]string{
		"apt":    {"apt-mark", "unhold"},
		"dnf":    {"dnf", "-q", "-y", "versionlock", "delete"},
		"zypper": {"zypper", "--quiet", "--non-interactive", "removelock"},
	}[h.Manager]
	_, err = j.program(ctx, Command{Argv: append(slices.Clone(argv), names...)})
	return err
}

func unknownManager(name string) error {
	return fmt.Errorf("%q is no package manager that setup knows: apt, dnf, zypper", name)
}
