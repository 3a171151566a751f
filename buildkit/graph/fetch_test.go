package graph

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// uvWheel is a wheel as uv's are, for this machine.
func uvWheel(t *testing.T) (name string, data []byte, sum string) {
	t.Helper()
	machine, ok := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		t.Skip("uv's wheels for this machine have another name")
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("uv-0.1.data/scripts/uv")
	assert.NilError(t, err)
	_, err = w.Write([]byte("binary"))
	assert.NilError(t, err)
	assert.NilError(t, z.Close())
	hash := sha256.Sum256(b.Bytes())
	return "uv-0.1-py3-none-manylinux_2_17_" + machine + ".manylinux2014_" + machine + ".whl", b.Bytes(), hex.EncodeToString(hash[:])
}

// decoys are files beside it that are not for this machine.
func decoys(wheel string) []string {
	return []string{"uv-0.1.tar.gz", strings.Replace(wheel, "uv-0.1-", "uv-0.10-", 1), strings.Replace(wheel, "uv-0.1-", "uv_build-0.1-", 1),
		"uv-0.1-py3-none-musllinux_1_1_x86_64.whl", "uv-0.1-py3-none-manylinux_2_17_riscv64.whl", "uv-0.1-py3-none-win_amd64.whl"}
}

// index serves a package index with uv's page in one of the two forms; files lie elsewhere.
func index(wheel string, data []byte, form string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/files/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") != wheel {
			http.Error(w, "another file was asked for", http.StatusTeapot)
			return
		}
		_, _ = w.Write(data)
	})
	mux.HandleFunc("/simple/uv/", func(w http.ResponseWriter, _ *http.Request) {
		all := append(decoys(wheel), wheel)
		if form == "html" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			for _, name := range all {
				_, _ = fmt.Fprintf(w, `<a href="../../files/%s?a=1&amp;b=2#sha256=00" data-requires-python="&gt;=3.8">%s</a><br>`, name, name)
			}
			return
		}
		var files []map[string]string
		for _, name := range all {
			files = append(files, map[string]string{"filename": name, "url": "../../files/" + name})
		}
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"files": files})
	})
	return mux
}

func answers(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func says(kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	})
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + "/simple"
}

// fetch runs the script as the step does.
func fetch(t *testing.T, secrets map[string]string, sum string) (dir, said string, err error) {
	t.Helper()
	dir = t.TempDir()
	said, err = python(t, secrets, "import fetch_uv; fetch_uv.main(*sys.argv[1:])", "0.1", sum, dir)
	return dir, said, err
}

func routed(urls ...string) map[string]string {
	data, _ := json.Marshal(map[string]any{"url": urls[0], "extra": urls[1:]})
	return map[string]string{SecretIndex: string(data)}
}

func TestUVComesFromAnyIndex(t *testing.T) {
	name, data, sum := uvWheel(t)
	html, jsonForm := index(name, data, "html"), index(name, data, "json")
	for what, secrets := range map[string]map[string]string{
		"html":             routed(serve(t, html)),
		"a slash":          routed(serve(t, html) + "/"),
		"json":             routed(serve(t, jsonForm)),
		"an extra one":     routed(serve(t, answers(404)), serve(t, jsonForm)),
		"after a refusal":  routed(serve(t, answers(403)), serve(t, html)),
		"after other ones": routed(serve(t, index("uv-0.2-none.whl", nil, "json")), serve(t, html)),
	} {
		t.Run(what, func(t *testing.T) {
			dir, said, err := fetch(t, secrets, sum)
			assert.NilError(t, err, said)
			got, err := os.ReadFile(filepath.Join(dir, "uv"))
			assert.NilError(t, err)
			assert.Equal(t, string(got), "binary")
			fi, err := os.Stat(filepath.Join(dir, "uv"))
			assert.NilError(t, err)
			assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o755))
			assert.Equal(t, fi.ModTime().UTC(), Epoch())
		})
	}
}

func TestUVThatCannotBeFetched(t *testing.T) {
	name, data, sum := uvWheel(t)
	trusted := httptest.NewUnstartedServer(index(name, data, "html"))
	trusted.Config.ErrorLog = log.New(io.Discard, "", 0) // one client turns away, as it should
	trusted.StartTLS()
	defer trusted.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for what, c := range map[string]struct {
		secrets   map[string]string
		sum, says string
	}{
		"another file": {routed(serve(t, index(name, append(data, 'x'), "html"))), sum, "gpu-error: hash: " + name + " has sha256 "},
		"no uv":        {routed(serve(t, answers(404))), sum, "gpu-error: index: the package index has no uv 0.1 for "},
		"broken":       {routed(serve(t, answers(502))), sum, "gpu-error: index: the package index answered 502"},
		"no JSON":      {routed(serve(t, says("application/vnd.pypi.simple.v1+json", "{"))), sum, "gpu-error: index: the package index gave no readable answer"},
		"other JSON":   {routed(serve(t, says("application/json", "{}"))), sum, "gpu-error: index: the package index gave no readable answer"},
		"no text":      {routed(serve(t, says("text/html", "\xff\xfe"))), sum, "gpu-error: index: the package index gave no readable answer"},
		"gone":         {routed(gone.URL), sum, "gpu-error: index: the package index cannot be read"},
		"untrusted":    {routed(trusted.URL + "/simple"), sum, "gpu-error: certificate: the package index cannot be read"},
	} {
		t.Run(what, func(t *testing.T) {
			dir, said, err := fetch(t, c.secrets, c.sum)
			assert.Assert(t, err != nil, "it ends well: %s", said)
			// One line, and no traceback: the builder's log is read for it.
			assert.Assert(t, strings.HasPrefix(said, c.says) && !strings.Contains(said, "\n"), said)
			left, err := os.ReadDir(dir)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0, "%v", left)
		})
	}
	secrets := routed(trusted.URL + "/simple")
	secrets[SecretCA] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.Certificate().Raw}))
	_, said, err := fetch(t, secrets, sum)
	assert.NilError(t, err, "with --ca-bundle: %s", said)
}
