package probe

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// files are a fake host: a name that ends in "/" is a folder, a text that begins with
// "→" a link to what follows, a name that ends in "*" a program. All were written at moment.
type files map[string]string

// folder makes a root of them.
func folder(t *testing.T, tree files) root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range tree {
		file := filepath.Join(dir, strings.TrimSuffix(name, "*"))
		if strings.HasSuffix(name, "/") {
			assert.NilError(t, os.MkdirAll(file, 0o755))
			continue
		}
		assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		if target, ok := strings.CutPrefix(text, "→"); ok {
			assert.NilError(t, os.Symlink(target, file))
			continue
		}
		mode := os.FileMode(0o644)
		if strings.HasSuffix(name, "*") {
			mode = 0o755
		}
		assert.NilError(t, os.WriteFile(file, []byte(text), mode))
		assert.NilError(t, os.Chtimes(file, moment, moment))
	}
	return root(dir)
}

// fake is a machine of files. Nothing of the real one is seen: no program, no device.
func fake(t *testing.T, tree files) *machine {
	t.Helper()
	m := newMachine(Options{Root: string(folder(t, tree))})
	m.owner = func(os.FileInfo) int { return 0 }
	m.run = func(context.Context, string, ...string) ([]byte, error) { return nil, exec.ErrNotFound }
	m.node = func(string) (host.Node, error) { return host.Node{}, os.ErrNotExist }
	m.changed = func(os.FileInfo) time.Time { return moment }
	m.kmsg = func(context.Context, *klog) error { return os.ErrNotExist }
	m.once()
	return m
}

var moment = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// one asks a single source and returns the facts and what it notes.
func one(t *testing.T, m *machine, read func(context.Context, *machine) (fill, error)) host.Host {
	t.Helper()
	return gather(t.Context(), m, []source{{"it", "it", 10 * time.Second, read}})
}

// says is a program that prints; the test fails when another is called.
func says(t *testing.T, command, out string, err error) func(context.Context, string, ...string) ([]byte, error) {
	return func(_ context.Context, name string, args ...string) ([]byte, error) {
		assert.Equal(t, strings.Join(append([]string{name}, args...), " "), command)
		return []byte(out), err
	}
}
