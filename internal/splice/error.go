package splice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Error is what keeps a text from being edited, and where it stands.
type Error struct {
	Offset       int // in bytes
	Line, Column int // from 1; columns are characters
	What         string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.What)
}

func errorAt(text []byte, offset int, format string, args ...any) *Error {
	line, column := Position(text, offset)
	return &Error{offset, line, column, fmt.Sprintf(format, args...)}
}

// Position is the line and the column, from 1, of the byte at an offset.
func Position(text []byte, offset int) (line, column int) {
	before := text[:max(0, min(len(text), offset))]
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

// flaw says where a text stops being JSON.
func flaw(text []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errorAt(text, len(text), "it ends in the middle")
	case !errors.As(err, &syntax):
		return errorAt(text, 0, "%s", err)
	}
	at := max(0, int(syntax.Offset)-1)
	if at < len(text) && (text[at] == '}' || text[at] == ']') && bytes.HasSuffix(bytes.TrimRight(text[:at], " \t\r\n"), []byte(",")) {
		return errorAt(text, at, "there is a comma before %q, with nothing behind it", text[at])
	}
	what := syntax.Error()
	if _, context, ok := strings.Cut(what, "' "); ok && at < len(text) && text[at] >= utf8.RuneSelf {
		r, _ := utf8.DecodeRune(text[at:]) // encoding/json names its first byte
		what = fmt.Sprintf("invalid character %q %s", r, context)
	}
	return errorAt(text, at, "%s", what)
}

// kind names the kind of value that begins with a byte.
func kind(first byte) string {
	switch first {
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '{':
		return "an object"
	}
	return "a number"
}
