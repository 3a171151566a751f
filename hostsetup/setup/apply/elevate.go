package apply

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
)

// HelperCommand is the hidden command of the binary that Serves.
const HelperCommand = "setup-helper"

// Elevate starts this binary as root: by sudo, else pkexec, else doas. They ask for a
// password on the terminal by themselves.
func Elevate(self string, stderr io.Writer) func(context.Context) (Pipe, error) {
	return func(ctx context.Context) (Pipe, error) {
		argv, err := elevated(self, os.Geteuid(), func(name string) bool { _, err := lookup("", name); return err == nil })
		if err != nil {
			return nil, err
		}
		path, err := lookup("", argv[0])
		if err != nil {
			return nil, err
		}
		// It outlives ctx: it stops between two steps when it is told so, or left alone.
		cmd := exec.CommandContext(context.WithoutCancel(ctx), path, argv[1:]...)
		cmd.Stderr = stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		return &process{cmd, in, out}, cmd.Start()
	}
}

// elevated is the command line by which the binary becomes root.
func elevated(self string, uid int, has func(string) bool) ([]string, error) {
	switch {
	case uid == 0:
		return []string{self, HelperCommand}, nil
	case has("sudo"):
		return []string{"sudo", "--", self, HelperCommand}, nil
	case has("pkexec"):
		return []string{"pkexec", self, HelperCommand}, nil
	case has("doas"):
		return []string{"doas", "--", self, HelperCommand}, nil
	}
	return nil, errors.New("some steps need root, and this machine has neither sudo nor pkexec nor doas: run this as root")
}

// process is a running helper.
type process struct {
	cmd *exec.Cmd
	io.WriteCloser
	io.Reader
}

// Close implements Pipe.
func (p *process) Close() error { return errors.Join(p.WriteCloser.Close(), p.cmd.Wait()) }
