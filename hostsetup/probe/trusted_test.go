package probe

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// signatureList is one list of the firmware's, of certificates that are as long as each other.
func signatureList(kind []byte, header int, each ...[]byte) []byte {
	size := 16 + len(each[0])
	b := bytes.NewBuffer(bytes.Clone(kind))
	for _, n := range []int{28 + header + size*len(each), header, size} {
		_ = binary.Write(b, binary.LittleEndian, uint32(n))
	}
	b.Write(make([]byte, header))
	for _, data := range each {
		b.Write(append(make([]byte, 16), data...))
	}
	return b.Bytes()
}

var hashList = []byte{0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28}

func TestCertificatesOfTheFirmware(t *testing.T) {
	cert := signed(t, "key.crt")
	list := signatureList(x509List, 0, cert)
	hashes := signatureList(hashList, 0, make([]byte, 32), make([]byte, 32))
	lying := bytes.Clone(list)
	binary.LittleEndian.PutUint32(lying[16:], 1<<31)
	tiny := bytes.Clone(list)
	binary.LittleEndian.PutUint32(tiny[24:], 16)
	for name, c := range map[string]struct {
		data []byte
		want int
	}{
		"one":              {list, 1},
		"two in a list":    {signatureList(x509List, 0, cert, cert), 2},
		"behind a header":  {signatureList(x509List, 8, cert), 1},
		"behind hashes":    {bytes.Join([][]byte{hashes, list, list}, nil), 2},
		"hashes alone":     {hashes, 0},
		"one is broken":    {signatureList(x509List, 0, make([]byte, len(cert)), cert), 1},
		"nothing":          {nil, 0},
		"cut":              {list[:len(list)-1], 0},
		"a lying length":   {lying, 0},
		"an empty one":     {tiny, 0},
		"a length of zero": {make([]byte, 100), 0},
		"rest":             {append(bytes.Clone(list), 1, 2, 3), 1},
		"too many":         {bytes.Repeat(list, mostCertificates+5), mostCertificates},
	} {
		t.Run(name, func(t *testing.T) {
			found := certificates(c.data)
			assert.Equal(t, len(found), c.want)
			for _, f := range found {
				assert.Equal(t, f.Subject.CommonName, keyName)
			}
		})
	}
}

func TestWhoseKeysAreKnown(t *testing.T) {
	cert := signed(t, "key.crt")
	mok := "\x06\x00\x00\x00" + string(signatureList(x509List, 0, cert))
	certificate, err := x509.ParseCertificate(cert)
	assert.NilError(t, err)
	id, err := hex.DecodeString(keyID)
	assert.NilError(t, err)
	ours, byID := signer{name: keyName, serial: certificate.SerialNumber}, signer{id: id}
	const efi = "sys/firmware/efi/efivars/"
	key := func(name string) string {
		return "1c0e0b3b I------     1 perm 1f030000     0     0 asymmetri " + name + ": 88f752e560a1e0737e31163a466ad7b70a850c19: X509.rsa 0a850c19 []\n"
	}
	keys := "014e2a9f I--Q---     2 perm 3f030000     0     0 keyring   _ses: 1\n" + key("Canonical Ltd. Kernel Module Signing")
	for name, c := range map[string]struct {
		files files
		who   signer
		want  string
	}{
		"enrolled":                 {files{efi + "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23": mok}, ours, "yes"},
		"by its id":                {files{efi + "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23": mok}, byID, "yes"},
		"in a second list":         {files{efi + "MokListRT1-605dab50-e046-4300-abb6-3dd810dd8b23": mok}, ours, "yes"},
		"in the firmware":          {files{efi + "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f": mok}, ours, "yes"},
		"not enrolled":             {files{"proc/keys": keys}, ours, "no"},
		"the kernel's own":         {files{"proc/keys": keys}, signer{name: "Canonical Ltd. Kernel Module Signing", serial: big.NewInt(7)}, "yes"},
		"of an organisation":       {files{"proc/keys": key("Fedora: Fedora Kernel Signing Key")}, signer{name: "Fedora Kernel Signing Key", serial: big.NewInt(7)}, "yes"},
		"a part of a name":         {files{"proc/keys": key("Somebody else's " + keyName)}, ours, "no"},
		"the key of an older box":  {files{"proc/keys": keys + key(keyName), efi + "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23": mok}, signer{name: keyName, serial: big.NewInt(7)}, "no"},
		"nobody may look":          {files{"proc/keys": "014e2a9f I--Q---     2 perm 3f030000  1000  1000 keyring   _ses: 1\n"}, ours, "unknown"},
		"nobody may look, no list": {nil, ours, "unknown"},
		"an unknown signer":        {files{"proc/keys": keys}, signer{}, "unknown"},
		"a short variable":         {files{"proc/keys": keys, efi + "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f": "\x06"}, ours, "no"},
		"a list of another name":   {files{"proc/keys": keys, efi + "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f": mok}, ours, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			got := fake(t, c.files).trusted().knows(c.who)
			switch c.want {
			case "unknown":
				assert.Assert(t, got == nil, "%v", got)
			default:
				assert.Assert(t, got != nil && *got == (c.want == "yes"), "%v", got)
			}
		})
	}
}

// What the kernel lists is bounded, and so are the names that are kept.
func TestManyKeys(t *testing.T) {
	var b strings.Builder
	for i := range 3 * mostCertificates {
		fmt.Fprintf(&b, "%08x I------ 1 perm 1f030000 0 0 asymmetri key %d: 00: X509.rsa 00 []\n", i, i)
	}
	assert.Equal(t, len(fake(t, files{"proc/keys": b.String()}).trusted().names), mostCertificates)
}
