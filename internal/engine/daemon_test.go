package engine

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
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"gotest.tools/v3/assert"
)

// daemon answers as Docker Engine does on its socket, as far as this package asks.
// Whether the real one takes what is sent here, the end-to-end tests know.
type daemon struct {
	stdout, stderr string
	code           int
	hangs          bool              // the container never ends by itself, and says nothing
	never          bool              // it never ends, but says what it has to say
	onStart        func()            // called when the container runs
	onCreate       func()            // called before the container is there
	answers        map[string]string // "POST /images/load" → status and body, "404 {…}"; "hang", "die", and "die once"

	mu      sync.Mutex
	calls   []string // method, path and query, in order
	created container.CreateRequest
	exec    container.ExecCreateRequest
	files   []byte      // put into the container
	header  http.Header // of the last call
	body    string      // of the last call answered from answers
	started chan struct{}
}

const version = "1.47"

// engine is what talks to the daemon, with one registry's credentials.
func (d *daemon) engine(t *testing.T) *Engine {
	t.Helper()
	d.started = make(chan struct{})
	dir, err := os.MkdirTemp("", "engine") // a socket's path must be short
	assert.NilError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	assert.NilError(t, err)
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: d}}
	srv.Start()
	t.Cleanup(srv.Close)
	api, err := client.New(client.WithHost("unix://"+l.Addr().String()), client.WithAPIVersion(version))
	assert.NilError(t, err)
	t.Cleanup(func() { _ = api.Close() })
	return &Engine{API: api, config: &configfile.ConfigFile{AuthConfigs: map[string]types.AuthConfig{
		"registry.example.com": {Username: "me", Password: "secret"}}}}
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v"+version)
	call := r.Method + " " + path
	d.mu.Lock()
	d.calls = append(d.calls, strings.TrimSuffix(call+"?"+r.URL.RawQuery, "?"))
	d.header = r.Header
	d.mu.Unlock()
	if answer, ok := d.answers[call]; ok {
		if answer == "hang" {
			<-r.Context().Done()
			return
		}
		if answer == "die" || answer == "die once" && d.asked(r.Method+" "+path+"?"+r.URL.RawQuery) == 1 {
			panic(http.ErrAbortHandler) // the connection ends in the middle
		}
		if answer == "die once" {
			answer = `404 {"message":"no such container"}` // it was done
		}
		data, _ := io.ReadAll(r.Body)
		d.mu.Lock()
		d.body = string(data)
		d.mu.Unlock()
		code := http.StatusOK
		_, _ = fmt.Sscanf(answer, "%d", &code)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, answer[len("200 "):])
		return
	}
	switch call {
	case "HEAD /_ping":
		w.WriteHeader(http.StatusOK)
	case "POST /containers/create":
		_ = json.NewDecoder(r.Body).Decode(&d.created)
		if d.onCreate != nil {
			d.onCreate()
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"Id":"c1","Warnings":[]}`)
	case "POST /containers/c1/attach":
		d.attach(w, r)
	case "POST /containers/c1/wait":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush() // the header says that it waits
		if d.until(r) {
			_, _ = fmt.Fprintf(w, `{"StatusCode":%d}`, d.code)
		}
	case "POST /containers/c1/start":
		w.WriteHeader(http.StatusNoContent)
		close(d.started)
		if d.onStart != nil {
			d.onStart()
		}
	case "PUT /containers/c1/archive":
		d.files, _ = io.ReadAll(r.Body)
	case "POST /containers/c1/exec":
		_ = json.NewDecoder(r.Body).Decode(&d.exec)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"Id":"e1"}`)
	case "POST /exec/e1/start":
		d.attach(w, r)
	case "GET /exec/e1/json":
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"ID":"e1","ExitCode":%d}`, d.code)
	case "DELETE /containers/c1":
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, `{"message":"page not found"}`, http.StatusNotFound)
	}
}

// until waits for the container's end, or the client's.
func (d *daemon) until(r *http.Request) bool {
	ended := d.started
	if d.hangs || d.never {
		ended = nil
	}
	select {
	case <-ended:
		return true
	case <-r.Context().Done():
		return false
	}
}

// attach hands both streams over one connection, in frames, as the engine does.
func (d *daemon) attach(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or the client writes it to a connection that is closed
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	if d.hangs {
		_, _ = conn.Read(make([]byte, 1)) // until the client closes it
		return
	}
	<-d.started
	for stream, text := range []string{1: d.stdout, 2: d.stderr} {
		if text == "" {
			continue
		}
		head := make([]byte, 8)
		head[0] = byte(stream)
		binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
		_, _ = conn.Write(append(head, text...))
	}
	if d.never {
		_, _ = conn.Read(make([]byte, 1))
	}
}

// asked says how often a call was made.
func (d *daemon) asked(call string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(d.calls), func(c string) bool { return c != call }))
}
