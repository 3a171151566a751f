package apply

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// packageFile is a package in a folder, with what it gives and needs by name.
type packageFile struct {
	path, name, version string
	provides, requires  []string
}

// packageFiles chooses from a folder the files of the packages to install and of those that
// they need and that are not installed. No source is asked (--offline).
func packageFiles(ctx context.Context, j *job, p packagesOp) ([]string, error) {
	read, ext := debFile, ".deb"
	if p.Manager != "apt" {
		read, ext = rpmFile, ".rpm"
	}
	names, err := j.tree().List(p.Dir)
	if err != nil {
		return nil, err
	}
	var all []packageFile
	for _, name := range names {
		if path.Ext(name) != ext {
			continue
		}
		f, err := read(ctx, j, path.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	m, err := managerOf(p.Manager)
	if err != nil {
		return nil, err
	}
	have, err := m.installed(ctx, j)
	if err != nil {
		return nil, err
	}
	var chosen []packageFile
	for _, w := range p.Install {
		i := slices.IndexFunc(all, func(f packageFile) bool { return f.name == w.Name && (w.Version == "" || f.version == w.Version) })
		if i < 0 {
			return nil, fmt.Errorf("%s has no package file of %s", p.Dir, strings.TrimSuffix(w.Name+" "+w.Version, " "))
		}
		if have.Versions[w.Name] != all[i].version {
			chosen = append(chosen, all[i])
		}
	}
	for i := 0; i < len(chosen); i++ {
		for _, need := range chosen[i].requires {
			gives := func(f packageFile) bool { return slices.Contains(f.provides, need) }
			if _, there := have.find(need); there || slices.ContainsFunc(chosen, gives) {
				continue
			}
			if k := slices.IndexFunc(all, gives); k >= 0 && have.Versions[all[k].name] != all[k].version {
				chosen = append(chosen, all[k])
			}
		}
	}
	var files []string
	for _, f := range chosen {
		files = append(files, f.path)
	}
	return files, nil
}

// relation is a name in a list of dependencies; of alternatives the first one counts.
var relation = regexp.MustCompile(`^\s*([^\s(|,:]+)`)

func related(list string) (names []string) {
	for part := range strings.SplitSeq(list, ",") {
		if m := relation.FindStringSubmatch(part); m != nil {
			names = append(names, m[1])
		}
	}
	return names
}

func debFile(ctx context.Context, j *job, file string) (packageFile, error) {
	r, err := j.program(ctx, Command{Argv: []string{"dpkg-deb", "--showformat=${Package}\t${Version}\t${Provides}\t${Depends}, ${Pre-Depends}\n", "--show", file}})
	if err != nil {
		return packageFile{}, err
	}
	cells := strings.Split(strings.TrimSuffix(string(r.Out), "\n"), "\t")
	if len(cells) != 4 {
		return packageFile{}, fmt.Errorf("%s: it cannot be told what it is", file)
	}
	f := packageFile{path: file, name: cells[0], version: cells[1], provides: related(cells[2]), requires: related(cells[3])}
	f.provides = append(f.provides, f.name)
	return f, nil
}

func rpmFile(ctx context.Context, j *job, file string) (packageFile, error) {
	r, err := j.program(ctx, Command{Argv: []string{"rpm", "-qp", "--qf",
		"N\t%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n[P\t%{PROVIDENAME}\n][R\t%{REQUIRENAME}\n]", file}})
	if err != nil {
		return packageFile{}, err
	}
	f := packageFile{path: file}
	for line := range strings.Lines(string(r.Out)) {
		switch cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); {
		case cells[0] == "N" && len(cells) == 3:
			f.name, f.version = cells[1], cells[2]
		case cells[0] == "P" && len(cells) == 2:
			f.provides = append(f.provides, cells[1])
		case cells[0] == "R" && len(cells) == 2 && !strings.HasPrefix(cells[1], "rpmlib("):
			f.requires = append(f.requires, cells[1])
		}
	}
	if f.name == "" {
		return f, fmt.Errorf("%s: it cannot be told what it is", file)
	}
	return f, nil
}
