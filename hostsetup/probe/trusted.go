package probe

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"path"
	"slices"
	"strings"
)

// trusted are the keys that this machine accepts modules by: what the firmware and the
// machine's owner have enrolled, and what the kernel brings.
type trusted struct {
	certificates []*x509.Certificate
	// names are those of the kernel's keys; it tells only root. Among them are the enrolled ones.
	names []string
}

// firmwareKeys are the variables with certificates: the firmware's and the owner's (MOK, as
// the shim hands them on; a long list goes on in MokListRT1 and so on).
func firmwareKeys() []string {
	return []string{"db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", "MokListRT*-605dab50-e046-4300-abb6-3dd810dd8b23"}
}

const (
	mostVariable     = 1 << 20 // bytes
	mostCertificates = 500
)

func (m *machine) trusted() (t trusted) {
	const dir = "/sys/firmware/efi/efivars"
	for _, pattern := range firmwareKeys() {
		names, _ := m.root.configs(dir, pattern)
		for _, name := range names {
			if data, err := m.root.read(path.Join(dir, name), mostVariable); err == nil && len(data) > 4 {
				t.certificates = append(t.certificates, certificates(data[4:])...) // behind the attributes
			}
		}
	}
	data, _ := m.root.read("/proc/keys", mostVariable)
	for line := range strings.Lines(string(data)) {
		// "1f3c3d12 I------ 1 perm 1f030000 0 0 asymmetri Some Name: 4f0c…: X509.rsa 5c2a1b3d []"
		if _, name, ok := strings.Cut(line, " asymmetri "); ok && len(t.names) < mostCertificates {
			t.names = append(t.names, name)
		}
	}
	return t
}

// knows says whether a signer's key is among them; nil if not all of them could be seen.
func (t trusted) knows(s signer) *bool {
	yes, no := true, false
	other := false // a key of the same name, as a machine that was set up anew has
	for _, c := range t.certificates {
		switch {
		case s.serial != nil && s.name == c.Issuer.CommonName && s.serial.Cmp(c.SerialNumber) == 0,
			len(s.id) > 0 && bytes.Equal(s.id, c.SubjectKeyId):
			return &yes
		case s.serial != nil && s.name == c.Issuer.CommonName:
			other = true
		}
	}
	switch {
	case s.name == "" && len(s.id) == 0, len(t.names) == 0:
		return nil
	case s.name != "" && !other && slices.ContainsFunc(t.names, func(n string) bool { return strings.HasPrefix(n, s.name+": ") || strings.Contains(n, ": "+s.name+": ") }):
		return &yes
	}
	return &no
}

// x509List is the type of a signature list with certificates, a5c059a1-94e4-4aa7-87b5-ab155c2bf072.
var x509List = []byte{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72}

// certificates are those in signature lists (UEFI 2.10, section 32.4.1): a type, three
// lengths, a header, and signatures of one size that begin with their owner. What cannot be
// read is passed over.
func certificates(data []byte) (found []*x509.Certificate) {
	const head, owner = 28, 16
	for len(data) >= head && len(found) < mostCertificates {
		length := int64(binary.LittleEndian.Uint32(data[16:]))
		skip, each := int64(binary.LittleEndian.Uint32(data[20:])), int64(binary.LittleEndian.Uint32(data[24:]))
		if length < head || length > int64(len(data)) || head+skip > length || each <= owner {
			return found
		}
		if bytes.Equal(data[:16], x509List) {
			for at := head + skip; at+each <= length && len(found) < mostCertificates; at += each {
				if c, err := x509.ParseCertificate(data[at+owner : at+each]); err == nil {
					found = append(found, c)
				}
			}
		}
		data = data[length:]
	}
	return found
}
