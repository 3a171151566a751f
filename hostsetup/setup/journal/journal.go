package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Journal is that of one run.
type Journal struct {
	ID    string
	store *Store
	dir   string
	log   *os.File
	// end is where the last whole record ends; what is behind it was torn.
	end int64
}

// Begin makes a run's journal with its first record.
func (s *Store) Begin(name string, first any) (*Journal, error) {
	dir, err := s.dir(name)
	if err != nil {
		return nil, err
	}
	if err := s.make(); err != nil {
		return nil, err
	}
	for _, d := range []string{dir, filepath.Join(dir, "kept")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	s.point("made journal")
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{ID: name, store: s, dir: dir, log: log}
	for _, d := range []string{dir, filepath.Dir(dir), s.Dir} {
		if err := syncDir(d); err != nil {
			return nil, errors.Join(err, log.Close())
		}
	}
	if err := j.Append(first); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return j, nil
}

// ErrTorn is the journal of a run that was cut off before its first record was whole: nothing
// was done in it.
var ErrTorn = errors.New("it ended before it began")

// NoRun is a run that is not there.
type NoRun struct{ ID string }

// Error implements error.
func (n *NoRun) Error() string {
	return fmt.Sprintf("there is no run %s: `docker-gpu setup history` lists them", n.ID)
}

// Open opens a run's journal and reads its records.
func (s *Store) Open(name string) (*Journal, []json.RawMessage, error) {
	dir, err := s.dir(name)
	if err != nil {
		return nil, nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err == nil {
			return nil, nil, ErrTorn
		}
		return nil, nil, &NoRun{name}
	}
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{ID: name, store: s, dir: dir, log: log}
	data, err := io.ReadAll(log)
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	records, end, err := parse(data)
	if err == nil && len(records) == 0 {
		err = ErrTorn
	}
	if err != nil {
		_ = log.Close()
		if errors.Is(err, ErrTorn) {
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("the journal %s is damaged: %w. What it kept of the files is in %s",
			filepath.Join(dir, "log"), err, filepath.Join(dir, "kept"))
	}
	j.end = end
	return j, records, nil
}

// Drop takes a run's folder away, one that never began.
func (s *Store) Drop(name string) error {
	dir, err := s.dir(name)
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

var table = crc32.MakeTable(crc32.Castagnoli)

func line(data []byte) []byte {
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(data, table), data)
}

// parse reads the records of a log. A last one that is not whole is left out: a power loss
// tore it, and nothing was done on the strength of it.
func parse(data []byte) (records []json.RawMessage, end int64, err error) {
	for n := 1; len(data) > 0; n++ {
		text, rest, whole := bytes.Cut(data, []byte("\n"))
		sum, record, ok := bytes.Cut(text, []byte(" "))
		if !whole || !ok || string(sum) != fmt.Sprintf("%08x", crc32.Checksum(record, table)) || !json.Valid(record) {
			if bytes.IndexByte(rest, '\n') >= 0 {
				return nil, 0, fmt.Errorf("line %d is not what was written", n)
			}
			return records, end, nil
		}
		records = append(records, bytes.Clone(record))
		end += int64(len(text)) + 1
		data = rest
	}
	return records, end, nil
}

// Append adds a record. When it returns, the record is on the disk.
func (j *Journal) Append(record any) error {
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	// What a torn record left behind the last whole one goes first.
	if err := j.log.Truncate(j.end); err != nil {
		return fmt.Errorf("the journal %s: %w", j.log.Name(), err)
	}
	text := line(data)
	if _, err := j.log.WriteAt(text, j.end); err != nil {
		return fmt.Errorf("the journal %s: %w", j.log.Name(), err)
	}
	j.store.point("wrote record")
	if err := j.log.Sync(); err != nil {
		return fmt.Errorf("the journal %s: %w", j.log.Name(), err)
	}
	j.end += int64(len(text))
	j.store.point("synced record")
	return nil
}

// Keep takes in a content and returns its SHA-256. When it returns, it is on the disk.
func (j *Journal) Keep(content io.Reader) (sum string, err error) {
	kept := filepath.Join(j.dir, "kept")
	f, err := os.CreateTemp(kept, "new-")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, hash), content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", kept, err)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	j.store.point("kept a content")
	if err := os.Rename(f.Name(), filepath.Join(kept, sum)); err != nil {
		return "", err
	}
	return sum, syncDir(kept)
}

// Kept opens a content that was taken in, and makes sure that it is still that one.
func (j *Journal) Kept(sum string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(j.dir, "kept", filepath.Base(sum)))
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("%s is not what was kept", filepath.Join(j.dir, "kept", sum))
	}
	return data, nil
}

// Command logs a program that ran, for people: it is not synced.
func (j *Journal) Command(text string) error {
	f, err := os.OpenFile(filepath.Join(j.dir, "commands"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Close closes it.
func (j *Journal) Close() error { return j.log.Close() }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
