package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/docker/cli/cli"
)

// Exit codes, as `docker gpu --help` and the README name them.
const (
	exitFailed      = 1
	exitUsage       = 125
	exitInterrupted = 130
)

// usageError is a wrong flag or argument.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// report prints an error the way every command does and returns the exit code:
// the one place where errors become codes.
func report(w io.Writer, err error, debug bool) int {
	if err == nil {
		return 0
	}
	var status cli.StatusError
	var usage usageError
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "docker gpu: interrupted")
		return exitInterrupted
	case errors.As(err, &status):
		if text := status.Error(); text != "" {
			fmt.Fprintln(w, "docker gpu:", text)
		}
		return status.StatusCode
	case errors.As(err, &usage):
		fmt.Fprintln(w, "docker gpu:", err)
		return exitUsage
	}
	text := strings.TrimSpace(err.Error())
	if debug {
		text = fmt.Sprintf("%+v", err)
	}
	fmt.Fprintln(w, "docker gpu:", text)
	return exitFailed
}
