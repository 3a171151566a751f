package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/moby/sys/atomicwriter"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// ReadLock reads a gpu.lock; a missing one is nil.
func ReadLock(file string) (*lock.Lock, error) {
	data, err := bounded.ReadFile(file, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the lock cannot be read: %w", err)
	}
	return lock.Parse(file, data)
}

// WriteLock writes a gpu.lock, whole or not at all, and only if it changed.
func WriteLock(file string, l *lock.Lock) (changed bool, err error) {
	data, err := lock.Marshal(l)
	if err != nil {
		return false, err
	}
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, data) {
		return false, nil
	}
	if err := atomicwriter.WriteFile(file, data, 0o644); err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	return true, nil
}
