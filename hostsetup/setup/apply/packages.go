package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// packagesOp installs and removes packages.
type packagesOp struct{ *setup.Packages }

// manager is a package manager. What it is told to do it does without a question, and
// nothing beside it but what is needed.
type manager interface {
	// installed are all packages.
	installed(context.Context, *job) (*Installed, error)
	// locks are the files by which it keeps others away.
	locks() []string
	// heal finishes what a killed one left half done; whole says that there is nothing.
	heal(context.Context, *job) error
	whole(context.Context, *job) (bool, error)
	refresh(context.Context, *job) error
	// foresee says what a change would do, as far as the manager can tell beforehand.
	foresee(context.Context, *job, order) (*Change, error)
	change(context.Context, *job, order) error
	// offers says whether a version of a package is to be had.
	offers(ctx context.Context, j *job, name, version string) (bool, error)
	// configs are the files of configuration of packages.
	configs(ctx context.Context, j *job, names []string) ([]string, error)
	// back removes packages and puts versions in place, exactly these; blocked says why
	// that cannot be done.
	back(context.Context, *job, order) error
	blocked(context.Context, *job, order) error
	// mark has packages that came by themselves count as such again.
	mark(context.Context, *job, *Installed) error
}

// order is what a package manager is to do.
type order struct {
	install []setup.Package
	remove  []string
	files   []string        // of packages, instead of sources
	again   []setup.Package // half unpacked ones
	streams []string        // dnf's
}

func managerOf(name string) (manager, error) {
	switch name {
	case "apt":
		return apt{}, nil
	case "dnf":
		return dnf{}, nil
	case "zypper":
		return zypper{}, nil
	}
	return nil, unknownManager(name)
}

// Installed are packages by name, with ":architecture" where it is not the machine's own.
type Installed struct {
	Versions map[string]string `json:"versions"`
	// Auto are those that came with others.
	Auto []string `json:"auto,omitempty"`
	// Removed are those of which configuration is left.
	Removed []string `json:"removed,omitempty"`
	// Half are those that a killed package manager left half unpacked.
	Half []string `json:"half,omitempty"`
}

// Change is the difference between two states of packages.
type Change struct {
	Came     map[string]string    `json:"came,omitempty"`
	Went     map[string]string    `json:"went,omitempty"`
	Replaced map[string][2]string `json:"replaced,omitempty"` // before, after
}

func (i *Installed) change(after *Installed) *Change {
	c := &Change{Came: map[string]string{}, Went: map[string]string{}, Replaced: map[string][2]string{}}
	for name, version := range i.Versions {
		switch now, there := after.Versions[name]; {
		case !there:
			c.Went[name] = version
		case now != version:
			c.Replaced[name] = [2]string{version, now}
		}
	}
	for name, version := range after.Versions {
		if _, there := i.Versions[name]; !there {
			c.Came[name] = version
		}
	}
	return c
}

// String says a change in a line.
func (c *Change) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(c.Came)) {
		words = append(words, "+"+name+" "+c.Came[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Replaced)) {
		words = append(words, name+" "+c.Replaced[name][0]+" → "+c.Replaced[name][1])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Went)) {
		words = append(words, "-"+name+" "+c.Went[name])
	}
	return cmp.Or(strings.Join(words, ", "), "nothing")
}

func (p packagesOp) check(ctx context.Context, j *job) (Standing, error) {
	m, err := managerOf(p.Manager)
	if err != nil {
		return Standing{}, err
	}
	have, err := m.installed(ctx, j)
	if err != nil {
		return Standing{}, err
	}
	var todo []string
	for _, w := range p.Install {
		if !have.has(w) || slices.Contains(have.Half, w.Name) {
			todo = append(todo, "+"+w.Name)
		}
	}
	for _, name := range p.Remove {
		if _, there := have.find(name); there {
			todo = append(todo, "-"+name)
		}
	}
	if len(todo) == 0 {
		return Standing{Is: IsDone, Why: "all packages are as they should be"}, nil
	}
	return Standing{Is: ToDo, Why: strings.Join(todo, ", ")}, nil
}

// after says what an order was to reach and did not: a package manager may end well without.
func (i *Installed) after(o order) error {
	for _, w := range o.install {
		if !i.has(w) {
			return fmt.Errorf("%s was not installed", strings.TrimSpace(w.Name+" "+w.Version))
		}
	}
	for _, name := range o.remove {
		if _, there := i.find(name); there {
			return fmt.Errorf("%s was not removed", name)
		}
	}
	return nil
}

// fits says whether a version is the one that is wanted; that may be a pattern.
func fits(want, version string) bool {
	ok, _ := path.Match(want, version)
	return want == "" || want == version || ok
}

// find is a package's version; of kernels, which are there several times, any.
func (i *Installed) find(name string) (version string, there bool) {
	for _, version := range i.all(name) {
		return version, true
	}
	return "", false
}

// has says whether a package is there, in the version that is wanted.
func (i *Installed) has(w setup.Package) bool {
	return slices.ContainsFunc(i.all(w.Name), func(version string) bool { return fits(w.Version, version) })
}

