package plugin

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
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
	return &gatherer{cli: s.cli, local: local, client: func(context.Context) string { return "29.8.2" }, patience: 2 * time.Second}
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
func TestFactsOfAnotherMachine(t *testing.T) {
	g := gathering(t, map[string]string{"far": engineAt(t, "tcp", small())}, func(context.Context, probe.Options) host.Host {
		t.Error("this machine was looked at")
		return host.Host{}
	})
	h, err := g.facts(t.Context(), "far")
	assert.NilError(t, err)
	assert.Assert(t, !h.Local && len(h.GPUs) == 0)
	assert.Equal(t, h.Arch, "arm64")
	assert.DeepEqual(t, h.Engine.CDIDevices, []string{"nvidia.com/gpu=0", "nvidia.com/gpu=all"})
	for _, fact := range machineFacts() {
		assert.Equal(t, h.Unread[fact], `the machine behind context "far" was not looked at, only its engine was asked`)
	}
	assert.Equal(t, h.Unread["engine"], "")
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
	h, err := g.facts(t.Context(), "gone")
	assert.NilError(t, err)
	assert.Assert(t, h.Local && h.Engine.Version == "" && h.Engine.Error != "")
	assert.Equal(t, h.Unread["engine"], "", "what is not there did not go unread")
	h, err = g.facts(t.Context(), "dead")
	assert.NilError(t, err)
	assert.Assert(t, strings.HasPrefix(h.Unread["engine"], "the engine does not answer: "), h.Unread["engine"])
	_, err = g.facts(t.Context(), "nosuch")
	assert.Error(t, err, `there is no Docker context "nosuch"; there are dead, default, gone`)
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
