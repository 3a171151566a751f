package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const run = "20261127-050000"

func texts(records []json.RawMessage) (all []string) {
	for _, r := range records {
		all = append(all, string(r))
	}
	return all
}

func written(t *testing.T, records ...string) *Store {
	t.Helper()
	s := &Store{Dir: filepath.Join(t.TempDir(), "state")}
	j, err := s.Begin(run, records[0])
	assert.NilError(t, err)
	for _, r := range records[1:] {
		assert.NilError(t, j.Append(r))
	}
	assert.NilError(t, j.Close())
	return s
}

func log(s *Store) string { return filepath.Join(s.Dir, "journal", run, "log") }

func TestRecordsComeBack(t *testing.T) {
	s := written(t, "one", "two\nlines", "three")
	_, records, err := s.Open(run)
	assert.NilError(t, err)
	assert.DeepEqual(t, texts(records), []string{`"one"`, `"two\nlines"`, `"three"`})
	for _, dir := range []string{"", "journal", "journal/" + run} {
		fi, err := os.Stat(filepath.Join(s.Dir, dir))
		assert.NilError(t, err)
		assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o700), dir)
	}
}

// TestTornAnywhere cuts a log at every byte, and changes every byte of its last record: the
// records before stay, and the next one is written over what is torn.
func TestTornAnywhere(t *testing.T) {
	s := written(t, "one", "two", "three")
	whole, err := os.ReadFile(log(s))
	assert.NilError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	var torn [][]byte
	for n := range whole {
		torn = append(torn, whole[:n])
	}
	last := len(whole) - len(lines[2])
	for n := last; n < len(whole); n++ {
		bad := append([]byte{}, whole...)
		bad[n] ^= 0x40
		torn = append(torn, bad)
	}
	torn = append(torn, append(append([]byte{}, whole[:last]...), make([]byte, 4096)...))
	for i, data := range torn {
		assert.NilError(t, os.WriteFile(log(s), data, 0o600))
		j, records, err := s.Open(run)
		want := strings.Count(string(data[:min(len(data), last)]), "\n")
		if want == 0 {
			assert.Assert(t, errors.Is(err, ErrTorn), "%d: %v", i, err)
			continue
		}
		assert.NilError(t, err)
		assert.Equal(t, len(records), want, "%d: %q", i, data)
		assert.NilError(t, j.Append("again"))
		assert.NilError(t, j.Close())
		_, records, err = s.Open(run)
		assert.NilError(t, err)
		assert.Equal(t, texts(records)[want], `"again"`)
		assert.Equal(t, len(records), want+1)
	}
}

func TestDamageInTheMiddleIsNoTear(t *testing.T) {
	s := written(t, "one", "two", "three")
	whole, err := os.ReadFile(log(s))
	assert.NilError(t, err)
	first := strings.IndexByte(string(whole), '\n')
	for n := range first {
		bad := append([]byte{}, whole...)
		bad[n] ^= 0x01
		assert.NilError(t, os.WriteFile(log(s), bad, 0o600))
		_, _, err = s.Open(run)
		assert.ErrorContains(t, err, "line 1 is not what was written", "byte %d", n)
		assert.ErrorContains(t, err, "kept")
	}
}

func TestKeptContents(t *testing.T) {
	s := written(t, "one")
	j, _, err := s.Open(run)
	assert.NilError(t, err)
	sum, err := j.Keep(strings.NewReader("content"))
	assert.NilError(t, err)
	again, err := j.Keep(strings.NewReader("content"))
	assert.NilError(t, err)
	assert.Equal(t, sum, again)
	data, err := j.Kept(sum)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "content")
	path := filepath.Join(s.Dir, "journal", run, "kept", sum)
	assert.NilError(t, os.WriteFile(path, []byte("other"), 0o600))
	_, err = j.Kept(sum)
	assert.ErrorContains(t, err, "is not what was kept")
}

func TestNamesOfRuns(t *testing.T) {
	s := written(t, "one")
	for _, name := range []string{"", "..", "../../etc", run + "/..", "2026", run + "-", run + "\n"} {
		assert.Assert(t, !Valid(name), name)
		_, _, err := s.Open(name)
		assert.ErrorContains(t, err, "is not the name of a run", name)
	}
	_, _, err := s.Open("20200101-000000")
	assert.ErrorContains(t, err, "there is no run 20200101-000000")
	for _, name := range []string{run + "-10", run + "-2", "20261127-050001", "20251127-050000"} {
		_, err := s.Begin(name, "x")
		assert.NilError(t, err)
	}
	assert.NilError(t, os.Mkdir(filepath.Join(s.Dir, "journal", "lost+found"), 0o700))
	names, err := s.List()
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"20251127-050000", run, run + "-2", run + "-10", "20261127-050001"})
}

// TestOneAtATime has another process hold the lock.
func TestOneAtATime(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "state")}
	if dir := os.Getenv("JOURNAL_TEST_LOCK"); dir != "" {
		s.Dir = dir
		_, err := s.Lock()
		fmt.Println(err)
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestOneAtATime$")
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_LOCK="+s.Dir)
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	line := make([]byte, 6)
	_, err = out.Read(line)
	assert.NilError(t, err)
	assert.Equal(t, string(line), "<nil>\n")

	_, err = s.Lock()
	assert.ErrorContains(t, err, fmt.Sprintf("another setup runs on this machine (process %d)", cmd.Process.Pid))
	var busy *Busy
	assert.Assert(t, errors.As(err, &busy))

	// A killed one holds nothing.
	assert.NilError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	unlock, err := s.Lock()
	assert.NilError(t, err)
	unlock()
}

func TestPreparedStateDirectories(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir string) error
		want    string
	}{
		"a link":   {func(dir string) error { return os.Symlink("/tmp", dir) }, "is not a folder"},
		"a file":   {func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "is not a folder"},
		"writable": {func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) }, "may be written by others"},
		"foreign": {func(dir string) error {
			if os.Geteuid() != 0 {
				return os.ErrPermission
			}
			return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 1234, 1234))
		}, "belongs to somebody else"},
		"a lock that is a link": {func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink("/etc/passwd", filepath.Join(dir, "lock")))
		}, "is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Store{Dir: filepath.Join(t.TempDir(), "state")}
			if err := c.prepare(s.Dir); errors.Is(err, os.ErrPermission) {
				t.Skip("takes root")
			}
			_, err := s.Lock()
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestLogOfPrograms(t *testing.T) {
	s := written(t, "one")
	j, _, err := s.Open(run)
	assert.NilError(t, err)
	assert.NilError(t, j.Command("apt-get install\n"))
	assert.NilError(t, j.Command("dpkg --audit\n"))
	data, err := os.ReadFile(filepath.Join(s.Dir, "journal", run, "commands"))
	assert.NilError(t, err)
	assert.Equal(t, string(data), "apt-get install\ndpkg --audit\n")
}

func TestDropAndBeginAgain(t *testing.T) {
	s := written(t, "one")
	_, err := s.Begin(run, "again")
	assert.ErrorContains(t, err, "exists")
	assert.NilError(t, s.Drop(run))
	assert.ErrorContains(t, s.Drop("../.."), "is not the name of a run")
	j, err := s.Begin(run, "again")
	assert.NilError(t, err)
	assert.NilError(t, j.Close())
	_, records, err := s.Open(run)
	assert.NilError(t, err)
	assert.DeepEqual(t, texts(records), []string{`"again"`})
	_, err = s.Begin("../x", "x")
	assert.ErrorContains(t, err, "is not the name of a run")
}

// TestPointsOfARecord is in what order a record reaches the disk.
func TestPointsOfARecord(t *testing.T) {
	var points []string
	s := &Store{Dir: filepath.Join(t.TempDir(), "state"), Point: func(p string) { points = append(points, p) }}
	j, err := s.Begin(run, "one")
	assert.NilError(t, err)
	_, err = j.Keep(strings.NewReader("x"))
	assert.NilError(t, err)
	assert.DeepEqual(t, points, []string{"made journal", "wrote record", "synced record", "kept a content"})
}
