package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// temporary is where a file's new content is put together. Its name is always the same,
// so that one that a killed setup left is found again.
func temporary(base string) string { return ".docker-gpu." + base + ".new" }

func (t *Tree) point(what string) {
	if t.Point != nil {
		t.Point(what)
	}
}

// Put puts a file in its place: it is written and synced beside it, and renamed.
// Folders on the way are made with mode 0755.
func (t *Tree) Put(name string, content io.Reader, a Attr) error {
	if err := t.mkdirs(name); err != nil {
		return err
	}
	p, err := t.find(name)
	if err != nil {
		return err
	}
	defer p.close()
	if err := t.put(p, content, a); err != nil {
		return fmt.Errorf("%s cannot be written: %w", p.path, advice(cause(err)))
	}
	return nil
}

func (t *Tree) put(p *place, content io.Reader, a Attr) error {
	temp := temporary(p.base)
	if err := p.dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := p.dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	t.point("made " + temp)
	if err := errors.Join(t.fill(f, content, a), f.Close()); err != nil {
		_ = p.dir.Remove(temp)
		return err
	}
	if !a.Time.IsZero() {
		if err := p.dir.Chtimes(temp, time.Time{}, a.Time); err != nil {
			_ = p.dir.Remove(temp)
			return err
		}
	}
	t.point("filled " + temp)
	if err := p.dir.Rename(temp, p.base); err != nil {
		_ = p.dir.Remove(temp)
		return err
	}
	t.point("renamed " + p.base)
	return syncDir(p)
}

func (t *Tree) fill(f *os.File, content io.Reader, a Attr) error {
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	t.point("wrote " + f.Name())
	// The owner before the mode: a change of owner takes setuid away.
	if err := chown(f, a); err != nil {
		return err
	}
	if err := f.Chmod(fileMode(a.Mode)); err != nil {
		return err
	}
	if err := setXattrs(f, a.XAttrs); err != nil {
		return fmt.Errorf("its extended attributes: %w", err)
	}
	return f.Sync()
}

func chown(f *os.File, a Attr) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if uid, gid := owner(fi); uid == a.UID && gid == a.GID {
		return nil
	}
	return f.Chown(a.UID, a.GID)
}

// Remove takes a file away, if it is there, and what a killed setup left beside it.
func (t *Tree) Remove(name string) error {
	return t.remove(name, func(base string) []string { return []string{temporary(base), base} })
}

// Sweep takes away only what a killed setup left beside a file.
func (t *Tree) Sweep(name string) error {
	return t.remove(name, func(base string) []string { return []string{temporary(base)} })
}

func (t *Tree) remove(name string, which func(base string) []string) error {
	p, err := t.find(name)
	if err != nil {
		return err
	}
	defer p.close()
	if len(p.missing) > 0 {
		return nil
	}
	gone := false
	for _, base := range which(p.base) {
		err := p.dir.Remove(base)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s cannot be removed: %w", path.Join(path.Dir(p.path), base), advice(cause(err)))
		}
		if err == nil {
			gone = true
			t.point("removed " + base)
		}
	}
	if !gone {
		return nil
	}
	return syncDir(p)
}

// mkdirs makes the folders on the way to a name.
func (t *Tree) mkdirs(name string) error {
	n, err := t.find(name)
	if err != nil {
		return err
	}
	missing := n.missing
	n.close()
	for _, dir := range missing {
		if err := t.mkdir(dir); err != nil {
			return fmt.Errorf("%s cannot be made: %w", dir, advice(cause(err)))
		}
	}
	return nil
}

func (t *Tree) mkdir(dir string) error {
	p, err := t.find(dir)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.dir.Mkdir(p.base, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	t.point("made folder " + p.base)
	if err := p.dir.Chmod(p.base, 0o755); err != nil { // whatever the umask is
		return err
	}
	return syncDir(p)
}

// Rmdir takes a folder away if it is there and empty.
func (t *Tree) Rmdir(dir string) error {
	p, err := t.find(dir)
	if err != nil {
		return err
	}
	defer p.close()
	if len(p.missing) > 0 {
		return nil
	}
	if fi, err := p.dir.Lstat(p.base); err != nil || !fi.IsDir() {
		return nil
	}
	err = p.dir.Remove(p.base)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s cannot be removed: %w", dir, advice(cause(err)))
	}
	t.point("removed folder " + p.base)
	return syncDir(p)
}

// syncDir has a rename or a removal reach the disk.
func syncDir(p *place) error {
	f, err := p.dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// advice says beside an error what helps.
func advice(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: free some space there", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: it lies on a file system that is mounted read-only", err)
	case errors.Is(err, syscall.EPERM) && os.Geteuid() == 0:
		return fmt.Errorf("%w, even for root: it may be immutable (see lsattr; `chattr -i` makes it writable)", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: this user may not", err)
	}
	return err
}

// Draft puts a content beside a file for somebody to look at, and says where. Sweep, Put
// and Remove take it away.
func (t *Tree) Draft(name string, content io.Reader) (string, error) {
	if err := t.mkdirs(name); err != nil {
		return "", err
	}
	p, err := t.find(name)
	if err != nil {
		return "", err
	}
	defer p.close()
	temp := temporary(p.base)
	if err := p.dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", p.path, advice(cause(err)))
	}
	f, err := p.dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.path, advice(cause(err)))
	}
	_, err = io.Copy(f, content)
	t.point("drafted " + temp)
	return path.Join(path.Dir(p.path), temp), errors.Join(err, f.Close())
}
