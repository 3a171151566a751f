package probe

import (
	"os"
	"syscall"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// statNode is a device node; anything else in its place is none.
func statNode(path string) (host.Node, error) {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return host.Node{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if s.Mode&syscall.S_IFMT != syscall.S_IFCHR {
		return host.Node{}, os.ErrNotExist
	}
	// The C library's encoding of a device number: 12 bits, then 20 above the minor's low 8.
	dev := uint64(s.Rdev)
	return host.Node{
		Major: int(dev>>8&0xfff | dev>>32&^0xfff), Minor: int(dev&0xff | dev>>12&^0xff&0xffffffff),
		Mode: s.Mode & 0o7777, UID: int(s.Uid), GID: int(s.Gid),
	}, nil
}

// changeTime is when a file's inode changed: unlike the modification time, which
// packages carry with them, it says when the file came onto this disk.
func changeTime(fi os.FileInfo) time.Time {
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(int64(s.Ctim.Sec), int64(s.Ctim.Nsec)).UTC()
	}
	return fi.ModTime().UTC()
}

// diskSpace is the size of a file system and what users without privilege have left.
func diskSpace(path string) (size, free uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	unit := uint64(s.Frsize)
	if unit == 0 {
		unit = uint64(s.Bsize)
	}
	return s.Blocks * unit, s.Bavail * unit, nil
}

func owner(fi os.FileInfo) int {
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
