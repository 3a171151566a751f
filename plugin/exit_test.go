package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/docker/cli/cli"
)

type codedError struct{ code int }

func (codedError) Error() string   { return "the engine says no" }
func (e codedError) ExitCode() int { return e.code }

// stackedError prints more with %+v, as BuildKit's errors do.
type stackedError struct{}

func (stackedError) Error() string { return "short" }
func (stackedError) Format(s fmt.State, verb rune) {
	text := "short"
	if verb == 'v' && s.Flag('+') {
		text += "\nstack"
	}
	_, _ = s.Write([]byte(text))
}

func TestReport(t *testing.T) {
	failed := exec.Command("false").Run()
	for _, tc := range []struct {
		name        string
		err         error
		interrupted bool
		debug       bool
		code        int
		text        string
	}{
		{name: "plain", err: errors.New("no GPU\n"), code: 1, text: "docker gpu: no GPU\n"},
		{name: "wrong flag", err: usageError{errors.New("unknown flag: --x")}, code: 125, text: "docker gpu: unknown flag: --x\n"},
		{name: "wrong flag, wrapped", err: fmt.Errorf("build: %w", usageError{errors.New("bad")}), code: 125, text: "docker gpu: build: bad\n"},
		{name: "status", err: cli.StatusError{Status: "container gone", StatusCode: 126}, code: 126, text: "docker gpu: container gone\n"},
		{name: "status of a cause", err: cli.StatusError{Cause: errors.New("why"), StatusCode: 3}, code: 3, text: "docker gpu: why\n"},
		{name: "bare status", err: cli.StatusError{StatusCode: 2}, code: 2},
		{name: "status zero", err: cli.StatusError{Status: "odd"}, code: 1, text: "docker gpu: odd\n"},
		{name: "typed", err: fmt.Errorf("build: %w", codedError{42}), code: 42, text: "docker gpu: build: the engine says no\n"},
		{name: "typed zero", err: codedError{0}, code: 1, text: "docker gpu: the engine says no\n"},
		{name: "another program's code", err: fmt.Errorf("nvidia-ctk: %w", failed), code: 1, text: "docker gpu: nvidia-ctk: exit status 1\n"},
		{name: "cancelled", err: fmt.Errorf("solve: %w", context.Canceled), code: 130, text: "docker gpu: interrupted\n"},
		{name: "interrupted", err: context.Canceled, interrupted: true, code: 130, text: "docker gpu: interrupted\n"},
		{name: "interrupted, with something left", err: errors.New("container abc is left"), interrupted: true, code: 130, text: "docker gpu: interrupted: container abc is left\n"},
		{name: "too late is not interrupted", err: context.DeadlineExceeded, code: 1, text: "docker gpu: context deadline exceeded\n"},
		{name: "what acts on a terminal", err: errors.New("\x1b]0;owned\x07name\u202e\u009b2J\r\nnext\tline\x00"), code: 1, text: "docker gpu: ]0;owned name  2J\nnext line\n"},
		{name: "bytes that are no text", err: errors.New("a\xff\xfeb"), code: 1, text: "docker gpu: a?b\n"},
		{name: "a message without end", err: errors.New(strings.Repeat("é", 20_000)), code: 1, text: "docker gpu: " + strings.Repeat("é", 8<<10) + "…\n"},
		{name: "with -D too", err: errors.New("\x1b[2J"), debug: true, code: 1, text: "docker gpu: [2J\n"},
		{name: "no stack", err: stackedError{}, code: 1, text: "docker gpu: short\n"},
		{name: "stack with -D", err: stackedError{}, debug: true, code: 1, text: "docker gpu: short\nstack\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var w bytes.Buffer
			code := report(&w, tc.err, tc.interrupted, tc.debug)
			if code != tc.code || w.String() != tc.text {
				t.Errorf("got %d, %q; want %d, %q", code, w.String(), tc.code, tc.text)
			}
		})
	}
}
