package probe

import (
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

var version = regexp.MustCompile(`\b\d{3}\.\d{1,3}(\.\d{1,3})?\b`)

const driverFile = "/proc/driver/nvidia/version"

// driverVersion is the loaded kernel module's version.
func driverVersion(r root) string {
	for _, name := range []string{"/sys/module/nvidia/version", driverFile} {
		if v := version.FindString(r.text(name)); v != "" {
			return v
		}
	}
	return ""
}

// flavour is "open" or "proprietary", as the module says of itself.
func flavour(r root) string {
	switch text := r.text(driverFile); {
	case strings.Contains(text, "Open Kernel Module"):
		return "open"
	case strings.Contains(text, "Kernel Module"):
		return "proprietary"
	}
	return ""
}

// matters says whether a module can own or drive a GPU.
func matters(module string) bool {
	module = strings.ReplaceAll(module, "-", "_")
	return strings.HasPrefix(module, "nvidia") || slices.Contains([]string{"nouveau", "nova_core", "nova_drm", "nova", "vfio_pci", "nvgpu"}, module)
}

// readModules says which modules are loaded, with their parameters, and which are kept from it.
func readModules(_ context.Context, m *machine) (fill, error) {
	data, err := m.root.read("/proc/modules", 4<<20)
	var modules []host.Module
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, " ")
		if matters(name) {
			modules = append(modules, host.Module{Name: name, Version: m.root.text("/sys/module/" + name + "/version"), Parameters: parameters(m.root, name)})
		}
	}
	slices.SortFunc(modules, func(a, b host.Module) int { return strings.Compare(a.Name, b.Name) })
	version, kind, blacklisted := driverVersion(m.root), flavour(m.root), blacklist(m.root)
	return func(h *host.Host) {
		h.Kernel.Modules, h.Kernel.Blacklisted = modules, blacklisted
		h.Driver.Version, h.Driver.Flavour = version, kind
	}, unreadable("/proc/modules", err)
}

// parameters are a module's. The driver keeps its own under /proc, by names to which
// modprobe's prefix NVreg_ is put here.
func parameters(r root, module string) map[string]string {
	values := map[string]string{}
	if module == "nvidia" {
		for line := range strings.Lines(r.text("/proc/driver/nvidia/params")) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				values["NVreg_"+name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	dir := "/sys/module/" + module + "/parameters"
	names, _ := r.list(dir, "*")
	for _, name := range names {
		if len(values) < 200 {
			values[name] = r.text(path.Join(dir, name))
		}
	}
	if len(values) == 0 {
		return nil
	}
	return values
}

// blacklist are modules that modprobe.d or the kernel's command line keep from loading.
// A file hides one of the same name in a later folder, as modprobe.d(5) says.
func blacklist(r root) []string {
	files := map[string]string{}
	for _, dir := range []string{"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"} {
		names, _ := r.configs(dir, "*.conf")
		for _, name := range names {
			if _, hidden := files[name]; !hidden {
				files[name] = path.Join(dir, name)
			}
		}
	}
	found := map[string]bool{}
	add := func(module string) {
		if module = strings.ReplaceAll(module, "-", "_"); matters(module) {
			found[module] = true
		}
	}
	for _, file := range files {
		for line := range strings.Lines(r.text(file)) {
			f := strings.Fields(line)
			switch {
			case len(f) >= 2 && f[0] == "blacklist", len(f) >= 3 && f[0] == "alias" && f[2] == "off",
				len(f) >= 3 && f[0] == "install" && slices.Contains([]string{"/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true"}, f[2]):
				add(f[1])
			}
		}
	}
	for _, word := range strings.Fields(r.text("/proc/cmdline")) {
		key, list, _ := strings.Cut(word, "=")
		if slices.Contains([]string{"modprobe.blacklist", "module_blacklist", "rd.driver.blacklist"}, key) {
			for _, module := range strings.Split(list, ",") {
				add(module)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
