package probe

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestHowDockerdWouldBeStarted(t *testing.T) {
	const unit, dropIn = "lib/systemd/system/docker.service", "etc/systemd/system/docker.service.d/"
	const usual = "[Service]\nType=notify\nExecStart=/usr/bin/dockerd -H fd:// \\\n  --containerd=/run/containerd/containerd.sock\nExecReload=/bin/kill -s HUP $MAINPID\n"
	for name, c := range map[string]struct {
		files files
		want  []string
	}{
		"usual":        {files{unit: usual}, []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}},
		"drop-in":      {files{unit: usual, dropIn + "b.conf": "[Service]\nExecStart=\nExecStart=-/usr/bin/dockerd \"--debug\"\n"}, []string{"/usr/bin/dockerd", "--debug"}},
		"the last":     {files{unit: usual, dropIn + "b.conf": "ExecStart=/b\n", "run/systemd/system/docker.service.d/a.conf": "ExecStart=/a\n"}, []string{"/b"}},
		"a hidden one": {files{unit: usual, dropIn + "b.conf": "# nothing", "lib/systemd/system/docker.service.d/b.conf": "ExecStart=/b\n"}, []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}},
		"one's own":    {files{unit: usual, "etc/systemd/system/docker.service": "ExecStart=/opt/dockerd\n"}, []string{"/opt/dockerd"}},
		"taken back":   {files{unit: usual, dropIn + "b.conf": "ExecStart=\n"}, nil},
		"none":         {nil, nil},

		"masked":                 {files{unit: usual, "etc/systemd/system/docker.service": "→/dev/null"}, []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}}, // there is no /dev in this root
		"a link of systemctl's":  {files{"usr/lib/systemd/system/docker.service": usual, "etc/systemd/system/docker.service": "→/usr/lib/systemd/system/docker.service"}, []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}},
		"blanks":                 {files{unit: "[Service]\n  ExecStart = /usr/bin/dockerd   -H\tfd:// \r\n"}, []string{"/usr/bin/dockerd", "-H", "fd://"}},
		"quotes":                 {files{unit: "ExecStart=/usr/bin/dockerd --label \"a b\" --label='c d' --log-opt tag=\"{{.Name}}\"\n"}, []string{"/usr/bin/dockerd", "--label", "a b", "--label=c d", "--log-opt", "tag={{.Name}}"}},
		"an open quote":          {files{unit: "ExecStart=/usr/bin/dockerd \"--debug\n"}, []string{"/usr/bin/dockerd", "\"--debug"}},
		"other settings":         {files{unit: "ExecStartPre=/bin/true\nExecStartPost=/bin/false\n#ExecStart=/a\n;ExecStart=/b\nExecStart=/usr/bin/dockerd\nExecStop=/c\n"}, []string{"/usr/bin/dockerd"}},
		"prefixes":               {files{unit: "ExecStart=-!!/usr/bin/dockerd -D\n"}, []string{"/usr/bin/dockerd", "-D"}},
		"no end":                 {files{unit: "ExecStart=/usr/bin/dockerd \\"}, []string{"/usr/bin/dockerd", "\\"}},
		"other files":            {files{unit: usual, dropIn + "b.conf.bak": "ExecStart=/b\n", dropIn + ".hidden": "ExecStart=/c\n"}, []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}},
		"drop-ins without unit":  {files{dropIn + "b.conf": "ExecStart=\nExecStart=/b -x\n"}, []string{"/b", "-x"}},
		"in the order of names":  {files{unit: usual, dropIn + "20.conf": "ExecStart=\nExecStart=/b20\n", dropIn + "10.conf": "ExecStart=\nExecStart=/b10\n", dropIn + "9.conf": "ExecStart=\nExecStart=/b9\n"}, []string{"/b9"}},
		"too large to be a unit": {files{unit: "ExecStart=/usr/bin/dockerd\n" + strings.Repeat("#", mostText)}, nil},

		"Debian's":         {files{unit: "[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n", "etc/default/docker": "# --dns\n#DOCKER_OPTS=\"--debug\"\nDOCKER_OPTS=\"--dns 8.8.8.8 --label='a b'\"\n"}, []string{"/usr/sbin/dockerd", "-H", "fd://", "--dns", "8.8.8.8", "--label=a b"}},
		"without its file": {files{unit: "EnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n"}, []string{"/usr/sbin/dockerd", "-H", "fd://"}},
		"Amazon's": {files{unit: "EnvironmentFile=-/etc/sysconfig/docker\nEnvironmentFile=-/etc/sysconfig/docker-storage\nExecStart=/usr/bin/dockerd -H fd:// $OPTIONS $DOCKER_STORAGE_OPTIONS $DOCKER_ADD_RUNTIMES\n",
			"etc/sysconfig/docker": "OPTIONS=\"--default-ulimit nofile=32768:65536\"\n", "etc/sysconfig/docker-storage": "DOCKER_STORAGE_OPTIONS=\n"}, []string{"/usr/bin/dockerd", "-H", "fd://", "--default-ulimit", "nofile=32768:65536"}},
		"in the unit":              {files{unit: "Environment=\"A=--debug -H fd://\" B=/data\nExecStart=/usr/bin/dockerd $A --data-root=${B}/docker ${C}\n"}, []string{"/usr/bin/dockerd", "--debug", "-H", "fd://", "--data-root=/data/docker", ""}},
		"files win, then the last": {files{unit: "Environment=A=1 B=1\nEnvironment=A=2\nEnvironmentFile=/e\nExecStart=/d $A $B\n", "e": "B=3\n"}, []string{"/d", "2", "3"}},
		"taken back, too":          {files{unit: "Environment=A=1\nEnvironmentFile=/e\nExecStart=/d $A $B\n", "e": "B=3\n", dropIn + "x.conf": "Environment=\nEnvironmentFile=\n"}, []string{"/d"}},
		"no variables":             {files{unit: "Environment=A=1\nExecStart=/d $$A x$A $ ${ $1 ${A\n"}, []string{"/d", "$$A", "x$A", "$", "${", "$1", "${A"}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, execStart(folder(t, c.files), "docker.service"), c.want) })
	}
}

