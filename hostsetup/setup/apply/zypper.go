package apply

import (
	"context"
	"slices"
	"strings"
)

// zypper is SUSE's.
type zypper struct{ rpm }

func (zypper) argv(args ...string) Command {
	return Command{Argv: append([]string{"zypper", "--non-interactive", "--quiet"}, args...), Env: []string{"ZYPP_LOCK_TIMEOUT=60"}}
}

func (z zypper) refresh(ctx context.Context, j *job) error {
	_, err := j.program(ctx, z.argv("refresh"))
	return err
}

func (z zypper) foresee(ctx context.Context, j *job, o order) (*Change, error) {
	return replaced(ctx, j, z, o)
}

// run takes some codes from 100 on for what they are: a reboot or a restart is advised, a
// source that has nothing to do with this was left out.
func (z zypper) run(ctx context.Context, j *job, c Command) error {
	r, err := j.try(ctx, c)
	if err == nil && !slices.Contains([]int{0, 100, 101, 102, 103, 106}, r.Code) {
		err = &Failed{Argv: c.Argv, Code: r.Code, Said: lastLines(r)}
	}
	return err
}

func (z zypper) change(ctx context.Context, j *job, o order) error {
	if err := remove(ctx, j, z, o.remove, z.argv("remove", "--no-clean-deps")); err != nil {
		return err
	}
	if len(o.install) == 0 {
		return nil
	}
	args := []string{"install", "--no-recommends", "--auto-agree-with-licenses", "--"}
	if len(o.files) > 0 {
		args = append([]string{"--no-remote", "--no-gpg-checks"}, args...)
	}
	return z.run(ctx, j, z.argv(append(args, words(o, "=")...)...))
}

func (z zypper) offers(ctx context.Context, j *job, name, version string) (bool, error) {
	r, err := j.try(ctx, z.argv("search", "--details", "--match-exact", "--type", "package", name))
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(r.Out)) { // "v | name | package | version | arch | repository"
		cells := strings.Split(line, "|")
		if len(cells) >= 6 && strings.TrimSpace(cells[3]) == version && !strings.Contains(cells[5], "System Packages") {
			return true, nil
		}
	}
	return false, nil
}

func (z zypper) back(ctx context.Context, j *job, o order) error {
	if err := remove(ctx, j, z, o.remove, z.argv("remove", "--no-clean-deps")); err != nil {
		return err
	}
	if len(o.install) == 0 {
		return nil
	}
	return z.run(ctx, j, z.argv(append([]string{"--no-refresh", "install", "--oldpackage", "--no-recommends", "--"}, words(o, "=")...)...))
}
