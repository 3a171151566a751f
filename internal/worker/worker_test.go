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
		"no gzip":      {fstest.MapFS{"bin/gpu-worker-linux-arm64.gz": {Data: []byte("no")}}, "arm64", "", "gpu-worker for linux/arm64 inside this docker gpu is damaged: unexpected EOF"},
		"cut":          {fstest.MapFS{"bin/gpu-worker-linux-arm64.gz": {Data: good[:len(good)-9]}}, "arm64", "", "gpu-worker for linux/arm64 inside this docker gpu is damaged: unexpected EOF"},
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

// The two programs are told apart, and so is what lacks one of them.
func TestProbeAndSum(t *testing.T) {
	one, two := &fstest.MapFile{Data: pack(t, "one")}, &fstest.MapFile{Data: pack(t, "two")}
	both := fstest.MapFS{"bin/gpu-worker-linux-amd64.gz": one, "bin/gpu-probe-linux-amd64.gz": two}
	data, err := probe(both, "amd64")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "two")
	_, err = probe(both, "riscv64")
	assert.Error(t, err, "this docker gpu has no program that could look at a machine of linux/riscv64")
	_, err = probe(fstest.MapFS{"bin/gpu-worker-linux-amd64.gz": one}, "amd64")
	assert.ErrorIs(t, err, ErrNotBuilt)

	of, err := sum(both, "amd64")
	assert.NilError(t, err)
	assert.Equal(t, len(of), 64)
	again, err := sum(both, "amd64")
	assert.NilError(t, err)
	assert.Equal(t, again, of)
	swapped, err := sum(fstest.MapFS{"bin/gpu-worker-linux-amd64.gz": two, "bin/gpu-probe-linux-amd64.gz": one}, "amd64")
	assert.NilError(t, err)
	assert.Assert(t, swapped != of)

	_, err = sum(both, "arm64")
	assert.Error(t, err, "this docker gpu has no program that could look at a machine of linux/arm64")
	_, err = sum(fstest.MapFS{"bin/gpu-probe-linux-amd64.gz": two, "bin/gpu-worker-linux-arm64.gz": one}, "amd64")
	assert.Error(t, err, "this docker gpu has no worker for linux/amd64; use another image with --image")
	_, err = sum(fstest.MapFS{"bin/README.md": one}, "amd64")
	assert.ErrorIs(t, err, ErrNotBuilt)
}

// What is really inside: either programs for the architecture, or the word to build them.
func TestWhatIsInside(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		for name, open := range map[string]func(string) ([]byte, error){"worker": Binary, "probe": Probe} {
			data, err := open(arch)
			if errors.Is(err, ErrNotBuilt) {
				t.Logf("%s for %s: %v", name, arch, err)
				continue
			}
			assert.NilError(t, err)
			f, err := elf.NewFile(bytes.NewReader(data))
			assert.NilError(t, err)
			assert.Equal(t, f.Machine, machine)
			// The probe needs nothing of where it runs; the worker needs libcuda.
			libraries, err := f.ImportedLibraries()
			assert.NilError(t, err)
			assert.Equal(t, len(libraries) == 0, name == "probe", "%s needs %v", name, libraries)
		}
	}
}
