//go:build e2e

package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestRequirementsThatCannotBeHad(t *testing.T) {
	v := on(t, "containerd")
	for name, c := range map[string]struct {
		args  []string
		words []string
	}{
		"missing":   {[]string{"--package", "docker-gpu-there-is-no-such-package"}, []string{"cannot be resolved", "docker-gpu-there-is-no-such-package"}},
		"version":   {[]string{"--package", "idna==999"}, []string{"cannot be resolved", "idna==999"}},
		"conflict":  {[]string{"--package", "requests==2.32.3", "--package", "idna==2.0"}, []string{"cannot be resolved", "idna"}},
		"syntax":    {[]string{"--package", "idna=="}, []string{"idna=="}},
		"apt":       {[]string{"--apt", "there-is-no-such-package"}, []string{"apt", "there-is-no-such-package"}},
		"torch":     {[]string{"--torch=99.0"}, []string{"--torch 99.0", "does not exist"}},
		"old torch": {[]string{"--torch=1.0"}, []string{"--torch 1.0", "oldest"}},
		"python":    {[]string{"--torch=2.5.1", "--python", "3.14"}, []string{"--python 3.14", "2.5.1", "--torch"}},
		"user":      {[]string{"--package", "idna", "--user", "nobodyhere"}, []string{"--user nobodyhere", "give a number"}},
	} {
		t.Run(name, func(t *testing.T) {
			v.fails(t, c.words, append([]string{"--base", v.base(python)}, c.args...)...)
		})
	}
}

func TestBases(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		v := on(t, name)
		for what, c := range map[string]struct {
			base  string
			words []string
		}{
			"missing":        {v.base("nothing:here"), []string{"does not exist", "--base"}},
			"musl":           {v.base("musl:latest"), []string{"musl", "glibc"}},
			"without Python": {v.base("debian:bookworm"), []string{"no python3", "python:3"}},
			"no reference":   {"NOT A REFERENCE", []string{"NOT A REFERENCE", "is no image"}},
		} {
			t.Run(name+" "+what, func(t *testing.T) { v.fails(t, c.words, "--base", c.base, "--package", "idna==3.10") })
		}
		t.Run(name+" other Python", func(t *testing.T) {
			v.fails(t, []string{"Python 3.11", "3.12"}, "--base", v.base(python), "--python", "3.12", "--package", "idna==3.10")
		})
		t.Run(name+" without torch", func(t *testing.T) {
			v.fails(t, []string{"holds no torch"}, "--base", v.base(python), "--torch=base")
		})
	}
}

func TestLock(t *testing.T) {
	v := on(t, "containerd")
	dir := small(t)
	v.fails(t, []string{"gpu.lock does not fit", "no lock"}, "--base", v.base(python), "--locked", dir)
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-lock", dir)

	assert.NilError(t, os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte("idna==3.11\n"), 0o644))
	v.fails(t, []string{"gpu.lock does not fit", "requirements.txt changed"}, "--base", v.base(python), "--locked", dir)

	// A file that is not the one that was locked must not be installed.
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte("idna==3.10\nsympy==1.14.0\n"), 0o644))
	lock := read(t, dir, "gpu.lock")
	forged := regexp.MustCompile(`"sha256": "[0-9a-f]{64}",\n\s+"size": \d{7}`).ReplaceAllStringFunc(lock, func(s string) string {
		return `"sha256": "` + strings.Repeat("ab", 32) + s[strings.Index(s, `",`):]
	})
	assert.Assert(t, forged != lock)
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "gpu.lock"), []byte(forged), 0o644))
	v.fails(t, []string{"not the file that was locked"}, "--base", v.base(python), dir)

	assert.NilError(t, os.WriteFile(filepath.Join(dir, "gpu.lock"), []byte("{\n\"version\": 1,,\n}"), 0o644))
	v.fails(t, []string{"gpu.lock:2"}, "--base", v.base(python), dir)
}

func TestProjectsThatCannotBeRead(t *testing.T) {
	v := on(t, "containerd")
	dir := project(t, map[string]string{"gpu.yaml": "packages: [idna]\npyhton: '3.12'\n", "file": ""})
	v.fails(t, []string{"gpu.yaml:2", `did you mean "python"`}, "--base", v.base(python), dir)
	v.fails(t, []string{"does not exist"}, "--base", v.base(python), filepath.Join(dir, "nowhere"))
	v.fails(t, []string{"is not a directory"}, "--base", v.base(python), filepath.Join(dir, "file"))
}

func TestIndexesThatCannotBeReached(t *testing.T) {
	v := on(t, "containerd")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	closed := "http://" + listener.Addr().String()
	listener.Close()
	v.fails(t, []string{"cannot be reached", "--index-url"}, "--base", v.base(python), "--network=host", "--package", "idna==3.10", "--no-cache", "--index-url", closed)

	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	v.fails(t, []string{"certificate", "--ca-bundle"}, "--base", v.base(python), "--network=host", "--package", "idna==3.10", "--no-cache", "--index-url", untrusted.URL)

	v.fails(t, []string{"--ca-bundle"}, "--base", v.base(python), "--package", "idna==3.10", "--ca-bundle", "/nowhere.pem")
}

