package daemonjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dockergpu/docker-gpu/internal/policy"
	"github.com/dockergpu/docker-gpu/internal/splice"
)

// Read reads the members of a text as dockerd does: one object in UTF-8 and nothing behind
// it. A byte-order mark is skipped; an empty text and null are an empty configuration.
func Read(text []byte) (map[string]json.RawMessage, error) {
	_, body, err := read(text)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return nil, err
	}
	var all map[string]json.RawMessage
	return all, json.Unmarshal(body, &all)
}

// read splits a text into its byte-order mark and its JSON, which is whole.
func read(text []byte) (mark, body []byte, err error) {
	for _, m := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(m)) {
			return nil, nil, errors.New("it is written in UTF-16: save it as UTF-8")
		}
	}
	n := 0
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		n = 3
	}
	mark, body = text[:n], text[n:]
	if !utf8.Valid(body) {
		at := 0
		for r, size := utf8.DecodeRune(body); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRune(body[at:]) {
			at += size
		}
		line, column := splice.Position(body, at)
		return nil, nil, fmt.Errorf("line %d, column %d: the byte %#x is not UTF-8", line, column, body[at])
	}
	if len(bytes.Trim(body, " \t\r\n")) == 0 {
		return mark, body, nil
	}
	return mark, body, whole(body)
}

// whole says what keeps a text from being one object.
func whole(body []byte) error {
	_, end, err := splice.First(body)
	var flaw *splice.Error
	switch {
	case errors.As(err, &flaw) && comment(body[flaw.Offset:]):
		return fmt.Errorf("line %d, column %d: there is a comment, and dockerd takes none: move it elsewhere", flaw.Line, flaw.Column)
	case err != nil:
		return err
	}
	rest := bytes.TrimLeft(body[end:], " \t\r\n")
	if len(rest) > 0 {
		line, column := splice.Position(body, len(body)-len(rest))
		if comment(rest) {
			return fmt.Errorf("line %d, column %d: there is a comment behind the end of the object, and dockerd takes none: move it elsewhere", line, column)
		}
		return fmt.Errorf("line %d, column %d: text follows the end of the object", line, column)
	}
	if first := bytes.TrimLeft(body, " \t\r\n"); first[0] != '{' && first[0] != 'n' {
		_, _, err := splice.Object(body)
		return err
	}
	return nil
}

func comment(text []byte) bool {
	return bytes.HasPrefix(text, []byte("//")) || bytes.HasPrefix(text, []byte("/*")) || bytes.HasPrefix(text, []byte("#"))
}

// otherCase refuses a key beside one that differs in case alone: dockerd does not know
// that one, or takes either for the other.
func otherCase(body []byte, key []string) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	for i, name := range key {
		if i == 1 && policy.DaemonNames(key[0]) {
			continue
		}
		members, ok, err := splice.Object(body, key[:i]...)
		if !ok {
			return err
		}
		for _, m := range members {
			if m.Key != name && strings.EqualFold(m.Key, name) {
				line, column := splice.Position(body, m.Start)
				return fmt.Errorf("line %d, column %d: %.60q is %.60q in another case, which dockerd does not tell apart for sure: rename it or take it out", line, column, m.Key, name)
			}
		}
	}
	return nil
}
