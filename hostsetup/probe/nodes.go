package probe

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// readNodes lists the device nodes that GPUs are reached by.
func readNodes(_ context.Context, m *machine) (fill, error) {
	nodes, err := m.nodes()
	return func(h *host.Host) { h.Nodes = nodes }, err
}

func (m *machine) findNodes() (nodes []host.Node, failed error) {
	for _, in := range []struct{ dir, pattern string }{
		{"/dev", "nvidia*"}, {"/dev/nvidia-caps", "*"}, {"/dev/nvidia-caps-imex-channels", "*"}, {"/dev", "dxg"},
	} {
		names, err := m.root.list(in.dir, in.pattern)
		if err != nil {
			failed = errors.Join(failed, unreadable(in.dir, err))
			continue
		}
		for _, name := range names {
			n, err := m.nodeAt(path.Join(in.dir, name))
			if err == nil {
				nodes = append(nodes, n)
			} else if !errors.Is(err, fs.ErrNotExist) {
				failed = errors.Join(failed, unreadable(path.Join(in.dir, name), err))
			}
		}
	}
	return nodes, failed
}

func (m *machine) nodeAt(name string) (host.Node, error) {
	at, err := m.root.find(name)
	if err != nil {
		return host.Node{}, err
	}
	n, err := m.node(at)
	n.Path = name
	return n, err
}
