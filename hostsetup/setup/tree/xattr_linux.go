package tree

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// xattrs are an open file's extended attributes, none where its file system has none.
func xattrs(f *os.File) (map[string][]byte, error) {
	fd := int(f.Fd())
	list := make([]byte, 64<<10) // the most that there are
	n, err := unix.Flistxattr(fd, list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil || n == 0 {
		return nil, err
	}
	all := map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:n]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			return nil, err
		}
		all[name] = value[:n]
	}
	return all, nil
}

// setXattrs gives a new file the attributes of the one that it replaces. Labels that
// only root may set, and that the system gave it already, are no failure.
func setXattrs(f *os.File, all map[string][]byte) error {
	have, err := xattrs(f)
	if err != nil {
		return err
	}
	for name, value := range all {
		if string(have[name]) == string(value) && have[name] != nil {
			continue
		}
		err := unix.Fsetxattr(int(f.Fd()), name, value, 0)
		if strings.HasPrefix(name, "security.") && os.Geteuid() != 0 && errors.Is(err, unix.EPERM) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
