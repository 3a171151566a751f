//go:build unix

package apply

import (
	"os/exec"
	"syscall"
)

// isolate puts a program into a process group of its own: Ctrl-C is for us, between two
// steps, and must not hit a package manager at work.
func isolate(cmd *exec.Cmd, root string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Chroot: root}
}

func hangup(pid int) error { return syscall.Kill(pid, syscall.SIGHUP) }

// usualUmask has what programs make be readable, whatever the shell that we came from says.
func usualUmask() { syscall.Umask(0o022) }
