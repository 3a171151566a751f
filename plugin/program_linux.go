package plugin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// runProgram runs a program that lies in memory: no file is left, and no folder has to
// allow programs.
func runProgram(ctx context.Context, program []byte, args ...string) ([]byte, error) {
	fd, err := unix.MemfdCreate("gpu-worker", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("a program cannot be put into memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "gpu-worker")
	defer f.Close()
	if _, err := f.Write(program); err != nil {
		return nil, fmt.Errorf("a program cannot be put into memory: %w", err)
	}
	out := &bounded.Writer{Most: 1 << 20}
	cmd := exec.CommandContext(ctx, fmt.Sprintf("/proc/self/fd/%d", fd), args...)
	cmd.Stdout = out
	cmd.WaitDelay = 100 * time.Millisecond
	err = cmd.Run()
	return out.Bytes(), err
}
