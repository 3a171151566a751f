//go:build linux

package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// signer is a throw-away key.
func signer(t *testing.T, c *packet.Config) *openpgp.Entity {
	t.Helper()
	if c == nil {
		c = &packet.Config{}
	}
	c.Algorithm = packet.PubKeyAlgoEdDSA
	e, err := openpgp.NewEntity("packages", "", "packages@example.com", c)
	assert.NilError(t, err)
	return e
}

func fingerprint(e *openpgp.Entity) string { return fmt.Sprintf("%X", e.PrimaryKey.Fingerprint) }

func binary(t *testing.T, all ...*openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, e := range all {
		assert.NilError(t, e.Serialize(&out))
	}
	return out.Bytes()
}

func armored(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	assert.NilError(t, err)
	_, err = w.Write(data)
	assert.NilError(t, err)
	assert.NilError(t, w.Close())
	return append(out.Bytes(), '\n')
}

func TestVerifyKeys(t *testing.T) {
	now := time.Now()
	good, evil := signer(t, nil), signer(t, nil)
	old := signer(t, &packet.Config{Time: func() time.Time { return now.AddDate(-2, 0, 0) }, KeyLifetimeSecs: 86400})
	future := signer(t, &packet.Config{Time: func() time.Time { return now.AddDate(1, 0, 0) }})
	revoked := signer(t, nil)
	assert.NilError(t, revoked.RevokeKey(packet.KeyCompromised, "stolen", nil))
	var private bytes.Buffer
	assert.NilError(t, good.SerializePrivate(&private, nil))
	// A key of an algorithm that nobody knows: 99.
	var unknown bytes.Buffer
	assert.NilError(t, evil.PrimaryKey.Serialize(&unknown))
	unknown.Bytes()[2+1+4] = 99 // behind the header, the version and the time

	one, two := armored(t, binary(t, good)), armored(t, binary(t, evil))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"armoured":                {one, ""},
		"binary":                  {binary(t, good), ""},
		"another":                 {two, fingerprint(evil) + ", known is " + fingerprint(good)},
		"a second one":            {armored(t, binary(t, good, evil)), fingerprint(evil)},
		"a second block":          {append(append([]byte{}, one...), two...), "not one armoured block"},
		"something behind":        {append(append([]byte{}, one...), "x"...), "not one armoured block"},
		"one that cannot be read": {append(binary(t, good), unknown.Bytes()...), "of which only 1 can be read"},
		"private":                 {private.Bytes(), "private key"},
		"nothing":                 {nil, "no OpenPGP key"},
		"a page":                  {[]byte("<html>log in</html>"), "no OpenPGP key"},
		"half":                    {one[:len(one)/2], "not one armoured block"},
		"half, binary":            {binary(t, good)[:40], "no OpenPGP key"},
	} {
		err := verifyKeys(c.data, "https://example.com/key", []string{strings.ToLower(fingerprint(good))}, now)
		if c.want == "" {
			assert.NilError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.want, name)
		}
	}
	for name, c := range map[string]struct {
		e    *openpgp.Entity
		want string
	}{
		"expired":     {old, "expired on " + now.AddDate(-2, 0, 1).UTC().Format(time.DateOnly)},
		"of tomorrow": {future, "set this machine's clock"},
		"revoked":     {revoked, "was revoked by its owner"},
	} {
		assert.ErrorContains(t, verifyKeys(binary(t, c.e), "x", []string{fingerprint(c.e)}, now), c.want, name)
	}
}

// TestFetcher has servers that lead elsewhere.
func TestFetcher(t *testing.T) {
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "evil") }))
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/key", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "key") })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, mostKey+1)) })
	for from, to := range map[string]string{"/1": "/key", "/2": "/1", "/3": "/2", "/abroad": other.URL, "/plain": "http://example.com/", "/loop": "/loop"} {
		mux.Handle(from, http.RedirectHandler(to, http.StatusFound))
	}
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	f := Fetcher{Transport: server.Client().Transport}
	for path, want := range map[string]string{"/key": "", "/1": "", "/2": "", "/3": "more than 2 redirects", "/loop": "more than 2 redirects",
		"/abroad": "redirected to another host", "/plain": "redirected to another host", "/none": "404 Not Found", "/long": "more than 1048576 bytes"} {
		data, err := f.Get(t.Context(), server.URL+path)
		if want == "" {
			assert.NilError(t, err, path)
			assert.Equal(t, string(data), "key")
		} else {
			assert.ErrorContains(t, err, want, path)
		}
	}
	for _, address := range []string{"http://example.com/key", "https://user:secret@example.com/key", "file:///etc/passwd", "https:///x", "://"} {
		_, err := f.Get(t.Context(), address)
		assert.Assert(t, err != nil, address)
		assert.Assert(t, !strings.Contains(err.Error(), "secret"), "%v", err)
	}
	// A server with a certificate that nobody signed.
	_, err := Fetcher{}.Get(t.Context(), server.URL+"/key")
	assert.ErrorContains(t, err, "certificate")
}

func TestKeyThereAndBack(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/apt/sources.list": ""})
	good, evil := signer(t, nil), signer(t, nil)
	served := armored(t, binary(t, evil))
	fetched := 0
	w.Fetch = func(_ context.Context, url string) ([]byte, error) {
		fetched++
		assert.Equal(t, url, "https://example.com/key")
		return served, nil
	}
	before := seen(t, w.root)
	key := step("toolkit/key", setup.Op{Key: &setup.Key{URL: "https://example.com/key", Fingerprints: []string{fingerprint(good)}, Path: "/etc/apt/keyrings/a.asc"}})
	_, err := w.Apply(t.Context(), "20261127-050000", plan(put("/etc/x", "x"), key))
	var wrong *WrongKey
	assert.Assert(t, errors.As(err, &wrong), "%v", err)
	assert.Equal(t, wrong.Has, fingerprint(evil))
	assert.NilError(t, w.Rollback(t.Context(), "20261127-050000", Back{}))
	assert.Equal(t, seen(t, w.root), before)

	served = armored(t, binary(t, good))
	id := w.apply(t, key)
	assert.Equal(t, w.read(t, "etc/apt/keyrings/a.asc"), string(served))
	assert.NilError(t, w.Keep(t.Context(), id))
	fetched = 0
	ran, err := w.Apply(t.Context(), "20261127-060000", plan(key))
	assert.NilError(t, err)
	assert.Assert(t, !ran && fetched == 0, "a key that is there is not fetched again")
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	assert.Equal(t, seen(t, w.root), before)
}
