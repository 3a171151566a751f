//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/client"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/hostsetup/probe/remote"
	dockerapi "github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/test/relay"
)

// far is a variant as it is seen from another machine: by TCP, of which nobody knows where
// it ends.
func far(t testing.TB, name string) variant {
	t.Helper()
	v := on(t, name)
	v.env = append(v.env, "DOCKER_CONTEXT=far")
	v.cmd(t, "docker", "context", "create", "far", "--docker", "host="+relay.Listen(t, v.socket()))
	v.env = append(v.env, "DOCKER_HOST=") // which is stronger than a context
	return v
}

func (v variant) socket() string { return strings.TrimPrefix(v.get("DOCKER_HOST"), "unix://") }

// gpu runs docker-gpu to its end, whatever that is.
func (v variant) gpu(t testing.TB, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, stdout, stderr := v.start(ctx, t, args...)
	_ = c.Run()
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// left are what a look at a machine must not leave: containers and volumes.
func (v variant) left(t testing.TB) string {
	t.Helper()
	return v.cmd(t, "docker", "ps", "-aq", "--filter", "label="+dockerapi.Label) + v.cmd(t, "docker", "volume", "ls", "-q")
}

func (v variant) record(t testing.TB, args ...string) (host.Host, string) {
	t.Helper()
	r := v.gpu(t, append([]string{"doctor", "--record", "-", "--no-redact"}, args...)...)
	h, err := probe.Replay(strings.NewReader(r.stdout))
	assert.NilError(t, err, r.stderr)
	return h, r.stderr
}

const announced = `Looking at the machine behind context "far" by a container with its files mounted read-only; --engine-only asks the engine alone.` + "\n"

// Here both sides are one machine, so what is seen through containers must be what is seen
// without, but for what takes rights that a container has not.
func TestRemoteFacts(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		t.Run(name, func(t *testing.T) {
			v, here := far(t, name), on(t, name)
			before := v.left(t)
			var got, want host.Host
			for range 3 { // who else works on this machine may change it between the two
				var said string
				want, said = here.record(t)
				assert.Equal(t, said, "")
				got, said = v.record(t)
				assert.Equal(t, said, announced)
				alike(t, &got, &want)
				if is.DeepEqual(got, want)().Success() {
					break
				}
			}
			assert.DeepEqual(t, got, want)
			assert.Equal(t, v.left(t), before)
		})
	}
}

// alike takes out what may differ, and looks at that.
func alike(t *testing.T, got, want *host.Host) {
	t.Helper()
	assert.Assert(t, want.Local && !got.Local)
	assert.Equal(t, got.Context, "far")
	for _, source := range []string{"dockerd", "klog"} {
		assert.Assert(t, is.Contains(got.Unread[source], "a container without privileges may not"))
		delete(got.Unread, source)
	}
	assert.Equal(t, len(got.Unread), 0, "%v", got.Unread)
	// PATH is in dockerd's environment, which leads to the toolkit and to dockerd itself.
	assert.Assert(t, want.Engine.Path != "" && got.Engine.Path == "")
	assert.Assert(t, got.Engine.PID != 0 && !got.Engine.Started.IsZero())
	for _, h := range []*host.Host{want, got} {
		h.Taken, h.Local, h.Context, h.Unread = time.Time{}, false, "", nil
		h.Name = "" // of this process's hostname, or of the file
		h.Engine.Endpoint, h.Engine.Path, h.Engine.Binary, h.Toolkit = "", "", "", host.Toolkit{}
		h.Kernel.Log, h.Xids = nil, nil
		for i := range h.Disks {
			h.Disks[i].Free = 0
		}
	}
}

func TestRemoteCommands(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		t.Run(name, func(t *testing.T) {
			v := far(t, name)
			before := v.left(t)
			r := v.gpu(t, "doctor", "-v")
			assert.Equal(t, r.code, 0, r.stdout+r.stderr)
			assert.Equal(t, r.stderr, announced)
			assert.Assert(t, is.Contains(r.stdout, "context far, no GPU seen, Docker "))
			assert.Assert(t, !strings.Contains(r.stdout, "was not looked at"), r.stdout)

			r = v.gpu(t, "doctor", "--engine-only")
			assert.Equal(t, r.code, 0, r.stdout+r.stderr)
			assert.Equal(t, r.stderr, "")
			assert.Assert(t, is.Contains(strings.Join(strings.Fields(r.stdout), " "), `the machine behind context "far" was not looked at, only its engine was asked`))

			r = v.gpu(t, "doctor", "--fix", "-y")
			assert.Assert(t, r.code == 0 && !strings.Contains(r.stderr, "+ "), "nothing is mended elsewhere: %s", r.stderr)

			r = v.gpu(t, "ls")
			assert.Equal(t, r.code, 0, r.stderr)
			assert.Assert(t, is.Contains(r.stderr, announced+"No NVIDIA GPU is listed: no NVIDIA driver is loaded."))
			r = v.gpu(t, "ls", "--engine-only")
			assert.Equal(t, r.code, 1)
			assert.Assert(t, is.Contains(r.stderr, "only its engine was asked; run docker gpu ls there"))
			assert.Equal(t, v.left(t), before)
		})
	}
}

