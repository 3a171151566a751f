package probe

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// readKmsg reads the kernel's buffer from its oldest record to its newest. Each read
// is one record; without O_NONBLOCK the last would wait for the next.
func (m *machine) readKmsg(ctx context.Context, k *klog) error {
	at, err := m.root.find("/dev/kmsg")
	if err != nil {
		return err
	}
	fi, err := os.Stat(at)
	if err != nil {
		return err
	}
	if fi.Mode()&os.ModeCharDevice == 0 {
		return os.ErrNotExist // some containers have an empty file there
	}
	fd, err := syscall.Open(at, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: at, Err: err}
	}
	defer syscall.Close(fd)
	buf := make([]byte, 64<<10) // above the kernel's longest record
	for ctx.Err() == nil {
		n, err := syscall.Read(fd, buf)
		switch {
		case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.EINTR), errors.Is(err, syscall.EINVAL):
			// Records were overwritten while we read, or one is too long: the next read goes on behind it.
			continue
		case errors.Is(err, syscall.EAGAIN), err == nil && n == 0:
			return nil
		case err != nil:
			return &os.PathError{Op: "read", Path: at, Err: err}
		}
		k.record(buf[:n])
	}
	return ctx.Err()
}
