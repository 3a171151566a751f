//go:build !unix

package apply

import (
	"errors"
	"os/exec"
)

func isolate(*exec.Cmd, string) {}

func hangup(int) error { return errors.ErrUnsupported }

func usualUmask() {}
