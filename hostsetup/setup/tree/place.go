package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is a file system below a folder, "/" for the machine itself.
type Tree struct {
	Root string
	// Point is called wherever a kill would leave something else on the disk: tests kill there.
	Point func(string)
}

const mostLinks = 40 // as in the kernel

// place is where a name leads: an open folder, which nobody can exchange any more, and a
// name in it that is no link.
type place struct {
	dir  *os.Root
	base string
	path string // absolute within the tree, without links
	// missing are the folders on the way that are not there; dir is the last one that is.
	missing []string
}

func (p *place) close() { p.dir.Close() }

// walk is one way through the tree.
type walk struct {
	root  string
	open  []folder // from the root on; the last is where the walk stands
	names []string
	links int
	final bool // the name itself is a link
}

// folder is one on the way: an open one, or for a user one that may be passed and not read.
type folder interface {
	Lstat(name string) (fs.FileInfo, error)
	Stat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	OpenRoot(name string) (*os.Root, error)
	Close() error
}

// passed is a folder by its path.
type passed string

func (p passed) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(p.join(name)) }
func (p passed) Stat(name string) (fs.FileInfo, error)  { return os.Stat(p.join(name)) }
func (p passed) Readlink(name string) (string, error)   { return os.Readlink(p.join(name)) }
func (p passed) OpenRoot(name string) (*os.Root, error) { return os.OpenRoot(p.join(name)) }
func (p passed) Close() error                           { return nil }
func (p passed) join(name string) string                { return filepath.Join(string(p), name) }

func (w *walk) here() folder { return w.open[len(w.open)-1] }
func (w *walk) at() string   { return "/" + strings.Join(w.names, "/") }

func (w *walk) up(to int) {
	for _, r := range w.open[to+1:] {
		r.Close()
	}
	w.open, w.names = w.open[:to+1], w.names[:to]
}

// find walks to an absolute name, through links.
func (t *Tree) find(name string) (*place, error) {
	if !path.IsAbs(name) {
		return nil, fmt.Errorf("%q is not an absolute path", name)
	}
	root, err := os.OpenRoot(t.Root)
	if err != nil {
		return nil, err
	}
	w := &walk{root: t.Root, open: []folder{root}}
	p, err := w.to(parts(name))
	last := len(w.open) - 1
	for _, r := range w.open[:last] {
		r.Close()
	}
	if err != nil {
		w.open[last].Close()
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	var open bool
	if p.dir, open = w.open[last].(*os.Root); !open {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrPermission)
	}
	return p, nil
}

func (w *walk) to(todo []string) (*place, error) {
	for len(todo) > 0 {
		part, last := todo[0], len(todo) == 1
		todo = todo[1:]
		if part == ".." {
			w.up(max(0, len(w.names)-1))
			continue
		}
		fi, err := w.here().Lstat(part)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return w.absent(part, todo)
		case err != nil:
			return nil, err
		case fi.Mode()&fs.ModeSymlink != 0:
			if todo, err = w.follow(part, todo); err != nil {
				return nil, err
			}
		case last:
			return &place{base: part, path: path.Join(w.at(), part)}, nil
		default:
			if err := w.enter(part, fi); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("it is a folder")
}

// absent is the place of a name that is not there, or is in folders that are not.
func (w *walk) absent(part string, todo []string) (*place, error) {
	if w.final {
		return nil, fmt.Errorf("it is a link to %s, which is not there", path.Join(slices.Concat([]string{w.at(), part}, todo)...))
	}
	if slices.Contains(todo, "..") {
		return nil, fs.ErrNotExist
	}
	p, at := &place{}, w.at()
	for _, next := range todo {
		at = path.Join(at, part)
		p.missing = append(p.missing, at)
		part = next
	}
	p.base, p.path = part, path.Join(at, part)
	return p, nil
}

// follow replaces a link by what it says.
func (w *walk) follow(part string, todo []string) ([]string, error) {
	dir, err := w.here().Stat(".")
	if err != nil {
		return nil, err
	}
	if dir.Mode()&0o002 != 0 {
		return nil, fmt.Errorf("%s is a link in a folder that everyone may write, and is not followed", path.Join(w.at(), part))
	}
	if w.links++; w.links > mostLinks {
		return nil, errors.New("too many links")
	}
	target, err := w.here().Readlink(part)
	if err != nil {
		return nil, err
	}
	target = filepath.ToSlash(target)
	w.final = w.final || len(todo) == 0
	if path.IsAbs(target) {
		w.up(0)
	}
	return slices.Concat(parts(target), todo), nil
}

// enter opens a folder, and makes sure that it is the one that was looked at.
func (w *walk) enter(part string, seen fs.FileInfo) error {
	if !seen.IsDir() {
		return fmt.Errorf("%s is not a folder", path.Join(w.at(), part))
	}
	r, err := w.here().OpenRoot(part)
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		// Nobody with more rights than this user is led astray here.
		w.names = append(w.names, part)
		w.open = append(w.open, passed(filepath.Join(w.root, w.at())))
		return nil
	}
	if err != nil {
		return err
	}
	if fi, err := r.Stat("."); err != nil || !os.SameFile(fi, seen) {
		r.Close()
		return errors.Join(fmt.Errorf("%s was exchanged in the meantime", path.Join(w.at(), part)), err)
	}
	w.open, w.names = append(w.open, r), append(w.names, part)
	return nil
}

func parts(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(p string) bool { return p == "" || p == "." })
}

// cause leaves out the path that an error names: it is relative to a folder that was
// opened, or below a test's root.
func cause(err error) error {
	var where *fs.PathError
	var both *os.LinkError
	switch {
	case errors.As(err, &where):
		return where.Err
	case errors.As(err, &both):
		return both.Err
	}
	return err
}
