package apply

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// packageFile is a package in a folder, with what it gives and needs.
type packageFile struct {
	path, name, version string
	provides            []string
	requires            []need
}

// need is a name that a package needs, of just one version if it says so.
type need struct{ name, version string }

// gives says whether a package is what another one needs. Of versions that are not exact
// the newest file is good; if it is not, the package manager says so.
func (f packageFile) gives(n need) bool {
	return slices.Contains(f.provides, n.name) && (n.version == "" || f.name != n.name || f.version == n.version || strings.HasPrefix(f.version, n.version+"-"))
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
	slices.SortStableFunc(all, func(a, b packageFile) int { return compareVersions(b.version, a.version) })
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
		for _, n := range chosen[i].requires {
			gives := func(f packageFile) bool { return f.gives(n) }
			version, there := have.find(n.name)
			if there && gives(packageFile{name: n.name, version: version, provides: []string{n.name}}) || slices.ContainsFunc(chosen, gives) {
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

// relation is one of a list of dependencies; of alternatives the first one counts.
var relation = regexp.MustCompile(`^\s*([^\s(|,:]+)(?::\w+)?\s*(?:\(= ([^)]+)\))?`)

func related(list string) (all []need) {
	for part := range strings.SplitSeq(list, ",") {
		if m := relation.FindStringSubmatch(part); m != nil {
			all = append(all, need{m[1], m[2]})
		}
	}
	return all
}

// compareVersions orders versions as package managers do, near enough to find the newest of
// a folder: numbers count as such, and "~" is before the end.
func compareVersions(a, b string) int {
	if x, y, ok := epochs(a, b); ok && x != y {
		return cmp.Compare(x, y)
	}
	for a != "" || b != "" {
		var x, y string
		x, a = piece(a)
		y, b = piece(b)
		m, xErr := strconv.Atoi(x)
		n, yErr := strconv.Atoi(y)
		switch {
		case xErr == nil && yErr == nil && m != n:
			return cmp.Compare(m, n)
		case x == y, xErr == nil && yErr == nil:
			continue
		case strings.HasPrefix(x, "~") != strings.HasPrefix(y, "~"):
			return map[bool]int{true: -1, false: 1}[strings.HasPrefix(x, "~")]
		default:
			return cmp.Compare(x, y)
		}
	}
	return 0
}

// epochs are the numbers before a colon, 0 where there is none.
func epochs(a, b string) (x, y int, ok bool) {
	of := func(v string) (n int) {
		if e, _, has := strings.Cut(v, ":"); has {
			n, _ = strconv.Atoi(e)
		}
		return n
	}
	return of(a), of(b), strings.Contains(a+b, ":")
}

// piece is the number, or the text up to one, that a version begins with.
func piece(v string) (first, rest string) {
	digit := func(r rune) bool { return r >= '0' && r <= '9' }
	if v == "" {
		return "", ""
	}
	number := digit(rune(v[0]))
	i := strings.IndexFunc(v, func(r rune) bool { return digit(r) != number })
	if i < 0 {
		return v, ""
	}
	return v[:i], v[i:]
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
	f := packageFile{path: file, name: cells[0], version: cells[1], provides: []string{cells[0]}, requires: related(cells[3])}
	for _, p := range related(cells[2]) {
		f.provides = append(f.provides, p.name)
	}
	return f, nil
}

func rpmFile(ctx context.Context, j *job, file string) (packageFile, error) {
	r, err := j.program(ctx, Command{Argv: []string{"rpm", "-qp", "--qf",
		"N\t%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n[P\t%{PROVIDENAME}\n][R\t%{REQUIRENAME}\t%{REQUIREFLAGS:depflags}\t%{REQUIREVERSION}\n]", file}})
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
		case cells[0] == "R" && len(cells) == 4 && !strings.HasPrefix(cells[1], "rpmlib("):
			n := need{name: cells[1]}
			if strings.TrimSpace(cells[2]) == "=" {
				n.version = cells[3]
			}
			f.requires = append(f.requires, n)
		}
	}
	if f.name == "" {
		return f, fmt.Errorf("%s: it cannot be told what it is", file)
	}
	return f, nil
}
