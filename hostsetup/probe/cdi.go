package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const (
	mostSpecs   = 100
	mostSpec    = 4 << 20 // bytes; eight GPUs cut in seven by MIG take some 200 KiB
	mostEdits   = 5000    // paths and nodes of one spec
	mostMembers = 2000    // devices of one spec
)

// readCDI reads all specs that an engine may read.
func readCDI(_ context.Context, m *machine) (fill, error) {
	found := m.cdi()
	return func(h *host.Host) { h.CDI = found.cdi; notes(h, found.unread) }, nil
}

// foundCDI is what the directories hold, and what of it could not be read.
type foundCDI struct {
	cdi    host.CDI
	unread map[string]string
}

func (m *machine) findCDI() foundCDI {
	var cdi host.CDI
	unread := map[string]string{}
	for _, dir := range m.cdiDirs() {
		names, err := m.root.list(dir, "*")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		cdi.Dirs = append(cdi.Dirs, dir)
		if err != nil {
			unread["cdi "+dir] = unreadable(dir, err).Error()
			continue
		}
		for _, name := range names {
			// An engine looks at these two endings only.
			if ext := path.Ext(name); ext != ".yaml" && ext != ".json" || len(cdi.Specs) >= mostSpecs {
				continue
			}
			file := path.Join(dir, name)
			spec, err := m.spec(file)
			if err != nil {
				unread["cdi "+file] = err.Error()
				continue
			}
			cdi.Specs = append(cdi.Specs, spec)
		}
	}
	return foundCDI{cdi, unread}
}

// cdiDirs are the engine's own where it names some, else the two that all engines
// know, and for a rootless one the user's (moby, since 29.2).
func (m *machine) cdiDirs() []string {
	d := m.daemon()
	if len(d.CDIDirs) > 0 {
		return d.CDIDirs
	}
	dirs := []string{"/etc/cdi", "/var/run/cdi"}
	if d.Rootless {
		if config := d.userDir("XDG_CONFIG_HOME", ".config"); config != "" {
			dirs = append(dirs, path.Join(config, "cdi"))
		}
		if d.uid > 0 {
			runtime := d.env["XDG_RUNTIME_DIR"]
			if runtime == "" {
				runtime = "/run/user/" + strconv.Itoa(d.uid)
			}
			dirs = append(dirs, path.Join(runtime, "cdi"))
		}
	}
	return dirs
}

// A spec's form, as far as it matters here.
type (
	specFile struct {
		Version string       `yaml:"cdiVersion"`
		Kind    string       `yaml:"kind"`
		Devices []specDevice `yaml:"devices"`
		Edits   specEdits    `yaml:"containerEdits"`
	}
	specDevice struct {
		Name  string    `yaml:"name"`
		Edits specEdits `yaml:"containerEdits"`
	}
	specEdits struct {
		Nodes []struct {
			Path     string `yaml:"path"`
			HostPath string `yaml:"hostPath"`
			Major    *int   `yaml:"major"`
			Minor    *int   `yaml:"minor"`
		} `yaml:"deviceNodes"`
		Mounts []struct {
			HostPath string `yaml:"hostPath"`
		} `yaml:"mounts"`
		Hooks []struct {
			Path string `yaml:"path"`
		} `yaml:"hooks"`
	}
)

// spec reads a spec file. One that is broken is a fact, in its Error; one that we may
// not read, though an engine may, is an error.
func (m *machine) spec(file string) (host.CDISpec, error) {
	s := host.CDISpec{Path: file}
	if fi, err := m.root.stat(file); err == nil {
		s.Changed = fi.ModTime().UTC()
	}
	data, err := m.root.read(file, mostSpec)
	if errors.Is(err, fs.ErrPermission) {
		return s, unreadable(file, err)
	}
	if err != nil {
		s.Error = cause(err)
		return s, nil
	}
	var f specFile
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		s.Error = oneLine(err.Error())
		return s, nil
	}
	if err := tree.Decode(&f); err != nil {
		s.Error = oneLine(err.Error())
		return s, nil
	}
	s.Schema, s.Kind, s.Error = f.Version, f.Kind, flaw(f)
	s.Fields = newerFields(&tree)
	e := edits{m: m, spec: &s, seen: map[host.CDIPath]bool{}, libraries: map[string]int{}}
	e.add("", f.Edits)
	for _, d := range f.Devices[:min(len(f.Devices), mostMembers)] {
		s.Devices = append(s.Devices, d.Name)
		e.add(d.Name, d.Edits)
	}
	s.DriverVersion = e.driver()
	return s, nil
}

// flaw is what makes an engine pass over a spec that is good YAML.
func flaw(f specFile) string {
	vendor, class, ok := strings.Cut(f.Kind, "/")
	switch {
	case f.Version == "":
		return "it has no cdiVersion"
	case f.Kind == "":
		return "it has no kind"
	case !ok || vendor == "" || class == "":
		return fmt.Sprintf("its kind %q is not VENDOR/CLASS", cut(f.Kind, 100))
	case len(f.Devices) == 0:
		return "it defines no devices"
	}
	names := map[string]bool{}
	for _, d := range f.Devices {
		if names[d.Name] {
			return fmt.Sprintf("it defines device %q twice", cut(d.Name, 100))
		}
		names[d.Name] = true
	}
	return ""
}

// newerFields are names anywhere in a spec that came with a later schema.
func newerFields(tree *yaml.Node) (found []string) {
	names := map[string]bool{}
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		if depth > 20 {
			return
		}
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				names[c.Value] = true
			}
			walk(c, depth+1)
		}
	}
	walk(tree, 0)
	for _, f := range policy.CDIFields() {
		if names[f.Name] {
			found = append(found, f.Name)
		}
	}
	return found
}

// edits collects what a spec wants of the host.
type edits struct {
	m         *machine
	spec      *host.CDISpec
	seen      map[host.CDIPath]bool // each path is looked for once
	libraries map[string]int        // version → how many libraries have it
}

func (e *edits) add(device string, from specEdits) {
	for _, n := range from.Nodes {
		if len(e.spec.Nodes) >= mostEdits {
			break
		}
		at := n.HostPath
		if at == "" {
			at = n.Path
		}
		e.spec.Nodes = append(e.spec.Nodes, host.CDINode{Path: at, Device: device, Major: n.Major, Minor: n.Minor, Missing: e.m.root.missing(at)})
	}
	for _, mount := range from.Mounts {
		e.path(mount.HostPath, "mount")
		if v := libraryVersion.FindStringSubmatch(mount.HostPath); v != nil {
			e.libraries[v[1]]++
		}
	}
	for _, hook := range from.Hooks {
		e.path(hook.Path, "hook")
	}
}

func (e *edits) path(at, use string) {
	p := host.CDIPath{Path: at, Use: use}
	if at == "" || e.seen[p] || len(e.spec.Paths) >= mostEdits {
		return
	}
	e.seen[p] = true
	p.Missing = e.m.root.missing(at)
	e.spec.Paths = append(e.spec.Paths, p)
}

// driver is the version that most libraries have in their names.
func (e *edits) driver() (best string) {
	for v, n := range e.libraries {
		if n > e.libraries[best] || n == e.libraries[best] && v > best {
			best = v
		}
	}
	return best
}

func oneLine(text string) string { return cut(strings.Join(strings.Fields(text), " "), 300) }

// cause is an error without the path below a root.
func cause(err error) string {
	var where *fs.PathError
	if errors.As(err, &where) {
		return where.Err.Error()
	}
	return oneLine(err.Error())
}
