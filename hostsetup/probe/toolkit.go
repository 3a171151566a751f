package probe

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// toolkitBinaries are the programs that an engine, a CDI spec or a user calls.
func toolkitBinaries() []string {
	return []string{
		"nvidia-ctk", "nvidia-cdi-hook", "nvidia-container-runtime", "nvidia-container-runtime-hook", "nvidia-container-runtime.cdi",
		"nvidia-container-cli", "nvidia-container-toolkit", "nvidia-modprobe", "nvidia-smi", "runc",
	}
}

// systemPath is the search path that systemd gives to a service (systemd.exec(5)).
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// readToolkit says what of the NVIDIA Container Toolkit is there.
func readToolkit(ctx context.Context, m *machine) (fill, error) {
	search := m.daemon().Path
	if search == "" { // nobody knows dockerd's: its CDI specs name programs that it runs
		search = strings.Join(append([]string{systemPath}, m.hookDirs()...), ":")
	}
	t := host.Toolkit{OCIHook: ociHook(m.root)}
	t.Binaries, t.Installed = m.binaries(search)
	t.Config, t.ConfigError = toolkitConfig(m.root)
	var err error
	ctk := t.Binaries["nvidia-ctk"]
	if ctk == "" { // installed without a package, where dockerd does not look
		elsewhere, _ := m.binaries(systemPath)
		ctk = elsewhere["nvidia-ctk"]
	}
	t.Version, err = m.toolkitVersion(ctx, ctk)
	return func(h *host.Host) {
		// The repositories are a source of their own.
		t.Sources, t.Repositories = h.Toolkit.Sources, h.Toolkit.Repositories
		h.Toolkit = t
	}, err
}

// hookDirs are the folders of the hooks that CDI specs have run.
func (m *machine) hookDirs() (dirs []string) {
	for _, spec := range m.cdi().cdi.Specs {
		for _, p := range spec.Paths {
			if dir := path.Dir(p.Path); p.Use == "hook" && !p.Missing && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// binaries looks along a search path, as an engine does: executables, the first of
// each name. The time is when the newest of the toolkit's own came.
func (m *machine) binaries(search string) (found map[string]string, newest time.Time) {
	for _, name := range toolkitBinaries() {
		for _, dir := range strings.Split(search, ":") {
			if !path.IsAbs(dir) {
				continue
			}
			fi, err := m.root.stat(path.Join(dir, name))
			if err != nil || !fi.Mode().IsRegular() || fi.Mode()&0o111 == 0 {
				continue
			}
			if found == nil {
				found = map[string]string{}
			}
			found[name] = path.Join(dir, name)
			if at := m.changed(fi); strings.HasPrefix(name, "nvidia-c") && at.After(newest) {
				newest = at
			}
			break
		}
	}
	return found, newest
}

var ctkVersion = regexp.MustCompile(`version ([0-9][0-9A-Za-z.+~-]*)`)

// toolkitVersion is that of the package that brings nvidia-ctk, or else what the program says.
func (m *machine) toolkitVersion(ctx context.Context, ctk string) (string, error) {
	p, _ := m.installed() // the packages' own source says why they could not be read
	if v := p.version("nvidia-container-toolkit-base", "nvidia-container-toolkit"); v != "" {
		return v, nil
	}
	if ctk == "" {
		return "", nil
	}
	if v := m.built(ctk); v != "" {
		return v, nil
	}
	out, err := m.run(ctx, ctk, "--version")
	if v := ctkVersion.FindSubmatch(out); v != nil {
		return string(v[1]), nil
	}
	if err == nil {
		err = errors.New("it prints none")
	}
	if isMissing(err) && !m.itself {
		err = errOutside(path.Base(ctk))
	}
	return "", fmt.Errorf("the version of %s cannot be read: %w", ctk, err)
}

// setVersion is how the toolkit's makefile writes its version into its programs.
var setVersion = regexp.MustCompile(`\.version=v?([0-9][0-9A-Za-z.+~-]*)`)

// built is the version of a program of the toolkit as Go's linker noted it, "" if it did not.
func (m *machine) built(ctk string) string {
	f, err := m.root.open(ctk)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := buildinfo.Read(f)
	if err != nil || info.Main.Path != "github.com/NVIDIA/nvidia-container-toolkit" {
		return ""
	}
	for _, s := range info.Settings {
		if v := setVersion.FindStringSubmatch(s.Value); s.Key == "-ldflags" && v != nil {
			return v[1]
		}
	}
	if strings.Contains(info.Main.Version, "devel") {
		return ""
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

// toolkitConfig flattens config.toml to its values: "nvidia-container-cli.no-cgroups" → "true".
func toolkitConfig(r root) (values map[string]string, why string) {
	data, err := r.read("/etc/nvidia-container-runtime/config.toml", mostText)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ""
		}
		return nil, unreadable("config.toml", err).Error()
	}
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			return nil, fmt.Sprintf("line %d, column %d: %s", line, column, strings.TrimPrefix(err.Error(), "toml: "))
		}
		return nil, err.Error()
	}
	values = map[string]string{}
	flatten(values, "", tree)
	return values, ""
}

func flatten(values map[string]string, prefix string, tree map[string]any) {
	for key, v := range tree {
		switch v := v.(type) {
		case map[string]any:
			flatten(values, prefix+key+".", v)
		case []any:
			var parts []string
			for _, e := range v {
				parts = append(parts, fmt.Sprint(e))
			}
			values[prefix+key] = strings.Join(parts, ",")
		default:
			values[prefix+key] = fmt.Sprint(v)
		}
	}
}

// ociHook is a hook file of the toolkit before 1.6 or of Podman's days: with CDI it
// injects devices a second time.
func ociHook(r root) string {
	for _, dir := range []string{"/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"} {
		if file := dir + "/oci-nvidia-hook.json"; r.exists(file) {
			return file
		}
	}
	return ""
}
