package bounded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"gotest.tools/v3/assert"
)

func TestRead(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "abc": true, "abcd": true, "abcde": false} {
		data, err := Read(strings.NewReader(text), 4)
		if !ok {
			assert.Error(t, err, "it is larger than 4B, more than anything of its kind")
			assert.Equal(t, len(data), 0, "half a file is no file")
			continue
		}
		assert.NilError(t, err)
		assert.Equal(t, string(data), text)
	}
	gone := errors.New("gone")
	_, err := Read(iotest.ErrReader(gone), 4)
	assert.ErrorIs(t, err, gone)
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	assert.NilError(t, os.WriteFile(file, []byte("abc"), 0o600))
	data, err := ReadFile(file, 3)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "abc")
	_, err = ReadFile(file, 2)
	assert.ErrorContains(t, err, file+": it is larger than 2B")
	_, err = ReadFile("/dev/zero", 1<<20)
	assert.ErrorContains(t, err, "/dev/zero: it is larger than 1MiB")
	_, err = ReadFile(dir, 1)
	assert.Error(t, err, "read "+dir+": is a directory")
	_, err = ReadFile(file+".none", 1)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
