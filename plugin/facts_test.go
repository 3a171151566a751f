package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// engineAt is a stand-in for an engine that answers a few questions, and its address.
func engineAt(t *testing.T, network string, answers map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // a socket's path must be short
	assert.NilError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := map[string]string{"unix": filepath.Join(dir, "s"), "tcp": "127.0.0.1:0"}[network]
	l, err := net.Listen(network, address)
	assert.NilError(t, err)
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if i := strings.IndexByte(path[1:], '/'); strings.HasPrefix(path, "/v1.") && i >= 0 {
			path = path[1+i:]
		}
		w.Header().Set("Api-Version", "1.47")
		answer, ok := answers[path]
		switch {
		case path == "/_ping":
		case answer == "hang":
			<-r.Context().Done()
		case !ok:
			http.Error(w, `{"message":"no such thing"}`, http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, answer)
		}
	})}}
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return network + "://" + l.Addr().String()
}

// small are the answers of an engine with nothing special.
func small() map[string]string {
	return map[string]string{
		"/info":            `{"ID":"a","ServerVersion":"29.7.2","OperatingSystem":"Debian","DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=0"},{"Source":"cdi","ID":"nvidia.com/gpu=all"}]}`,
		"/version":         `{"Version":"29.7.2","ApiVersion":"1.55","Arch":"arm64"}`,
		"/containers/json": `[]`,
	}
}

// gathering is a gatherer whose CLI has the contexts given, on a made-up machine.
func gathering(t *testing.T, contexts map[string]string, local func(context.Context, probe.Options) host.Host) *gatherer {
	t.Helper()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT"} {
		t.Setenv(name, "")
	}
	s := newScreen(t, false, "")
	assert.NilError(t, s.cli.Initialize(cliflags.NewClientOptions()))
	for name, address := range contexts {
		assert.NilError(t, s.cli.ContextStore().CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{dockercontext.DockerEndpoint: dockercontext.EndpointMeta{Host: address}}}))
	}
	return &gatherer{cli: s.cli, err: s.err, local: local, client: func(context.Context) string { return "29.8.2" }, patience: 2 * time.Second, instead: "--engine-only asks the engine alone",
		remote: func(context.Context, *engine.Engine, func()) (host.Host, error) {
			t.Error("a machine elsewhere was looked at")
			return host.Host{}, nil
		}}
}

// there is the look at a machine elsewhere.
func there(_ context.Context, _ *engine.Engine, starting func()) (host.Host, error) {
	starting()
	return host.Host{Name: "far", Arch: "arm64", Kernel: host.Kernel{Release: "6.12"}, GPUs: []host.GPU{{Name: "NVIDIA GB200"}},
		Engine: host.Engine{PID: 9, Config: "{}", ConfigFile: "/etc/docker/daemon.json", Version: "of a file"}, Unread: map[string]string{"klog": "no permission"}}, nil
}

func here(_ context.Context, o probe.Options) host.Host {
	return host.Host{Name: o.Endpoint, Arch: "amd64", Kernel: host.Kernel{Release: "6.8"}, GPUs: []host.GPU{{Name: "NVIDIA H200"}},
		Engine: host.Engine{PID: 7, Path: "/bin", Config: "{}", ConfigFile: "/etc/docker/daemon.json", Version: "of a file"}, Unread: map[string]string{"klog": "no permission"}}
}

func TestFactsOfThisMachine(t *testing.T) {
	address := engineAt(t, "unix", small())
	g := gathering(t, map[string]string{"mine": address}, here)
	h, err := g.facts(t.Context(), "mine")
	assert.NilError(t, err)
	assert.Equal(t, h.Name, address, "the prober is told which engine is meant")
	assert.Assert(t, h.Local)
	assert.Equal(t, h.Context, "mine")
	assert.Equal(t, h.Arch, "amd64")
	assert.Equal(t, len(h.GPUs), 1)
	// What the engine says comes before what its files say; its process only they know.
	assert.Equal(t, h.Engine.Version, "29.7.2")
	assert.Equal(t, h.Engine.PID, 7)
	assert.Equal(t, h.Engine.Config, "{}")
	assert.Equal(t, h.Engine.Client, "29.8.2")
	assert.DeepEqual(t, h.Unread, map[string]string{"klog": "no permission"})
}

// This machine's GPU is never reported as the server's.
func notHere(t *testing.T) func(context.Context, probe.Options) host.Host {
	return func(context.Context, probe.Options) host.Host {
		t.Error("this machine was looked at")
		return host.Host{}
	}
}

