package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree"
)

func (f *files) blocked(_ context.Context, j *job, b *Before, _ *After) error {
	var all error
	for _, s := range b.Files {
		_, err := j.former(s, f.reverter())
		all = errors.Join(all, err)
	}
	return all
}

func (f *files) undo(_ context.Context, j *job, b *Before, _ *After) error {
	var all error
	for _, s := range slices.Backward(b.Files) {
		all = errors.Join(all, j.restore(s, f.reverter()))
	}
	return all
}

// reverter is a source that takes what is ours out of a text that somebody else has changed
// since.
type reverter interface {
	revert(j *job, path string, before, now []byte) ([]byte, error)
}

// reverter is what takes ours out of a text, nil where there is no such thing.
func (f *files) reverter() reverter {
	r, _ := f.source.(reverter)
	return r
}

// restore puts a file back as it was.
func (j *job) restore(s Saved, r reverter) error {
	if err := j.tree().Sweep(s.Path); err != nil {
		return err
	}
	back, err := j.former(s, r)
	var edited *Edited
	if j.leave && errors.As(err, &edited) {
		j.say(Note, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	if back != nil {
		if back.absent {
			err = j.tree().Remove(s.Path)
		} else {
			err = j.tree().Put(s.Path, bytes.NewReader(back.content), back.attr)
		}
	}
	for _, dir := range slices.Backward(s.Missing) {
		err = errors.Join(err, j.tree().Rmdir(dir))
	}
	return err
}

// former is what a file is to become, nil if it is that already.
type former struct {
	absent  bool
	content []byte
	attr    tree.Attr
}

func (j *job) former(s Saved, r reverter) (*former, error) {
	now, n, err := j.tree().Read(s.Name)
	if err != nil {
		return nil, err
	}
	if n.Same(s.Node) {
		return nil, nil
	}
	var before []byte
	if s.There {
		if before, err = j.run.journal.Kept(s.Sum); err != nil {
			return nil, err
		}
	}
	if s.ours(n) || n.Path == s.Path && n.There == s.There && n.Sum == s.Sum {
		return &former{absent: !s.There, content: before, attr: s.Attr}, nil
	}
	if r != nil && n.There && n.Path == s.Path {
		text, err := r.revert(j, s.Name, before, now)
		switch {
		case err == nil && bytes.Equal(text, now):
			return nil, nil
		case err == nil:
			return &former{absent: text == nil, content: text, attr: n.Attr}, nil
		}
	}
	return nil, j.edited(s, n, now)
}

// Edited is a file of ours that somebody else has changed since.
type Edited struct {
	Path  string `json:"path"`
	Wrote []byte `json:"wrote,omitempty"` // by us
	Now   []byte `json:"now,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
	// Run is a later run of ours that did it, "" if somebody else.
	Run string `json:"run,omitempty"`
}

// Error implements error.
func (e *Edited) Error() string {
	switch {
	case e.Run != "":
		return fmt.Sprintf("%s was changed by the later run %s: take that back first", e.Path, e.Run)
	case e.Gone:
		return e.Path + " was removed since by somebody else, and is left alone"
	}
	return e.Path + " was changed by somebody else in the meantime, and is left alone"
}

func (j *job) edited(s Saved, n tree.Node, now []byte) error {
	e := &Edited{Path: s.Name, Now: now, Gone: !n.There}
	if len(now) > 1<<20 {
		e.Now = nil
	}
	if len(s.Wants) > 0 {
		e.Wrote, _ = j.run.journal.Kept(s.Wants[len(s.Wants)-1].Sum)
	}
	runs, err := j.History()
	if err != nil {
		return errors.Join(e, err)
	}
	for _, r := range runs {
		if journal.Compare(r.ID, j.run.ID) > 0 && r.State != RolledBack && j.touches(r.ID, s.Path) {
			e.Run = r.ID
		}
	}
	return e
}

// touches says whether a run changed a file.
func (j *job) touches(id, path string) bool {
	r, err := j.open(id)
	if err != nil {
		return false
	}
	defer r.close()
	return slices.ContainsFunc(r.steps, func(m made) bool {
		return m.before != nil && !m.undid && slices.ContainsFunc(m.before.Files, func(s Saved) bool { return s.Path == path })
	})
}
