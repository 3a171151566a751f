package probe

import (
	"context"
	"errors"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// readDisks measures where images, logs and the system are. A network file system that
// is gone hangs: then the source is left behind.
func readDisks(_ context.Context, m *machine) (fill, error) {
	var disks []host.Disk
	var failed error
	dirs := []string{m.daemon().root(), "/var/lib/containerd", "/", "/var"}
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) || !m.root.isDir(dir) {
			continue
		}
		at, err := m.root.find(dir)
		if err == nil {
			var d = host.Disk{Path: dir}
			if d.Size, d.Free, err = m.space(at); err == nil {
				disks = append(disks, d)
			}
		}
		failed = errors.Join(failed, unreadable(dir, err))
	}
	return func(h *host.Host) { h.Disks = disks }, failed
}
