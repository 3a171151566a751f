package probe

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// /dev/null is character device 1:3 on every Linux.
func TestANodeOfThisMachine(t *testing.T) {
	n, err := statNode("/dev/null")
	assert.NilError(t, err)
	assert.Equal(t, n.Major, 1)
	assert.Equal(t, n.Minor, 3)
	assert.Assert(t, n.Mode&0o666 == 0o666)
	_, err = statNode(t.TempDir())
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = statNode("/dev/none")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestChangeTimeIsNotThatOfTheArchive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	assert.NilError(t, os.WriteFile(file, nil, 0o644))
	assert.NilError(t, os.Chtimes(file, moment.AddDate(-20, 0, 0), moment.AddDate(-20, 0, 0)))
	fi, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Assert(t, time.Since(changeTime(fi)) < time.Hour)
	assert.Equal(t, owner(fi), os.Getuid())
}

func TestDiskSpace(t *testing.T) {
	size, free, err := diskSpace(t.TempDir())
	assert.NilError(t, err)
	assert.Assert(t, size > 0 && free <= size)
	_, _, err = diskSpace("/none/at/all")
	assert.ErrorIs(t, err, os.ErrNotExist)
}
