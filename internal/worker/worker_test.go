package worker

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"testing"
	"testing/fstest"

	"gotest.tools/v3/assert"
)

func pack(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(data))
	assert.NilError(t, errors.Join(err, z.Close()))
	return b.Bytes()
}

func TestBinary(t *testing.T) {
	good := pack(t, "the program")
	readme := &fstest.MapFile{Data: []byte("words")}
	for name, c := range map[string]struct {
		files fstest.MapFS
		arch  string
		want  string
		err   string
	}{
		"there":        {fstest.MapFS{"bin/gpu-worker-linux-amd64.gz": {Data: good}}, "amd64", "the program", ""},
		"not built":    {fstest.MapFS{"bin/README.md": readme}, "amd64", "", ErrNotBuilt.Error()},
		"another arch": {fstest.MapFS{"bin/gpu-worker-linux-amd64.gz": {Data: good}}, "riscv64", "", "this docker gpu has no worker for linux/riscv64; use another image with --image"},
		"no gzip":      {fstest.MapFS{"bin/gpu-worker-linux-arm64.gz": {Data: []byte("no")}}, "arm64", "", "the worker for linux/arm64 inside this docker gpu is damaged: unexpected EOF"},
		"cut":          {fstest.MapFS{"bin/gpu-worker-linux-arm64.gz": {Data: good[:len(good)-9]}}, "arm64", "", "the worker for linux/arm64 inside this docker gpu is damaged: unexpected EOF"},
		"hostile name": {fstest.MapFS{"bin/README.md": readme}, "../../etc/passwd", "", ErrNotBuilt.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := binary(c.files, c.arch)
			if c.err != "" {
				assert.Error(t, err, c.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, string(got), c.want)
		})
	}
}

// What is really inside: either a program for the architecture, or the word to build one.
func TestWhatIsInside(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		data, err := Binary(arch)
		if errors.Is(err, ErrNotBuilt) {
			t.Logf("%s: %v", arch, err)
			continue
		}
		assert.NilError(t, err)
		f, err := elf.NewFile(bytes.NewReader(data))
		assert.NilError(t, err)
		assert.Equal(t, f.Machine, machine)
	}
}
