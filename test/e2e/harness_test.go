//go:build e2e

// Package e2e runs the binary against the private engine in all its variants: a
// real dockerd, containerd, BuildKit and registry. `make e2e` starts them.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/fixture"
)

// variant is one kind of builder.
type variant struct {
	name string
	env  []string
	// flags choose the builder where the engine's own is not meant.
	flags []string
	// merges says that its BuildKit merges layers, so images share them bit for bit.
	merges bool
}

func repo(t testing.TB) string {
	wd, err := os.Getwd()
	assert.NilError(t, err)
	return filepath.Dir(filepath.Dir(wd))
}

// on is the environment of a variant's engine.
func on(t testing.TB, name string) variant {
	t.Helper()
	v := variant{name: name, merges: name == "containerd" || name == "buildkit"}
	engineName := name
	if name == "buildkit" {
		engineName = "containerd" // what a remote builder builds is loaded there
	}
	out, err := exec.Command("bash", "-c", `eval "$("$0" env --variant "$1")"; env -0`, engine(t), engineName).Output()
	assert.NilError(t, err)
	v.env = strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	// A config of its own: the user's builders and credentials are not the tests'.
	v.env = append(v.env, "DOCKER_CONFIG="+t.TempDir(), "BUILDX_CONFIG="+t.TempDir())
	if name == "buildkit" {
		out, err := exec.Command("bash", "-c", `eval "$("$0" env --variant buildkit)"; printf %s "$BUILDKIT_HOST"`, engine(t)).Output()
		assert.NilError(t, err)
		v.cmd(t, "docker-buildx", "create", "--name", "remote", "--driver", "remote", string(out))
		v.flags = []string{"--builder", "remote"}
	}
	return v
}

func engine(t testing.TB) string { return filepath.Join(repo(t), "test/engine/engine") }

func (v variant) get(name string) string {
	for _, e := range v.env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

func (v variant) base(name string) string { return v.get("REGISTRY") + "/" + name }

// program is where a variant's PATH has a program.
func (v variant) program(name string) string {
	for _, dir := range filepath.SplitList(v.get("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	return name
}

// output runs a command and returns its standard output; an error has what it said.
func (v variant) output(name string, args ...string) (string, error) {
	c := exec.Command(v.program(name), args...)
	c.Env = v.env
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// cmd runs a command that must succeed and returns its standard output.
func (v variant) cmd(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := v.output(name, args...)
	assert.NilError(t, err)
	return out
}

// result is a finished run of docker-gpu.
type result struct {
	code           int
	stdout, stderr string
}

func (v variant) start(ctx context.Context, t testing.TB, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	c := exec.CommandContext(ctx, filepath.Join(repo(t), "bin/docker-gpu"), args...)
	c.Env = v.env
	c.Dir = t.TempDir()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	return c, &stdout, &stderr
}

// build runs docker-gpu build on the variant.
func (v variant) build(t testing.TB, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c, stdout, stderr := v.start(ctx, t, append([]string{"build", "--progress=plain"}, append(v.flags, args...)...)...)
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func (v variant) mustBuild(t testing.TB, args ...string) result {
	t.Helper()
	r := v.build(t, args...)
	assert.Equal(t, r.code, 0, r.stderr)
	return r
}

// fails is a build that must fail with exit code 1, say all of the words and export nothing.
func (v variant) fails(t testing.TB, words []string, args ...string) {
	t.Helper()
	tag := "never-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	r := v.build(t, append([]string{"-t", tag}, args...)...)
	assert.Assert(t, r.code == 1 || r.code == 125, "%d: %s", r.code, r.stderr) // 125 where a flag alone is wrong
	last := r.stderr[strings.LastIndex(r.stderr, "docker gpu: "):]
	for _, w := range words {
		assert.Assert(t, strings.Contains(last, w), "%q is not in: %s", w, last)
	}
	assert.Equal(t, v.cmd(t, "docker", "images", "-q", tag), "", "an image was exported")
}

func (v variant) run(t testing.TB, image string, args ...string) string {
	t.Helper()
	return v.cmd(t, "docker", append([]string{"run", "--rm", "--network", "none", image}, args...)...)
}

// inspect reads one field of an image.
func (v variant) inspect(t testing.TB, image, format string, into any) {
	t.Helper()
	assert.NilError(t, json.Unmarshal([]byte(v.cmd(t, "docker", "image", "inspect", "-f", "{{json "+format+"}}", image)), into))
}

// project makes a directory from name → content pairs.
func project(t testing.TB, files map[string]string) string {
	t.Helper()
	return fixture.Tree(t, files)
}

func read(t testing.TB, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	assert.NilError(t, err)
	return string(data)
}
