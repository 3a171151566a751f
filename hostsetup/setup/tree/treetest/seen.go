//go:build linux

// Package treetest compares file systems in tests.
package treetest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Entry is everything about a name that a rollback must bring back.
type Entry struct {
	// What is its kind, mode, owner, content and extended attributes, or where it leads.
	What string
	// Time is when a file's content last changed; folders have none.
	Time string
}

// Seen is what lies below a root, by name. Names for which skip is true are left out, with
// all below them.
func Seen(root string, skip func(name string) bool) (map[string]Entry, error) {
	all := map[string]Entry{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if skip != nil && skip(name) {
			if fi.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		all[name], err = entry(path, fi)
		return err
	})
	return all, err
}

func entry(path string, fi fs.FileInfo) (Entry, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return Entry{}, err
	}
	e := Entry{What: fmt.Sprintf("%v %d:%d", fi.Mode(), st.Uid, st.Gid)}
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		e.What += " → " + target
		return e, err
	case fi.Mode()&fs.ModeDevice != 0:
		e.What += fmt.Sprintf(" device %d", st.Rdev)
		return e, nil
	case !fi.Mode().IsRegular():
		return e, nil
	}
	data, err := os.ReadFile(path)
	e.What += fmt.Sprintf(" %x", sha256.Sum256(data))
	e.Time = fi.ModTime().UTC().Format(time.RFC3339Nano)
	value := make([]byte, 256)
	if n, err := unix.Getxattr(path, "user.note", value); err == nil {
		e.What += fmt.Sprintf(" user.note=%q", value[:n])
	}
	return e, err
}
