package probe

import (
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
