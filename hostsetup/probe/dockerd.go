package probe

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

// dockerd is the engine as a process of this machine, and its configuration. Where
// none runs, the configuration that one would start with.
type dockerd struct {
	host.Engine
	uid    int
	env    map[string]string // PATH, HOME and the XDG folders of its environment
	err    error             // what could not be read of it
	hosts  []string          // that daemon.json names
	limits host.Limits
}

// readDockerd is the source for Local.
func readDockerd(_ context.Context, m *machine) (fill, error) {
	d := m.daemon()
	return func(h *host.Host) { h.Engine, h.Limits = d.Engine, d.limits }, d.err
}

// findDockerd takes the dockerd that listens where the endpoint says, else the system's.
func (m *machine) findDockerd() dockerd {
	var all []dockerd
	booted := bootTime(m.root)
	for _, pid := range processes(m.root) {
		if m.root.text("/proc/"+strconv.Itoa(pid)+"/comm") == "dockerd" && !contained(m.root, pid) {
			d := m.process(pid, booted)
			m.configure(&d)
			all = append(all, d)
		}
	}
	if i := m.choose(all); i >= 0 {
		return all[i]
	}
	d := dockerd{uid: -1}
	if socket := socketOf(m.endpoint); m.endpoint == "" || socket == systemSocket {
		// What keeps it from starting may stand there, or in how it is started.
		if argv := execStart(m.root, "docker.service"); len(argv) > 0 {
			d.Binary, d.Args = argv[0], argv
		}
		m.configure(&d)
	}
	return d
}

const systemSocket = "/run/docker.sock"

// choose takes the one that keeps its data where it is said, or that listens at the
// endpoint; without either the system's, or else the first. -1 is none.
func (m *machine) choose(all []dockerd) int {
	if m.data != "" {
		if i := slices.IndexFunc(all, func(d dockerd) bool { return m.keeps(d, m.data) }); i >= 0 || len(all) > 1 {
			return i
		}
		return len(all) - 1 // a rootless one's folder cannot be told without its environment
	}
	if m.endpoint != "" {
		socket := socketOf(m.endpoint)
		if i := slices.IndexFunc(all, func(d dockerd) bool { return socket != "" && slices.Contains(d.sockets(), socket) }); i >= 0 {
			return i
		}
		// systemd can be told of another socket than the usual.
		return slices.IndexFunc(all, func(d dockerd) bool { return socket != "" && d.activated() && !d.Rootless })
	}
	if i := slices.IndexFunc(all, func(d dockerd) bool { return slices.Contains(d.sockets(), systemSocket) }); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(all, func(d dockerd) bool { return !d.Rootless }); i >= 0 {
		return i
	}
	return min(0, len(all)-1)
}

// keeps says whether a dockerd has its data in a folder. The engine tells where links
// lead, and with userns-remap the folder "UID.GID" below.
func (m *machine) keeps(d dockerd, data string) bool {
	at := func(dir string) string { to, _ := m.root.path(dir); return to }
	remapped, _ := path.Match("[0-9]*.[0-9]*", path.Base(data))
	return at(d.root()) == at(data) || remapped && at(d.root()) == at(path.Dir(data))
}

// listens are the addresses that it was given.
func (d dockerd) listens() []string { return append(d.flags("-H", "--host"), d.hosts...) }

// activated says whether systemd hands it its socket.
func (d dockerd) activated() bool {
	return slices.ContainsFunc(d.listens(), func(h string) bool { return strings.HasPrefix(h, "fd:") })
}

// sockets are where it listens; without a word on it, or by systemd, at the usual place.
func (d dockerd) sockets() (at []string) {
	for _, h := range d.listens() {
		if s := socketOf(h); s != "" {
			at = append(at, s)
		}
	}
	switch {
	case len(d.listens()) > 0 && !d.activated():
	case d.Rootless:
		at = append(at, "/run/user/"+strconv.Itoa(d.uid)+"/docker.sock")
	default:
		at = append(at, systemSocket)
	}
	return at
}

func socketOf(endpoint string) string {
	name, ok := strings.CutPrefix(endpoint, "unix://")
	if !ok {
		return ""
	}
	if rest, ok := strings.CutPrefix(name, "/var/run/"); ok {
		name = "/run/" + rest
	}
	return name
}

// contained says whether a process is a container's: a dockerd in Docker is not this host's.
func contained(r root, pid int) bool {
	return nvml.ContainerOf(r.text("/proc/"+strconv.Itoa(pid)+"/cgroup")) != ""
}

func (m *machine) process(pid int, booted time.Time) dockerd {
	dir := "/proc/" + strconv.Itoa(pid)
	d := dockerd{uid: -1, Engine: host.Engine{PID: pid, Kind: "docker"}}
	if fi, err := m.root.stat(dir); err == nil {
		d.uid = m.owner(fi)
	}
	if s, ok := readStat(m.root, pid); ok && !booted.IsZero() {
		d.Started = booted.Add(s.started)
	}
	if data, err := m.root.read(dir+"/cmdline", mostText); err == nil {
		d.Args = strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
	}
	environ, err := m.root.read(dir+"/environ", 1<<20)
	if err != nil {
		d.err = unreadable("dockerd's environment", err)
	} else {
		d.env = environment(string(environ))
		d.Path = d.env["PATH"]
	}
	d.Binary = m.executable(dir+"/exe", d.Args)
	d.Rootless = d.uid > 0 || slices.Contains(d.Args, "--rootless")
	if strings.HasPrefix(d.Binary, "/snap/") {
		d.Kind = "snap"
	}
	return d
}

// executable is where /proc/PID/exe leads, else what the command line names in full.
func (m *machine) executable(link string, args []string) string {
	if target := m.root.target(link); target != "" {
		return strings.TrimSuffix(target, " (deleted)") // replaced by an upgrade since
	}
	if len(args) > 0 && path.IsAbs(args[0]) {
		return args[0]
	}
	return ""
}

// environment keeps the few variables that matter: others hold secrets.
func environment(text string) map[string]string {
	env := map[string]string{}
	for entry := range strings.SplitSeq(text, "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains([]string{"PATH", "HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"}, name) {
			env[name] = value
		}
	}
	return env
}

// flags are the values of a flag in the command line, "--name value" or "--name=value".
func (d dockerd) flags(names ...string) (values []string) {
	for i, arg := range d.Args {
		for _, name := range names {
			if arg == name && i+1 < len(d.Args) {
				values = append(values, d.Args[i+1])
			} else if v, ok := strings.CutPrefix(arg, name+"="); ok {
				values = append(values, v)
			} else if v, ok := strings.CutPrefix(arg, name); ok && len(name) == 2 && v != "" {
				values = append(values, v) // "-Hunix://…"
			}
		}
	}
	return values
}

func (d dockerd) flag(name string) string {
	if v := d.flags(name); len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// home is the home of the user that runs it.
func (d dockerd) home() string { return d.env["HOME"] }

// userDir is one of the XDG folders of the user that runs it, "" if unknown.
func (d dockerd) userDir(variable, below string) string {
	if dir := d.env[variable]; dir != "" {
		return dir
	}
	if d.home() == "" {
		return ""
	}
	return path.Join(d.home(), below)
}
