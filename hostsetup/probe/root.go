package probe

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// root is the folder that stands for a machine's root file system: "/" on the
// machine itself, another one in a worker container and in tests. Links are followed
// within it, so that /var/run → /run does not lead out to the machine that looks.
type root string

const (
	mostText    = 64 << 10 // bytes of a small file
	mostEntries = 10000    // names in one folder
	mostConfigs = 300      // files of a folder that are read as a whole
	mostLinks   = 40       // as in the kernel
)

// path is where a name of the machine is found here, links resolved. The last part
// need not exist.
func (r root) path(name string) (string, error) {
	done, todo := "/", strings.Split(path.Clean("/"+name), "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		target, err := os.Readlink(r.join(next))
		if err != nil {
			done = next // no link, or nothing there: whoever opens it says so
			continue
		}
		if links++; links > mostLinks {
			return "", fmt.Errorf("%s: too many links", name)
		}
		if path.IsAbs(target) {
			done = "/"
		}
		todo = slices.Concat(strings.Split(target, "/"), todo)
	}
	return done, nil
}

func (r root) join(name string) string { return filepath.Join(string(r), filepath.FromSlash(name)) }

// find is path's answer as a file of the machine that looks.
func (r root) find(name string) (string, error) {
	at, err := r.path(name)
	if err != nil {
		return "", err
	}
	return r.join(at), nil
}

func (r root) stat(name string) (fs.FileInfo, error) {
	at, err := r.find(name)
	if err != nil {
		return nil, err
	}
	return os.Stat(at)
}

func (r root) exists(name string) bool { _, err := r.stat(name); return err == nil }

// missing says that a thing is certainly not there; one behind a closed folder may be.
func (r root) missing(name string) bool {
	_, err := r.stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

func (r root) isDir(name string) bool { fi, err := r.stat(name); return err == nil && fi.IsDir() }

// open opens a regular file; a pipe in its place would wait for ever.
func (r root) open(name string) (*os.File, error) {
	at, err := r.find(name)
	if err != nil {
		return nil, err
	}
	fi, err := os.Stat(at)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.Open(at)
}

// errLarge is a file that is longer than anything of its kind.
var errLarge = errors.New("it is too large")

// read is a file's content; one of more than most bytes is an error.
func (r root) read(name string, most int64) ([]byte, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := all(f, most)
	if errors.Is(err, errLarge) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return data, err
}

// all is what a reader has, up to most bytes.
func all(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("%w (more than %d bytes)", errLarge, most)
	}
	return data, err
}

// head is the beginning of a file, nothing if it cannot be read.
func (r root) head(name string, most int64) []byte {
	f, err := r.open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil
	}
	return data
}

// text is a small file's content without blanks around it, "" if it cannot be read.
func (r root) text(name string) string {
	data, err := r.read(name, mostText)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// list are the names in a folder that match a pattern of path.Match, sorted.
func (r root) list(dir, pattern string) ([]string, error) {
	at, err := r.find(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(mostEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { ok, _ := path.Match(pattern, n); return !ok })
	slices.Sort(names)
	return names, nil
}

// configs are the names of a folder of configuration that match a pattern: the first few.
func (r root) configs(dir, pattern string) ([]string, error) {
	names, err := r.list(dir, pattern)
	return names[:min(len(names), mostConfigs)], err
}

// target is what a link says, "" where there is none or it may not be read.
func (r root) target(name string) string {
	dir, err := r.path(path.Dir(name))
	if err != nil {
		return ""
	}
	target, err := os.Readlink(r.join(path.Join(dir, path.Base(name))))
	if err != nil {
		return ""
	}
	return filepath.ToSlash(target)
}

// link is the last part of a link's target, "" where there is none.
func (r root) link(name string) string {
	if target := r.target(name); target != "" {
		return path.Base(target)
	}
	return ""
}

// unreadable says why a thing could not be read and what to do; nothing of one that is not there.
func unreadable(what string, err error) error {
	var where *fs.PathError
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be read: run with sudo", what)
	case errors.As(err, &where):
		err = where.Err // the path below a test's or a worker's root says nothing
	}
	return fmt.Errorf("%s cannot be read: %w", what, err)
}
