//go:build !linux

package plugin

import (
	"context"
	"errors"
)

// runProgram is Linux's alone, as the worker is.
func runProgram(context.Context, []byte, ...string) ([]byte, error) {
	return nil, errors.New("this is not Linux")
}
