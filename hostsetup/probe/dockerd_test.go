package probe

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// process are the files of a dockerd that was started 2.5 s after boot.
func process(pid int, cmdline, environ string) files {
	dir := fmt.Sprintf("proc/%d/", pid)
	return files{
		"proc/stat":  "btime 1764000000\n",
		dir + "comm": "dockerd\n", dir + "cmdline": cmdline, dir + "environ": environ,
		dir + "stat": fmt.Sprintf("%d (dockerd) S%s 250 0 0\n", pid, strings.Repeat(" 0", 18)),
		dir + "exe":  "→/usr/bin/dockerd", dir + "cgroup": "0::/system.slice/docker.service\n",
	}
}

func with(trees ...files) files {
	all := files{}
	for _, t := range trees {
		for name, text := range t {
			all[name] = text
		}
	}
	return all
}

const systemd = "/usr/bin/dockerd\x00-H\x00fd://\x00--containerd=/run/containerd/containerd.sock\x00"

func TestDockerd(t *testing.T) {
	const config = "{\"data-root\": \"/data\", \"default-shm-size\": \"1g\", \"default-ulimits\": {\"memlock\": {\"Name\": \"memlock\", \"Soft\": -1, \"Hard\": -1}}}\n"
	h := one(t, fake(t, with(process(42, systemd, "PATH=/usr/bin:/bin\x00SECRET=x\x00"), files{"etc/docker/daemon.json": config})), readDockerd)
	want := host.Engine{
		Kind: "docker", PID: 42, Started: time.Unix(1764000002, 500000000).UTC(), Path: "/usr/bin:/bin", Binary: "/usr/bin/dockerd",
		Args:       []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"},
		ConfigFile: "/etc/docker/daemon.json", Config: config, ConfigChanged: moment, Root: "/data",
	}
	assert.DeepEqual(t, h.Engine, want)
	assert.DeepEqual(t, h.Limits, host.Limits{Shm: 1 << 30, Memlock: -1})
	assert.Assert(t, !strings.Contains(fmt.Sprint(h), "SECRET"))
}

func TestWithoutDockerd(t *testing.T) {
	h := one(t, fake(t, files{"etc/docker/daemon.json": "{,}"}), readDockerd)
	assert.DeepEqual(t, h.Engine, host.Engine{ConfigFile: "/etc/docker/daemon.json", Config: "{,}", ConfigChanged: moment,
		ConfigError: "line 1, column 2: invalid character ',' looking for beginning of object key string"})
	assert.DeepEqual(t, one(t, fake(t, nil), readDockerd), host.Host{})
	h = one(t, fake(t, files{"var/snap/docker/current/config/daemon.json": "{}"}), readDockerd)
	assert.Equal(t, h.Engine.ConfigFile, "/var/snap/docker/current/config/daemon.json")
}

func TestWhichDockerd(t *testing.T) {
	rootless := "dockerd\x00--rootless\x00"
	inside := process(3, systemd, "")
	inside["proc/3/cgroup"] = "0::/system.slice/docker-" + strings.Repeat("a1", 32) + ".scope\n"
	all := with(process(5, systemd, ""), inside, process(7, rootless, "HOME=/home/u\x00"), process(9, "dockerd\x00--config-file=/x/d.json\x00", ""),
		files{"x/d.json": `{"hosts": ["unix:///x/docker.sock", "tcp://0.0.0.0:2375"]}`})
	for name, c := range map[string]struct {
		tree     files
		endpoint string
		want     int
	}{
		"the system's":           {all, "", 5},
		"by its socket":          {all, "unix:///var/run/docker.sock", 5},
		"by its file":            {all, "unix:///x/docker.sock", 9},
		"rootless only":          {process(7, rootless, "HOME=/home/u\x00"), "", 7},
		"a container's is none":  {inside, "", 0},
		"systemd's other socket": {all, "unix:///run/other.sock", 5},
		"another's":              {process(9, "dockerd\x00-Hunix:///y.sock\x00", ""), "unix:///z.sock", 0},
		"far away":               {all, "tcp://10.0.0.1:2376", 0},
		"the only one":           {process(9, "dockerd\x00-Hunix:///y.sock\x00", ""), "", 9},
		"several addresses":      {process(9, "dockerd\x00--host\x00tcp://:1\x00--host=unix:///y.sock\x00", ""), "unix:///y.sock", 9},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, c.tree)
			m.endpoint = c.endpoint
			h := one(t, m, readDockerd)
			assert.Equal(t, h.Engine.Rootless, c.want == 7)
			assert.Equal(t, h.Engine.PID, c.want)
		})
	}
}

