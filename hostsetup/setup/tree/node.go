package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"
)

// Attr is what a file has besides its content.
type Attr struct {
	Mode uint32 `json:"mode"` // permission bits
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	// XAttrs are its extended attributes, an SELinux label and an ACL among them.
	XAttrs map[string][]byte `json:"xattrs,omitempty"`
	// Time is when its content last changed; zero takes the present.
	Time time.Time `json:"time,omitzero"`
}

// Node is what is at a path.
type Node struct {
	// Path is absolute and without links.
	Path string `json:"path"`
	// Missing are the folders on the way that are not there.
	Missing []string `json:"missing,omitempty"`
	There   bool     `json:"there,omitempty"`
	Attr
	Size int64 `json:"size,omitempty"`
	// Sum is the content's SHA-256.
	Sum string `json:"sum,omitempty"`
}

// Same says that two nodes are the same file but for their times.
func (n Node) Same(other Node) bool {
	return n.There == other.There && n.Path == other.Path && n.Sum == other.Sum && n.Mode == other.Mode &&
		n.UID == other.UID && n.GID == other.GID && maps.EqualFunc(n.XAttrs, other.XAttrs, bytes.Equal)
}

// Sum is the SHA-256 of a content as nodes have it.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// most is the longest file that is read: a statically linked program.
const most = 512 << 20

// Look says what is at a path.
func (t *Tree) Look(name string) (Node, error) { return t.Copy(name, io.Discard) }

// Copy says what is at a path, and writes its content to w.
func (t *Tree) Copy(name string, w io.Writer) (Node, error) {
	p, err := t.find(name)
	if err != nil {
		return Node{}, err
	}
	defer p.close()
	n := Node{Path: p.path, Missing: p.missing}
	if len(p.missing) > 0 {
		return n, nil
	}
	seen, err := p.dir.Lstat(p.base)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err == nil && !seen.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", p.path, cause(err))
	}
	f, err := p.dir.Open(p.base)
	if err != nil {
		return n, fmt.Errorf("%s: %w", p.path, cause(err))
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil && !os.SameFile(fi, seen) {
		err = errors.New("it was exchanged in the meantime")
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", p.path, err)
	}
	n.There = true
	n.Mode, n.Time = uint32(fi.Mode().Perm())|special(fi.Mode()), fi.ModTime()
	n.UID, n.GID = owner(fi)
	if n.XAttrs, err = xattrs(f); err != nil {
		return n, fmt.Errorf("%s: its extended attributes: %w", p.path, err)
	}
	sum := sha256.New()
	n.Size, err = io.Copy(io.MultiWriter(sum, w), io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return n, fmt.Errorf("%s: %w", p.path, cause(err))
	case n.Size > most:
		return n, fmt.Errorf("%s: it has more than %d bytes", p.path, most)
	}
	n.Sum = hex.EncodeToString(sum.Sum(nil))
	return n, nil
}

// Read is a file's content, nil where there is none.
func (t *Tree) Read(name string) ([]byte, Node, error) {
	var data bytes.Buffer
	n, err := t.Copy(name, &data)
	return data.Bytes(), n, err
}

// List are the names in a folder, sorted; none of one that is not there.
func (t *Tree) List(name string) ([]string, error) {
	p, err := t.find(name + "/.docker-gpu")
	if err != nil {
		return nil, err
	}
	defer p.close()
	if len(p.missing) > 0 {
		return nil, nil
	}
	f, err := p.dir.Open(".")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// special are the bits beside the permissions, as chmod(2) takes them.
func special(m fs.FileMode) (bits uint32) {
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&mode != 0 {
			bits |= bit
		}
	}
	return bits
}

func fileMode(bits uint32) fs.FileMode {
	m := fs.FileMode(bits & 0o777)
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if bits&bit != 0 {
			m |= mode
		}
	}
	return m
}

// Exists says whether anything is at a path: a file, a folder, a device.
func (t *Tree) Exists(name string) (bool, error) {
	p, err := t.find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer p.close()
	if len(p.missing) > 0 {
		return false, nil
	}
	_, err = p.dir.Lstat(p.base)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Foreign says whether the nearest folder that is there of a path belongs to another user.
func (t *Tree) Foreign(dir string) (bool, error) {
	p, err := t.find(dir)
	if err != nil {
		return false, err
	}
	defer p.close()
	fi, err := p.dir.Lstat(p.base)
	if len(p.missing) > 0 || errors.Is(err, fs.ErrNotExist) {
		fi, err = p.dir.Stat(".")
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", dir, cause(err))
	}
	uid, _ := owner(fi)
	return uid != os.Geteuid(), nil
}
