package image

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// rooted is a file system below a folder: links in it lead within it, also absolute ones.
type rooted struct {
	root string
	// links are those to folders that were followed, as they were found.
	links map[string]string
}

// real is a path without links. A link at its end is followed too; where the path is a
// folder as a whole, that one is noted like those on the way.
func (r *rooted) real(name string, whole bool) (string, error) {
	at, rest := "/", strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	for followed := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		next := path.Join(at, part)
		info, err := os.Lstat(r.host(next))
		if err != nil {
			return "", err
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		if followed++; followed > 40 { // as many as Linux follows
			return "", fmt.Errorf("%s: too many links", r.host(name))
		}
		target, err := os.Readlink(r.host(next))
		if err != nil {
			return "", err
		}
		if len(rest) > 0 || whole {
			r.links[next] = target
		}
		if path.IsAbs(target) {
			at = "/"
		}
		parts := strings.FieldsFunc(target, func(c rune) bool { return c == '/' })
		rest = append(parts, rest...)
	}
	return at, nil
}

// host is where a path lies on this machine.
func (r *rooted) host(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }

// read reads a regular file that is not larger than any C library.
func (r *rooted) read(name string) ([]byte, error) {
	real, err := r.real(name, false)
	if err != nil {
		return nil, err
	}
	const most = 64 << 20
	info, err := os.Stat(r.host(real))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is no file, or larger than any library", r.host(real))
	}
	return os.ReadFile(r.host(real))
}
