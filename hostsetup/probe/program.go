package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

const mostOutput = 16 << 20 // bytes of a program

// output runs a program and returns what it writes, also where it fails: that may say why.
// One that writes more than mostOutput is ended, and the error is errLarge; the byte more
// that comes back tells a reader that the rest is missing.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 100 * time.Millisecond // a child of it may hold the pipe open
	out := &bounded.Writer{Most: mostOutput + 1, Strict: true}
	cmd.Stdout = out
	err := cmd.Run()
	if len(out.Bytes()) > mostOutput {
		err = fmt.Errorf("%w (more than %d MiB of output)", errLarge, mostOutput>>20)
	}
	return out.Bytes(), err
}
