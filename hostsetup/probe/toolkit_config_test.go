package probe

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// config.toml as the toolkit ships it, by version, and as people change it.
func TestConfigsOfTheToolkit(t *testing.T) {
	const shipped = `#accept-nvidia-visible-devices-as-volume-mounts = false
#accept-nvidia-visible-devices-envvar-when-unprivileged = true
disable-require = false
supported-driver-capabilities = "compat32,compute,display,graphics,ngx,utility,video"
#swarm-resource = "DOCKER_RESOURCE_GPU"

[nvidia-container-cli]
#debug = "/var/log/nvidia-container-toolkit.log"
environment = []
#ldcache = "/etc/ld.so.cache"
ldconfig = "@/sbin/ldconfig.real"
load-kmods = true
#no-cgroups = false
#path = "/usr/bin/nvidia-container-cli"
#root = "/run/nvidia/driver"
#user = "root:video"

[nvidia-container-runtime]
#debug = "/var/log/nvidia-container-runtime.log"
log-level = "info"
mode = "auto"
runtimes = ["runc", "crun"]

[nvidia-container-runtime.modes]

[nvidia-container-runtime.modes.cdi]
annotation-prefixes = ["cdi.k8s.io/"]
default-kind = "nvidia.com/gpu"
spec-dirs = ["/etc/cdi", "/var/run/cdi"]

[nvidia-container-runtime.modes.csv]
mount-spec-path = "/etc/nvidia-container-runtime/host-files-for-container.d"

[nvidia-container-runtime.modes.legacy]
cuda-compat-mode = "ldconfig"

[nvidia-container-runtime-hook]
path = "nvidia-container-runtime-hook"
skip-mode-detection = false

[nvidia-ctk]
path = "nvidia-ctk"
`
	for name, c := range map[string]struct {
		text string
		want map[string]string // some of the values
		n    int
		why  string
	}{
		"as it is shipped": {shipped, map[string]string{"disable-require": "false", "nvidia-container-cli.ldconfig": "@/sbin/ldconfig.real", "nvidia-container-cli.load-kmods": "true", "nvidia-container-cli.environment": "",
			"nvidia-container-runtime.mode": "auto", "nvidia-container-runtime.runtimes": "runc,crun", "nvidia-container-runtime.modes.cdi.spec-dirs": "/etc/cdi,/var/run/cdi", "nvidia-container-runtime.modes.legacy.cuda-compat-mode": "ldconfig",
			"nvidia-ctk.path": "nvidia-ctk"}, 16, ""},
		"rootless":            {strings.Replace(shipped, "#no-cgroups = false", "no-cgroups = true", 1), map[string]string{"nvidia-container-cli.no-cgroups": "true"}, 17, ""},
		"one mode":            {"[nvidia-container-runtime]\nmode = \"cdi\"\n", map[string]string{"nvidia-container-runtime.mode": "cdi"}, 1, ""},
		"dotted keys":         {"nvidia-container-runtime.mode = \"cdi\"\n", map[string]string{"nvidia-container-runtime.mode": "cdi"}, 1, ""},
		"in one line":         {"nvidia-container-cli = {no-cgroups = true, user = \"root:video\"}\n", map[string]string{"nvidia-container-cli.no-cgroups": "true", "nvidia-container-cli.user": "root:video"}, 2, ""},
		"empty":               {"", nil, 0, ""},
		"comments":            {"# nothing\n", nil, 0, ""},
		"numbers and times":   {"a = 1\nb = 1.5\nc = 2026-11-24\nd = [1, 2]\n", map[string]string{"a": "1", "b": "1.5", "c": "2026-11-24", "d": "1,2"}, 4, ""},
		"a table twice":       {"[a]\nx = 1\n[a]\ny = 1\n", nil, 0, "line 3"},
		"a key twice":         {"x = 1\nx = 2\n", nil, 0, "line 2"},
		"no value":            {"[nvidia-container-cli]\nno-cgroups =\n", nil, 0, "line 2"},
		"an open text":        {"x = \"abc\n", nil, 0, "line 1"},
		"a word":              {"[nvidia-container-cli]\nno-cgroups = yes\n", nil, 0, "line 2"},
		"JSON":                {"{\"x\": 1}\n", nil, 0, "line 1"},
		"binary":              {"\x00\xff", nil, 0, "line 1"},
		"larger than any one": {strings.Repeat("#", mostText+1), nil, 0, "it is too large"},
		"lists of tables":     {"[[x]]\na = 1\n[[x]]\na = 2\n", map[string]string{"x": "map[a:1],map[a:2]"}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			values, why := toolkitConfig(folder(t, files{"etc/nvidia-container-runtime/config.toml": c.text}))
			assert.Equal(t, len(values), c.n, "%v", values)
			for key, want := range c.want {
				got, ok := values[key]
				assert.Assert(t, ok, key)
				assert.Equal(t, got, want, key)
			}
			assert.Assert(t, strings.Contains(why, c.why) && (why == "") == (c.why == ""), why)
			assert.Assert(t, !strings.Contains(why, "\n") && len(why) < 500, why)
		})
	}
	values, why := toolkitConfig(folder(t, nil))
	assert.Equal(t, len(values), 0)
	assert.Equal(t, why, "")
}

func TestHooksThatWereLeftBehind(t *testing.T) {
	for want, tree := range map[string]files{
		"": nil,
		"/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json": {"usr/share/containers/oci/hooks.d/oci-nvidia-hook.json": "{}", "etc/containers/oci/hooks.d/oci-nvidia-hook.json": "{}"},
		"/etc/containers/oci/hooks.d/oci-nvidia-hook.json":       {"etc/containers/oci/hooks.d/oci-nvidia-hook.json": "{}"},
	} {
		assert.Equal(t, ociHook(folder(t, tree)), want)
	}
}

func FuzzToolkitConfig(f *testing.F) {
	f.Add("[a.b]\nc = [1, {d = 2}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, why := toolkitConfig(folder(t, files{"etc/nvidia-container-runtime/config.toml": text}))
		if len(values) > 0 && why != "" {
			t.Fatal(why)
		}
	})
}
