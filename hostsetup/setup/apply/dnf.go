package apply

import (
	"context"
	"path"
	"slices"
	"strings"
)

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
