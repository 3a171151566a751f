package apply

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree"
)

// target is a file as a step wants it.
type target struct {
	path    string
	content []byte
	// mode is its permission bits; 0 keeps those of a file that was there, 0644 of none.
	mode   uint32
	absent bool
	// from is the sum of the text that content was made of, "" if of none.
	from string
}

// source says which files an operation wants. It changes nothing.
type source interface {
	targets(context.Context, *job) ([]target, error)
}

// early is a source that can say how it stands without making its files.
type early interface {
	standing(context.Context, *job) (s Standing, sure bool, err error)
}

// files makes an operation that is nothing but files.
type files struct {
	source
	made []target // once
}

func newFiles(s source) *files { return &files{source: s} }

func (f *files) targets(ctx context.Context, j *job) (_ []target, err error) {
	if f.made == nil {
		f.made, err = f.source.targets(ctx, j)
	}
	return f.made, err
}

// Saved is a file before a step.
type Saved struct {
	Name string `json:"name"` // as the step names it; Path is where links led
	tree.Node
	// Wants are the contents that the step may have written, more than one if it was
	// killed and made something else of it the second time.
	Wants []Want `json:"wants"`
}

// Want is a content of ours. It is kept in the journal if it is small.
type Want struct {
	Absent bool   `json:"absent,omitempty"`
	Sum    string `json:"sum,omitempty"`
}

func (t target) want() Want {
	if t.absent {
		return Want{Absent: true}
	}
	return Want{Sum: tree.Sum(t.content)}
}

func (w Want) is(n tree.Node) bool { return w.Absent == !n.There && w.Sum == n.Sum }

func (s Saved) ours(n tree.Node) bool {
	return n.Path == s.Path && slices.ContainsFunc(s.Wants, func(w Want) bool { return w.is(n) })
}

// attr are a target's attributes: those of the file that it replaces, but for its mode.
func (t target) attr(s Saved) tree.Attr {
	a := s.Attr
	if !s.There {
		a = tree.Attr{Mode: 0o644, UID: os.Geteuid(), GID: os.Getegid()}
	}
	a.Mode, a.Time = cmp.Or(t.mode, a.Mode), time.Time{}
	return a
}

func (f *files) check(ctx context.Context, j *job) (Standing, error) {
	if e, ok := f.source.(early); ok {
		if s, sure, err := e.standing(ctx, j); sure || err != nil {
			return s, err
		}
	}
	targets, err := f.targets(ctx, j)
	if err != nil {
		return Standing{}, err
	}
	for _, t := range targets {
		n, err := j.tree().Look(t.path)
		if err != nil {
			return Standing{}, err
		}
		if !t.want().is(n) {
			return Standing{Is: ToDo, Why: t.path + " is to be " + word(n.There, t.absent)}, nil
		}
		if !t.absent && t.mode != 0 && n.Mode != t.mode {
			return Standing{Is: ToDo, Why: fmt.Sprintf("%s has mode %04o instead of %04o", t.path, n.Mode, t.mode)}, nil
		}
	}
	return Standing{Is: IsDone, Why: "all files are as they should be"}, nil
}

func word(there, absent bool) string {
	switch {
	case absent:
		return "removed"
	case there:
		return "changed"
	}
	return "made"
}

func (f *files) note(ctx context.Context, j *job) (*Before, error) {
	targets, err := f.targets(ctx, j)
	if err != nil {
		return nil, err
	}
	b := &Before{}
	for _, t := range targets {
		s, err := j.save(t)
		if err != nil {
			return nil, err
		}
		b.Files = append(b.Files, s)
	}
	return b, nil
}

// save puts a file's content into the journal.
func (j *job) save(t target) (Saved, error) {
	r, w := io.Pipe()
	type answer struct {
		sum string
		err error
	}
	kept := make(chan answer)
	go func() {
		sum, err := j.run.journal.Keep(r)
		r.CloseWithError(err)
		kept <- answer{sum, err}
	}()
	n, err := j.tree().Copy(t.path, w)
	w.Close()
	k := <-kept
	if err = errors.Join(err, k.err); err != nil {
		return Saved{}, err
	}
	if n.There && n.Sum != k.sum || t.from != "" && t.from != n.Sum {
		return Saved{}, &Edited{Path: t.path}
	}
	return Saved{Name: t.path, Node: n, Wants: []Want{t.want()}}, j.keepOurs(t)
}

// keepOurs puts what we write into the journal too, to show later how it was changed.
func (j *job) keepOurs(t target) error {
	if t.absent || len(t.content) > 1<<20 {
		return nil
	}
	_, err := j.run.journal.Keep(bytes.NewReader(t.content))
	return err
}

func (f *files) do(ctx context.Context, j *job, b *Before) (*After, error) {
	targets, err := f.targets(ctx, j)
	if err != nil {
		return nil, err
	}
	if err := f.rewant(j, b, targets); err != nil {
		return nil, err
	}
	for i, t := range targets {
		s := b.Files[i]
		n, err := j.tree().Look(t.path)
		if err != nil {
			return nil, err
		}
		if !n.Same(s.Node) && !s.ours(n) {
			return nil, &Edited{Path: t.path}
		}
		if err := j.place(t, s, n); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// rewant notes what a step that was killed wants the second time, if it is something else.
func (f *files) rewant(j *job, b *Before, targets []target) error {
	if len(targets) != len(b.Files) {
		return errors.New("it would change other files than before: take this run back")
	}
	more := false
	for i, t := range targets {
		s := &b.Files[i]
		if s.Name != t.path {
			return fmt.Errorf("it would change %s instead of %s: take this run back", t.path, s.Name)
		}
		if !slices.Contains(s.Wants, t.want()) {
			s.Wants, more = append(s.Wants, t.want()), true
			if err := j.keepOurs(t); err != nil {
				return err
			}
		}
	}
	if !more {
		return nil
	}
	return j.run.write(record{Kind: intends, Step: j.index, Before: b})
}

func (j *job) place(t target, s Saved, n tree.Node) error {
	a := t.attr(s)
	switch {
	case t.absent:
		return j.tree().Remove(t.path)
	case t.want().is(n) && n.Mode == a.Mode:
		return j.tree().Sweep(t.path)
	}
	return j.tree().Put(t.path, bytes.NewReader(t.content), a)
}