func TestFactsOfAnotherMachine(t *testing.T) {
	g := gathering(t, map[string]string{"far": engineAt(t, "tcp", small())}, notHere(t))
	g.remote = there
	said := overhear(g)
	h, err := g.facts(t.Context(), "far")
	assert.NilError(t, err)
	assert.Assert(t, !h.Local && len(h.GPUs) == 1)
	assert.Equal(t, h.Name+" "+h.Arch+" "+h.Kernel.Release+" "+h.Context, "far arm64 6.12 far")
	assert.Equal(t, h.Engine.Version, "29.7.2")
	assert.Equal(t, h.Engine.PID, 9)
	assert.Equal(t, h.Engine.Config, "{}")
	assert.DeepEqual(t, h.Unread, map[string]string{"klog": "no permission"})
	assert.Equal(t, said.String(), "Looking at the machine behind context \"far\" by a container with its files mounted read-only; --engine-only asks the engine alone.\n")
}

// overhear takes what a gatherer says.
func overhear(g *gatherer) *bytes.Buffer {
	var b bytes.Buffer
	g.err = &b
	return &b
}

func TestFactsOfAnotherEngineAlone(t *testing.T) {
	g := gathering(t, map[string]string{"far": engineAt(t, "tcp", small())}, notHere(t))
	g.engineOnly = true
	said := overhear(g)
	h, err := g.facts(t.Context(), "far")
	assert.NilError(t, err)
	assert.Assert(t, !h.Local && len(h.GPUs) == 0)
	assert.Equal(t, h.Arch, "arm64")
	assert.DeepEqual(t, h.Engine.CDIDevices, []string{"nvidia.com/gpu=0", "nvidia.com/gpu=all"})
	for _, fact := range machineFacts() {
		assert.Equal(t, h.Unread[fact], `the machine behind context "far" was not looked at, only its engine was asked`)
	}
	assert.Equal(t, h.Unread["engine"], "")
	assert.Equal(t, said.String(), "")
}

// A container that cannot be run costs the facts that it would have brought.
func TestFactsOfAMachineThatIsShut(t *testing.T) {
	g := gathering(t, map[string]string{"far": engineAt(t, "tcp", small())}, notHere(t))
	g.remote = func(_ context.Context, _ *engine.Engine, starting func()) (host.Host, error) {
		return host.Host{GPUs: []host.GPU{{Name: "NVIDIA H200"}}}, errors.New("Mounts \x1b[1mdenied")
	}
	h, err := g.facts(t.Context(), "far")
	assert.NilError(t, err)
	assert.Equal(t, h.Unread["local"], `the machine behind context "far" could not be looked at: Mounts [1mdenied`)
	assert.Equal(t, h.Unread["nvml"], "", "its GPUs told all the same")
	assert.Equal(t, len(h.GPUs), 1)
	assert.Equal(t, h.Engine.Version, "29.7.2")
}

// Where no engine answers, nobody waits for a container.
func TestFactsOfADeadEngine(t *testing.T) {
	g := gathering(t, map[string]string{"dead": "tcp://127.0.0.1:1"}, notHere(t))
	g.remote = func(ctx context.Context, _ *engine.Engine, _ func()) (host.Host, error) {
		<-ctx.Done()
		return host.Host{}, ctx.Err()
	}
	begun := time.Now()
	h, err := g.facts(t.Context(), "dead")
	assert.NilError(t, err)
	assert.Assert(t, time.Since(begun) < 10*time.Second)
	assert.Assert(t, strings.HasPrefix(h.Unread["engine"], "the engine does not answer: "), h.Unread["engine"])
}

// What was started elsewhere is removed before facts come back, if that takes no time.
func TestFactsWaitForTheRemoval(t *testing.T) {
	address := engineAt(t, "tcp", small())
	for name, c := range map[string]struct {
		stop  func(context.Context) (context.Context, context.CancelFunc)
		takes time.Duration
		done  bool
	}{
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }, 300 * time.Millisecond, true},
		"late": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, removal+1200*time.Millisecond)
		}, 300 * time.Millisecond, true},
		"never": {func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }, time.Hour, false},
		"no time for anything": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := gathering(t, map[string]string{"far": address}, notHere(t))
			ctx, cancel := c.stop(t.Context())
			defer cancel()
			removed := make(chan struct{})
			g.remote = func(ctx context.Context, _ *engine.Engine, _ func()) (host.Host, error) {
				if name == "cancelled" || name == "never" {
					cancel()
				}
				<-ctx.Done()
				select {
				case <-time.After(c.takes):
					close(removed)
				case <-t.Context().Done():
				}
				return host.Host{}, errors.New("no answer in time")
			}
			begun := time.Now()
			h, err := g.facts(ctx, "far")
			assert.Assert(t, time.Since(begun) < removal+15*time.Second)
			select {
			case <-removed:
				assert.Assert(t, c.done)
			default:
				assert.Assert(t, !c.done)
			}
			if strings.HasPrefix(name, "c") || name == "never" {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, h.Unread["local"], `the machine behind context "far" could not be looked at: no answer in time`)
			assert.Equal(t, h.Engine.Version, "29.7.2", "the engine told in time")
		})
	}
}

