package apply

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// rpm is what dnf and zypper have in common.
type rpm struct{}

func (rpm) locks() []string {
	return []string{"/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock", "/run/zypp.pid"}
}

func (rpm) installed(ctx context.Context, j *job) (*Installed, error) {
	r, err := j.program(ctx, Command{Argv: []string{"rpm", "-qa", "--qf", "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n"}})
	if err != nil {
		return nil, err
	}
	all := &Installed{Versions: map[string]string{}}
	for line := range strings.Lines(string(r.Out)) {
		name, version, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || name == "gpg-pubkey" {
			continue
		}
		all.Versions[several(name, version)] = version
	}
	return all, nil
}

// several is under what name a package is noted: kernels are installed beside each other,
// and each counts.
func several(name, version string) string {
	if strings.HasPrefix(name, "kernel") {
		return name + "-" + version
	}
	return name
}

// heal has nothing to do: what a killed transaction left is settled by the next one, and
// installed packages are told from half installed ones by rpm's database.
func (rpm) heal(context.Context, *job) error { return nil }

func (rpm) whole(context.Context, *job) (bool, error) { return true, nil }

// blocked asks rpm whether anything else needs what is to be removed.
func (rpm) blocked(ctx context.Context, j *job, o order) error {
	if len(o.remove) == 0 {
		return nil
	}
	r, err := j.try(ctx, Command{Argv: append([]string{"rpm", "-e", "--test", "--"}, o.remove...)})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("something else needs what is to be removed: %s", lastLines(r))
	}
	return err
}

func (rpm) configs(ctx context.Context, j *job, names []string) ([]string, error) {
	r, err := j.program(ctx, Command{Argv: append([]string{"rpm", "-q", "--configfiles", "--"}, names...)})
	return slices.DeleteFunc(strings.Fields(string(r.Out)), func(p string) bool { return !strings.HasPrefix(p, "/") }), err
}

func (rpm) mark(context.Context, *job, *Installed) error { return nil }

// words are an order's packages: dnf has "-" before a version, zypper "=".
func words(o order, between string) (words []string) {
	if len(o.files) > 0 {
		return o.files
	}
	for _, p := range o.install {
		name := p.Name
		if p.Version != "" {
			name += between + p.Version
		}
		words = append(words, name)
	}
	return words
}

// dnf is that of RHEL, Fedora and their kin, versions 4 and 5.
type dnf struct{ rpm }

func (dnf) argv(args ...string) Command {
	return Command{Argv: append([]string{"dnf", "-y", "-q", "--setopt=install_weak_deps=False", "--setopt=clean_requirements_on_remove=False", "--setopt=localpkg_gpgcheck=False"}, args...)}
}

func (d dnf) refresh(ctx context.Context, j *job) error {
	_, err := j.program(ctx, d.argv("makecache", "--refresh"))
	return err
}

func (d dnf) foresee(ctx context.Context, j *job, o order) (*Change, error) {
	return replaced(ctx, j, d, o)
}

// replaced is what is known beforehand: versions of packages that are there already, and
// those that the plan removes.
func replaced(ctx context.Context, j *job, m manager, o order) (*Change, error) {
	have, err := m.installed(ctx, j)
	if err != nil {
		return nil, err
	}
	c := &Change{Came: map[string]string{}, Went: map[string]string{}, Replaced: map[string][2]string{}}
	for _, p := range o.install {
		switch version, there := have.find(p.Name); {
		case !there:
			c.Came[p.Name] = p.Version
		case p.Version != "" && p.Version != version:
			c.Replaced[p.Name] = [2]string{version, p.Version}
		}
	}
	for _, name := range o.remove {
		if version, there := have.find(name); there {
			c.Went[name] = version
		}
	}
	return c, nil
}

func (d dnf) change(ctx context.Context, j *job, o order) error {
	for _, s := range o.streams {
		if _, err := j.program(ctx, d.argv("module", "enable", s)); err != nil {
			return err
		}
	}
	if err := remove(ctx, j, d, o.remove, d.argv("remove")); err != nil {
		return err
	}
	args := []string{"install"}
	if len(o.files) > 0 {
		args = []string{"--disablerepo=*", "install"}
	}
	if len(o.install) == 0 {
		return nil
	}
	_, err := j.program(ctx, d.argv(append(args, words(o, "-")...)...))
	return err
}

// remove removes those packages that are there.
func remove(ctx context.Context, j *job, m manager, names []string, c Command) error {
	have, err := m.installed(ctx, j)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, there := have.find(n); return !there })
	if len(names) == 0 {
		return nil
	}
	if err := m.blocked(ctx, j, order{remove: names}); err != nil {
		return err
	}
	c.Argv = append(c.Argv, names...)
	_, err = j.program(ctx, c)
	return err
}

func (d dnf) offers(ctx context.Context, j *job, name, version string) (bool, error) {
	r, err := j.try(ctx, d.argv("repoquery", "--available", "--showduplicates", "--qf", "%{evr}\n", name))
	if err != nil {
		return false, err
	}
	return offered(r.Out, version), nil
}

func offered(out []byte, version string) bool {
	return slices.ContainsFunc(strings.Fields(string(out)), func(v string) bool { return strings.TrimPrefix(v, "0:") == version })
}

func (d dnf) back(ctx context.Context, j *job, o order) error {
	if err := remove(ctx, j, d, o.remove, d.argv("remove")); err != nil {
		return err
	}
	have, err := d.installed(ctx, j)
	if err != nil {
		return err
	}
	for _, p := range o.install {
		do := "install"
		if _, there := have.find(p.Name); there {
			do = "downgrade"
		}
		if _, err := j.program(ctx, d.argv(do, p.Name+"-"+p.Version)); err != nil {
			return err
		}
	}
	return nil
}

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

// streams are the modules among those named that have a stream already.
func streams(j *job, modules []string) (have []string, err error) {
	if len(modules) == 0 {
		return nil, nil
	}
	names, err := j.tree().List("/etc/dnf/modules.d")
	for _, m := range modules {
		if m, _, _ = strings.Cut(m, ":"); slices.Contains(names, m+".module") {
			have = append(have, m)
		}
	}
	return have, err
}

// resetStreams forgets the streams that the step chose.
func (p packagesOp) resetStreams(ctx context.Context, j *job, b *Before) error {
	for _, m := range p.Modules {
		m, _, _ := strings.Cut(m, ":")
		if slices.Contains(b.Modules, m) {
			continue
		}
		if _, err := j.program(ctx, dnf{}.argv("module", "reset", m)); err != nil {
			return err
		}
		if err := j.tree().Remove(path.Join("/etc/dnf/modules.d", m+".module")); err != nil {
			return err
		}
	}
	return nil
}
