package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/docker/cli/cli"
)

// Exit codes, as the README names them.
const (
	exitFailed      = 1
	exitWarnings    = 2
	exitUsage       = 125
	exitInterrupted = 130
)

// usageError is a wrong flag, or a wrong value of one.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func (usageError) ExitCode() int { return exitUsage }

// report prints an error the way every command does and returns the exit code:
// the one place where errors become codes.
func report(w io.Writer, err error, interrupted, debug bool) int {
	if text := message(err, interrupted, debug); text != "" {
		fmt.Fprintln(w, "docker gpu:", text)
	}
	return exitCode(err, interrupted)
}

func exitCode(err error, interrupted bool) int {
	if interrupted || errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	code := exitFailed
	if status, ok := errors.AsType[cli.StatusError](err); ok {
		code = status.StatusCode
	} else if _, ok := errors.AsType[*exec.ExitError](err); ok {
		// A program that we called has failed: its code says nothing about ours.
		return exitFailed
	} else if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		code = coded.ExitCode()
	}
	if code == 0 { // an error is never a success
		return exitFailed
	}
	return code
}

// message is what a user reads of an error; nothing for a bare status. What an engine,
// an index or a file has said is in it, so nothing of it reaches a terminal as it is.
func message(err error, interrupted, debug bool) string {
	const most = 16 << 10
	text := harmless(err.Error())
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if debug {
		text = harmless(fmt.Sprintf("%+v", err)) // with the stacks that BuildKit's errors carry
	}
	text = strings.TrimSpace(text)
	switch {
	case errors.Is(err, context.Canceled) && !debug:
		return "interrupted"
	case interrupted:
		return "interrupted: " + text // what it left undone may matter
	}
	return text
}