// The image that is assembled on the engine's machine is the one that is made there
// without a container, and its worker runs.
func TestRemoteWorkerImage(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "old"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			before := v.left(t)
			for _, image := range strings.Fields(v.cmd(t, "docker", "images", "-q", "--filter", "label="+dockerapi.Label)) {
				v.cmd(t, "docker", "rmi", "-f", image)
			}
			at := func(address string) *dockerapi.Engine {
				api, err := client.New(client.WithHost(address))
				assert.NilError(t, err)
				t.Cleanup(func() { _ = api.Close() })
				return dockerapi.New(api, configfile.New(""))
			}
			elsewhere, here := at(relay.Listen(t, v.socket())), at("unix://"+v.socket())
			starting := 0
			began := time.Now()
			made, err := remote.WorkerImage(t.Context(), elsewhere, func() { starting++ })
			assert.NilError(t, err)
			first := time.Since(began)
			began = time.Now()
			again, err := remote.WorkerImage(t.Context(), elsewhere, func() { starting++ })
			assert.NilError(t, err)
			t.Logf("%s: %v, and %v where it is there already", name, first, time.Since(began))
			assert.Equal(t, again, made)
			assert.Equal(t, starting, 2)
			local, err := remote.WorkerImage(t.Context(), here, func() { t.Error("a container was started for this machine") })
			assert.NilError(t, err)
			assert.Equal(t, local, made)
			version := v.run(t, made, "version")
			assert.Assert(t, version != "")
			assert.Equal(t, v.left(t), before)
		})
	}
}

// With a program in nvidia-smi's place the GPUs elsewhere are seen.
func TestRemoteGPUs(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver"} {
		t.Run(name, func(t *testing.T) {
			v := far(t, name)
			state := filepath.Dir(on(t, name).socket())
			smi(t, filepath.Join(state, "nvidia-smi"), 1)
			spec := filepath.Join(state, "cdi/nvidia.yaml")
			before := read(t, spec)
			t.Cleanup(func() { assert.Check(t, os.WriteFile(spec, []byte(before), 0o644)) })
			assert.NilError(t, os.WriteFile(spec, []byte(before+"  mounts: [{hostPath: "+state+"/nvidia-smi, containerPath: /usr/bin/nvidia-smi, options: [ro, bind]}]\n"), 0o644))
			time.Sleep(time.Second) // the engine watches the folder

			h, _ := v.record(t)
			assert.Assert(t, len(h.GPUs) > 0, "%v", h.Unread)
			assert.Assert(t, is.Contains(h.GPUs[0].Name, "H200"))
			assert.Assert(t, h.Driver.Version != "" && h.Driver.CUDA != "")
			r := v.gpu(t, "ls", "-q")
			assert.Equal(t, r.code, 0, r.stderr)
			assert.Equal(t, strings.Count(r.stdout, "GPU-"), len(h.GPUs))
			assert.Assert(t, is.Contains(v.gpu(t, "doctor").stdout, "NVIDIA H200"))
		})
	}
}

// Whenever it is interrupted, nothing is left there.
func TestRemoteInterrupted(t *testing.T) {
	for _, name := range []string{"containerd", "old"} {
		t.Run(name, func(t *testing.T) {
			v := far(t, name)
			before := v.left(t)
			interrupted := 0
			for after := 20 * time.Millisecond; after < 600*time.Millisecond; after += 40 * time.Millisecond {
				for _, args := range [][]string{{"doctor"}, {"doctor", "--contexts=far"}} {
					c, _, stderr := v.start(t.Context(), t, args...)
					assert.NilError(t, c.Start())
					time.Sleep(after)
					_ = c.Process.Signal(os.Interrupt)
					begun := time.Now()
					_ = c.Wait()
					assert.Assert(t, time.Since(begun) < 10*time.Second)
					switch code := c.ProcessState.ExitCode(); code {
					case 130:
						interrupted++
					case 0: // it was over
					default:
						status := c.ProcessState.Sys().(syscall.WaitStatus)
						assert.Assert(t, status.Signaled(), "after %v: code %d: %s", after, code, stderr) // before it could take signals
					}
					assert.Equal(t, v.left(t), before, "after %v", after)
				}
			}
			assert.Assert(t, interrupted > 3, "%d were interrupted", interrupted)
		})
	}
}

// Many hosts, of which some are dead, are rows of one table.
func TestRemoteContexts(t *testing.T) {
	v := far(t, "containerd")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer silent.Close()
	for context, address := range map[string]string{"silent": "tcp://" + silent.Addr().String(), "refused": "tcp://127.0.0.1:1", "nowhere": "tcp://no-such-host.invalid:2376"} {
		v.cmd(t, "docker", "context", "create", context, "--docker", "host="+address)
	}
	begun := time.Now()
	r := v.gpu(t, "doctor", "--contexts=far,silent,refused,nowhere", "--format=json")
	assert.Assert(t, time.Since(begun) < 12*time.Second)
	assert.Equal(t, r.code, 1)
	assert.Equal(t, r.stderr, announced, "the dead are not looked at")
	var report struct {
		Contexts []struct{ Context, Error string }
	}
	assert.NilError(t, json.Unmarshal([]byte(r.stdout), &report))
	assert.Equal(t, len(report.Contexts), 4)
	for _, c := range report.Contexts {
		assert.Equal(t, c.Error == "", c.Context == "far", "%s: %s", c.Context, c.Error)
	}
}
