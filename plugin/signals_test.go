//go:build unix

package plugin

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waiting is a process that has reached its command.
type waiting struct {
	*exec.Cmd
	lines  *bufio.Scanner
	stderr *strings.Builder
}

func startWaiting(t *testing.T, name string, args ...string) *waiting {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := t.TempDir()
	if err := os.Mkdir(filepath.Join(config, "cli-plugins"), 0o755); err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(config, "cli-plugins", "docker-gpu")
	if err := os.Symlink(self, installed); err != nil {
		t.Fatal(err)
	}
	if name == "docker-gpu" {
		name = installed
	}
	w := &waiting{Cmd: exec.Command(name, args...), stderr: &strings.Builder{}}
	w.Env = append(os.Environ(), "DOCKER_CONFIG="+config, "GORACE=atexit_sleep_ms=0")
	w.Stderr = w.stderr
	w.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a group, as a terminal has
	out, err := w.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-w.Process.Pid, syscall.SIGKILL) })
	w.lines = bufio.NewScanner(out)
	w.next(t, "ready")
	return w
}

// next waits for a line that begins so.
func (w *waiting) next(t *testing.T, want string) {
	t.Helper()
	if !w.lines.Scan() || !strings.HasPrefix(w.lines.Text(), want) {
		t.Fatalf("got %q, waiting for %q; stderr %q", w.lines.Text(), want, w.stderr)
	}
}

// end waits for the process and compares how it ended.
func (w *waiting) end(t *testing.T, code int, stderr string) {
	t.Helper()
	for w.lines.Scan() {
	}
	_ = w.Wait()
	if got := w.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d (%v), want %d", got, w.ProcessState, code)
	}
	if got := w.stderr.String(); got != stderr {
		t.Errorf("stderr is %q, want %q", got, stderr)
	}
}

func TestSignalEndsTheCommand(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			w := startWaiting(t, "docker-gpu", "wait")
			_ = w.Process.Signal(sig)
			w.next(t, "cleaning")
			w.end(t, 130, "docker gpu: interrupted\n")
		})
	}
}

func TestInterruptedCommandSaysWhatIsLeft(t *testing.T) {
	w := startWaiting(t, "docker-gpu", "left")
	_ = w.Process.Signal(syscall.SIGINT)
	w.end(t, 130, "docker gpu: interrupted: container abc is left\n")
}

func TestThirdSignalEndsAtOnce(t *testing.T) {
	w := startWaiting(t, "docker-gpu", "stuck")
	_ = w.Process.Signal(syscall.SIGINT)
	w.next(t, "cleaning")
	for range 2 {
		time.Sleep(50 * time.Millisecond) // signals of a kind that are pending together are one
		_ = w.Process.Signal(syscall.SIGINT)
	}
	w.end(t, 130, "")
}

// Docker stands between the terminal and the plugin: a terminal signals both,
// anything else docker alone.
func TestSignalUnderDocker(t *testing.T) {
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("no docker client here")
	}
	for name, target := range map[string]func(pid int) int{
		"docker alone":     func(pid int) int { return pid },
		"as by a terminal": func(pid int) int { return -pid },
	} {
		t.Run(name, func(t *testing.T) {
			w := startWaiting(t, "docker", "gpu", "wait")
			_ = syscall.Kill(target(w.Process.Pid), syscall.SIGINT)
			w.next(t, "cleaning")
			w.end(t, 130, "docker gpu: interrupted\n")
		})
	}
}
