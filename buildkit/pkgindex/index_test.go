package pkgindex

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func index(t *testing.T, o Options) *Index {
	t.Helper()
	i, err := New(o)
	assert.NilError(t, err)
	return i
}

func TestWheelsInBothForms(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json/torch/":
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			_, _ = w.Write([]byte(`{"files":[{"filename":"torch-2.0.0-py3-none-any.whl"}]}`))
		case "/html/torch/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<a href="../x/torch-2.0.0%2Bcu126-py3-none-any.whl#sha256=1">t</a><b href="no">`))
		case "/bad/torch/":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{`))
		case "/broken/torch/":
			w.WriteHeader(http.StatusInternalServerError)
		case "/forbidden/torch/":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	i := index(t, Options{})
	for path, want := range map[string][]string{
		"/json": {"torch-2.0.0-py3-none-any.whl"}, "/json/": {"torch-2.0.0-py3-none-any.whl"},
		"/html": {"torch-2.0.0+cu126-py3-none-any.whl"}, "/none": nil, "/forbidden": nil,
	} {
		got, err := i.Wheels(t.Context(), s.URL+path, "torch")
		assert.NilError(t, err, path)
		assert.DeepEqual(t, got, want)
	}
	_, err := i.Wheels(t.Context(), s.URL+"/bad", "torch")
	assert.ErrorContains(t, err, "no readable list")
	_, err = i.Wheels(t.Context(), s.URL+"/broken", "torch")
	assert.ErrorContains(t, err, "500")
}

func TestCertificates(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	_, err := index(t, Options{}).Wheels(t.Context(), s.URL, "torch")
	assert.ErrorContains(t, err, "--ca-bundle")
	file := filepath.Join(t.TempDir(), "ca.pem")
	assert.NilError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	_, err = index(t, Options{CABundle: file}).Wheels(t.Context(), s.URL, "torch")
	assert.NilError(t, err)

	assert.NilError(t, os.WriteFile(file, []byte("no certificate"), 0o600))
	_, err = New(Options{CABundle: file})
	assert.ErrorContains(t, err, "no PEM certificate")
	_, err = New(Options{CABundle: file + ".none"})
	assert.ErrorContains(t, err, "--ca-bundle")
}

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := index(t, Options{}).Wheels(t.Context(), s.URL, "torch")
	assert.ErrorContains(t, err, "--index-url")
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err = index(t, Options{Timeout: 50 * time.Millisecond}).Wheels(t.Context(), slow.URL, "torch")
	assert.ErrorContains(t, err, "cannot be reached")
}
