// Package pkgindex asks a Python package index which files it has (PEP 503 and
// PEP 691). It is the only part of a decision that may use the network.
package pkgindex

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// Default is the index that packages come from where none is named.
const Default = "https://pypi.org/simple"

const (
	// maxPage bounds an index page; the largest real ones are some 30 MB.
	maxPage = 128 << 20
	// maxBundle bounds a file of authorities; a system's has 220 KB.
	maxBundle = 16 << 20
)

// Options says how an index is reached.
type Options struct {
	// CABundle is a PEM file of authorities besides the system's.
	CABundle string
	// Timeout bounds one request; zero means 20 s.
	Timeout time.Duration
}

// Index asks indexes over HTTP.
type Index struct{ http *http.Client }

// New prepares an index client; it opens no connection.
func New(o Options) (*Index, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if o.CABundle != "" {
		data, err := bounded.ReadFile(o.CABundle, maxBundle)
		if err != nil {
			return nil, fmt.Errorf("--ca-bundle: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("--ca-bundle %s holds no PEM certificate", o.CABundle)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	return &Index{&http.Client{Transport: transport, Timeout: o.Timeout}}, nil
}

// Wheels lists the file names that an index has for a project, none where it has
// no such project. What was withdrawn (PEP 592) is not listed: nobody wants it who
// asks for the newest. indexURL "" is the default index.
func (i *Index) Wheels(ctx context.Context, indexURL, project string) ([]string, error) {
	if indexURL == "" {
		indexURL = Default
	}
	page, err := url.Parse(strings.TrimRight(indexURL, "/") + "/" + project + "/")
	if err != nil {
		return nil, fmt.Errorf("--index-url: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("--index-url: %w", err)
	}
	req.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.1")
	resp, err := i.http.Do(req)
	if err != nil {
		return nil, reach(page.Redacted(), err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusForbidden: // PyTorch's index answers 403 for what it does not have
		return nil, nil
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return nil, fmt.Errorf("the package index %s wants credentials, which only the build has (--secret id=netrc,src=FILE): %s", page.Redacted(), resp.Status)
	default:
		return nil, fmt.Errorf("the package index %s answers %s", page.Redacted(), resp.Status)
	}
	data, err := bounded.Read(resp.Body, maxPage)
	if err != nil {
		return nil, fmt.Errorf("the package index %s broke off, or gives what is no page: %w", page.Redacted(), err)
	}
	if !strings.Contains(resp.Header.Get("Content-Type"), "json") {
		return links(data), nil
	}
	names, err := files(data)
	if err != nil {
		return nil, fmt.Errorf("the package index %s gives no readable list: %w", page.Redacted(), err)
	}
	return names, nil
}

// files are the file names in a page's JSON form.
func files(data []byte) (names []string, err error) {
	var doc struct {
		Files []struct {
			Filename string `json:"filename"`
			Yanked   any    `json:"yanked"` // a truth value, or a reason
		} `json:"files"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	for _, f := range doc.Files {
		if f.Yanked == nil || f.Yanked == false {
			names = append(names, f.Filename)
		}
	}
	return names, nil
}

// links are the file names that an HTML page links to.
func links(page []byte) (names []string) {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return names // the end: a tokenizer takes anything for HTML
		case html.StartTagToken:
			t := z.Token()
			if t.Data != "a" {
				continue
			}
			file, yanked := "", false
			for _, a := range t.Attr {
				switch a.Key {
				case "href":
					if u, err := url.Parse(a.Val); err == nil && u.Path != "" {
						file = path.Base(u.Path)
					}
				case "data-yanked":
					yanked = true
				}
			}
			if file != "" && !yanked {
				names = append(names, file)
			}
		}
	}
}

func reach(page string, err error) error {
	var unknown x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	if errors.As(err, &unknown) || errors.As(err, &verify) {
		return fmt.Errorf("the package index %s has a certificate that is not trusted; name your organisation's authorities with --ca-bundle FILE: %w", page, err)
	}
	return fmt.Errorf("the package index %s cannot be reached; check --index-url and the network: %w", page, err)
}
