package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// reverse is what takes a step's change back: what it brought and is still there goes, what
// it took and is not there again comes. A version that somebody else has changed since stays.
func (p packagesOp) reverse(ctx context.Context, j *job, m manager, b *Before, a *After) (order, error) {
	have, err := m.installed(ctx, j)
	if err != nil {
		return order{}, err
	}
	c := b.Packages.change(have) // a killed step: all that there is
	for _, name := range have.Removed {
		if _, there := b.Packages.Versions[name]; !there && !slices.Contains(b.Packages.Removed, name) {
			c.Came[name] = "" // it came, and the way back was killed before it was purged
		}
	}
	if a != nil && a.Packages != nil {
		c = a.Packages
	}
	var o order
	for _, name := range slices.Sorted(maps.Keys(c.Came)) {
		if _, there := have.Versions[name]; there || slices.Contains(have.Removed, name) && !slices.Contains(b.Packages.Removed, name) {
			o.remove = append(o.remove, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Went)) {
		if _, there := have.Versions[name]; !there {
			o.install = append(o.install, setup.Package{Name: strings.TrimSuffix(name, "-"+c.Went[name]), Version: c.Went[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Replaced)) {
		switch v := c.Replaced[name]; have.Versions[name] {
		case v[0]:
		case v[1], "":
			o.install = append(o.install, setup.Package{Name: name, Version: v[0]})
		default:
			j.say(Note, "%s was changed to %s since, and stays", name, have.Versions[name])
		}
	}
	for _, name := range have.Half {
		version, there := b.Packages.Versions[name]
		if there && !slices.ContainsFunc(o.install, func(p setup.Package) bool { return p.Name == name }) {
			o.install = append(o.install, setup.Package{Name: name, Version: version})
		}
	}
	return o, nil
}

func (o order) empty() bool { return len(o.install) == 0 && len(o.remove) == 0 }

func (p packagesOp) blocked(ctx context.Context, j *job, b *Before, a *After) error {
	m, err := managerOf(p.Manager)
	if err != nil {
		return err
	}
	// What a killed one left must be healed first, and then it is seen.
	if whole, err := m.whole(ctx, j); a == nil || !whole || err != nil {
		return err
	}
	o, err := p.reverse(ctx, j, m, b, a)
	if err != nil || o.empty() {
		return err
	}
	var all error
	for _, i := range o.install {
		ok, err := m.offers(ctx, j, i.Name, i.Version)
		if err == nil && !ok {
			err = fmt.Errorf("no source has %s %s any more", i.Name, i.Version)
		}
		all = errors.Join(all, err)
	}
	return errors.Join(all, m.blocked(ctx, j, o))
}

func (p packagesOp) undo(ctx context.Context, j *job, b *Before, a *After) error {
	m, err := managerOf(p.Manager)
	if err != nil {
		return err
	}
	if err := j.awaitLocks(ctx, m.locks()); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := m.heal(ctx, j); err != nil {
		return err
	}
	o, err := p.reverse(ctx, j, m, b, a)
	if err != nil {
		return err
	}
	if j.leave {
		if err := m.blocked(ctx, j, o); err != nil {
			j.say(Note, "the packages stay: %v", err)
			return nil
		}
	}
	if !o.empty() {
		j.at("before packages")
		if err := m.back(ctx, j, o); err != nil {
			return err
		}
		j.at("after packages")
		have, err := m.installed(ctx, j)
		if err == nil {
			err = have.after(o)
		}
		if err != nil {
			return err
		}
	}
	if err := m.mark(ctx, j, b.Packages); err != nil {
		return err
	}
	return errors.Join(j.restoreConfigs(b), p.resetStreams(ctx, j, b), j.restoreSpec(b))
}
