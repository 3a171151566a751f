package apply

import (
	"context"
	"fmt"
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
