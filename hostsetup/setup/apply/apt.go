package apply

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// apt is Debian's and Ubuntu's.
//
// Recommended packages are left out: what comes is what the plan names and what that needs,
// so that the plan tells the truth; a plan that wants one names it. Files of configuration
// that somebody has changed stay. needrestart is kept from restarting services: that is a
// step of its own, with consent.
type apt struct{}

func (apt) env() []string {
	return []string{"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical", "APT_LISTCHANGES_FRONTEND=none",
		"NEEDRESTART_MODE=l", "NEEDRESTART_SUSPEND=1", "UCF_FORCE_CONFFOLD=1"}
}

func (a apt) get(args ...string) Command {
	argv := []string{"apt-get", "-y", "-q", "--no-install-recommends",
		"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
		"-o", "DPkg::Lock::Timeout=60", "-o", "Dpkg::Use-Pty=0",
		"-o", "APT::Get::AllowUnauthenticated=false", "-o", "Acquire::AllowInsecureRepositories=false", "-o", "Acquire::AllowDowngradeToInsecureRepositories=false",
		"-o", "APT::Get::Upgrade-By-Source-Package=false", "-o", "APT::AutoRemove::SuggestsImportant=true"}
	return Command{Argv: append(argv, args...), Env: a.env()}
}

func (apt) locks() []string {
	return []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"}
}

func (a apt) installed(ctx context.Context, j *job) (*Installed, error) {
	r, err := j.program(ctx, Command{Argv: []string{"dpkg", "--print-architecture"}})
	if err != nil {
		return nil, err
	}
	own := strings.TrimSpace(string(r.Out))
	r, err = j.program(ctx, Command{Argv: []string{"dpkg-query", "-W", "-f", "${Package}\t${Architecture}\t${Version}\t${db:Status-Status}\t${db:Status-Eflag}\n"}})
	if err != nil {
		return nil, err
	}
	all := &Installed{Versions: map[string]string{}}
	for line := range strings.Lines(string(r.Out)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 5 {
			continue
		}
		name := cells[0]
		if cells[1] != own && cells[1] != "all" {
			name += ":" + cells[1]
		}
		if cells[4] == "reinstreq" {
			all.Half = append(all.Half, name)
		}
		switch cells[3] {
		case "not-installed":
		case "config-files":
			all.Removed = append(all.Removed, name)
		default:
			all.Versions[name] = cells[2]
		}
	}
	r, err = j.program(ctx, Command{Argv: []string{"apt-mark", "showauto"}})
	all.Auto = strings.Fields(string(r.Out))
	return all, err
}

func (a apt) heal(ctx context.Context, j *job) error {
	if whole, err := a.whole(ctx, j); whole || err != nil {
		return err
	}
	j.say(Note, "finishing what an interrupted package manager left")
	// What is half unpacked it cannot configure: that is installed again, or taken away.
	_, err := j.try(ctx, Command{Argv: []string{"dpkg", "--configure", "-a", "--force-confdef", "--force-confold"}, Env: a.env()})
	return err
}

// whole says that no package is half installed, and that dpkg has written down all that it
// did: what it notes in between apt does not read.
func (a apt) whole(ctx context.Context, j *job) (bool, error) {
	notes, err := j.tree().List("/var/lib/dpkg/updates")
	if err != nil || len(notes) > 0 {
		return false, err
	}
	r, err := j.try(ctx, Command{Argv: []string{"dpkg", "--audit"}})
	return r.Code == 0 && len(r.Out) == 0, err
}

func (a apt) refresh(ctx context.Context, j *job) error {
	_, err := j.program(ctx, a.get("update"))
	return err
}

// words are an order's, as apt-get install takes them: "name=version", "name-".
func (a apt) words(o order) (words []string) {
	for _, p := range o.install {
		switch {
		case len(o.files) > 0: // the files say what is installed
		case p.Version != "":
			words = append(words, p.Name+"="+p.Version)
		default:
			words = append(words, p.Name)
		}
	}
	for _, p := range o.again {
		words = append(words, p.Name+"="+p.Version)
	}
	for _, name := range o.remove {
		words = append(words, name+"-")
	}
	return append(words, o.files...)
}

// install is the command of an order. A package that is there already is not to be marked
// as one that somebody asked for; mark sees to that on the way back.
func (a apt) install(o order, args ...string) Command {
	if len(o.files) > 0 {
		// No source is asked: what is not among the files is an error that names it.
		args = append(args, "-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null")
	}
	if len(o.again) > 0 {
		args = append(args, "--reinstall")
	}
	return a.get(append(append(args, "install", "--"), a.words(o)...)...)
}

var (
	inst = regexp.MustCompile(`^Inst (\S+) (?:\[([^]]+)\] )?\((\S+) .*\[([^]]+)\]\)`)
	gone = regexp.MustCompile(`^(?:Remv|Purg) (\S+) \[([^]]+)\]`)
)

