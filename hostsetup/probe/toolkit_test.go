package probe

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const toolkitStatus = "Package: nvidia-container-toolkit-base\nStatus: install ok installed\nVersion: 1.20.1-1\n"

func TestToolkit(t *testing.T) {
	m := fake(t, files{
		"var/lib/dpkg/status":      toolkitStatus,
		"usr/bin/nvidia-ctk*":      "",
		"usr/bin/nvidia-cdi-hook*": "", "usr/local/bin/nvidia-cdi-hook": "not executable", "usr/sbin/runc*": "", "opt/nvidia-container-cli*": "",
		"usr/bin/nvidia-smi/": "",
		"etc/nvidia-container-runtime/config.toml": "disable-require = false\n[nvidia-container-cli]\nno-cgroups = true\nenvironment = [\"a\", \"b\"]\n" +
			"[nvidia-container-runtime.modes.cdi]\ndefault-kind = \"nvidia.com/gpu\"\n",
		"usr/share/containers/oci/hooks.d/oci-nvidia-hook.json": "{}",
	})
	h := one(t, m, readToolkit)
	assert.DeepEqual(t, h, host.Host{Toolkit: host.Toolkit{
		Version:  "1.20.1",
		Binaries: map[string]string{"nvidia-ctk": "/usr/bin/nvidia-ctk", "nvidia-cdi-hook": "/usr/bin/nvidia-cdi-hook", "runc": "/usr/sbin/runc"},
		Config: map[string]string{"disable-require": "false", "nvidia-container-cli.no-cgroups": "true", "nvidia-container-cli.environment": "a,b",
			"nvidia-container-runtime.modes.cdi.default-kind": "nvidia.com/gpu"},
		Installed: moment, OCIHook: "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json",
	}})
}

func TestToolkitIsLookedForWhereTheEngineLooks(t *testing.T) {
	tree := process(42, "dockerd\x00", "PATH=/nix/store/x/bin:relative:/usr/bin\x00TOKEN=hush\x00")
	tree["nix/store/x/bin/nvidia-cdi-hook*"], tree["usr/sbin/nvidia-ctk*"] = "", ""
	h := one(t, fake(t, tree), readToolkit)
	assert.DeepEqual(t, h.Toolkit.Binaries, map[string]string{"nvidia-cdi-hook": "/nix/store/x/bin/nvidia-cdi-hook"})
}

func TestToolkitOutsideOfPackages(t *testing.T) {
	for name, c := range map[string]struct {
		out  string
		err  error
		want string
		why  string
	}{
		"it says":     {"NVIDIA Container Toolkit CLI version 1.20.1\ncommit: abc\n", nil, "1.20.1", ""},
		"a candidate": {"NVIDIA Container Toolkit CLI version 1.21.0-rc.1\n", nil, "1.21.0-rc.1", ""},
		"odd":         {"hello\n", nil, "", "the version of /usr/bin/nvidia-ctk cannot be read: it prints none"},
		"broken":      {"", errors.New("exit status 127"), "", "the version of /usr/bin/nvidia-ctk cannot be read: exit status 127"},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, files{"usr/bin/nvidia-ctk*": ""})
			m.run = says(t, "/usr/bin/nvidia-ctk --version", c.out, c.err)
			h := one(t, m, readToolkit)
			assert.Equal(t, h.Toolkit.Version, c.want)
			assert.Equal(t, h.Unread["it"], c.why)
		})
	}
	// A dockerd that does not look where the tool is: it is installed all the same.
	m := fake(t, files{"usr/bin/nvidia-ctk*": "", "usr/bin/nvidia-cdi-hook*": ""})
	m.daemon = func() dockerd { return dockerd{Engine: host.Engine{Path: "/opt/docker/bin"}} }
	m.run = says(t, "/usr/bin/nvidia-ctk --version", "NVIDIA Container Toolkit CLI version 1.20.1\n", nil)
	off := one(t, m, readToolkit)
	assert.Equal(t, off.Toolkit.Version, "1.20.1")
	assert.Equal(t, len(off.Toolkit.Binaries), 0)

	// Where dockerd's path is not known, the hook that a CDI spec has run tells where the tools are.
	m = fake(t, files{"etc/cdi/nvidia.yaml": "cdiVersion: 0.6.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n  containerEdits: {}\ncontainerEdits:\n  hooks:\n  - hookName: createContainer\n    path: /opt/tools/nvidia-cdi-hook\n",
		"opt/tools/nvidia-ctk*": "", "opt/tools/nvidia-cdi-hook*": ""})
	m.run = says(t, "/opt/tools/nvidia-ctk --version", "NVIDIA Container Toolkit CLI version 1.20.1\n", nil)
	assert.DeepEqual(t, one(t, m, readToolkit).Toolkit.Binaries, map[string]string{"nvidia-ctk": "/opt/tools/nvidia-ctk", "nvidia-cdi-hook": "/opt/tools/nvidia-cdi-hook"})

	// Below another root the program is there and may not be run.
	h := one(t, fake(t, files{"usr/bin/nvidia-ctk*": ""}), readToolkit)
	assert.DeepEqual(t, h.Unread, map[string]string{"it": "the version of /usr/bin/nvidia-ctk cannot be read: nvidia-ctk cannot be asked from outside of the machine"})
}