func TestFactsOfDockerDesktop(t *testing.T) {
	answers := small()
	answers["/info"] = `{"ID":"a","ServerVersion":"29.7.2","OperatingSystem":"Docker Desktop"}`
	g := gathering(t, map[string]string{"desktop-linux": engineAt(t, "unix", answers)}, here)
	h, err := g.facts(t.Context(), "desktop-linux")
	assert.NilError(t, err)
	assert.Assert(t, !h.Local, "its engine runs in a virtual machine")
	assert.Equal(t, h.Engine.Kind, "desktop")
	assert.Equal(t, h.Kernel.Release, "6.8", "what is here is told, for the advice")
}

func TestFactsWithoutAnEngine(t *testing.T) {
	g := gathering(t, map[string]string{"gone": "unix:///no/such.sock", "dead": "tcp://127.0.0.1:1"}, here)
	g.remote = func(context.Context, *engine.Engine, func()) (host.Host, error) {
		return host.Host{}, errors.New("no answer")
	}
	h, err := g.facts(t.Context(), "gone")
	assert.NilError(t, err)
	assert.Assert(t, h.Local && h.Engine.Version == "" && h.Engine.Error != "")
	assert.Equal(t, h.Unread["engine"], "", "what is not there did not go unread")
	h, err = g.facts(t.Context(), "dead")
	assert.NilError(t, err)
	assert.Assert(t, strings.HasPrefix(h.Unread["engine"], "the engine does not answer: "), h.Unread["engine"])
	_, err = g.facts(t.Context(), "nosuch")
	assert.Error(t, err, `there is no Docker context "nosuch"; the contexts are dead, default, gone`)
}

// Neither an engine nor a machine that hangs can hang us.
func TestFactsComeBack(t *testing.T) {
	answers := small()
	answers["/info"] = "hang"
	released := make(chan struct{})
	defer close(released)
	g := gathering(t, map[string]string{"mine": engineAt(t, "unix", answers)}, func(context.Context, probe.Options) host.Host {
		<-released
		return host.Host{}
	})
	g.patience = 300 * time.Millisecond
	begun := time.Now()
	h, err := g.facts(t.Context(), "mine")
	assert.NilError(t, err)
	assert.Assert(t, time.Since(begun) < 20*time.Second)
	assert.Equal(t, h.Engine.Version, "29.7.2")
	assert.Equal(t, h.Engine.Error, "the engine did not answer in time")
	assert.Equal(t, h.Unread["nvml"], "this machine did not answer within 300ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.facts(ctx, "mine")
	assert.ErrorIs(t, err, context.Canceled)
}

// One line for each, whole, however many there are.
func TestManyMachinesElsewhere(t *testing.T) {
	contexts := map[string]string{}
	address := engineAt(t, "tcp", small())
	for i := range 20 {
		contexts[fmt.Sprintf("far%02d", i)] = address
	}
	g := gathering(t, contexts, notHere(t))
	g.remote = there
	said := overhear(g)
	var all sync.WaitGroup
	for name := range contexts {
		all.Go(func() {
			_, err := g.facts(t.Context(), name)
			assert.Check(t, err)
		})
	}
	all.Wait()
	lines := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
	assert.Equal(t, len(lines), 20)
	for _, l := range lines {
		assert.Assert(t, strings.HasPrefix(l, `Looking at the machine behind context "far`) && strings.HasSuffix(l, "."), l)
	}
}

func TestSkippedContainersAreTold(t *testing.T) {
	h := merge(machineAnswer{}, host.Engine{Version: "29.7.2", Skipped: 12}, "default", true)
	assert.Equal(t, h.Unread["containers"], "12 containers were not looked at: it would have taken too long")
}

func TestImagesOfAnEngine(t *testing.T) {
	answers := small()
	answers["/images/torch:1/json"] = `{"Id":"sha256:a","Os":"linux","Architecture":"amd64","Config":{"Env":["CUDA_VERSION=13.0.1"],"Labels":{"a":"b"}}}`
	g := gathering(t, map[string]string{"mine": engineAt(t, "unix", answers)}, here)
	img, err := g.image(t.Context(), "mine", "torch:1")
	assert.NilError(t, err)
	assert.Equal(t, img.Architecture, "amd64")
	assert.DeepEqual(t, img.Env, []string{"CUDA_VERSION=13.0.1"})
	assert.DeepEqual(t, img.Labels, map[string]string{"a": "b"})
	_, err = g.image(t.Context(), "mine", "nosuch:1")
	assert.Error(t, err, "the engine has no image nosuch:1; get it with `docker pull nosuch:1`")
}
