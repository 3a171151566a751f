package probe

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Files as they are found on machines: what dockerd would make of each.
func TestShapesOfDaemonJSON(t *testing.T) {
	type want struct {
		why, root string
		cdi       []string
		limits    host.Limits
	}
	shm := host.Limits{Shm: 64 << 20}
	for name, c := range map[string]struct {
		text string
		want want
	}{
		"the toolkit's":        {"{\n    \"runtimes\": {\n        \"nvidia\": {\n            \"args\": [],\n            \"path\": \"nvidia-container-runtime\"\n        }\n    }\n}", want{limits: shm}},
		"a default runtime":    {`{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "/usr/bin/nvidia-container-runtime"}}, "exec-opts": ["native.cgroupdriver=cgroupfs"]}`, want{limits: shm}},
		"a data folder":        {`{"data-root": "/mnt/docker"}`, want{root: "/mnt/docker", limits: shm}},
		"its old name":         {`{"graph": "/mnt/docker"}`, want{root: "/mnt/docker", limits: shm}},
		"both names":           {`{"graph": "/a", "data-root": "/b"}`, want{root: "/b", limits: shm}},
		"folders of specs":     {`{"features": {"cdi": true}, "cdi-spec-dirs": ["/etc/cdi/", "/opt/cdi"]}`, want{cdi: []string{"/etc/cdi/", "/opt/cdi"}, limits: shm}},
		"shared memory":        {`{"default-shm-size": "16G"}`, want{limits: host.Limits{Shm: 16 << 30}}},
		"in bytes":             {`{"default-shm-size": 17179869184}`, want{limits: host.Limits{Shm: 16 << 30}}},
		"in small letters":     {`{"default-shm-size": "512m"}`, want{limits: host.Limits{Shm: 512 << 20}}},
		"with a unit":          {`{"default-shm-size": "1GiB"}`, want{limits: host.Limits{Shm: 1 << 30}}},
		"of no size":           {`{"default-shm-size": "lots"}`, want{limits: shm}},
		"negative":             {`{"default-shm-size": -1}`, want{limits: shm}},
		"locked memory":        {`{"default-ulimits": {"memlock": {"Name": "memlock", "Hard": -1, "Soft": -1}, "nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}}}`, want{limits: host.Limits{Shm: 64 << 20, Memlock: -1}}},
		"locked in kilobytes":  {`{"default-ulimits": {"memlock": {"Soft": 67108864}}}`, want{limits: host.Limits{Shm: 64 << 20, Memlock: 64 << 20}}},
		"a limit of no form":   {`{"default-ulimits": {"memlock": "unlimited"}}`, want{limits: shm}},
		"a byte-order mark":    {"\xef\xbb\xbf{\"data-root\": \"/d\"}", want{root: "/d", limits: shm}},
		"a key twice":          {`{"data-root": "/a", "data-root": "/b"}`, want{root: "/b", limits: shm}},
		"unknown keys":         {`{"later": {"x": [1, 2]}, "data-root": "/d"}`, want{root: "/d", limits: shm}},
		"null":                 {`{"data-root": null, "default-ulimits": null, "cdi-spec-dirs": null}`, want{limits: shm}},
		"only null":            {`null`, want{limits: shm}},
		"empty":                {"", want{limits: shm}},
		"a comma too many":     {"{\n  \"debug\": true,\n}\n", want{why: "line 3, column 1: there is a comma before '}', with nothing behind it", limits: shm}},
		"a comma too few":      {"{\n  \"debug\": true\n  \"data-root\": \"/d\"\n}\n", want{why: "line 3, column 3: invalid character '\"' after object key:value pair", limits: shm}},
		"single quotes":        {"{'debug': true}", want{why: "line 1, column 2: invalid character '\\'' looking for beginning of object key string", limits: shm}},
		"a comment":            {"{\n  // debug\n}", want{why: "line 2, column 3: there is a comment, and dockerd takes none: move it elsewhere", limits: shm}},
		"pasted twice":         {"{\"debug\": true}\n{\"debug\": true}\n", want{why: "line 2, column 1: text follows the end of the object", limits: shm}},
		"a bracket too many":   {"{\"debug\": true}}\n", want{why: "line 1, column 16: text follows the end of the object", limits: shm}},
		"curly quotes":         {"{“debug”: true}", want{why: "line 1, column 2: invalid character '“' looking for beginning of object key string", limits: shm}},
		"YAML":                 {"debug: true\n", want{why: "line 1, column 1: invalid character 'd' looking for beginning of value", limits: shm}},
		"a text":               {`"hello"`, want{why: "line 1, column 1: there is a text where an object belongs: make it {} or take it out", limits: shm}},
		"cut off":              {"{\"runtimes\": {\"nvidia\": {", want{why: "line 1, column 26: it ends in the middle", limits: shm}},
		"UTF-16":               {"\xff\xfe{\x00}\x00", want{why: "it is written in UTF-16: save it as UTF-8", limits: shm}},
		"folders of no list":   {`{"cdi-spec-dirs": "/etc/cdi"}`, want{why: "cdi-spec-dirs must not be a string", limits: shm}},
		"an address of number": {`{"hosts": [2375]}`, want{why: "hosts must not be a number", limits: shm}},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t, fake(t, with(process(42, "dockerd\x00", ""), files{"etc/docker/daemon.json": c.text})), readDockerd)
			e := h.Engine
			assert.Equal(t, e.ConfigError, c.want.why)
			assert.Equal(t, e.Root, c.want.root)
			assert.DeepEqual(t, e.CDIDirs, c.want.cdi)
			assert.DeepEqual(t, h.Limits, c.want.limits)
			assert.Equal(t, e.Config, c.text) // it is kept as it is
			assert.Equal(t, e.ConfigFile, "/etc/docker/daemon.json")
		})
	}
}

func TestAFileOfAnySize(t *testing.T) {
	h := one(t, fake(t, files{"etc/docker/daemon.json": `{"x": "` + strings.Repeat("y", 2<<20) + `"}`}), readDockerd)
	assert.Assert(t, strings.Contains(h.Engine.ConfigError, "it is too large"), h.Engine.ConfigError)
	assert.Equal(t, h.Engine.Config, "")
	deep := strings.Repeat(`{"a":`, 200_000)
	h = one(t, fake(t, files{"etc/docker/daemon.json": deep}), readDockerd)
	assert.Assert(t, h.Engine.ConfigError != "")
}

func FuzzDaemonJSON(f *testing.F) {
	f.Add([]byte(`{"hosts": ["fd://"], "default-shm-size": "1g", "default-ulimits": {"memlock": {"Soft": -1}}}`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, why := parseDaemonJSON(data)
		if strings.Contains(why, "\n") {
			t.Fatal(why)
		}
		_ = limits(dockerd{}, config)
	})
}
