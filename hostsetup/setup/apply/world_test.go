//go:build linux

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree/treetest"
)

// machine is one whose programs stand in for the real ones.
func machine(root, state string) *Machine {
	m := &Machine{Root: root, State: state, Patience: time.Second, EditDaemon: editJSON, RevertDaemon: revertJSON, EditHooks: hooksJSON}
	m.Programs = &stand{root: root, point: m.at}
	m.Fetch = func(_ context.Context, url string) ([]byte, error) {
		return os.ReadFile(filepath.Join(root, "srv", filepath.Base(url)))
	}
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
	return listed(t, root, func(e treetest.Entry) string { return e.What + " " + e.Time })
}

// timeless is seen without the times of files, which a second apply gives anew.
func timeless(t *testing.T, root string) string {
	t.Helper()
	return listed(t, root, func(e treetest.Entry) string { return e.What })
}

func listed(t *testing.T, root string, text func(treetest.Entry) string) string {
	t.Helper()
	all, err := treetest.Seen(root, nil)
	assert.NilError(t, err)
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "%s %s\n", name, text(all[name]))
	}
	return out.String()
}

// sameJSON compares what texts say, however they are laid out.
func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var a, b any
	assert.NilError(t, json.Unmarshal([]byte(got), &a), got)
	assert.NilError(t, json.Unmarshal([]byte(want), &b), want)
	assert.DeepEqual(t, a, b)
}

// archive is the time of what was there before, and of what packages bring.
var archive = time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)

func castagnoli(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }
