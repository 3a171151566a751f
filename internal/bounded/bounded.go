// Package bounded takes what others wrote, and no more of it than fits its kind: a
// file that never ends must not fill the memory.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/docker/go-units"
)

// Read reads all; more than most bytes are an error.
func Read(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("it is larger than %s, more than anything of its kind", units.BytesSize(float64(most)))
	}
	return data, err
}

// ReadFile reads a file, or a pipe that is named in the place of one.
func ReadFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := Read(f, most)
	if _, named := errors.AsType[*fs.PathError](err); err != nil && !named {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return data, err
}
