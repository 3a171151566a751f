package image

import (
	"bytes"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestReadWhatWasMade(t *testing.T) {
	image, err := Worker(write(t, with(glibc("lib64/", x86), "lib64/ld-linux-x86-64.so.2", ld)), "amd64", program)
	assert.NilError(t, err)
	name, brought, err := Read(image.Archive)
	assert.NilError(t, err)
	assert.Equal(t, name, image.Name)
	assert.Assert(t, brought)
	told, err := image.Told()
	assert.NilError(t, err)
	assert.Assert(t, len(told) < 10<<10, "%d bytes", len(told))
	name, brought, err = Read(told)
	assert.NilError(t, err)
	assert.Equal(t, name, image.Name)
	assert.Assert(t, !brought)
}

// A machine that is not ours made it: no other image may be replaced by what it sends.
func TestReadHostileArchives(t *testing.T) {
	manifest := func(text string) []byte {
		data, err := archive([]entry{{name: manifestFile, data: []byte(text), mode: 0o644}, {name: "x", mode: 0o644}})
		assert.NilError(t, err)
		return data
	}
	const good = `"docker-gpu-worker:0123456789abcdef"`
	other, err := archive([]entry{{name: "layer.tar", mode: 0o644}, {name: manifestFile, data: []byte(`[{"RepoTags":[` + good + `]}]`), mode: 0o644}})
	assert.NilError(t, err)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":         {nil, "is no image: EOF"},
		"text":            {[]byte("Segmentation fault\n"), "is no image"},
		"cut":             {manifest(`[{"RepoTags":[` + good + `]}]`)[:520], "no whole image"},
		"another order":   {other, "does not begin with a manifest"},
		"a huge manifest": {manifest(strings.Repeat(" ", 1<<20)), "does not begin with a manifest"},
		"no JSON":         {manifest("{"), "is no image: unexpected end"},
		"another name":    {manifest(`[{"RepoTags":["debian:latest"]}]`), `it names "[{\"RepoTags\":[\"debian:latest\"]}]"`},
		"a second name":   {manifest(`[{"RepoTags":[` + good + `,"debian:latest"]}]`), "no image of a worker"},
		"a second image":  {manifest(`[{"RepoTags":[` + good + `]},{"RepoTags":["debian:latest"]}]`), "no image of a worker"},
		"a longer name":   {manifest(`[{"RepoTags":["docker-gpu-worker:0123456789abcdef\nx"]}]`), "no image of a worker"},
		"control":         {manifest("[{\"RepoTags\":[\"\\u001b[2J\"]}]" + "\x1b[2J"), "is no image"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Read(c.data)
			assert.Assert(t, is.ErrorContains(err, c.want))
			assert.Assert(t, !strings.Contains(err.Error(), "\x1b"))
		})
	}
	name, brought, err := Read(manifest(`[{"RepoTags":[` + good + `]}]`))
	assert.NilError(t, err)
	assert.Equal(t, name, "docker-gpu-worker:0123456789abcdef")
	assert.Assert(t, brought)
}

// Static programs travel in an image of nothing else.
func TestStatic(t *testing.T) {
	files := map[string][]byte{"/gpu-probe": []byte("one"), "/gpu-worker": []byte("two")}
	image, err := Static("docker-gpu-probe:0123", "arm64", files)
	assert.NilError(t, err)
	assert.Equal(t, image.Name, "docker-gpu-probe:0123")
	names, contents := rootFS(t, image)
	assert.DeepEqual(t, names, []string{"etc/", "gpu-probe", "gpu-worker", "tmp/"})
	assert.Equal(t, string(contents["gpu-worker"]), "two")
	again, err := Static("docker-gpu-probe:0123", "arm64", files)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(again.Archive, image.Archive))
	_, outer := untar(t, image.Archive)
	assert.Assert(t, is.Contains(string(outer["manifest.json"]), `"RepoTags":["docker-gpu-probe:0123"]`))
}
