package remote

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/engine"
)

// output is what a container of the fake engine does.
type output struct {
	stdout, stderr string
	code           int
	refused        string // the engine's words where it cannot be started
	hangs          bool   // it does not end
}

// fake is an engine that has images and runs containers, as far as this package asks.
// Whether a real one takes what is sent here, the end-to-end tests know.
type fake struct {
	info    string
	network string            // of its address: "unix" if empty
	outputs map[string]output // by the first words of the command, "/gpu-probe facts", "nvidia-smi"
	stuck   bool              // a container that hangs cannot be removed

	mu      sync.Mutex
	images  []string
	loaded  [][]byte
	created []container.CreateRequest
	exists  map[string]bool // containers
	started map[string]chan struct{}
	gone    map[string]chan struct{} // closed when it is removed, or the test ends
	onStart func(command string)
}

const linux = `{"OSType":"linux","Architecture":"x86_64","KernelVersion":"6.8.0-far","DockerRootDir":"/var/lib/docker","ServerVersion":"29.8.0"%s}`

// withGPU are parts of an engine's account of itself.
const withGPU = `,"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}]`

func (f *fake) engine(t *testing.T) *engine.Engine {
	t.Helper()
	if f.info == "" {
		f.info = fmt.Sprintf(linux, "")
	}
	f.exists, f.started, f.gone = map[string]bool{}, map[string]chan struct{}{}, map[string]chan struct{}{}
	address := "127.0.0.1:0"
	if f.network == "" {
		f.network = "unix"
		dir, err := os.MkdirTemp("", "engine") // a socket's path must be short
		assert.NilError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	l, err := net.Listen(f.network, address)
	assert.NilError(t, err)
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: f}}
	srv.Start()
	t.Cleanup(func() {
		f.mu.Lock()
		for id := range f.exists {
			close(f.gone[id])
		}
		f.mu.Unlock()
		srv.CloseClientConnections()
		srv.Close()
	})
	api, err := client.New(client.WithHost(f.network+"://"+l.Addr().String()), client.WithAPIVersion("1.47"))
	assert.NilError(t, err)
	t.Cleanup(func() { _ = api.Close() })
	return engine.New(api, &configfile.ConfigFile{})
}

// left are the containers that nobody removed.
func (f *fake) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.exists)
}

// commands are those of all containers, in the order in which they were made.
func (f *fake) commands() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.created {
		all = append(all, strings.Join(append(slices.Clone(c.Entrypoint), c.Cmd...), " "))
	}
	return all
}

func (f *fake) output(id string) (string, output) {
	var n int
	_, _ = fmt.Sscanf(id, "c%d", &n)
	command := f.commands()[n]
	for words, o := range f.outputs {
		if strings.HasPrefix(command, words) {
			return command, o
		}
	}
	return command, output{refused: "exec: no such program"}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1.47")
	w.Header().Set("Content-Type", "application/json")
	part := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/info":
		_, _ = io.WriteString(w, f.info)
	case path == "/images/json":
		f.mu.Lock()
		defer f.mu.Unlock()
		_ = json.NewEncoder(w).Encode([]map[string]any{{"RepoTags": f.images}})
	case path == "/images/load":
		data, _ := io.ReadAll(r.Body)
		f.load(data)
		_, _ = io.WriteString(w, `{"stream":"Loaded"}`)
	case part[0] == "images":
		f.mu.Lock()
		defer f.mu.Unlock()
		if !slices.Contains(f.images, part[1]) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"No such image"}`)
			return
		}
		_, _ = io.WriteString(w, `{"Id":"sha256:a"}`)
	case path == "/containers/create":
		f.create(w, r)
	case part[0] == "containers":
		f.container(w, r, part)
	default:
		http.Error(w, `{"message":"page not found"}`, http.StatusNotFound)
	}
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var c container.CreateRequest
	_ = json.NewDecoder(r.Body).Decode(&c)
	if !slices.Contains(f.images, c.Image) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, `{"message":"No such image: %s"}`, c.Image)
		return
	}
	id := fmt.Sprintf("c%d", len(f.created))
	f.created, f.exists[id], f.started[id], f.gone[id] = append(f.created, c), true, make(chan struct{}), make(chan struct{})
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"Id":%q}`, id)
}

func (f *fake) container(w http.ResponseWriter, r *http.Request, part []string) {
	id := part[1]
	command, o := f.output(id)
	f.mu.Lock()
	started, gone := f.started[id], f.gone[id]
	f.mu.Unlock()
	switch {
	case r.Method == http.MethodDelete:
		if f.stuck && o.hangs {
			select { // until the client goes away
			case <-r.Context().Done():
			case <-gone:
			}
			return
		}
		f.mu.Lock()
		delete(f.exists, id)
		f.mu.Unlock()
		close(gone)
		w.WriteHeader(http.StatusNoContent)
	case part[2] == "start":
		if o.refused != "" {
			w.WriteHeader(http.StatusInternalServerError)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": o.refused})
			return
		}
		close(started)
		w.WriteHeader(http.StatusNoContent)
		w.(http.Flusher).Flush()
		if f.onStart != nil {
			f.onStart(command)
		}
	case part[2] == "wait":
		w.(http.Flusher).Flush()
		if o.hangs {
			started = nil
		}
		select {
		case <-started:
			_, _ = fmt.Fprintf(w, `{"StatusCode":%d}`, o.code)
		case <-gone:
		case <-r.Context().Done():
		}
	case part[2] == "attach":
		_, _ = io.Copy(io.Discard, r.Body)
		f.attach(w, started, gone, o)
	}
}

// attach hands both streams over one connection, in frames, as an engine does.
func (f *fake) attach(w http.ResponseWriter, started, gone <-chan struct{}, o output) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	if o.hangs {
		started = nil
	}
	select {
	case <-started:
	case <-gone:
		return
	}
	for stream, text := range []string{1: o.stdout, 2: o.stderr} {
		if text != "" {
			head := make([]byte, 8)
			head[0] = byte(stream)
			binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
			_, _ = conn.Write(append(head, text...))
		}
	}
}
