package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// readLog reads the kernel log: the kernel's own buffer, else the file that the
// system's logger keeps, else dmesg, which may have rights that we have not.
func readLog(ctx context.Context, m *machine) (fill, error) {
	var denied, other error
	for _, way := range []func(context.Context, *klog) error{m.kmsg, m.logFile, m.dmesg} {
		var k klog
		err := way(ctx, &k)
		if err == nil {
			lines, xids := k.lines.all(), k.xids.all()
			return func(h *host.Host) { h.Kernel.Log, h.Xids = lines, xids }, nil
		}
		switch {
		case errors.Is(err, fs.ErrPermission):
			denied = err
		case !errors.Is(err, fs.ErrNotExist):
			other = err
		}
	}
	if denied != nil {
		return nil, errors.New("the kernel log cannot be read: run with sudo")
	}
	return nil, unreadable("the kernel log", other)
}

// mostLog bounds how much of a log file is read: 256 MiB, the last of it.
const mostLog = 256 << 20

func (m *machine) logFile(ctx context.Context, k *klog) error {
	f, err := m.root.open("/var/log/kern.log")
	if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && fi.Size() > mostLog {
		if _, err := f.Seek(-mostLog, io.SeekEnd); err != nil {
			return err
		}
	}
	return k.scan(ctx, io.LimitReader(f, mostLog))
}

func (m *machine) dmesg(ctx context.Context, k *klog) error {
	out, err := m.run(ctx, "dmesg")
	if err != nil && !errors.Is(err, errLarge) {
		// It says why on stderr only, and there is one reason: the kernel refuses.
		if isMissing(err) {
			return fs.ErrNotExist
		}
		return fmt.Errorf("dmesg: %w (%w)", fs.ErrPermission, err)
	}
	return k.scan(ctx, bytes.NewReader(out))
}
