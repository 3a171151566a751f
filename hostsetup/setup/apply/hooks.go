package apply

import (
	"context"
	"fmt"
	"path"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// hooksOp puts the plugin's hooks into the Docker client's configuration.
type hooksOp struct{ *setup.Hooks }

// standing refuses to write into the home of somebody else.
func (h hooksOp) standing(_ context.Context, j *job) (Standing, bool, error) {
	foreign, err := j.tree().Foreign(path.Dir(h.Path))
	if err != nil || !foreign {
		return Standing{}, err != nil, err
	}
	return Standing{Is: Impossible, Why: h.Path + " is in a folder of another user: that user runs `docker gpu hooks enable`"}, true, nil
}

func (h hooksOp) targets(_ context.Context, j *job) ([]target, error) {
	before, n, err := j.tree().Read(h.Path)
	if err != nil {
		return nil, err
	}
	after, err := j.EditHooks(before, true)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.Path, err)
	}
	mode := uint32(0)
	if !n.There {
		mode = 0o600 // it may come to hold credentials
	}
	return []target{{path: h.Path, content: after, from: n.Sum, mode: mode}}, nil
}

// revert does what `docker gpu hooks disable` does: the client itself writes this file at
// every login.
func (h hooksOp) revert(j *job, _ string, before, now []byte) ([]byte, error) {
	text, err := j.EditHooks(now, false)
	return orNothing(before, text), err
}
