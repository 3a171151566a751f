package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	mostKey       = 1 << 20 // bytes of a file with keys
	mostRedirects = 2
)

// Fetcher gets small files over https, with redirects to the same host only.
type Fetcher struct {
	// Transport is Go's own if nil; tests have one with a CA of theirs.
	Transport http.RoundTripper
}

// Get gets a file of at most a megabyte.
func (f Fetcher) Get(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if err := secure(u); err != nil {
		return nil, err
	}
	client := http.Client{Transport: f.Transport, Timeout: time.Minute, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > mostRedirects {
			return fmt.Errorf("more than %d redirects", mostRedirects)
		}
		if r.URL.Host != u.Host {
			return fmt.Errorf("it is redirected to another host, %s", r.URL.Host)
		}
		return secure(r.URL)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the server says %s", address, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, mostKey+1))
	if err == nil && len(data) > mostKey {
		err = fmt.Errorf("it has more than %d bytes", mostKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return data, nil
}

func secure(u *url.URL) error {
	if u.Scheme != "https" || u.Host == "" || u.User != nil {
		return errors.New(u.Redacted() + " is not an https address")
	}
	return nil
}