// From far away an engine's socket cannot be told, but it says where its data is.
func TestWhichDockerdByItsData(t *testing.T) {
	all := with(process(5, systemd, ""), process(9, "dockerd\x00--data-root=/data/b\x00", ""), process(11, "dockerd\x00--rootless\x00", "HOME=/home/u\x00"),
		files{"data/b/": "", "link": "→/data/b", "var/lib/docker/1.1/": ""})
	for name, c := range map[string]struct {
		tree files
		data string
		want int
	}{
		"the usual place":             {all, "/var/lib/docker", 5},
		"by a flag":                   {all, "/data/b", 9},
		"behind a link":               {all, "/link", 9},
		"of users":                    {all, "/data/b/231072.231072", 9},
		"rootless":                    {all, "/home/u/.local/share/docker", 11},
		"none of several":             {all, "/data/c", 0},
		"no user's folder":            {all, "/data/b/x.y", 0},
		"the only one":                {process(7, "dockerd\x00--rootless\x00", ""), "/home/u/.local/share/docker", 7},
		"none at all, and its config": {files{"etc/docker/daemon.json": "{}"}, "/data", 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, c.tree)
			m.data = c.data
			assert.Equal(t, one(t, m, readDockerd).Engine.PID, c.want)
		})
	}
}

func TestRootlessAndSnap(t *testing.T) {
	tree := with(process(7, "dockerd\x00--rootless\x00", "HOME=/home/u\x00PATH=/bin\x00"), files{
		"home/u/.config/docker/daemon.json": "{}", "home/u/.config/cdi/a.yaml": "x", "home/u/.local/share/docker/": ""})
	m := fake(t, tree)
	h := one(t, m, readDockerd)
	assert.Assert(t, h.Engine.Rootless)
	assert.Equal(t, h.Engine.ConfigFile, "/home/u/.config/docker/daemon.json")
	assert.Equal(t, m.daemon().root(), "/home/u/.local/share/docker")
	assert.DeepEqual(t, m.cdiDirs(), []string{"/etc/cdi", "/var/run/cdi", "/home/u/.config/cdi"})

	m = fake(t, tree)
	m.owner = func(os.FileInfo) int { return 1000 }
	assert.DeepEqual(t, m.cdiDirs(), []string{"/etc/cdi", "/var/run/cdi", "/home/u/.config/cdi", "/run/user/1000/cdi"})
	assert.DeepEqual(t, m.daemon().sockets(), []string{"/run/user/1000/docker.sock"})

	tree = process(8, "dockerd\x00", "")
	tree["proc/8/exe"] = "→/snap/docker/2963/bin/dockerd"
	m = fake(t, tree)
	d := m.daemon()
	assert.Equal(t, d.Kind, "snap")
	assert.Equal(t, m.configFile(d), snapConfig)
	assert.Equal(t, d.root(), "/var/snap/docker/common/var-lib-docker")
	// Upgraded while it ran.
	tree["proc/8/exe"] = "→/usr/bin/dockerd (deleted)"
	assert.Equal(t, fake(t, tree).daemon().Binary, "/usr/bin/dockerd")
}

