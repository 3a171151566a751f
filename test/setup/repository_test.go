//go:build e2e

package setup

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"gotest.tools/v3/assert"
)

// repository is a folder of packages, served over https and signed with a key that is
// thrown away.
type repository struct {
	dir, url string
	ca       []byte // PEM
	key      *openpgp.Entity
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{dir: t.TempDir()}
	var err error
	r.key, err = openpgp.NewEntity("packages", "", "packages@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048})
	assert.NilError(t, err)
	var key bytes.Buffer
	w, err := armor.Encode(&key, openpgp.PublicKeyType, nil)
	assert.NilError(t, err)
	assert.NilError(t, r.key.Serialize(w))
	assert.NilError(t, w.Close())
	r.write(t, "gpgkey", key.String()+"\n")

	ca, leaf := certificates(t)
	r.ca = ca
	files := http.FileServer(http.Dir(r.dir))
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.Handle("/base/", http.StripPrefix("/base", files)) // apt takes one key for an address
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{leaf}}
	server.StartTLS()
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *repository) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(content), 0o644))
}

func (r *repository) fingerprint() string { return fmt.Sprintf("%X", r.key.PrimaryKey.Fingerprint) }

// certificates are an authority's, and one that it gave to this machine.
func certificates(t *testing.T) (ca []byte, leaf tls.Certificate) {
	t.Helper()
	of := func(authority bool) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: fmt.Sprintf("test %t", authority)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: authority, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	parent := of(true)
	caDER, err := x509.CreateCertificate(rand.Reader, parent, parent, caKey.Public(), caKey)
	assert.NilError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, of(false), parent, key.Public(), caKey)
	assert.NilError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}
}

// pack is a package that stands in for a real one.
type pack struct {
	name, version string
	control       string            // more lines of a deb's control, or of an rpm's preamble
	files         map[string]string // executable below /usr/bin
	scripts       map[string]string // a deb's maintainer scripts, an rpm's sections
}

func (r *repository) deb(t *testing.T, p pack) {
	t.Helper()
	root := t.TempDir()
	put := func(name, content string, mode os.FileMode) {
		path := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(content), mode))
	}
	conffiles := ""
	for name, content := range p.files {
		put(name, content, mode(name))
		if strings.HasPrefix(name, "/etc/") {
			conffiles += name + "\n"
		}
	}
	put("DEBIAN/control", fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@example.com>\nDescription: stands in for %s\n%s", p.name, p.version, p.name, p.control), 0o644)
	if conffiles != "" {
		put("DEBIAN/conffiles", conffiles, 0o644)
	}
	for name, content := range p.scripts {
		put("DEBIAN/"+name, "#!/bin/sh\nset -e\n"+content, 0o755)
	}
	cmd := exec.Command("dpkg-deb", "--root-owner-group", "--build", root, filepath.Join(r.dir, p.name+"_"+p.version+"_amd64.deb"))
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
}

func mode(name string) os.FileMode {
	if ok, _ := filepath.Match("/usr/bin/*", name); ok {
		return 0o755
	}
	return 0o644
}

// aptIndex lists the packages for apt, and signs the list.
func (r *repository) aptIndex(t *testing.T) {
	t.Helper()
	in := func(argv ...string) string {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = r.dir
		out, err := cmd.Output()
		assert.NilError(t, err, "%q", argv)
		return string(out)
	}
	for _, old := range []string{"Packages", "InRelease"} {
		_ = os.Remove(filepath.Join(r.dir, old))
	}
	r.write(t, "Packages", in("apt-ftparchive", "packages", "."))
	release := in("apt-ftparchive", "release", ".")
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, r.key.PrivateKey, nil)
	assert.NilError(t, err)
	_, err = w.Write([]byte(release))
	assert.NilError(t, err)
	assert.NilError(t, w.Close())
	r.write(t, "InRelease", signed.String())
}
