package probe

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// daemonConfig are the keys of daemon.json that say where things are and what
// containers get; the whole text is kept beside it.
type daemonConfig struct {
	DataRoot string                           `json:"data-root"`
	Graph    string                           `json:"graph"` // data-root's old name
	CDIDirs  []string                         `json:"cdi-spec-dirs"`
	Hosts    []string                         `json:"hosts"`
	ShmSize  any                              `json:"default-shm-size"` // bytes, or "64M"
	Ulimits  map[string]struct{ Soft *int64 } `json:"-"`
}

// configure reads the configuration that a dockerd has, or would have.
func (m *machine) configure(d *dockerd) {
	d.ConfigFile = m.configFile(*d)
	data, err := m.root.read(d.ConfigFile, 1<<20)
	if err != nil {
		d.ConfigFile = onlyNamed(*d, err)
		if errors.Is(err, fs.ErrPermission) {
			d.err = errors.Join(d.err, unreadable(d.ConfigFile, err))
		} else if d.ConfigFile != "" {
			d.ConfigError = cause(err)
		}
	}
	if fi, err := m.root.stat(d.ConfigFile); err == nil && d.ConfigFile != "" {
		d.ConfigChanged = fi.ModTime().UTC()
	}
	d.Config = string(data)
	config, why := parseDaemonJSON(data)
	if why == "" && len(data) > 0 {
		why = conflict(data, d.Args)
	}
	if d.ConfigError == "" {
		d.ConfigError = why
	}
	if d.CDIDirs = d.flags("--cdi-spec-dir"); len(d.CDIDirs) == 0 {
		d.CDIDirs = config.CDIDirs
	}
	d.hosts = config.Hosts
	d.Root = cmp.Or(d.flag("--data-root"), d.flag("-g"), config.DataRoot, config.Graph)
	d.limits = limits(*d, config)
}

// onlyNamed keeps the name of a file that cannot be read where somebody named it, or
// where it is there: an absent daemon.json at the usual place is no fault.
func onlyNamed(d dockerd, err error) string {
	if errors.Is(err, fs.ErrNotExist) && d.flag("--config-file") == "" {
		return ""
	}
	return d.ConfigFile
}

const (
	systemConfig = "/etc/docker/daemon.json"
	snapConfig   = "/var/snap/docker/current/config/daemon.json"
)

// configFile is the daemon.json that a dockerd reads: the one it was told of, or its kind's.
func (m *machine) configFile(d dockerd) string {
	switch file := d.flag("--config-file"); {
	case file != "":
		return file
	case d.Rootless:
		if dir := d.userDir("XDG_CONFIG_HOME", ".config"); dir != "" {
			return path.Join(dir, "docker/daemon.json")
		}
		return ""
	case d.Kind == "snap", d.PID == 0 && !m.root.exists(systemConfig) && m.root.exists(snapConfig):
		return snapConfig
	}
	return systemConfig
}

// root is where it keeps images.
func (d dockerd) root() string {
	switch {
	case d.Root != "":
		return d.Root
	case d.Rootless:
		if dir := d.userDir("XDG_DATA_HOME", ".local/share"); dir != "" {
			return path.Join(dir, "docker")
		}
	case d.Kind == "snap":
		return "/var/snap/docker/common/var-lib-docker"
	}
	return "/var/lib/docker"
}

// parseDaemonJSON reads the text as dockerd does: one object and nothing behind it. A
// byte-order mark is skipped, an empty file is an empty configuration.
func parseDaemonJSON(data []byte) (c daemonConfig, why string) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return c, ""
	}
	var all map[string]json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&all); err != nil {
		return c, jsonFlaw(data, err)
	}
	if rest := bytes.TrimLeft(data[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		line, column := position(data, int64(len(data)-len(rest)+1))
		return c, fmt.Sprintf("line %d, column %d: text follows the end of the object", line, column)
	}
	var types *json.UnmarshalTypeError
	if err := json.Unmarshal(data, &c); errors.As(err, &types) {
		return c, fmt.Sprintf("%s must not be a %s", types.Field, types.Value)
	}
	_ = json.Unmarshal(all["default-ulimits"], &c.Ulimits) // a wrong form shows in Config
	return c, ""
}

func jsonFlaw(data []byte, err error) string {
	var syntax *json.SyntaxError
	var types *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		line, column := position(data, syntax.Offset)
		return fmt.Sprintf("line %d, column %d: %s", line, column, syntax.Error())
	case errors.As(err, &types):
		return fmt.Sprintf("it is no object but of type %s", types.Value)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends in the middle"
	}
	return err.Error()
}

// position is the line and column, from 1, of the byte before an offset.
func position(data []byte, offset int64) (line, column int) {
	before := data[:max(0, min(int64(len(data)), offset-1))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// conflict names keys that the command line sets too: dockerd refuses to start with
// "the following directives are specified both as a flag and in the configuration
// file". A dockerd that runs started before the key was written.
func conflict(data []byte, args []string) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &all) != nil {
		return ""
	}
	var both []string
	for key := range all {
		names := []string{"--" + key, "--" + strings.TrimSuffix(key, "s")}
		switch key {
		case "hosts":
			names = append(names, "-H")
		case "data-root":
			names = append(names, "-g")
		case "insecure-registries":
			names = append(names, "--insecure-registry")
		case "runtimes", "features": // dockerd merges the first and has no conflict for the second
			continue
		}
		if len((dockerd{Engine: host.Engine{Args: args}}).flags(names...)) > 0 || slices.ContainsFunc(names, func(n string) bool { return slices.Contains(args, n) }) {
			both = append(both, key)
		}
	}
	if len(both) == 0 {
		return ""
	}
	slices.Sort(both)
	return fmt.Sprintf("%s: set in the file and as a flag of dockerd, which does not start with both", strings.Join(both, ", "))
}

// limits are what containers get by default: 0 where no dockerd is known.
func limits(d dockerd, c daemonConfig) host.Limits {
	var l host.Limits
	if d.PID != 0 {
		l.Shm = policy.DockerShm
	}
	for _, v := range []any{c.ShmSize, d.flag("--default-shm-size")} {
		if n, ok := v.(float64); ok && n > 0 && n < 1<<60 {
			l.Shm = int64(n)
		} else if text, ok := v.(string); ok && text != "" {
			if n, err := units.RAMInBytes(text); err == nil {
				l.Shm = n
			}
		}
	}
	if u, ok := c.Ulimits["memlock"]; ok && u.Soft != nil {
		l.Memlock = *u.Soft
	}
	for _, v := range d.flags("--default-ulimit") {
		if value, ok := strings.CutPrefix(v, "memlock="); ok {
			if u, err := units.ParseUlimit("memlock=" + value); err == nil {
				l.Memlock = u.Soft
			}
		}
	}
	return l
}
