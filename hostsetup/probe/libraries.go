package probe

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// wslLibraries is where Windows puts the driver's libraries into WSL.
const wslLibraries = "/usr/lib/wsl/lib"

// libraryDirs are where distributions, the .run installer, WSL, NixOS, Container-Optimized
// OS and the GPU operator put the driver's libraries.
func libraryDirs() []string {
	return []string{
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
		"/usr/lib/x86_64-linux-gnu/nvidia/current", "/usr/lib/aarch64-linux-gnu/nvidia/current", "/usr/lib64/nvidia",
		wslLibraries, "/run/opengl-driver/lib", "/home/kubernetes/bin/nvidia/lib64", "/usr/local/nvidia/lib64",
		"/run/nvidia/driver/usr/lib/x86_64-linux-gnu", "/run/nvidia/driver/usr/lib64",
	}
}

// libraryVersion is the driver's version at the end of a library's name.
var libraryVersion = regexp.MustCompile(`\.so\.(\d{3}\.\d{1,3}(?:\.\d{1,3})?)$`)

// readLibraries lists libcuda and libnvidia-ml, and what tells how they came there.
func readLibraries(ctx context.Context, m *machine) (fill, error) {
	var libraries []host.Library
	seen := map[string]bool{}
	for _, dir := range libraryDirs() {
		for _, pattern := range []string{"libcuda.so*", "libnvidia-ml.so*"} {
			names, _ := m.root.list(dir, pattern) // most of the folders are never there
			for _, name := range names {
				at, err := m.root.path(path.Join(dir, name))
				if err != nil || seen[at] {
					continue
				}
				seen[at] = true
				fi, err := m.root.stat(at)
				if err != nil || !fi.Mode().IsRegular() {
					continue
				}
				l := host.Library{Path: at, Changed: m.changed(fi)}
				if v := libraryVersion.FindStringSubmatch(at); v != nil {
					l.Version = v[1]
				}
				libraries = append(libraries, l)
			}
		}
	}
	slices.SortFunc(libraries, func(a, b host.Library) int { return strings.Compare(a.Path, b.Path) })
	runfile := m.root.exists("/usr/bin/nvidia-uninstall")
	fabric, err := fabricManager(ctx, m)
	return func(h *host.Host) {
		h.Driver.Libraries, h.Driver.Runfile, h.Driver.FabricManager = libraries, runfile, fabric
	}, err
}

// fabricManager is the version of the installed fabric manager: its package's, or what
// the program says where no package brought it.
func fabricManager(ctx context.Context, m *machine) (string, error) {
	p, _ := m.installed() // the packages' own source says why they could not be read
	for _, pkg := range p.list {
		if policy.IsFabricManager(pkg.Name) {
			return upstream(pkg.Version), nil
		}
	}
	if !m.root.exists("/usr/bin/nv-fabricmanager") {
		return "", nil
	}
	out, err := m.run(ctx, "nv-fabricmanager", "--version")
	if v := version.FindString(string(out)); v != "" {
		return v, nil
	}
	return "", unreadable("the fabric manager's version", err)
}
