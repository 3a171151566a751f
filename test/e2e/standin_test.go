//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// standIn is an engine of the test's own whose GPUs are made of nothing: nvidia-smi and
// libcuda.so.1 come into containers by a CDI device, by a runtime and, on the old engine,
// by a hook. What is proven is the way there and back, not a GPU.
type standIn struct {
	dir     string // of the engine
	library string
	gpus    int
}

// uuids of the stand-in's devices, as testdata/standin/libcuda.c has them.
var uuids = []string{"GPU-11111111-2222-3333-4444-555555555555", "GPU-11111111-2222-3333-4444-555555555556"}

// withGPUs starts the engine, and returns it as it is seen from another machine: on this
// one the driver would be missed.
func withGPUs(t *testing.T, name string, gpus int) (variant, *standIn) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "e-smoke") // a socket's path must be short
	assert.NilError(t, err)
	s := &standIn{dir: dir, gpus: gpus}
	t.Setenv("DOCKER_GPU_ENGINE_DIR", s.dir)
	t.Setenv("DOCKER_GPU_REGISTRY_PORT", freePort(t))
	driver := filepath.Join(s.dir, "driver")
	s.library = filepath.Join(driver, "libcuda.so.1")
	t.Setenv("PATH", driver+":"+os.Getenv("PATH")) // dockerd's, for the hook
	assert.NilError(t, os.MkdirAll(driver, 0o755))
	s.compile(t)
	smi(t, filepath.Join(driver, "nvidia-smi"), gpus)
	s.scripts(t, driver)
	command := func(args ...string) {
		out, err := exec.Command(engine(t), args...).CombinedOutput()
		assert.Check(t, err, string(out))
	}
	t.Cleanup(func() {
		command("stop", "--all")
		assert.Check(t, os.RemoveAll(dir))
	})
	command("start", "--variant", name)
	s.spec(t, filepath.Join(s.dir, name, "cdi/nvidia.yaml"))
	s.runtime(t, on(t, name), filepath.Join(s.dir, name))
	return far(t, name), s
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// compile makes libcuda.so.1 anew, with faults: NAME=STATEMENT of testdata/standin/libcuda.c.
func (s *standIn) compile(t *testing.T, faults ...string) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler is here, so no stand-in for libcuda can be made: install gcc and libc6-dev")
	}
	args := []string{"-shared", "-fPIC", "-O3", "-ffast-math", "-Wall", "-o", s.library + ".new", "-DGPUS=" + strconv.Itoa(s.gpus)}
	for _, f := range faults {
		args = append(args, "-D"+f)
	}
	out, err := exec.Command(cc, append(args, "testdata/standin/libcuda.c")...).CombinedOutput()
	assert.NilError(t, err, string(out))
	assert.NilError(t, os.Rename(s.library+".new", s.library)) // containers that run keep theirs
}

// smi makes a program in nvidia-smi's place: a recorded answer with so many GPUs.
func smi(t *testing.T, to string, gpus int) {
	t.Helper()
	xml := read(t, repo(t), "hostsetup/probe/testdata/smi/h200.xml")
	begin, end := strings.Index(xml, "\t<gpu "), strings.Index(xml, "</gpu>\n")+len("</gpu>\n")
	assert.Assert(t, begin > 0 && end > begin && strings.Contains(xml, uuids[0]))
	list := ""
	answer := xml[:begin]
	for i := range gpus {
		answer += strings.NewReplacer(uuids[0], uuids[i], "00000000:65:", fmt.Sprintf("00000000:%d:", 65+i)).Replace(xml[begin:end])
		list += fmt.Sprintf("GPU %d: NVIDIA H200 (UUID: %s)\n", i, uuids[i])
	}
	answer += xml[end:]
	source := project(t, map[string]string{"go.mod": "module smi\n", "main.go": "package main\n\nimport \"os\"\n\nfunc main() {\n\tif len(os.Args) > 1 && os.Args[1] == \"-L\" {\n\t\tos.Stdout.WriteString(" +
		strconv.Quote(list) + ")\n\t\treturn\n\t}\n\tos.Stdout.WriteString(" + strconv.Quote(answer) + ")\n}\n"})
	build := exec.Command("go", "build", "-o", to, ".")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	assert.NilError(t, err, string(out))
}

