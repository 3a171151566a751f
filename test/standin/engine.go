// Package standin is an engine for tests of what is sent to one: it has images and runs
// containers that say what they are told to. Whether a real engine takes what is sent here,
// the end-to-end tests know.
package standin

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
)

// Output is what a container does.
type Output struct {
	Stdout, Stderr string
	Code           int
	Takes          time.Duration // from its start to its end
	Refused        string        // the engine's words where it cannot be started
	Hangs          bool          // it does not end
}

// Engine is the engine; its fields are set before it listens.
type Engine struct {
	Info    string            // its account of itself, in JSON
	Outputs map[string]Output // by the first words of a container's command
	Has     []string          // images from the start
	Stuck   bool              // a container that hangs cannot be removed
	OnStart func(command string)

	mu      sync.Mutex
	images  []string
	loaded  [][]byte
	created []container.CreateRequest
	exists  map[string]bool // containers
	started map[string]chan struct{}
	gone    map[string]chan struct{} // closed when it is removed, or the test ends
}

// Linux is an account of an engine on another machine; %s takes more members.
const Linux = `{"OSType":"linux","Architecture":"x86_64","KernelVersion":"6.8.0-far","DockerRootDir":"/var/lib/docker","ServerVersion":"29.8.0"%s}`

// Listen starts the engine, which ends with the test, and returns its address.
func (f *Engine) Listen(t testing.TB, network string) string {
	t.Helper()
	f.images = slices.Clone(f.Has)
	f.exists, f.started, f.gone = map[string]bool{}, map[string]chan struct{}{}, map[string]chan struct{}{}
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "engine") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
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
	return network + "://" + l.Addr().String()
}

// Left counts the containers that nobody removed.
func (f *Engine) Left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.exists)
}

// Images are the names of those that it has.
func (f *Engine) Images() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.images)
}

// Loaded are the archives that were sent, unpacked.
func (f *Engine) Loaded() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.loaded)
}

// Created are the containers as they were asked for, in order.
func (f *Engine) Created() []container.CreateRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.created)
}

// Commands are theirs.
func (f *Engine) Commands() (all []string) {
	for _, c := range f.Created() {
		all = append(all, strings.Join(append(slices.Clone(c.Entrypoint), c.Cmd...), " "))
	}
	return all
}

// load takes an image archive, packed or not, and keeps the names in it.
func (f *Engine) load(data []byte) {
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		data, _ = io.ReadAll(z)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loaded = append(f.loaded, data)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err != nil {
			return
		}
		if h.Name == "manifest.json" {
			var images []struct{ RepoTags []string }
			_ = json.NewDecoder(r).Decode(&images)
			for _, i := range images {
				f.images = append(f.images, i.RepoTags...)
			}
		}
	}
}

func (f *Engine) output(id string) (string, Output) {
	var n int
	_, _ = fmt.Sscanf(id, "c%d", &n)
	command := f.Commands()[n]
	for words, o := range f.Outputs {
		if strings.HasPrefix(command, words) {
			return command, o
		}
	}
	return command, Output{Refused: "exec: no such program"}
}

var version = regexp.MustCompile(`^/v1\.\d+`)

// ServeHTTP answers as Docker Engine does, as far as this project asks.
func (f *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := version.ReplaceAllString(r.URL.Path, "")
	w.Header().Set("Content-Type", "application/json")
	part := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/_ping":
		w.Header().Set("Api-Version", "1.47")
	case path == "/version":
		_, _ = io.WriteString(w, `{"Version":"29.8.0","ApiVersion":"1.47","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}`)
	case path == "/containers/json":
		_, _ = io.WriteString(w, `[]`)
	case path == "/info":
		_, _ = io.WriteString(w, f.Info)
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

func (f *Engine) create(w http.ResponseWriter, r *http.Request) {
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

func (f *Engine) container(w http.ResponseWriter, r *http.Request, part []string) {
	id := part[1]
	command, o := f.output(id)
	f.mu.Lock()
	started, gone := f.started[id], f.gone[id]
	f.mu.Unlock()
	switch {
	case r.Method == http.MethodDelete:
		if f.Stuck && o.Hangs {
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
		if o.Refused != "" {
			w.WriteHeader(http.StatusInternalServerError)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": o.Refused})
			return
		}
		close(started)
		w.WriteHeader(http.StatusNoContent)
		w.(http.Flusher).Flush()
		if f.OnStart != nil {
			f.OnStart(command)
		}
	case part[2] == "wait":
		w.(http.Flusher).Flush()
		if o.Hangs {
			started = nil
		}
		select {
		case <-started:
			time.Sleep(o.Takes)
			_, _ = fmt.Fprintf(w, `{"StatusCode":%d}`, o.Code)
		case <-gone:
		case <-r.Context().Done():
		}
	case part[2] == "attach":
		_, _ = io.Copy(io.Discard, r.Body)
		f.attach(w, started, gone, o)
	}
}

// attach hands both streams over one connection, in frames, as an engine does.
func (f *Engine) attach(w http.ResponseWriter, started, gone <-chan struct{}, o Output) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	if o.Hangs {
		started = nil
	}
	select {
	case <-started:
	case <-gone:
		return
	}
	time.Sleep(o.Takes)
	for stream, text := range []string{1: o.Stdout, 2: o.Stderr} {
		if text != "" {
			head := make([]byte, 8)
			head[0] = byte(stream)
			binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
			_, _ = conn.Write(append(head, text...))
		}
	}
}
