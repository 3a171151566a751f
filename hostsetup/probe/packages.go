package probe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// packages are the installed ones that matter here.
type packages struct {
	list []host.Package
}

// version is a package's, without epoch and revision; "" if none of the names is installed.
func (p packages) version(names ...string) string {
	for _, name := range names {
		for _, pkg := range p.list {
			if pkg.Name == name {
				return upstream(pkg.Version)
			}
		}
	}
	return ""
}

// upstream is the version that a project gave: "1:1.20.1-1" is 1.20.1, and Debian's
// "1.20.0~rc.1-1" is 1.20.0-rc.1.
func upstream(version string) string {
	if epoch, rest, ok := strings.Cut(version, ":"); ok && epoch != "" && strings.Trim(epoch, "0123456789") == "" {
		version = rest
	}
	version, _, _ = strings.Cut(version, "-")
	return strings.ReplaceAll(version, "~", "-")
}

// readPackages is the source for Local.
func readPackages(_ context.Context, m *machine) (fill, error) {
	p, err := m.installed()
	return func(h *host.Host) { h.Packages = p.list }, err
}

// findPackages reads the databases of dpkg and rpm; a machine has one of them as a rule.
func (m *machine) findPackages() (packages, error) {
	deb, errDeb := dpkg(m.root)
	rpms, errRPM := m.rpm()
	all := append(deb, rpms...)
	slices.SortFunc(all, func(a, b host.Package) int { return strings.Compare(a.Name, b.Name) })
	return packages{all}, errors.Join(errDeb, errRPM)
}

// mostPackages bounds what a hostile database can make us keep.
const mostPackages = 2000

const dpkgStatus = "/var/lib/dpkg/status"

// dpkg reads its list of packages, paragraph by paragraph. "apt-mark hold" is a
// selection there: "Status: hold ok installed".
func dpkg(r root) ([]host.Package, error) {
	f, err := r.open(dpkgStatus)
	if err != nil {
		return nil, unreadable("dpkg's list of packages", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(io.LimitReader(f, 256<<20), 64<<10)
	var found []host.Package
	var pkg host.Package
	installed := false
	end := func() {
		if installed && policy.PackageMatters(pkg.Name) && len(found) < mostPackages {
			found = append(found, pkg)
		}
		pkg, installed = host.Package{}, false
	}
	for {
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		switch key, value, _ := strings.Cut(strings.TrimRight(string(line[:min(len(line), 512)]), "\r\n"), ": "); key {
		case "":
			end()
		case "Package":
			pkg.Name = value
		case "Version":
			pkg.Version = value
		case "Status":
			f := strings.Fields(value)
			installed = len(f) == 3 && f[2] == "installed"
			pkg.Held = len(f) == 3 && f[0] == "hold"
		}
		if err != nil {
			end()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return found, unreadable("dpkg's list of packages", err)
		}
	}
}

// rpm asks the program: its database has had several forms. It may look below another
// root, since it runs nothing there.
func (m *machine) rpm() ([]host.Package, error) {
	if !slices.ContainsFunc([]string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}, m.root.isDir) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	out, err := m.run(ctx, "rpm", "--root", string(m.root), "-qa", "--qf", `%{NAME}\t%{EPOCH}:%{VERSION}-%{RELEASE}\n`)
	if isMissing(err) && !m.itself && !m.root.exists(dpkgStatus) { // Debian has an empty database as well
		return nil, errOutside("rpm")
	}
	if isMissing(err) {
		return nil, nil
	}
	locks := packageLocks(m.root)
	var found []host.Package
	for line := range strings.Lines(string(out)) {
		name, version, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || !policy.PackageMatters(name) || len(found) >= mostPackages {
			continue
		}
		version = strings.TrimPrefix(strings.TrimPrefix(version, "(none):"), "0:")
		held := slices.ContainsFunc(locks, func(p string) bool { ok, _ := path.Match(p, name); return ok })
		found = append(found, host.Package{Name: name, Version: version, Held: held})
	}
	return found, unreadable("rpm's list of packages", err)
}

// isMissing says whether a program is not there, or may not be run below another root.
func isMissing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
}