// inside is where a container gets a file of the driver: where its loader and its PATH look.
func (s *standIn) inside(t *testing.T) map[string]string {
	t.Helper()
	libc, err := filepath.Glob("/usr/lib/*-linux-gnu/libc.so.6")
	assert.NilError(t, err)
	assert.Assert(t, len(libc) > 0, "this is neither Debian nor Ubuntu")
	return map[string]string{s.library: filepath.Join(filepath.Dir(libc[0]), "libcuda.so.1"), filepath.Join(filepath.Dir(s.library), "nvidia-smi"): "/usr/bin/nvidia-smi"}
}

// spec is a CDI spec with the driver in its one device.
func (s *standIn) spec(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		return // the old engine knows no CDI
	}
	text := "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: [{name: all, containerEdits: {env: [STAND_IN=1]}}]\ncontainerEdits:\n  env: [NVIDIA_VISIBLE_DEVICES=void]\n  mounts:\n"
	for host, container := range s.inside(t) {
		text += fmt.Sprintf("  - {hostPath: %s, containerPath: %s, options: [ro, bind]}\n", host, container)
	}
	assert.NilError(t, os.WriteFile(file, []byte(text), 0o644))
}

// scripts are what the toolkit has of programs: a runtime that adds mounts to a container's
// configuration, and a hook that mounts into its root, as the old engine starts it.
func (s *standIn) scripts(t *testing.T, dir string) {
	t.Helper()
	mounts, commands := "", ""
	for host, container := range s.inside(t) {
		mounts += fmt.Sprintf(`{"type":"bind","source":"%s","destination":"%s","options":["bind","ro"]},`, host, container)
		commands += fmt.Sprintf(" mkdir -p $root%s; : >$root%s; mount --bind %s $root%s;", filepath.Dir(container), container, host, container)
	}
	for name, text := range map[string]string{
		"nvidia-container-runtime": "before=\nfor word; do\n\t[ \"$before\" != --bundle ] || sed -i 's|\"mounts\":\\[|&" + mounts + "|' \"$word/config.json\"\n\tbefore=$word\ndone\nexec runc \"$@\"\n",
		"nvidia-container-runtime-hook": "state=$(cat)\npid=$(expr \"$state\" : '.*\"pid\":\\([0-9]*\\)')\nbundle=$(expr \"$state\" : '.*\"bundle\":\"\\([^\"]*\\)')\n" +
			"root=$(expr \"$(cat \"$bundle/config.json\")\" : '.*\"root\":{\"path\":\"\\([^\"]*\\)')\nexec nsenter --mount --target \"$pid\" sh -ec \"" + commands + "\"\n",
	} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh -e\n"+text), 0o755))
	}
}

// runtime registers the runtime, as `nvidia-ctk runtime configure` does, without a restart.
func (s *standIn) runtime(t *testing.T, v variant, home string) {
	t.Helper()
	file := filepath.Join(home, "daemon.json")
	var config map[string]any
	assert.NilError(t, json.Unmarshal([]byte(read(t, file)), &config))
	config["runtimes"] = map[string]any{"nvidia": map[string]any{"path": filepath.Join(filepath.Dir(s.library), "nvidia-container-runtime")}}
	text, err := json.Marshal(config)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(file, text, 0o644))
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, home, "pid")))
	assert.NilError(t, err)
	assert.NilError(t, syscall.Kill(pid, syscall.SIGHUP))
	for range 100 {
		if strings.Contains(v.cmd(t, "docker", "info", "--format", "{{json .Runtimes}}"), "nvidia") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the engine does not take a runtime")
}