// all are a package's versions.
func (i *Installed) all(name string) (versions []string) {
	if version, there := i.Versions[name]; there {
		return []string{version}
	}
	if !strings.HasPrefix(name, "kernel") {
		return nil
	}
	for key, version := range i.Versions {
		if key == several(name, version) {
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return versions
}

func (p packagesOp) note(ctx context.Context, j *job) (*Before, error) {
	m, err := managerOf(p.Manager)
	if err != nil {
		return nil, err
	}
	have, err := m.installed(ctx, j)
	if err != nil {
		return nil, err
	}
	b := &Before{Packages: have}
	if b.Configs, err = p.saveConfigs(ctx, j, m, have); err != nil {
		return nil, err
	}
	if b.Modules, err = streams(j, p.Modules); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(p.Install, func(w setup.Package) bool { return strings.HasPrefix(w.Name, "nvidia-container-toolkit") }) {
		b.Spec, err = j.saveSpec()
	}
	return b, err
}

func (p packagesOp) do(ctx context.Context, j *job, b *Before) (*After, error) {
	m, err := managerOf(p.Manager)
	if err != nil {
		return nil, err
	}
	if err := j.awaitLocks(ctx, m.locks()); err != nil {
		return nil, err
	}
	// Not even Ctrl-C ends a package manager at work.
	work := context.WithoutCancel(ctx)
	if err := m.heal(work, j); err != nil {
		return nil, err
	}
	o := order{install: p.Install, remove: p.Remove, streams: p.Modules}
	var stale error // why the lists of packages could not be read
	have, err := m.installed(work, j)
	if err != nil {
		return nil, err
	}
	var along []string
	for _, name := range have.Half {
		if !slices.ContainsFunc(p.Install, func(w setup.Package) bool { return w.Name == name }) {
			o.again = append(o.again, setup.Package{Name: name, Version: have.Versions[name]})
			along = append(along, name)
		}
	}
	if p.Dir != "" {
		j.say(Note, "package files carry no signature that is checked: whoever put them into %s vouches for them", p.Dir)
		if o.files, err = packageFiles(ctx, j, p); err != nil {
			return nil, err
		}
	} else if p.Refresh {
		j.say(Note, "reading the lists of packages")
		// A source that has nothing to do with this may be broken: that keeps nobody from
		// installing out of the others.
		if stale = m.refresh(work, j); stale != nil {
			j.say(Note, "%v", stale)
		}
	}
	if err := p.agree(ctx, j, m, o); err != nil {
		return nil, errors.Join(err, stale)
	}
	if err := j.awaitLocks(ctx, m.locks()); err != nil {
		return nil, err
	}
	j.at("before packages")
	if err := m.change(work, j, o); err != nil {
		return nil, errors.Join(err, stale)
	}
	j.at("after packages")
	if err := m.mark(work, j, &Installed{Auto: along}); err != nil {
		return nil, err
	}
	if have, err = m.installed(work, j); err != nil {
		return nil, err
	}
	if err := have.after(order{install: p.Install, remove: p.Remove}); err != nil {
		return nil, errors.Join(err, stale)
	}
	c := b.Packages.change(have)
	j.say(Note, "packages: %s", c)
	return &After{Packages: c}, nil
}

// agree says before anything is done what would come along, refuses what would go without
// having been planned, and asks about what could not come back.
func (p packagesOp) agree(ctx context.Context, j *job, m manager, o order) error {
	c, err := m.foresee(ctx, j, o)
	if err != nil || c == nil {
		return err
	}
	j.say(Note, "the package manager would change: %s", c)
	for _, name := range slices.Sorted(maps.Keys(c.Went)) {
		if !slices.Contains(o.remove, name) && !slices.Contains(o.remove, plain(name)) {
			return fmt.Errorf("%s would be removed, which is not in the plan: nothing was changed", name)
		}
	}
	lost := map[string]string{}
	for name, version := range c.Went {
		lost[name] = version
	}
	for name, versions := range c.Replaced {
		lost[name] = versions[0]
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(lost)) {
		ok, err := m.offers(ctx, j, name, lost[name])
		if err != nil {
			return err
		}
		if !ok {
			words = append(words, name+" "+lost[name])
		}
	}
	if len(words) == 0 {
		return nil
	}
	question := fmt.Sprintf("No source has %s any more: a rollback could not bring it back. Go on?", strings.Join(words, ", "))
	if j.Ask == nil {
		return &Declined{question}
	}
	ok, err := j.Ask(ctx, question)
	if err == nil && !ok {
		err = &Declined{question}
	}
	return err
}

// Declined is a question that was answered with no.
type Declined struct{ Question string }

// Error implements error.
func (d *Declined) Error() string { return "not agreed to: " + d.Question }

// plain is a package's name without its architecture.
func plain(name string) string { name, _, _ = strings.Cut(name, ":"); return name }

// reverse is what takes a step's change back: what it brought and is still there goes, what
// it took and is not there again comes. A version that somebody else has changed since stays.
func (p packagesOp) reverse(ctx context.Context, j *job, m manager, b *Before, a *After) (order, error) {
	have, err := m.installed(ctx, j)
	if err != nil {
		return order{}, err
	}
	c := b.Packages.change(have) // a killed step: all that there is
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
