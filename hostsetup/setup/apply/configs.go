package apply

import (
	"context"
	"slices"
	"strings"
)

// beside are what package managers put beside a file of configuration: a changed one that
// they took away, and the one of the package.
func beside() []string { return []string{".rpmsave", ".rpmnew", ".dpkg-dist", ".dpkg-new"} }

// saveConfigs notes the configuration of packages that go or are replaced: rpm takes it away
// with its package, and on the way back the package brings its own.
func (p packagesOp) saveConfigs(ctx context.Context, j *job, m manager, have *Installed) (all []Saved, err error) {
	names := slices.Clone(p.Remove)
	for _, w := range p.Install {
		names = append(names, w.Name)
	}
	names = slices.DeleteFunc(names, func(n string) bool { _, there := have.find(n); return !there })
	if len(names) == 0 {
		return nil, nil
	}
	paths, err := m.configs(ctx, j, names)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		for _, end := range append([]string{""}, beside()...) {
			s, err := j.save(target{path: path + end, absent: true})
			if err != nil {
				return nil, err
			}
			s.Wants = nil
			all = append(all, s)
		}
	}
	return all, nil
}

// restoreConfigs puts back a configuration that was set aside when its package went, and
// takes away the copies that packages left. What somebody has made of a file since stays.
func (j *job) restoreConfigs(b *Before) error {
	saved := map[string]Saved{}
	for _, s := range b.Configs {
		saved[s.Name] = s
	}
	for _, s := range b.Configs {
		name, aside := s.Name, ""
		for _, end := range beside() {
			if strings.HasSuffix(name, end) {
				name, aside = strings.TrimSuffix(name, end), end
			}
		}
		if aside == "" || s.There {
			continue
		}
		n, err := j.tree().Look(s.Name)
		if err != nil {
			return err
		}
		if !n.There {
			continue
		}
		if config := saved[name]; aside == ".rpmsave" {
			if n.Sum != config.Sum {
				continue // another one than that of this step
			}
			now, err := j.tree().Look(name)
			if err != nil {
				return err
			}
			config.Wants = []Want{{Absent: !now.There, Sum: now.Sum}}
			if err := j.restore(config, nil); err != nil {
				return err
			}
		}
		if err := j.tree().Remove(s.Name); err != nil {
			return err
		}
	}
	return nil
}
