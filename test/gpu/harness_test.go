//go:build gpu

// Package gpu runs the binary on a machine with a real GPU, against the packed engine that
// start-engine.sh started. `make gpu-tests` compiles it to one file that needs no Go there;
// README.md says how it is run. What it prints with -test.v is what docs/results keeps.
package gpu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// bench is the machine under test.
type bench struct {
	plugin string // docker-gpu
	dir    string // of the engine
	spec   string // the CDI spec
}

func theMachine(t *testing.T) *bench {
	t.Helper()
	b := &bench{plugin: os.Getenv("DOCKER_GPU"), dir: os.Getenv("ENGINE_DIR"), spec: "/etc/cdi/nvidia.yaml"}
	if b.plugin == "" || b.dir == "" {
		t.Fatal("set DOCKER_GPU to the plugin's binary and ENGINE_DIR to the engine's folder, as README.md says")
	}
	return b
}

// run runs a program and shows what it printed.
func (b *bench) run(t *testing.T, name string, args ...string) (stdout string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, talk bytes.Buffer
	c.Stdout, c.Stderr = &out, &talk
	start := time.Now()
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	if !slices.Contains(args, "json") {
		t.Logf("$ %s %s\n%s%s[exit %d, %.2f s]", filepath.Base(name), strings.Join(args, " "), talk.String(), out.String(), c.ProcessState.ExitCode(), time.Since(start).Seconds())
	}
	return out.String(), c.ProcessState.ExitCode()
}

// finding is one of doctor's, as its JSON has it.
type finding struct {
	Code, Severity, Summary string
	Fixes                   []struct {
		Title string
		Argv  [][]string
		Undo  [][]string
		Safe  bool
	}
}

// doctor examines the machine once, and shows and reads the same facts.
func (b *bench) doctor(t *testing.T) (found []finding, code int) {
	t.Helper()
	facts := filepath.Join(t.TempDir(), "facts.json")
	_, code = b.run(t, b.plugin, "doctor", "--no-redact", "--record", facts)
	out, _ := b.run(t, b.plugin, "doctor", "--replay", facts, "--format", "json")
	var report struct{ Findings []finding }
	assert.NilError(t, json.Unmarshal([]byte(out), &report), out)
	return report.Findings, code
}

// smoke climbs the ladder.
func (b *bench) smoke(t *testing.T, args ...string) (broken, see string, code int) {
	t.Helper()
	b.run(t, b.plugin, append([]string{"smoke"}, args...)...)
	out, code := b.run(t, b.plugin, append([]string{"smoke", "--format", "json"}, args...)...)
	var report struct{ Broken, See string }
	assert.NilError(t, json.Unmarshal([]byte(out), &report), out)
	return report.Broken, report.See, code
}

// restart restarts the engine with a search path and a change to its daemon.json.
func (b *bench) restart(t *testing.T, path string, change func(map[string]any)) {
	t.Helper()
	file := filepath.Join(b.dir, "daemon.json")
	if change != nil {
		var config map[string]any
		data, err := os.ReadFile(file)
		assert.NilError(t, err)
		assert.NilError(t, json.Unmarshal(data, &config))
		change(config)
		data, err = json.MarshalIndent(config, "", "  ")
		assert.NilError(t, err)
		assert.NilError(t, os.WriteFile(file, data, 0o644))
	}
	b.stop(t)
	b.start(t, path, "--config-file", file)
}

// stop ends the engine.
func (b *bench) stop(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	assert.NilError(t, err)
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for range 400 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("dockerd (%d) does not end", pid)
}

// start starts the engine with a search path and waits for it.
func (b *bench) start(t *testing.T, path string, flags ...string) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	assert.NilError(t, err)
	defer log.Close()
	c := exec.Command(filepath.Join(b.dir, "bin/dockerd"), flags...)
	c.Env = append(os.Environ(), "PATH="+path)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	assert.NilError(t, c.Start())
	go func() { _ = c.Wait() }()
	for range 200 {
		if exec.Command("docker", "version").Run() == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the engine does not come up; its log is " + log.Name())
}
