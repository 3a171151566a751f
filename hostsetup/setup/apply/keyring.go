package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// WrongKey is a key with another fingerprint than the plan's. Nothing goes on then.
type WrongKey struct {
	From string   `json:"from"`
	Has  string   `json:"has"`
	Want []string `json:"want"`
}

// Error implements error.
func (w *WrongKey) Error() string {
	return fmt.Sprintf("the key at %s is not the one that is known: it has the fingerprint %s, known is %s. Somebody may be in between; nothing was installed",
		w.From, w.Has, strings.Join(w.Want, " or "))
}

// verifyKeys says whether all keys of a file have fingerprints that they may have, and are
// valid today.
func verifyKeys(data []byte, from string, want []string, now time.Time) error {
	packets, err := dearmored(data)
	if err != nil {
		return fmt.Errorf("what %s has is no OpenPGP key: %w", from, err)
	}
	keys, err := openpgp.ReadKeyRing(bytes.NewReader(packets))
	if err != nil {
		return fmt.Errorf("what %s has is no OpenPGP key: %w", from, err)
	}
	if len(keys) == 0 {
		return fmt.Errorf("what %s has is no OpenPGP key: it is empty", from)
	}
	// Keys that the library cannot read it leaves out; apt and rpm may read them.
	if n, err := primaries(packets); err != nil || n != len(keys) {
		return errors.Join(fmt.Errorf("%s has %d keys, of which only %d can be read", from, n, len(keys)), err)
	}
	for _, k := range keys {
		if err := verifyKey(k, from, want, now); err != nil {
			return err
		}
	}
	return nil
}

func verifyKey(k *openpgp.Entity, from string, want []string, now time.Time) error {
	has := fmt.Sprintf("%X", k.PrimaryKey.Fingerprint)
	if !slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(strings.ReplaceAll(w, " ", ""), has) }) {
		upper := make([]string, len(want))
		for i, w := range want {
			upper[i] = strings.ToUpper(w)
		}
		return &WrongKey{From: from, Has: has, Want: upper}
	}
	if k.PrivateKey != nil {
		return fmt.Errorf("%s has a private key", from)
	}
	if k.Revoked(now) {
		return fmt.Errorf("the key %s of %s was revoked by its owner: do not use this source", has, from)
	}
	sig, _ := k.PrimarySelfSignature()
	if sig != nil && k.PrimaryKey.KeyExpired(sig, now) {
		if now.Before(k.PrimaryKey.CreationTime) {
			return fmt.Errorf("the key %s of %s was made after now: set this machine's clock", has, from)
		}
		end := k.PrimaryKey.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second)
		return fmt.Errorf("the key %s of %s expired on %s: see whether this machine's clock is right", has, from, end.UTC().Format(time.DateOnly))
	}
	return nil
}

// dearmored are the packets of one armoured block, or of a file that is not armoured. What
// stands beside the block, another one perhaps, others would read: it is refused.
func dearmored(data []byte) ([]byte, error) {
	text := bytes.TrimSpace(data)
	if !bytes.HasPrefix(text, []byte("-----BEGIN")) {
		return data, nil
	}
	if bytes.Count(text, []byte("-----BEGIN")) != 1 || !bytes.HasSuffix(text, []byte("-----END PGP PUBLIC KEY BLOCK-----")) {
		return nil, errors.New("it is not one armoured block")
	}
	block, err := armor.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(block.Body)
}

// primaries counts the primary keys among packets, without understanding them.
func primaries(packets []byte) (n int, err error) {
	r := packet.NewOpaqueReader(bytes.NewReader(packets))
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if p.Tag == 5 || p.Tag == 6 { // a secret or a public key (RFC 9580, 5)
			n++
		}
	}
}
