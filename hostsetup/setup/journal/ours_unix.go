//go:build unix

package journal

import (
	"io/fs"
	"os"
	"syscall"
)

func ours(fi fs.FileInfo) bool {
	s, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