func TestEnginesThatDoNotAnswer(t *testing.T) {
	v := on(t, "containerd")
	for i, e := range v.env {
		if strings.HasPrefix(e, "DOCKER_HOST=") {
			v.env[i] = "DOCKER_HOST=unix:///nowhere/docker.sock"
		}
	}
	r := v.build(t, "--package", "idna", "--base", "debian")
	assert.Equal(t, r.code, 1)
	assert.Assert(t, strings.Contains(r.stderr, "cannot be used") && strings.Contains(r.stderr, "docker"), r.stderr)

	v.flags = []string{"--builder", "there-is-none"}
	r = v.build(t, "--package", "idna", "--base", "debian")
	assert.Equal(t, r.code, 1)
	assert.Assert(t, strings.Contains(r.stderr, `"there-is-none"`), r.stderr)
}

func TestRegistryThatIsGone(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			r := v.build(t, "--base", v.base(python), "--package", "idna==3.10", "-t", "localhost:1/nothing:1", "--push")
			assert.Equal(t, r.code, 1, r.stderr)
			assert.Assert(t, strings.Contains(r.stderr, "localhost:1"), r.stderr)
		})
	}
}

func TestRegistryThatWantsCredentials(t *testing.T) {
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer guarded.Close()
	for _, name := range []string{"containerd", "graphdriver"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			r := v.build(t, "--base", v.base(python), "--package", "idna==3.10", "-t", strings.TrimPrefix(guarded.URL, "http://")+"/x:1", "--push")
			assert.Equal(t, r.code, 1, r.stderr)
			assert.Assert(t, strings.Contains(r.stderr, "docker login"), r.stderr)
		})
	}
}

// A fake GPU reaches the proof, where no PyTorch can use it: that must fail the build.
func TestGPUThatDoesNotCompute(t *testing.T) {
	v := on(t, "containerd")
	base := fakeTorchBase(t, v)
	for _, mode := range []string{"auto", "require"} {
		t.Run(mode, func(t *testing.T) {
			v.fails(t, []string{"failed its verification", "no GPU that computes"}, "--base", base, "--torch=base", "--verify", mode)
		})
	}
	v.mustBuild(t, "--base", base, "--torch=base", "--verify=cpu", "-t", "e2e-fake-cpu")
	assert.Equal(t, v.run(t, "e2e-fake-cpu", "sh", "-c", "ls /dev/nvidia0 2>/dev/null || echo none"), "none")
}

// fakeTorchBase is an image on the engine with a torch that imports, as far as the
// checks before the GPU go.
func fakeTorchBase(t *testing.T, v variant) string {
	t.Helper()
	if !strings.Contains(v.cmd(t, "docker", "info", "-f", "{{json .DiscoveredDevices}}"), "nvidia.com/gpu") {
		t.Skip("the engine runs without the fake GPU")
	}
	dir := project(t, map[string]string{
		"Dockerfile": "FROM " + v.base(python) + "\nCOPY torch /usr/lib/python3/dist-packages/torch\n" +
			"COPY METADATA /usr/lib/python3/dist-packages/torch-9.0.dist-info/METADATA\n",
		"METADATA":          "Metadata-Version: 2.1\nName: torch\nVersion: 9.0\n",
		"torch/__init__.py": fakeTorch,
	})
	name := v.base("e2e/fake-torch:1")
	v.cmd(t, "docker-buildx", "build", "--builder", "default", "--provenance=false", "-t", name, dir)
	return name
}

const fakeTorch = `
import os
__version__ = "9.0"
float32 = None
class version: cuda = ""
class tensor:
    def __init__(self, rows, dtype=None): self.rows = rows
    def __matmul__(self, o):
        cols = list(zip(*o.rows))
        return tensor([[sum(a * b for a, b in zip(r, c)) for c in cols] for r in self.rows])
    def tolist(self): return self.rows
    def double(self): return self
class cuda:
    @staticmethod
    def is_available(): return False
    @staticmethod
    def init():
        assert os.environ.get("FAKE_GPU"), "the device did not reach the step"
        raise RuntimeError("no GPU that computes")
`

func TestRequireWithoutGPU(t *testing.T) {
	v := on(t, "old")
	v.fails(t, []string{"--verify=require", "NVIDIA"}, "--base", v.base(python), "--torch=2.14.0", "--verify=require")
}

func TestInterrupted(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			c, _, stderr := v.start(context.Background(), t, "build", "--progress=plain", "--no-cache", "--base", v.base(python), "--torch=2.14.0", "-t", "e2e-interrupted")
			assert.NilError(t, c.Start())
			time.Sleep(4 * time.Second)
			assert.NilError(t, c.Process.Signal(syscall.SIGINT))
			done := make(chan struct{})
			go func() { _ = c.Wait(); close(done) }()
			select {
			case <-done:
			case <-time.After(30 * time.Second):
				_ = c.Process.Kill()
				t.Fatal("still running 30 s after Ctrl-C")
			}
			assert.Equal(t, c.ProcessState.ExitCode(), 130, stderr.String())
			assert.Equal(t, v.cmd(t, "docker", "images", "-q", "e2e-interrupted"), "")
			assert.Equal(t, v.cmd(t, "docker", "ps", "-aq", "--filter", "label=io.github.dockergpu.worker"), "")
		})
	}
}
