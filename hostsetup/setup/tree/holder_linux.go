package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Holder is the process that holds a lock of a file, as dpkg, apt and rpm lock theirs; 0 if
// none does, -1 if one of another PID namespace does.
func (t *Tree) Holder(name string) (int, error) {
	p, err := t.find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer p.close()
	if len(p.missing) > 0 {
		return 0, nil
	}
	f, err := p.dir.OpenFile(p.base, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, advice(cause(err)))
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	if lock.Pid == 0 {
		return -1, nil
	}
	return int(lock.Pid), nil
}