func (a apt) foresee(ctx context.Context, j *job, o order) (*Change, error) {
	r, err := j.program(ctx, a.install(o, "--simulate"))
	if err != nil {
		return nil, err
	}
	return a.foreseen(string(r.Out)), nil
}

func (apt) foreseen(out string) *Change {
	c := &Change{Came: map[string]string{}, Went: map[string]string{}, Replaced: map[string][2]string{}}
	for line := range strings.Lines(out) {
		if m := inst.FindStringSubmatch(line); m != nil && m[2] == "" {
			c.Came[m[1]] = m[3]
		} else if m != nil && m[2] != m[3] {
			c.Replaced[m[1]] = [2]string{m[2], m[3]}
		}
		if m := gone.FindStringSubmatch(line); m != nil {
			c.Went[m[1]] = m[2]
		}
	}
	return c
}

func (a apt) configs(ctx context.Context, j *job, names []string) (paths []string, err error) {
	r, err := j.program(ctx, Command{Argv: append([]string{"dpkg-query", "-W", "-f", "${Conffiles}\n", "--"}, names...)})
	for line := range strings.Lines(string(r.Out)) { // " /etc/default/docker 1a2b…", with "obsolete" behind
		if words := strings.Fields(line); len(words) >= 2 && strings.HasPrefix(words[0], "/") {
			paths = append(paths, words[0])
		}
	}
	return paths, err
}

func (a apt) change(ctx context.Context, j *job, o order) error {
	_, err := j.program(ctx, a.install(o))
	return err
}

func (apt) offers(ctx context.Context, j *job, name, version string) (bool, error) {
	r, err := j.program(ctx, Command{Argv: []string{"apt-cache", "madison", "--", name}})
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(r.Out)) {
		cells := strings.Split(line, "|")
		if len(cells) >= 2 && strings.TrimSpace(cells[1]) == version {
			return true, nil
		}
	}
	return false, nil
}

func (a apt) undoing(o order, args ...string) Command {
	return a.install(o, append(args, "--reinstall", "--allow-downgrades", "--allow-change-held-packages")...)
}

func (a apt) blocked(ctx context.Context, j *job, o order) error {
	r, err := j.program(ctx, a.undoing(o, "--simulate"))
	if err != nil {
		return err
	}
	c := a.foreseen(string(r.Out))
	for name := range c.Went {
		if !slices.Contains(o.remove, name) {
			return fmt.Errorf("%s needs what is to be removed: remove it first", name)
		}
	}
	for name := range c.Came {
		if !slices.ContainsFunc(o.install, func(p setup.Package) bool { return p.Name == name }) {
			return fmt.Errorf("%s would have to be installed", name)
		}
	}
	return nil
}

// nuke is a script that docker.io leaves when it is removed, and that deletes all images and
// volumes when it is purged (docker.io.prerm and .postrm of Debian 12). They are the user's.
const nuke = "/var/lib/docker/nuke-graph-directory.sh"

// back removes first and purges then: in between, what would take the user's data with it
// is put out of the way.
func (a apt) back(ctx context.Context, j *job, o order) error {
	have, err := a.installed(ctx, j)
	if err != nil {
		return err
	}
	// apt would want to install them once more before it removes them.
	if half := slices.DeleteFunc(slices.Clone(o.remove), func(n string) bool { return !slices.Contains(have.Half, n) }); len(half) > 0 {
		argv := []string{"dpkg", "--purge", "--force-remove-reinstreq", "--force-depends", "--"}
		if _, err := j.program(ctx, Command{Argv: append(argv, half...), Env: a.env()}); err != nil {
			return err
		}
		o.remove = slices.DeleteFunc(slices.Clone(o.remove), func(n string) bool { return slices.Contains(half, n) })
	}
	first := o
	first.remove = slices.DeleteFunc(slices.Clone(o.remove), func(n string) bool { return slices.Contains(have.Removed, n) })
	if !first.empty() {
		if err := a.blocked(ctx, j, first); err != nil {
			return err
		}
		if _, err := j.program(ctx, a.undoing(first)); err != nil {
			return err
		}
	}
	if len(o.remove) == 0 {
		return nil
	}
	if err := j.tree().Remove(nuke); err != nil {
		return err
	}
	_, err = j.program(ctx, Command{Argv: append([]string{"dpkg", "--purge", "--"}, o.remove...), Env: a.env()})
	return err
}

func (a apt) mark(ctx context.Context, j *job, before *Installed) error {
	have, err := a.installed(ctx, j)
	if err != nil {
		return err
	}
	var auto []string
	for _, name := range before.Auto {
		if _, there := have.find(name); there && !slices.Contains(have.Auto, name) {
			auto = append(auto, name)
		}
	}
	if len(auto) == 0 {
		return nil
	}
	_, err = j.program(ctx, Command{Argv: append([]string{"apt-mark", "-q", "auto", "--"}, auto...)})
	return err
}
