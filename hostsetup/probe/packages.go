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

// ofInterest says whether a package is of the driver, Docker or the toolkit.
func ofInterest(name string) bool {
	for _, prefix := range []string{
		"nvidia", "libnvidia", "linux-modules-nvidia", "linux-objects-nvidia", "linux-signatures-nvidia", "kmod-nvidia", "akmod-nvidia",
		"xorg-x11-drv-nvidia", "cuda-drivers", "cuda-keyring", "cuda-compat", "libcuda1",
		"docker", "moby", "containerd", "podman-docker",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "runc" || name == "dkms"
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
		if installed && ofInterest(pkg.Name) && len(found) < mostPackages {
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
	locks := versionLocks(m.root)
	var found []host.Package
	for line := range strings.Lines(string(out)) {
		name, version, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || !ofInterest(name) || len(found) >= mostPackages {
			continue
		}
		version = strings.TrimPrefix(strings.TrimPrefix(version, "(none):"), "0:")
		held := slices.ContainsFunc(locks, func(p string) bool { ok, _ := path.Match(p, name); return ok })
		found = append(found, host.Package{Name: name, Version: version, Held: held})
	}
	return found, unreadable("rpm's list of packages", err)
}

// versionLocks are the names that dnf's versionlock holds: lines "nvidia-driver-3:580.65.06-1.el9.*".
func versionLocks(r root) []string {
	var names []string
	for _, file := range []string{"/etc/dnf/plugins/versionlock.list", "/etc/yum/pluginconf.d/versionlock.list"} {
		for line := range strings.Lines(r.text(file)) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' || line[0] == '!' {
				continue
			}
			names = append(names, lockedName(line))
		}
	}
	return names
}

// lockedName is the name in NAME-EPOCH:VERSION-RELEASE.ARCH: what stands before the
// last "-" that a digit follows and that is not the release's.
func lockedName(lock string) string {
	if name, _, ok := strings.Cut(lock, ":"); ok { // the epoch is what follows the last "-"
		if i := strings.LastIndexByte(name, '-'); i > 0 && strings.Trim(name[i+1:], "0123456789") == "" {
			return name[:i]
		}
	}
	parts := strings.Split(lock, "-")
	if len(parts) > 2 {
		return strings.Join(parts[:len(parts)-2], "-")
	}
	return lock
}

// isMissing says whether a program is not there, or may not be run below another root.
func isMissing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
}