// The failure after an edit: dockerd does not run, so only its unit says what it was given.
func TestAConfigThatKeepsDockerdFromStarting(t *testing.T) {
	h := one(t, fake(t, files{
		"usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/bin/dockerd -H fd://\n",
		"etc/docker/daemon.json":                `{"hosts": ["unix:///var/run/docker.sock"]}`,
	}), readDockerd)
	assert.Equal(t, h.Engine.PID, 0)
	assert.DeepEqual(t, h.Engine.Args, []string{"/usr/bin/dockerd", "-H", "fd://"})
	assert.Equal(t, h.Engine.ConfigError, "hosts: set in the file and by -H on dockerd's command line, and dockerd does not start with both: take one away")
	assert.Equal(t, h.Limits.Shm, int64(0))

	h = one(t, fake(t, files{
		"usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/bin/dockerd --config-file /etc/other.json\n",
		"etc/other.json":                        `{`,
	}), readDockerd)
	assert.Equal(t, h.Engine.ConfigFile, "/etc/other.json")
	assert.Equal(t, h.Engine.ConfigError, "line 1, column 2: it ends in the middle")
}

// A file that somebody named and that is not there keeps dockerd from starting too.
func TestANamedConfigThatIsNotThere(t *testing.T) {
	h := one(t, fake(t, files{"usr/lib/systemd/system/docker.service": "ExecStart=/usr/bin/dockerd --config-file=/etc/gone.json\n"}), readDockerd)
	assert.Equal(t, h.Engine.ConfigFile, "/etc/gone.json")
	assert.Equal(t, h.Engine.ConfigError, "no such file or directory")
	// What is at the usual place and no file is said.
	h = one(t, fake(t, files{"etc/docker/daemon.json/": ""}), readDockerd)
	assert.Equal(t, h.Engine.ConfigError, "/etc/docker/daemon.json is not a regular file")
}

// Amazon Linux sets a limit as a flag; the same key in the file keeps dockerd from starting.
func TestAFlagOfAVariableAgainstTheFile(t *testing.T) {
	h := one(t, fake(t, files{
		"usr/lib/systemd/system/docker.service": "EnvironmentFile=-/etc/sysconfig/docker\nExecStart=/usr/bin/dockerd -H fd:// $OPTIONS\n",
		"etc/sysconfig/docker":                  "OPTIONS=\"--default-ulimit nofile=32768:65536\"\n",
		"etc/docker/daemon.json":                `{"default-ulimits": {"memlock": {"Name": "memlock", "Hard": -1, "Soft": -1}}}`,
	}), readDockerd)
	assert.Equal(t, h.Engine.ConfigError, "default-ulimits: set in the file and by --default-ulimit on dockerd's command line, and dockerd does not start with both: take one away")
}

func FuzzExecStart(f *testing.F) {
	f.Add("ExecStart=/usr/bin/dockerd \\\n -H fd:// $A\nEnvironment=A=1")
	f.Fuzz(func(t *testing.T, text string) {
		var s startup
		s.apply(text)
		_ = s.argv(root(t.TempDir()))
	})
}
