package solve

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	bkclient "github.com/moby/buildkit/client"
	"gotest.tools/v3/assert"
)

func TestParseOutput(t *testing.T) {
	for in, want := range map[string]Output{
		"out":                                {Type: "local", Dest: "out", Attrs: map[string]string{}},
		"-":                                  {Type: "tar", Dest: "-", Attrs: map[string]string{}},
		"type=oci,dest=a.tar":                {Type: "oci", Dest: "a.tar", Attrs: map[string]string{}},
		"type=image,push=true,compression=x": {Type: "image", Attrs: map[string]string{"push": "true", "compression": "x"}},
		`type=image,"name=a,b"`:              {Type: "image", Attrs: map[string]string{"name": "a,b"}},
		"type=cacheonly":                     {Type: "cacheonly", Attrs: map[string]string{}},
	} {
		got, err := ParseOutput(in)
		assert.NilError(t, err, in)
		assert.DeepEqual(t, got, want)
	}
	for in, says := range map[string]string{
		"dest=x":       "has no type",
		"type=floppy":  `type "floppy" is not one of`,
		"type=oci,tar": "is not key=value",
	} {
		_, err := ParseOutput(in)
		assert.ErrorContains(t, err, says)
	}
}

func nobody(context.Context, io.Reader) error { return errors.New("nobody loads here") }

// archive writes an image as a builder does.
func archive(t *testing.T, e bkclient.ExportEntry, text string) {
	t.Helper()
	w, err := e.Output(nil)
	assert.NilError(t, err)
	_, err = w.Write([]byte(text))
	assert.NilError(t, err)
	assert.NilError(t, w.Close())
}

func one(t *testing.T, b *Builder, out Output) map[string]string {
	t.Helper()
	entries, wait, err := Exports(context.Background(), b, []string{"name"}, []Output{out}, nobody)
	assert.NilError(t, err)
	assert.NilError(t, wait(nil))
	attrs := entries[0].Attrs
	attrs["type"] = entries[0].Type
	return attrs
}

func TestImageOutputs(t *testing.T) {
	local, push := Output{Type: "docker"}, Output{Type: "registry"}
	assert.DeepEqual(t, one(t, &Builder{Moby: true, OCIStore: true}, local), map[string]string{"type": "moby", "name": "docker.io/library/name:latest",
		"prefer-image-digest": "true", "compression": "zstd", "compression-level": "1", "oci-mediatypes": "true"})
	assert.DeepEqual(t, one(t, &Builder{Moby: true}, local), map[string]string{"type": "moby", "name": "docker.io/library/name:latest"})
	// A registry gets what every client can read, unless asked otherwise.
	assert.DeepEqual(t, one(t, &Builder{OCIStore: true}, push), map[string]string{"type": "image", "name": "docker.io/library/name:latest", "push": "true", "unpack": "false"})
	zstd := one(t, &Builder{}, Output{Type: "registry", Attrs: map[string]string{"compression": "zstd"}})
	assert.Equal(t, zstd["oci-mediatypes"], "true")
}

func TestOutputsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	assert.NilError(t, os.WriteFile(file, nil, 0o644))
	for says, out := range map[string]Output{
		"takes dest=DIRECTORY": {Type: "local"},
		"is a file":            {Type: "local", Dest: file},
		"is a directory":       {Type: "oci", Dest: dir},
		"no such file":         {Type: "oci", Dest: filepath.Join(dir, "none", "x.tar")},
	} {
		_, _, err := Exports(context.Background(), &Builder{}, nil, []Output{out}, nobody)
		assert.ErrorContains(t, err, says)
	}
	_, _, err := Exports(context.Background(), &Builder{}, nil, []Output{{Type: "registry"}}, nobody)
	assert.ErrorContains(t, err, "add --tag")
	for _, tag := range []string{"UPPER CASE", "x@sha256:" + "aa"} {
		_, _, err := Exports(context.Background(), &Builder{}, []string{tag}, nil, nobody)
		assert.ErrorContains(t, err, "--tag")
	}
}

func TestFilesAreWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	dest := filepath.Join(dir, "image.tar")
	assert.NilError(t, os.WriteFile(dest, []byte("before"), 0o644))
	write := func(failed error) {
		entries, wait, err := Exports(context.Background(), &Builder{}, nil, []Output{{Type: "oci", Dest: dest}}, nobody)
		assert.NilError(t, err)
		archive(t, entries[0], "after")
		assert.NilError(t, wait(failed))
	}
	write(errors.New("the build broke"))
	data, err := os.ReadFile(dest)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "before")
	write(nil)
	data, err = os.ReadFile(dest)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "after")
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1)
}

func TestLoadingStreams(t *testing.T) {
	var got []byte
	load := func(_ context.Context, r io.Reader) (err error) { got, err = io.ReadAll(r); return err }
	entries, wait, err := Exports(context.Background(), &Builder{}, []string{"x"}, []Output{{Type: "docker"}}, load)
	assert.NilError(t, err)
	archive(t, entries[0], "archive")
	assert.NilError(t, wait(nil))
	assert.Equal(t, string(got), "archive")

	// A build that fails in the middle must not be loaded as if it were whole.
	entries, wait, err = Exports(context.Background(), &Builder{}, []string{"x"}, []Output{{Type: "docker"}}, load)
	assert.NilError(t, err)
	_, err = entries[0].Output(nil)
	assert.NilError(t, err)
	assert.ErrorContains(t, wait(errors.New("the build broke")), "the build broke")

	// A build that fails before it exports has nothing to wait for.
	_, wait, err = Exports(context.Background(), &Builder{}, []string{"x"}, []Output{{Type: "docker"}}, load)
	assert.NilError(t, err)
	assert.NilError(t, wait(errors.New("early")))
}
