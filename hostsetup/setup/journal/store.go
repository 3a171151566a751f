package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// Store is the journals of a machine, or of a user.
type Store struct {
	// Dir is the state directory: "/var/lib/docker-gpu".
	Dir string
	// Point is called wherever a kill would leave something else on the disk: tests kill there.
	Point func(string)
}

func (s *Store) point(what string) {
	if s.Point != nil {
		s.Point(what)
	}
}

// Busy is another setup that runs.
type Busy struct{ PID int }

// Error implements error.
func (b *Busy) Error() string {
	if b.PID == 0 {
		return "another setup runs on this machine: wait until it has ended"
	}
	return fmt.Sprintf("another setup runs on this machine (process %d): wait until it has ended", b.PID)
}

// Lock has no other setup run until the func that it returns is called, or the process ends.
func (s *Store) Lock() (unlock func(), err error) {
	if err := s.make(); err != nil {
		return nil, err
	}
	name := filepath.Join(s.Dir, "lock")
	if fi, err := os.Lstat(name); err == nil && !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: remove it", name)
	}
	lock := flock.New(name, flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be locked: %w", name, err)
	}
	if !ok {
		data, _ := os.ReadFile(name)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
		return nil, &Busy{pid}
	}
	if err := os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// make makes the state directory, and refuses one that somebody else could have prepared.
func (s *Store) make() error {
	if err := os.MkdirAll(filepath.Dir(s.Dir), 0o755); err != nil {
		return err
	}
	for _, dir := range []string{s.Dir, filepath.Join(s.Dir, "journal")} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		fi, err := os.Lstat(dir)
		if err != nil {
			return err
		}
		if !fi.IsDir() {
			return fmt.Errorf("%s is not a folder: move it away", dir)
		}
		if !ours(fi) || fi.Mode().Perm()&0o022 != 0 {
			return fmt.Errorf("%s belongs to somebody else or may be written by others: it must be this user's alone (mode 0700)", dir)
		}
	}
	return nil
}

var id = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}(-[0-9]{1,4})?$`)

// Valid says whether a text has the form of a run's name. Nothing else becomes part of a path.
func Valid(name string) bool { return id.MatchString(name) }

// List are the names of all runs, the oldest first.
func (s *Store) List() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.Dir, "journal"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && Valid(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, Compare)
	return names, nil
}

// Compare orders names of runs by time, and by number within a second.
func Compare(a, b string) int {
	if len(a) != len(b) && strings.HasPrefix(a, b[:min(len(b), 15)]) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func (s *Store) dir(name string) (string, error) {
	if !Valid(name) {
		return "", fmt.Errorf("%q is not the name of a run: `docker-gpu setup history` lists them", name)
	}
	return filepath.Join(s.Dir, "journal", name), nil
}
