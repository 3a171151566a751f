//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
)

// machine is one to set up, and the client of its engine.
type machine struct {
	variant
	*daemon
	image string
	// config is its daemon.json as it was to begin with.
	config []byte
}

// newMachine starts an engine of the test's own.
func newMachine(t *testing.T, name string) *machine {
	t.Helper()
	t.Setenv("DOCKER_GPU_ENGINE_DIR", filepath.Join(setupRoot, "engine"))
	t.Setenv("DOCKER_GPU_REGISTRY_PORT", setupPort)
	t.Cleanup(func() {
		out, err := exec.Command(engine(t), "stop").CombinedOutput()
		assert.NilError(t, err, string(out))
		assert.NilError(t, os.RemoveAll(setupRoot))
	})
	out, err := exec.Command(engine(t), "start", "--variant", name, "--gpu", "none").CombinedOutput()
	assert.NilError(t, err, string(out))
	m := &machine{variant: on(t, name), daemon: &daemon{Home: filepath.Join(setupRoot, "engine", name)}}
	pid := strings.TrimSpace(read(t, m.Home, "pid"))
	m.Exe, err = os.Readlink("/proc/" + pid + "/exe")
	assert.NilError(t, err)
	// From its next start on it finds the toolkit, as after the installation of a package.
	for _, e := range strings.Split(strings.TrimRight(read(t, "/proc", pid, "environ"), "\x00"), "\x00") {
		m.Env = append(m.Env, strings.Replace(e, "PATH=", "PATH="+setupRoot+"/usr/bin:", 1))
	}
	m.config = []byte(read(t, m.file()))
	m.image = m.base("musl:latest")
	m.cmd(t, "docker", "pull", "-q", m.image)
	install(t)
	// What the machine calls /tmp/e-setup is itself, so that it has the paths that are its
	// engine's, too.
	assert.NilError(t, os.MkdirAll(setupRoot+"/tmp", 0o755))
	assert.NilError(t, os.Symlink("..", setupRoot+setupRoot))
	return m
}

// install makes the programs of a toolkit: they do nothing, but for nvidia-ctk, which tells
// of one GPU whose device nodes are /dev/null.
func install(t *testing.T) {
	t.Helper()
	for name, text := range map[string]string{
		"usr/bin/nvidia-ctk": `cat <<'Y'
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
  - name: "0"
    containerEdits: {deviceNodes: [{path: /dev/nvidia0, hostPath: /dev/null}]}
  - name: all
    containerEdits: {deviceNodes: [{path: /dev/nvidia0, hostPath: /dev/null}]}
containerEdits:
  env: [NVIDIA_VISIBLE_DEVICES=void]
Y
`,
		"usr/bin/nvidia-cdi-hook":               "exit 0\n",
		"usr/bin/nvidia-container-runtime":      "exec runc \"$@\"\n",
		"usr/bin/nvidia-container-runtime-hook": "exit 0\n",
		"dev/null":                              "",
		"run/systemd/system/here":               "",
	} {
		path := filepath.Join(setupRoot, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	}
}

// with starts the engine with a daemon.json that is ours but for some members.
func (m *machine) with(t *testing.T, members map[string]any) []byte {
	t.Helper()
	var config map[string]any
	assert.NilError(t, json.Unmarshal(m.config, &config))
	for key, value := range members {
		config[key] = value
	}
	text, err := json.MarshalIndent(config, "", "\t")
	assert.NilError(t, err)
	assert.NilError(t, m.down())
	assert.NilError(t, os.WriteFile(m.file(), append(text, '\n'), 0o640))
	assert.NilError(t, os.RemoveAll(filepath.Join(m.Home, "cdi")))
	assert.NilError(t, os.Mkdir(filepath.Join(m.Home, "cdi"), 0o755))
	env := m.Env // it does not find the toolkit yet
	m.Env = nil
	for _, e := range env {
		m.Env = append(m.Env, strings.Replace(e, setupRoot+"/usr/bin:", "", 1))
	}
	assert.NilError(t, m.up())
	m.Env = env
	return []byte(read(t, m.file()))
}

// facts are those of a recorded machine with a GPU and a driver, with this engine and the
// stand-in for the toolkit, and with or without a systemd that runs the engine.
func (m *machine) facts(t *testing.T, systemd bool) host.Host {
	t.Helper()
	f, err := os.Open(filepath.Join(repo(t), "hostsetup/setup/testdata/hosts/container-h200-private-engine.json"))
	assert.NilError(t, err)
	defer f.Close()
	h, err := probe.Replay(f)
	assert.NilError(t, err)
	e, err := m.open()
	assert.NilError(t, err)
	defer e.API.Close()
	h.Engine = e.Facts(t.Context())
	assert.Equal(t, h.Engine.Error, "")
	if systemd {
		h.OS.Container = ""
		h.Units = []host.Unit{{Name: "docker.service", Active: "active", Enabled: "enabled"}}
	}
	h.Engine.PID, h.Engine.Started = m.pid(), time.Now().Add(-time.Hour)
	h.Engine.Binary, h.Engine.Args = m.Exe, []string{"dockerd", "--config-file", m.file()}
	h.Engine.ConfigFile, h.Engine.Config = m.file(), read(t, m.file())
	h.Toolkit = host.Toolkit{Version: "1.20.1", Installed: time.Now(), Binaries: map[string]string{}}
	for _, name := range []string{"nvidia-ctk", "nvidia-cdi-hook", "nvidia-container-runtime", "nvidia-container-runtime-hook"} {
		h.Toolkit.Binaries[name] = filepath.Join(setupRoot, "usr/bin", name)
	}
	return h
}