func TestDaemonJSON(t *testing.T) {
	for name, c := range map[string]struct{ text, why string }{
		"empty":        {"", ""},
		"blank":        {" \n", ""},
		"good":         {"{\"features\": {\"cdi\": true}}\n", ""},
		"mark":         {"\xef\xbb\xbf{}", ""},
		"comma":        {"{\n  \"a\": 1,\n}\n", "line 3, column 1: there is a comma before '}', with nothing behind it"},
		"two objects":  {"{}\n{}", "line 2, column 1: text follows the end of the object"},
		"cut":          {"{\"a\":", "line 1, column 6: it ends in the middle"},
		"a list":       {"[]", "line 1, column 1: there is an array where an object belongs: make it {} or take it out"},
		"a wrong type": {`{"data-root": 7}`, "data-root must not be a number"},
		"odd ulimits":  {`{"default-ulimits": [1]}`, ""},
		"a comment":    {"{} # x", "line 1, column 4: there is a comment behind the end of the object, and dockerd takes none: move it elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			_, why := parseDaemonJSON([]byte(c.text))
			assert.Equal(t, why, c.why)
		})
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		args []string
		want host.Limits
	}{
		"Docker's":  {"{}", nil, host.Limits{Shm: 64 << 20}},
		"bytes":     {`{"default-shm-size": 1024}`, nil, host.Limits{Shm: 1024}},
		"text":      {`{"default-shm-size": "2G"}`, nil, host.Limits{Shm: 2 << 30}},
		"nonsense":  {`{"default-shm-size": "much", "default-ulimits": {"memlock": {}}}`, nil, host.Limits{Shm: 64 << 20}},
		"huge":      {`{"default-shm-size": 1e300}`, nil, host.Limits{Shm: 64 << 20}},
		"flags":     {"{}", []string{"--default-shm-size", "1g", "--default-ulimit", "memlock=-1:-1", "--default-ulimit=nofile=5"}, host.Limits{Shm: 1 << 30, Memlock: -1}},
		"bad flags": {"{}", []string{"--default-ulimit", "memlock=x"}, host.Limits{Shm: 64 << 20}},
	} {
		t.Run(name, func(t *testing.T) {
			config, why := parseDaemonJSON([]byte(c.text))
			assert.Equal(t, why, "")
			assert.DeepEqual(t, limits(dockerd{Engine: host.Engine{PID: 1, Args: c.args}}, config), c.want)
		})
	}
	assert.DeepEqual(t, limits(dockerd{}, daemonConfig{}), host.Limits{})
}

func TestMerge(t *testing.T) {
	mine := host.Engine{PID: 5, Started: moment, Path: "/bin", Binary: "/usr/bin/dockerd", Args: []string{"dockerd"}, Kind: "docker", Root: "/data",
		ConfigFile: "/etc/docker/daemon.json", Config: "{}", ConfigError: "", ConfigChanged: moment, CDIDirs: []string{"/x"}}
	h := host.Host{Name: "box", Engine: mine, Limits: host.Limits{Shm: 1}}

	got := Merge(h, host.Engine{Version: "29.7.2", Kind: "docker", Root: "/var/lib/docker", CDIDirs: []string{"/etc/cdi"}})
	want := mine
	want.Version, want.Root, want.CDIDirs = "29.7.2", "/var/lib/docker", []string{"/etc/cdi"}
	assert.DeepEqual(t, got, host.Host{Name: "box", Engine: want, Limits: host.Limits{Shm: 1}})

	for name, api := range map[string]host.Engine{
		"Desktop": {Version: "29.7.2", Kind: "desktop"}, "Podman": {Version: "5.0", Kind: "podman"}, "rootless beside it": {Version: "29.7.2", Rootless: true},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, Merge(h, api), host.Host{Name: "box", Engine: api}) })
	}

	// An engine that answers without directories has CDI switched off, whatever its file says.
	assert.Equal(t, len(Merge(h, host.Engine{Version: "29.7.2", Kind: "docker"}).Engine.CDIDirs), 0)

	dead := Merge(h, host.Engine{Error: "connection refused", Endpoint: "unix:///var/run/docker.sock"})
	assert.Equal(t, dead.Engine.PID, 5)
	assert.Equal(t, dead.Engine.Error, "connection refused")
	assert.Equal(t, dead.Engine.Root, "/data")
	assert.DeepEqual(t, dead.Engine.CDIDirs, []string{"/x"})

	h.Engine.Kind = "snap"
	assert.Equal(t, Merge(h, host.Engine{Version: "29.7.2", Kind: "docker"}).Engine.Kind, "snap")
}
