package probe

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

const mostOutput = 16 << 20 // bytes of a program

// output runs a program and returns what it writes, also where it fails: that may say why.
// One that writes more than mostOutput is ended, and the error is errLarge; the byte more
// that comes back tells a reader that the rest is missing.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 100 * time.Millisecond // a child of it may hold the pipe open
	out := &capped{most: mostOutput}
	cmd.Stdout = out
	err := cmd.Run()
	if len(out.data) > out.most {
		err = fmt.Errorf("%w (more than %d MiB of output)", errLarge, out.most>>20)
	}
	return out.data, err
}

// capped takes one byte more than most; who writes on gets an error and ends. It is no
// bytes.Buffer with a Write of its own: copying would go past that, to its ReadFrom.
type capped struct {
	data []byte
	most int
}

func (b *capped) Write(p []byte) (int, error) {
	if left := b.most + 1 - len(b.data); len(p) > left {
		b.data = append(b.data, p[:left]...)
		return left, io.ErrShortWrite
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