// Where it may not be run, its version is read out of it, as its makefile has put it there.
func TestToolkitThatMayNotBeRun(t *testing.T) {
	source := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(source, "main.go"), []byte("package main\n\nvar version string\n\nfunc main() { println(version) }\n"), 0o644))
	build := func(module, ldflags string) string {
		assert.NilError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module "+module+"\n\ngo 1.24\n"), 0o644))
		cmd := exec.Command("go", "build", "-o", "ctk", "-buildvcs=false", "-ldflags", ldflags, ".")
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, string(out))
		data, err := os.ReadFile(filepath.Join(source, "ctk"))
		assert.NilError(t, err)
		return string(data)
	}
	const toolkit, none = "github.com/NVIDIA/nvidia-container-toolkit", "the version of /usr/bin/nvidia-ctk cannot be read: nvidia-ctk cannot be asked from outside of the machine"
	for name, c := range map[string]struct{ module, ldflags, want, why string }{
		"released":        {toolkit, "-s -w -X main.gitCommit=abc -X main.version=1.19.2", "1.19.2", ""},
		"a candidate":     {toolkit, "-X main.version=v1.20.0-rc.1", "1.20.0-rc.1", ""},
		"without version": {toolkit, "-s", "", none},
		"another program": {"example.com/tool", "-X main.version=1.2.3", "", none},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t, fake(t, files{"usr/bin/nvidia-ctk*": build(c.module, c.ldflags)}), readToolkit)
			assert.Equal(t, h.Toolkit.Version, c.want)
			assert.Equal(t, h.Unread["it"], c.why)
		})
	}
}

func TestABrokenConfigOfTheToolkit(t *testing.T) {
	const file = "etc/nvidia-container-runtime/config.toml"
	h := one(t, fake(t, files{file: "a = 1\nb = = 2\n"}), readToolkit)
	assert.Equal(t, len(h.Toolkit.Config), 0)
	assert.Assert(t, len(h.Toolkit.ConfigError) > len("line 2") && h.Toolkit.ConfigError[:6] == "line 2", h.Toolkit.ConfigError)
	h = one(t, fake(t, files{file + "/": ""}), readToolkit)
	assert.Equal(t, h.Toolkit.ConfigError, "config.toml cannot be read: /etc/nvidia-container-runtime/config.toml is not a regular file")
}

func TestTheNewestOfTheToolkitCounts(t *testing.T) {
	m := fake(t, files{"usr/bin/nvidia-ctk*": "", "usr/bin/nvidia-cdi-hook*": "12", "usr/bin/nvidia-smi*": "1234"})
	m.changed = func(fi os.FileInfo) time.Time { return moment.Add(time.Duration(fi.Size()) * time.Hour) }
	// nvidia-smi is the driver's.
	assert.Equal(t, one(t, m, readToolkit).Toolkit.Installed, moment.Add(2*time.Hour))
}

func TestRepositories(t *testing.T) {
	const toolkit, cuda = "https://nvidia.github.io/libnvidia-container/stable/deb/$(ARCH)", "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/"
	h := one(t, fake(t, files{
		"etc/apt/sources.list":                                 "deb http://archive.ubuntu.com/ubuntu noble main\n",
		"etc/apt/sources.list.d/nvidia-container-toolkit.list": "# deb " + toolkit + " /\ndeb [signed-by=/usr/share/keyrings/nvidia.gpg] " + toolkit + " /\n",
		"etc/apt/sources.list.d/libnvidia-container.list":      "deb " + toolkit + " /\n",
		"etc/apt/sources.list.d/off.list":                      "#deb " + toolkit + " /\n",
		"etc/apt/sources.list.d/cuda.sources": "Types: deb\nURIs: " + cuda + "\nSuites: /\nSigned-By: /usr/share/keyrings/cuda.gpg\n\n" +
			"Types: deb\nURIs: " + cuda + "off/\nEnabled: no\n",
		"etc/apt/sources.list.d/old.list.save": "deb " + toolkit + " /\n",
		"etc/yum.repos.d/nvidia.repo": "[stable]\nbaseurl=https://nvidia.github.io/libnvidia-container/stable/rpm/$basearch\nenabled=1\ngpgkey=https://nvidia.github.io/libnvidia-container/gpgkey\n" +
			"\n[experimental]\nbaseurl=https://nvidia.github.io/libnvidia-container/experimental/rpm/$basearch\nenabled=0\n",
	}), readRepositories)
	assert.DeepEqual(t, h.Toolkit.Sources, []string{"/etc/apt/sources.list.d/libnvidia-container.list", "/etc/apt/sources.list.d/nvidia-container-toolkit.list",
		"/etc/apt/sources.list.d/cuda.sources", "/etc/yum.repos.d/nvidia.repo"})
	assert.DeepEqual(t, h.Toolkit.Repositories, []host.Repository{
		{File: "/etc/apt/sources.list.d/libnvidia-container.list", URI: toolkit},
		{File: "/etc/apt/sources.list.d/nvidia-container-toolkit.list", URI: toolkit, SignedBy: "/usr/share/keyrings/nvidia.gpg"},
		{File: "/etc/apt/sources.list.d/cuda.sources", URI: cuda, SignedBy: "/usr/share/keyrings/cuda.gpg"},
		{File: "/etc/yum.repos.d/nvidia.repo", URI: "https://nvidia.github.io/libnvidia-container/stable/rpm/$basearch"},
	})
	// Both sources of facts write into Toolkit and keep what the other found.
	m := fake(t, files{"etc/apt/sources.list.d/x.list": "deb " + toolkit + " /\n", "var/lib/dpkg/status": toolkitStatus})
	for _, order := range [][]source{{{"a", "", time.Minute, readToolkit}, {"b", "", time.Minute, readRepositories}}, {{"b", "", time.Minute, readRepositories}, {"a", "", time.Minute, readToolkit}}} {
		h := gather(t.Context(), m, order)
		assert.Equal(t, h.Toolkit.Version, "1.20.1")
		assert.Equal(t, len(h.Toolkit.Repositories), 1)
	}
}
