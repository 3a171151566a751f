//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/verify"
	dockerapi "github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/test/relay"
)

// climbed is what `docker gpu smoke --format json` prints, all of it.
type climbed struct {
	verify.SmokeReport
	Findings []doctor.Finding `json:"findings"`
}

func (c climbed) rung(t *testing.T, name string) verify.Rung {
	t.Helper()
	i := slices.IndexFunc(c.Rungs, func(r verify.Rung) bool { return r.Name == name })
	assert.Assert(t, i >= 0, name)
	return c.Rungs[i]
}

// routes are those that were tried, each with the way that the engine went.
func (c climbed) routes() (tried []string) {
	for _, r := range c.Routes {
		tried = append(tried, r.Route+" "+r.By)
	}
	return tried
}

// smoke climbs, and sees to it that nothing is left over.
func (v variant) smoke(t *testing.T, args ...string) (climbed, result) {
	t.Helper()
	before := v.left(t)
	r := v.gpu(t, append([]string{"smoke", "--format=json"}, args...)...)
	assert.Equal(t, v.left(t), before)
	var c climbed
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	assert.NilError(t, d.Decode(&c), r.stderr)
	assert.Equal(t, c.SchemaVersion, 1)
	assert.Equal(t, c.OK, r.code == 0)
	assert.Equal(t, c.Broken == "", c.OK)
	return c, r
}

const (
	noLibrary = "libcuda.so.1 cannot be loaded, so this place was given no NVIDIA driver"
	noDevice  = `could not select device driver "" with capabilities: [[gpu]]`
)

func TestSmokeWithoutAGPU(t *testing.T) {
	for _, c := range []struct {
		name   string
		routes []string // the way is not known of a worker that ended before it
		why    string
	}{
		{"containerd", []string{"gpus cdi", "cdi cdi"}, noLibrary},
		{"graphdriver", []string{"gpus cdi", "cdi cdi"}, noLibrary},
		{"old", []string{"gpus "}, noDevice},
	} {
		for place, reach := range map[string]func(testing.TB, string) variant{"here": on, "far": far} {
			t.Run(c.name+"/"+place, func(t *testing.T) {
				v := reach(t, c.name)
				report, r := v.smoke(t)
				assert.Equal(t, r.code, 1, r.stderr)
				assert.Equal(t, r.stderr, map[string]string{"far": "Looking at the machine behind context \"far\" by a container with its files mounted read-only; the GPUs are then tried in containers of their own.\n"}[place])
				assert.Equal(t, report.Broken, "host")
				assert.Equal(t, report.Layer, "NVIDIA driver")
				assert.Assert(t, is.Contains(report.rung(t, "host").Detail, "no NVIDIA driver is loaded"))
				assert.DeepEqual(t, report.routes(), c.routes)
				assert.Assert(t, is.Contains(report.rung(t, "gpus").Detail, c.why))
				assert.Equal(t, report.rung(t, "cdi").Skipped == "", len(c.routes) > 1)
				assert.Equal(t, report.rung(t, "runtime").Skipped, "this engine does not offer it")
				assert.Equal(t, report.rung(t, "init").Skipped, "no container came this far")

				r = v.gpu(t, "smoke")
				assert.Equal(t, r.code, 1)
				assert.Assert(t, is.Contains(r.stdout, "\nFAILED the host sees its GPUs: no NVIDIA driver is loaded"))
				assert.Assert(t, is.Contains(r.stdout, "\nFAILED --gpus all brings the driver into a container: "+c.why))
				assert.Assert(t, is.Contains(r.stdout, "\nThe first rung that breaks is \"the host sees its GPUs\"; look at: NVIDIA driver."))
			})
		}
	}
}

