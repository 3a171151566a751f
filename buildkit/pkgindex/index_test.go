package pkgindex

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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

// page is an index whose project torch answers so.
func page(t *testing.T, status int, kind, text string) *httptest.Server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/simple/torch/" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})
}

const pep691, html5 = "application/vnd.pypi.simple.v1+json", "text/html; charset=utf-8"

func TestWheelsInBothForms(t *testing.T) {
	const name = "torch-2.0.0+cu126-py3-none-any.whl"
	for c, want := range map[[2]string][]string{
		{pep691, `{"files":[{"filename":"` + name + `"}]}`}:                                   {name},
		{"application/json", `{"files":[{"filename":"` + name + `"}]}`}:                       {name},
		{pep691, `{"meta":{"api-version":"1.9"},"name":"torch","files":[],"versions":["1"]}`}: nil,
		{pep691, `{}`}:   nil,
		{pep691, `null`}: nil,
		// Withdrawn: true, or why; false and null are neither.
		{pep691, `{"files":[{"filename":"a","yanked":true},{"filename":"b","yanked":"broken"},{"filename":"c","yanked":""},{"filename":"d","yanked":false},{"filename":"e","yanked":null}]}`}: {"d", "e"},
		{html5, `<!DOCTYPE html><a href="../x/torch-2.0.0%2Bcu126-py3-none-any.whl#sha256=1">t</a>`}:                                                                                          {name},
		{"application/vnd.pypi.simple.v1+html", `<A HREF='` + name + `?a=b'>t`}:                                                                                                               {name},
		{html5, `<a href="a"><b href="no"><a name="x"><a><!-- <a href="no"> --><a href="%zz"><a href="#"><a href="">`}:                                                                        {"a"},
		{html5, `<a href="a" data-yanked><a data-yanked="broken" href="b"><a data-requires-python="&gt;=3.9" href="c">`}:                                                                      {"c"},
		{html5, `<a href="a`}:  nil,
		{html5, "\x00\xff<<<"}: nil,
		{"", ""}:               nil,
	} {
		s := page(t, http.StatusOK, c[0], c[1])
		for _, slash := range []string{"", "/", "//"} {
			got, err := index(t, Options{}).Wheels(t.Context(), s.URL+"/simple"+slash, "torch")
			assert.NilError(t, err, c[1])
			assert.DeepEqual(t, got, want)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	// PyTorch's index answers 403 for what it does not have.
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden} {
		got, err := index(t, Options{}).Wheels(t.Context(), page(t, status, html5, "<a href=a>").URL+"/simple", "torch")
		assert.NilError(t, err)
		assert.Equal(t, len(got), 0)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, c := range []struct {
		status     int
		kind, text string
		want       string // after the index's address
	}{
		{500, html5, "", " answers 500 Internal Server Error"},
		{429, html5, "", " answers 429 Too Many Requests"},
		{401, html5, "", " wants credentials, which only the build has (--secret id=netrc,src=FILE): 401 Unauthorized"},
		{407, html5, "", " wants credentials, which only the build has (--secret id=netrc,src=FILE): 407 Proxy Authentication Required"},
		{200, pep691, "", " gives no readable list: unexpected end of JSON input"},
		{200, pep691, `{"files":[`, " gives no readable list: unexpected end of JSON input"},
		{200, pep691, "<html>", " gives no readable list: invalid character '<' looking for beginning of value"},
		{200, pep691, `{"files":` + strings.Repeat("[", 1_000_000), " gives no readable list: invalid character '[' exceeded max depth"},
	} {
		s := page(t, c.status, c.kind, c.text)
		_, err := index(t, Options{}).Wheels(t.Context(), s.URL+"/simple", "torch")
		assert.Error(t, err, "the package index "+s.URL+"/simple/torch/"+c.want)
	}
	s := page(t, 200, pep691, `{"files":{"filename":3}}`)
	_, err := index(t, Options{}).Wheels(t.Context(), s.URL+"/simple", "torch")
	assert.ErrorContains(t, err, "gives no readable list: ")
}

// A page that never ends fills no memory, and one that broke off is not half a list.
func TestPagesThatAreNoPages(t *testing.T) {
	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", html5)
		junk := []byte(strings.Repeat("<a href=x>", 100_000))
		for {
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
	})
	_, err := index(t, Options{Timeout: time.Minute}).Wheels(t.Context(), endless.URL, "torch")
	assert.Error(t, err, "the package index "+endless.URL+"/torch/ broke off, or gives what is no page: it is larger than 128MiB, more than anything of its kind")

	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "<a href=x>")
	})
	_, err = index(t, Options{}).Wheels(t.Context(), cut.URL, "torch")
	assert.Error(t, err, "the package index "+cut.URL+"/torch/ broke off, or gives what is no page: unexpected EOF")
}

func TestAddressesThatAreNone(t *testing.T) {
	for address, says := range map[string]string{
		"http://[::1":          "--index-url: ",
		"http://x\x1b":         "--index-url: ",
		"ftp://x/simple":       `unsupported protocol scheme "ftp"`,
		"/simple":              `unsupported protocol scheme ""`,
		"http://me:hunter2@[/": "--index-url: ",
	} {
		_, err := index(t, Options{}).Wheels(t.Context(), address, "torch")
		assert.ErrorContains(t, err, says)
	}
}

// A password in an address is in no message.
func TestMessagesKeepPasswords(t *testing.T) {
	s := page(t, 500, html5, "")
	secret := func(address string) string { return strings.Replace(address, "http://", "http://me:hunter2@", 1) }
	_, err := index(t, Options{}).Wheels(t.Context(), secret(s.URL)+"/simple", "torch")
	assert.ErrorContains(t, err, "http://me:xxxxx@")
	s.Close()
	_, err = index(t, Options{}).Wheels(t.Context(), secret(s.URL), "torch")
	assert.ErrorContains(t, err, "cannot be reached; check --index-url and the network")
	assert.Assert(t, !strings.Contains(err.Error(), "hunter2"), "%v", err)
}

// JSON is asked for first: it is smaller, and says what was withdrawn.
func TestWhatIsAskedFor(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Check(t, r.Method == http.MethodGet)
		assert.Check(t, strings.HasPrefix(r.Header.Get("Accept"), pep691+","), r.Header.Get("Accept"))
		assert.Check(t, r.URL.RawQuery == "", r.URL.RawQuery)
	})
	_, err := index(t, Options{}).Wheels(t.Context(), s.URL, "torch")
	assert.NilError(t, err)
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
	assert.ErrorContains(t, err, "--ca-bundle: open "+file+".none")
	_, err = New(Options{CABundle: "/dev/zero"})
	assert.ErrorContains(t, err, "--ca-bundle: /dev/zero: it is larger than 16MiB")
}

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := index(t, Options{}).Wheels(t.Context(), s.URL, "torch")
	assert.ErrorContains(t, err, "--index-url")
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err = index(t, Options{Timeout: 50 * time.Millisecond}).Wheels(t.Context(), slow.URL, "torch")
	assert.ErrorContains(t, err, "cannot be reached")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = index(t, Options{}).Wheels(ctx, slow.URL, "torch")
	assert.ErrorIs(t, err, context.Canceled)
}
