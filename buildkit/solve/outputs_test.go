package solve

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseOutputOfOddValues(t *testing.T) {
	for in, want := range map[string]Output{
		"TYPE=oci, Dest=Out.TAR":                                   {Type: "oci", Dest: "Out.TAR", Attrs: map[string]string{}},
		"type=image,annotation.org.opencontainers.image.title=a=b": {Type: "image", Attrs: map[string]string{"annotation.org.opencontainers.image.title": "a=b"}},
		`type=local,"dest=a,b"`:                                    {Type: "local", Dest: "a,b", Attrs: map[string]string{}},
	} {
		got, err := ParseOutput(in)
		assert.NilError(t, err, in)
		assert.DeepEqual(t, got, want)
	}
	_, err := ParseOutput(`type=oci,"dest=a`)
	assert.ErrorContains(t, err, "--output")
}

func TestWhatAnEngineIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		builder Builder
		out     Output
		want    map[string]string
	}{
		// With a registry in between gzip is what every client reads.
		"pushed from containerd's store": {Builder{Moby: true, OCIStore: true}, Output{Type: "image", Attrs: map[string]string{"push": "true"}},
			map[string]string{"type": "moby", "name": "docker.io/library/name:latest", "push": "true", "prefer-image-digest": "true"}},
		"a compression of the user's": {Builder{Moby: true, OCIStore: true}, Output{Type: "docker", Attrs: map[string]string{"compression": "gzip"}},
			map[string]string{"type": "moby", "name": "docker.io/library/name:latest", "prefer-image-digest": "true", "compression": "gzip"}},
		"a name of its own": {Builder{}, Output{Type: "image", Attrs: map[string]string{"name": "other"}}, map[string]string{"type": "image", "name": "other"}},
		"unpacked":          {Builder{}, Output{Type: "registry", Attrs: map[string]string{"unpack": "true"}}, map[string]string{"type": "image", "name": "docker.io/library/name:latest", "push": "true", "unpack": "true"}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, one(t, &c.builder, c.out), c.want) })
	}
}

func TestSeveralOutputsOfOneBuild(t *testing.T) {
	dir := t.TempDir()
	outputs := []Output{{Type: "cacheonly"}, {Type: "local", Dest: dir}, {Type: "oci", Dest: filepath.Join(dir, "layout"), Attrs: map[string]string{"tar": "false"}}}
	entries, wait, err := Exports(context.Background(), &Builder{}, []string{"a", "b:1"}, outputs, nobody)
	assert.NilError(t, err)
	assert.NilError(t, wait(nil))
	assert.Equal(t, len(entries), 2, "cacheonly exports nothing")
	assert.Equal(t, entries[0].OutputDir, dir)
	assert.Equal(t, entries[1].OutputDir, filepath.Join(dir, "layout"))
	assert.Equal(t, entries[1].Attrs["name"], "docker.io/library/a:latest,docker.io/library/b:1")
	assert.Equal(t, len(outputs[2].Attrs), 1, "what was handed in is changed")
}

func TestAFinishedFileIsForOthersToo(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "image.tar")
	entries, wait, err := Exports(context.Background(), &Builder{}, nil, []Output{{Type: "oci", Dest: dest}}, nobody)
	assert.NilError(t, err)
	archive(t, entries[0], "") // BuildKit closes it before the build ends
	assert.NilError(t, wait(nil))
	fi, err := os.Stat(dest)
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o644))
}

// Where one of several outputs cannot be, nothing must be left of the others.
func TestRefusedOutputsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	_, _, err := Exports(context.Background(), &Builder{}, nil, []Output{{Type: "oci", Dest: filepath.Join(dir, "a.tar")}, {Type: "local"}}, nobody)
	assert.ErrorContains(t, err, "takes dest=DIRECTORY")
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0, "%v", left)
}

func TestALoadThatFailsEndsTheBuild(t *testing.T) {
	refused := errors.New("the engine does not take the image")
	entries, wait, err := Exports(context.Background(), &Builder{}, []string{"x"}, []Output{{Type: "docker"}},
		func(context.Context, io.Reader) error { return refused })
	assert.NilError(t, err)
	w, err := entries[0].Output(nil)
	assert.NilError(t, err)
	// The writer must not wait for a reader that is gone.
	_, err = w.Write([]byte("archive"))
	assert.Assert(t, errors.Is(err, refused), "%v", err)
	assert.Assert(t, errors.Is(wait(nil), refused))
}

// A device or a pipe is written to, never put out of its place by a file.
func TestOutputsIntoWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	assert.NilError(t, syscall.Mkfifo(pipe, 0o600))
	got := make(chan string)
	go func() {
		data, err := os.ReadFile(pipe)
		assert.Check(t, err == nil)
		got <- string(data)
	}()
	entries, wait, err := Exports(context.Background(), &Builder{}, nil, []Output{{Type: "oci", Dest: pipe}}, nobody)
	assert.NilError(t, err)
	archive(t, entries[0], "archive")
	assert.NilError(t, wait(nil))
	assert.Equal(t, <-got, "archive")
	fi, err := os.Stat(pipe)
	assert.NilError(t, err)
	assert.Assert(t, fi.Mode()&os.ModeNamedPipe != 0, "the pipe has become %s", fi.Mode())
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1, "%v", left)
}

// A link stays one: the file that it leads to is the one that is meant.
func TestOutputsThroughALink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.tar"), filepath.Join(dir, "link.tar")
	assert.NilError(t, os.WriteFile(real, []byte("before"), 0o600))
	assert.NilError(t, os.Symlink("real.tar", link))
	entries, wait, err := Exports(context.Background(), &Builder{}, nil, []Output{{Type: "oci", Dest: link}}, nobody)
	assert.NilError(t, err)
	archive(t, entries[0], "after")
	assert.NilError(t, wait(nil))
	data, err := os.ReadFile(real)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "after")
	to, err := os.Readlink(link)
	assert.NilError(t, err)
	assert.Equal(t, to, "real.tar")
}

func TestOutputsThatLackAPlace(t *testing.T) {
	for _, out := range []Output{{Type: "local"}, {Type: "oci", Attrs: map[string]string{"tar": "false"}}} {
		_, _, err := Exports(context.Background(), &Builder{}, nil, []Output{out}, nobody)
		assert.Error(t, err, "--output type="+out.Type+" takes dest=DIRECTORY")
	}
	_, _, err := Exports(context.Background(), &Builder{}, []string{""}, nil, nobody)
	assert.ErrorContains(t, err, `--tag "" is no image name: `)
}