// An engine that has the worker's image is not given it again.
func TestSmokeLoadsItsImageOnce(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		t.Run(name, func(t *testing.T) {
			v := far(t, name)
			images := func() string {
				all := strings.Split(v.cmd(t, "docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "docker-gpu-worker"), "\n")
				slices.Sort(all)
				return strings.Join(all, "\n")
			}
			v.smoke(t)
			assert.Assert(t, images() != "")
			since := time.Now()
			had := images()
			v.smoke(t)
			assert.Equal(t, images(), had)
			events := v.cmd(t, "docker", "events", "--since", since.Format(time.RFC3339Nano), "--until", time.Now().Format(time.RFC3339Nano), "--filter", "type=image", "--format", "{{.Action}} {{.Actor.Attributes.name}}")
			assert.Assert(t, !strings.Contains(events, "load"), events)
		})
	}
}

func TestSmokeInAnImage(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			debian, musl := v.base("debian:bookworm"), v.base("musl")
			report, r := v.smoke(t, "--image", debian)
			assert.Equal(t, r.code, 1)
			want, smi := noLibrary, `exec: "nvidia-smi": executable file not found in $PATH`
			if name == "old" {
				want, smi = noDevice, noDevice // nothing is started
			}
			assert.Assert(t, is.Contains(report.rung(t, "gpus").Detail, want))
			assert.Assert(t, strings.HasPrefix(report.rung(t, verify.SMI).Detail, smi), report.rung(t, verify.SMI).Detail)
			// It is here now.
			_, r = v.smoke(t, "--image", debian, "--pull=never")
			assert.Equal(t, r.stderr, "")
			_, r = v.smoke(t, "--image", debian, "--pull=always")
			assert.Assert(t, is.Contains(r.stderr, "Pulling from debian"))

			report, _ = v.smoke(t, "--image", musl)
			if name != "old" {
				assert.Assert(t, is.Contains(report.rung(t, "gpus").Detail, "exec /.docker-gpu/gpu-worker: no such file or directory; does the image have a GNU C library"))
			}
		})
	}
}

func TestSmokeInAnImageThatIsNot(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		v := on(t, name)
		before := v.left(t)
		for _, c := range []struct {
			args []string
			code int
			says []string
		}{
			{[]string{"--image", v.base("none:1"), "--pull=never"}, 1, []string{"the engine has no image " + v.base("none:1"), "docker pull " + v.base("none:1")}},
			{[]string{"--image", v.base("none:1")}, 1, []string{v.base("none:1") + " cannot be pulled: ", "not found"}},
			{[]string{"--image", "127.0.0.1:1/none"}, 1, []string{"127.0.0.1:1/none:latest cannot be pulled: ", "connection refused"}},
			{[]string{"--image", "UPPER"}, 1, []string{"UPPER", "must be lowercase"}},
			{[]string{"--image", ""}, 125, []string{"--image is empty"}},
			{[]string{"--timeout", "1ms"}, 125, []string{"--timeout 1ms is not between 1s and 1h"}},
		} {
			t.Run(name+" "+strings.Join(c.args, " "), func(t *testing.T) {
				r := v.gpu(t, append([]string{"smoke"}, c.args...)...)
				assert.Equal(t, r.code, c.code, r.stderr)
				assert.Equal(t, r.stdout, "")
				for _, words := range c.says {
					assert.Assert(t, is.Contains(r.stderr, words))
				}
				assert.Equal(t, v.left(t), before)
			})
		}
	}
}

// Every rung holds on every route, with nothing but a stand-in behind it.
func TestSmokeClimbsToTheTop(t *testing.T) {
	for name, routes := range map[string][]string{
		"containerd":  {"gpus cdi", "cdi cdi", "runtime runtime"},
		"graphdriver": {"gpus cdi", "cdi cdi", "runtime runtime"},
		"old":         {"gpus hook", "runtime runtime"},
	} {
		t.Run(name, func(t *testing.T) {
			v, s := withGPUs(t, name, 2)
			// Two at once on an engine that has no image of ours yet do not see each other.
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					r := v.gpu(t, "smoke")
					assert.Check(t, is.Equal(r.code, 0), r.stdout+r.stderr)
					assert.Check(t, is.Contains(r.stdout, "GPUs work in containers: "))
				})
			}
			both.Wait()
			assert.Equal(t, v.left(t), "")
			for _, args := range [][]string{nil, {"--image", v.base("debian:bookworm")}} {
				report, r := v.smoke(t, args...)
				assert.Equal(t, r.code, 0, r.stdout+r.stderr)
				assert.DeepEqual(t, report.routes(), routes)
				assert.DeepEqual(t, report.Outside, uuids)
				for _, taken := range report.Routes {
					assert.DeepEqual(t, taken.Inside, uuids)
				}
				for _, rung := range report.Rungs {
					left := map[string]string{"reload": "not asked for", "cdi": "this engine does not offer it"}[rung.Name]
					assert.Assert(t, rung.OK || left != "" && rung.Skipped == left, "%s: %s%s", rung.Name, rung.Detail, rung.Skipped)
				}
				assert.Equal(t, len(report.Findings), 0)
			}
			if name == "containerd" {
				s.faults(t, v)
				s.interrupted(t, v)
				s.cut(t, v)
				s.reloaded(t, on(t, name))
			}
		})
	}
}

// faults break one rung each, by what the stand-in is compiled with.
func (s *standIn) faults(t *testing.T, v variant) {
	for name, c := range map[string]struct {
		fault  string
		args   []string
		broken string
		says   string
	}{
		"cuInit fails":          {"AT_INIT=return 999;", nil, "init", "cuInit: CUDA_ERROR_UNKNOWN (999): unknown error"},
		"one GPU fewer inside":  {"GPUS=1", nil, "uuids", "a container lacks " + uuids[1]},
		"a GPU of nobody's":     {"GPUS=3", nil, "uuids", "which the host does not show"},
		"no memory":             {"AT_ALLOC=return 2;", nil, "memory", "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory"},
		"memory forgets":        {"AT_DOWNLOAD=if (bytes == 262144) host[12] ^= 1;", nil, "memory", "word 3 of 65536 copied to the device and back"},
		"a bit flips":           {"AT_DOWNLOAD=if (bytes == 8388608) host[80] ^= 1;", nil, "kernel", "element 10 of 1048576 that the device wrote"},
		"the kernel crashes":    {"AT_LAUNCH=abort();", nil, "kernel", "the worker ended with exit code 2 and without a verdict: SIGABRT: abort"},
		"the driver crashes":    {"AT_CONTEXT=*(volatile int *)0 = 1;", nil, "context", "without a verdict: SIGSEGV"},
		"the context hangs":     {"AT_CONTEXT=pause();", []string{"--timeout=4s"}, "context", "the container did not end within 4 s"},
		"a second is too short": {"AT_INIT=sleep(5);", []string{"--timeout=1s"}, "init", "the container did not end within 1 s"},
		"a wrong bf16 product":  {`AT_PRODUCT=if (!strcmp(entry, "gemm_bf16")) c[n + 2] += 1;`, nil, "bf16", "1 of 262144 elements of a product in bf16 are wrong, the first at row 1, column 2"},
		"no peer access":        {"AT_PEER=return 999;", nil, "peers", "cuCtxEnablePeerAccess: CUDA_ERROR_UNKNOWN (999)"},
	} {
		t.Run(name, func(t *testing.T) {
			s.compile(t, c.fault)
			report, r := v.smoke(t, c.args...)
			assert.Equal(t, r.code, 1)
			assert.Equal(t, report.Broken, c.broken, report.Why())
			assert.Assert(t, is.Contains(report.Why(), c.says))
			assert.Equal(t, report.rung(t, "host").OK, true)
		})
	}
}

// interrupted in the middle, it is gone at once and leaves nothing.
func (s *standIn) interrupted(t *testing.T, v variant) {
	s.compile(t, "AT_CONTEXT=pause();")
	for _, args := range [][]string{nil, {"--image", v.base("debian:bookworm")}} {
		c, stdout, _ := v.start(t.Context(), t, append([]string{"smoke"}, args...)...)
		assert.NilError(t, c.Start())
		s.running(t, v)
		assert.NilError(t, c.Process.Signal(os.Interrupt))
		begun := time.Now()
		_ = c.Wait()
		assert.Assert(t, time.Since(begun) < 10*time.Second)
		assert.Equal(t, c.ProcessState.ExitCode(), 130)
		assert.Equal(t, stdout.String(), "")
		assert.Equal(t, v.left(t), "")
	}
}

// running waits until all routes have their containers.
func (s *standIn) running(t *testing.T, v variant) {
	t.Helper()
	for range 200 {
		if strings.Count(v.cmd(t, "docker", "ps", "--format", "{{.Command}}", "--no-trunc"), "gpu-worker smoke") == 3 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the containers do not run")
}

// cut off from the engine in the middle, it says so; where the engine comes back, nothing
// is left there.
func (s *standIn) cut(t *testing.T, v variant) {
	s.compile(t, "AT_CONTEXT=pause();")
	for _, forGood := range []bool{false, true} {
		r := relay.New(t, on(t, "containerd").socket())
		c, _, _ := v.start(t.Context(), t, "--host", r.Address, "smoke")
		var stdout, stderr bytes.Buffer
		c.Stdout, c.Stderr = &stdout, &stderr
		assert.NilError(t, c.Start())
		s.running(t, v)
		if forGood {
			r.Close()
		} else {
			r.Cut()
		}
		begun := time.Now()
		_ = c.Wait()
		assert.Assert(t, time.Since(begun) < 10*time.Second)
		assert.Equal(t, c.ProcessState.ExitCode(), 1, stderr.String())
		assert.Assert(t, strings.HasPrefix(stdout.String(), "FAILED the engine answers: the engine broke off while a container ran: "), stdout.String())
		assert.Assert(t, is.Contains(stdout.String(), "note   containers may be left there; "))
		assert.Assert(t, is.Contains(stdout.String(), "look at: Docker Engine.\n"))
		if forGood {
			// As the note says, once they have ended. What was asked before the cut is still done.
			v.cmd(t, "sh", "-c", "docker ps -q | xargs -r docker kill || true")
			v.cmd(t, "docker", "container", "prune", "-f", "--filter", "label="+dockerapi.Label)
		}
		for range 50 {
			if v.left(t) == "" {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, v.left(t), "")
	}
}

// reloaded by a program in systemctl's place, a container keeps its driver or loses it. The
// engine has to be on this machine, whose own driver is missed.
func (s *standIn) reloaded(t *testing.T, v variant) {
	for name, c := range map[string]struct {
		does   string
		ok     bool
		detail string
	}{
		"kept":       {"exit 0", true, ""},
		"lost":       {": >" + s.library, false, "after the reload libcuda.so.1 cannot be loaded, so this place was given no NVIDIA driver: "},
		"no systemd": {"exit 1", false, "systemctl daemon-reload: exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s.compile(t)
			assert.NilError(t, os.WriteFile(filepath.Join(filepath.Dir(s.library), "systemctl"), []byte("#!/bin/sh\n[ \"$*\" = daemon-reload ] || exit 2\n"+c.does+"\n"), 0o755))
			report, r := v.smoke(t, "--reload")
			assert.Equal(t, r.code, 1, "no driver is here")
			assert.Equal(t, report.Broken, "host")
			assert.Equal(t, report.rung(t, "uuids").Skipped, "the host's own tools show no GPU")
			assert.Equal(t, report.rung(t, "peers").OK, true)
			got := report.rung(t, "reload")
			assert.Equal(t, got.OK, c.ok)
			assert.Assert(t, strings.HasPrefix(got.Detail+got.Skipped, c.detail), got)
		})
	}
}
