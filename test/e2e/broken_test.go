//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// own is a BuildKit that the test may break, with so much room on its disk.
func own(t *testing.T, size string) (variant, *os.Process) {
	t.Helper()
	v := on(t, "containerd") // the engine that images are loaded into
	dir, err := os.MkdirTemp("/tmp", "bk")
	assert.NilError(t, err)
	v.cmd(t, "mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir)
	address := "unix://" + dir + "/buildkitd.sock"
	daemon := exec.Command(v.program("buildkitd"), "--root", dir+"/data", "--addr", address, "--otel-socket-path", dir+"/otel.sock",
		"--containerd-worker=false", "--oci-worker-net=host", "--oci-worker-binary", v.program("runc"))
	daemon.Env = v.env
	log := &safeBuffer{}
	daemon.Stderr = log
	assert.NilError(t, daemon.Start())
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
		v.cmd(t, "umount", "--recursive", dir)
		assert.NilError(t, os.Remove(dir))
	})
	waitFor(t, log, "running server on")
	v.cmd(t, "docker-buildx", "create", "--name", "own", "--driver", "remote", address)
	v.flags = []string{"--builder", "own"}
	return v, daemon.Process
}

func TestBuilderWithAFullDisk(t *testing.T) {
	v, _ := own(t, "250m")
	v.fails(t, []string{"disk is full", "docker buildx prune"}, "--base", v.base(python), "--package", "scipy", "--package", "pandas")
}

// waitFor waits until the build said a word.
func waitFor(t *testing.T, stderr *safeBuffer, word string) {
	t.Helper()
	for range 600 {
		if strings.Contains(stderr.String(), word) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the build never said %q: %s", word, stderr)
}

func TestBuilderThatDies(t *testing.T) {
	v, daemon := own(t, "4g")
	c, stderr := v.background(t, "build", "--progress=plain", "--builder", "own", "--base", v.base(python), "--torch=2.14.0", "-t", "e2e-dies")
	waitFor(t, stderr, "[wheel] torch 2.14.0")
	assert.NilError(t, daemon.Kill())
	_ = c.Wait()
	assert.Equal(t, c.ProcessState.ExitCode(), 1, stderr.String())
	assert.Assert(t, strings.Contains(stderr.String(), "own"), stderr.String())
	assert.Equal(t, v.cmd(t, "docker", "images", "-q", "e2e-dies"), "")
}

// Killed at any moment, a build leaves the project, the engine and its own next run as they were.
func TestKilled(t *testing.T) {
	v := on(t, "containerd")
	v.cmd(t, "docker", "rmi", "-f", "e2e-killed")
	dir := small(t)
	args := []string{"build", "--progress=plain", "--no-cache", "--base", v.base(python), "-t", "e2e-killed", dir}
	for _, when := range []string{"[base]", "[resolve]", "[wheel]", "[verify]"} {
		t.Run(when, func(t *testing.T) {
			c, stderr := v.background(t, args...)
			waitFor(t, stderr, when)
			assert.NilError(t, c.Process.Kill())
			_ = c.Wait()
			assert.Equal(t, v.cmd(t, "docker", "images", "-q", "e2e-killed"), "")
			left, err := filepath.Glob(filepath.Join(dir, "*lock*"))
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0, "%v", left)
		})
	}
	v.mustBuild(t, args[2:]...)
	assert.Equal(t, v.run(t, "e2e-killed", "python", "main.py"), "idna 3.10")
}

// A registry that goes away while it is sent a layer.
func TestRegistryGoneInTheMiddle(t *testing.T) {
	// The old store's own push, which tries again for 50 s, is left out.
	for _, name := range []string{"containerd", "buildkit"} {
		t.Run(name, func(t *testing.T) {
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					w.Header().Set("Location", server.URL+r.URL.Path+"1")
					w.WriteHeader(http.StatusAccepted)
				case r.Method == http.MethodPut || r.Method == http.MethodPatch:
					_, _ = r.Body.Read(make([]byte, 1024))
					panic(http.ErrAbortHandler)
				case r.URL.Path != "/v2/":
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			defer server.Close()
			v := on(t, name)
			host := strings.TrimPrefix(server.URL, "http://")
			r := v.build(t, "--base", v.base(python), "--package", "idna==3.10", "-t", host+"/gone:1", "--push")
			assert.Equal(t, r.code, 1, r.stderr)
			last := r.stderr[strings.LastIndex(r.stderr, "docker gpu: "):]
			assert.Assert(t, strings.Contains(last, host), last)
		})
	}
}

// safeBuffer may be read while a program writes to it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// background starts docker-gpu and collects what it says.
func (v variant) background(t *testing.T, args ...string) (*exec.Cmd, *safeBuffer) {
	t.Helper()
	c, _, _ := v.start(context.Background(), t, args...)
	stderr := &safeBuffer{}
	c.Stderr = stderr
	assert.NilError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() })
	return c, stderr
}
