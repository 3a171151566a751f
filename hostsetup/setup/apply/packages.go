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

// packagesOp installs and removes packages.
type packagesOp struct{ *setup.Packages }

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
