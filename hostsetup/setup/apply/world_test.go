//go:build linux

package apply

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// machine is one whose programs stand in for the real ones.
func machine(root, state string) *Machine {
	m := &Machine{Root: root, State: state, Patience: time.Second, EditDaemon: editJSON, RevertDaemon: revertJSON, EditHooks: hooksJSON}
	m.Programs = &stand{root: root, point: m.at}
	return m
}

// world is a root with files, and a state directory beside it.
type world struct {
	root, state string
	*Machine
	events []Event
}

func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "root"), state: filepath.Join(dir, "state")}
	assert.NilError(t, os.Mkdir(w.root, 0o755))
	for name, content := range files {
		w.write(t, name, content)
	}
	w.Machine = machine(w.root, w.state)
	w.Tell = func(e Event) { w.events = append(w.events, e) }
	return w
}

// write makes a file; a content that begins with "→" makes a link.
func (w *world) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(w.root, name)
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if target, ok := strings.CutPrefix(content, "→"); ok {
		assert.NilError(t, os.Symlink(target, path))
		return
	}
	assert.NilError(t, os.WriteFile(path, []byte(content), 0o644))
	assert.NilError(t, os.Chtimes(path, archive, archive))
}

func (w *world) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, name))
	assert.NilError(t, err)
	return string(data)
}

func (w *world) apply(t *testing.T, steps ...setup.Step) string {
	t.Helper()
	id, err := w.NewID()
	assert.NilError(t, err)
	_, err = w.Apply(t.Context(), id, plan(steps...))
	assert.NilError(t, err)
	return id
}

func plan(steps ...setup.Step) *setup.Plan {
	return &setup.Plan{SchemaVersion: setup.SchemaVersion, Steps: steps}
}

func step(id string, op setup.Op) setup.Step {
	return setup.Step{ID: id, Title: "the step " + id, Op: op}
}

// seen is everything about a tree that a rollback must bring back: names, kinds, contents,
// modes, owners, links, extended attributes, and the times of files.
func seen(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(&out, "%s %v %d:%d", name, fi.Mode(), st.Uid, st.Gid)
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&out, " → %s", target)
		case fi.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %x %s", sha256.Sum256(data), fi.ModTime().UTC().Format(time.RFC3339Nano))
			value := make([]byte, 100)
			if n, err := unix.Getxattr(path, "user.note", value); err == nil {
				fmt.Fprintf(&out, " note=%s", value[:n])
			}
		}
		out.WriteByte('\n')
		return nil
	})
	assert.NilError(t, err)
	return out.String()
}

// timeless is seen without the times of files, which a second apply gives anew.
func timeless(t *testing.T, root string) string {
	t.Helper()
	lines := strings.Split(seen(t, root), "\n")
	for i, line := range lines {
		words := strings.Split(line, " ")
		if len(words) >= 5 && strings.HasPrefix(words[1], "-") {
			lines[i] = strings.Join(append(words[:4:4], words[5:]...), " ")
		}
	}
	return strings.Join(lines, "\n")
}

// archive is the time of what was there before, and of what packages bring.
var archive = time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)

func castagnoli(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }
