package probe

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"strings"
)

// signer is whose key has signed a module: the issuer's name and the serial number of its
// certificate, or the key's id.
type signer struct {
	name   string
	serial *big.Int
	id     []byte
}

// String is what modinfo shows.
func (s signer) String() string {
	if s.name == "" {
		return hex.EncodeToString(s.id)
	}
	return s.name
}

// setSerial takes a serial number in modinfo's form: "1F:0A:…".
func (s *signer) setSerial(text string) {
	if n, err := hex.DecodeString(strings.ReplaceAll(text, ":", "")); err == nil && len(n) > 0 {
		s.serial = new(big.Int).SetBytes(n)
	}
}

const (
	signatureMagic = "~Module signature appended~\n"
	signatureInfo  = 12       // bytes of struct module_signature
	mostSignature  = 64 << 10 // bytes; one takes some 700
)

// readSignature reads what is appended to a signed module (the kernel's
// include/linux/module_signature.h): a message of PKCS#7, its length, a magic text.
func readSignature(r io.ReaderAt, size int64) (s signer, signed bool, err error) {
	tail := make([]byte, signatureInfo+len(signatureMagic))
	end := size - int64(len(tail))
	if end < 0 {
		return s, false, nil
	}
	if _, err := r.ReadAt(tail, end); err != nil {
		return s, false, err
	}
	if !bytes.HasSuffix(tail, []byte(signatureMagic)) {
		return s, false, nil
	}
	const pkcs7 = 2 // PKEY_ID_PKCS7, the only kind since Linux 4.3
	length := int64(binary.BigEndian.Uint32(tail[8:signatureInfo]))
	if tail[2] != pkcs7 || length > min(end, mostSignature) {
		return s, true, nil // signed, in a way that cannot be told more of
	}
	message := make([]byte, length)
	if _, err := r.ReadAt(message, end-length); err != nil {
		return s, true, err
	}
	s, err = parseSigner(message)
	if err != nil {
		return signer{}, true, nil
	}
	return s, true, nil
}

var errSignature = errors.New("the signature is no message of PKCS#7")

// parseSigner finds who signed in a message of PKCS#7 (RFC 5652, sections 3, 5.1 and 5.3).
func parseSigner(message []byte) (s signer, err error) {
	content, err := elements(message, 1)
	if err != nil {
		return s, err
	}
	if content, err = elements(content[0].Bytes, 2); err != nil { // contentType, [0] content
		return s, err
	}
	if content, err = elements(content[1].Bytes, 1); err != nil {
		return s, err
	}
	signedData, err := elements(content[0].Bytes, 4) // version, digests, content, …, signers
	if err != nil {
		return s, err
	}
	signers, err := elements(signedData[len(signedData)-1].Bytes, 1)
	if err != nil {
		return s, err
	}
	info, err := elements(signers[0].Bytes, 2) // version, sid
	if err != nil {
		return s, err
	}
	sid := info[1]
	if sid.Class == asn1.ClassContextSpecific && sid.Tag == 0 {
		return signer{id: sid.Bytes}, nil
	}
	parts, err := elements(sid.Bytes, 2) // issuer, serial number
	if err != nil {
		return s, err
	}
	var names pkix.RDNSequence
	if _, err := asn1.Unmarshal(parts[0].FullBytes, &names); err != nil {
		return s, errSignature
	}
	if _, err := asn1.Unmarshal(parts[1].FullBytes, &s.serial); err != nil {
		return s, errSignature
	}
	var issuer pkix.Name
	issuer.FillFromRDNSequence(&names)
	s.name = issuer.CommonName
	return s, nil
}

// elements are those that lie one after the other in DER, at least so many and few.
func elements(der []byte, least int) (list []asn1.RawValue, err error) {
	for len(der) > 0 && len(list) < 100 {
		var v asn1.RawValue
		if der, err = asn1.Unmarshal(der, &v); err != nil {
			return nil, errSignature
		}
		list = append(list, v)
	}
	if len(list) < least {
		return nil, errSignature
	}
	return list, nil
}
