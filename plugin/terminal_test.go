package plugin

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCleanTexts(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"plain, with ümläuts":             "plain, with ümläuts",
		"two\nlines\tand more":            "two lines and more",
		"\x1b[31mred\x1b[0m":              "[31mred [0m",
		"\u009b2J":                        "2J",
		"a\u202eb\u2066c":                 "a b c",
		"a\xffb":                          "a?b",
		"123456789012345678901234567890x": "12345678901234567890123456789…",
	} {
		assert.Equal(t, clean(in, 30), want, "%q", in)
	}
}

func TestParagraphs(t *testing.T) {
	long := strings.Repeat("word ", 20) + strings.Repeat("x", 100) + " end"
	var b strings.Builder
	paragraph(&b, "  Fix: ", long)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	assert.Equal(t, len(lines), 4, b.String())
	assert.Assert(t, strings.HasPrefix(lines[0], "  Fix: word word"))
	for _, line := range lines[1:] {
		assert.Assert(t, strings.HasPrefix(line, "       ") && line[7] != ' ', "%q", line)
	}
	assert.Equal(t, lines[2], "       "+strings.Repeat("x", 100), "a word is never broken")
	b.Reset()
	paragraph(&b, "NOTE   ", "")
	assert.Equal(t, b.String(), "NOTE\n")
}

// What is copied from the screen does what the commands say, to a POSIX shell.
func TestShellLines(t *testing.T) {
	for want, argv := range map[string][]string{
		`modprobe nvidia`:                      {"modprobe", "nvidia"},
		`nvidia-ctk cdi generate --output=/x`:  {"nvidia-ctk", "cdi", "generate", "--output=/x"},
		`sh -c 'echo "$HOME" > x'`:             {"sh", "-c", `echo "$HOME" > x`},
		`docker rm 'it'\''s' ''`:               {"docker", "rm", "it's", ""},
		`cat '?[2Jname'`:                       {"cat", "\x1b[2Jname"},
		`rm '~/x' '*' 'a;b' '#c' '{d,e}' '!f'`: {"rm", "~/x", "*", "a;b", "#c", "{d,e}", "!f"},
		`echo 'ümläut'`:                        {"echo", "ümläut"},
		``:                                     nil,
	} {
		assert.Equal(t, shellLine(argv), want)
	}
}

func TestConfirm(t *testing.T) {
	for typed, want := range map[string]bool{"y\n": true, "Yes \n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		s := newScreen(t, true, typed)
		ok, err := confirm(t.Context(), s.cli, false, "Go on?")
		assert.NilError(t, err)
		assert.Equal(t, ok, want, "%q", typed)
		assert.Equal(t, s.err.String(), "Go on? [y/N] ")
		assert.Equal(t, s.out.String(), "", "questions are talk")
	}
	s := newScreen(t, false, "y\n")
	ok, err := confirm(t.Context(), s.cli, false, "Go on?")
	assert.Assert(t, !ok)
	assert.ErrorContains(t, err, "-y (--yes)")
	ok, err = confirm(t.Context(), s.cli, true, "Go on?")
	assert.NilError(t, err)
	assert.Assert(t, ok)
}

func TestConfirmEndsWithCtrlC(t *testing.T) {
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	s := newScreenFrom(t, true, in)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := confirm(ctx, s.cli, false, "Go on?")
	assert.Assert(t, errors.Is(err, context.Canceled))
}
