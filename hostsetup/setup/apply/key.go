package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// keyOp is a signing key in a file of its own.
type keyOp struct{ *setup.Key }

// standing compares the file that is there; the network is not asked.
func (k keyOp) standing(_ context.Context, j *job) (Standing, bool, error) {
	data, n, err := j.tree().Read(k.Path)
	if err != nil {
		return Standing{}, true, err
	}
	if n.There && verifyKeys(data, k.Path, k.Fingerprints, j.now()) == nil {
		return Standing{Is: IsDone, Why: k.Path + " has the right key"}, true, nil
	}
	return Standing{Is: ToDo, Why: "the key of " + k.URL + " is to be fetched"}, true, nil
}

func (k keyOp) targets(ctx context.Context, j *job) ([]target, error) {
	data, err := k.fetch(ctx, j)
	if err != nil {
		return nil, err
	}
	return []target{{path: k.Path, content: data, mode: 0o644}}, nil
}

func (k keyOp) fetch(ctx context.Context, j *job) ([]byte, error) {
	data, err := j.Fetch(ctx, k.URL)
	if err != nil {
		return nil, fmt.Errorf("the key cannot be fetched: %w", err)
	}
	return data, verifyKeys(data, k.URL, k.Fingerprints, j.now())
}

// rpmKey is a signing key in rpm's own keyring.
type rpmKey struct{ keyOp }

// list are the keys that rpm has, by the names of their packages.
func (rpmKey) list(ctx context.Context, j *job) ([]string, error) {
	r, err := j.try(ctx, Command{Argv: []string{"rpm", "-q", "gpg-pubkey", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}\n"}})
	if err != nil || r.Code != 0 { // it fails where there is none
		return nil, err
	}
	return strings.Fields(string(r.Out)), nil
}

// has says whether one of the packages is a key of the plan: rpm names them by the last
// digits of the fingerprint, or by all.
func (k rpmKey) has(keys []string) bool {
	return slices.ContainsFunc(keys, func(name string) bool {
		parts := strings.Split(name, "-") // gpg-pubkey-VERSION-RELEASE
		return len(parts) == 4 && len(parts[2]) >= 8 && slices.ContainsFunc(k.Fingerprints, func(f string) bool {
			return strings.HasSuffix(strings.ToLower(f), strings.ToLower(parts[2]))
		})
	})
}

func (k rpmKey) check(ctx context.Context, j *job) (Standing, error) {
	keys, err := k.list(ctx, j)
	if err != nil {
		return Standing{}, err
	}
	if k.has(keys) {
		return Standing{Is: IsDone, Why: "rpm has the key"}, nil
	}
	return Standing{Is: ToDo, Why: "the key of " + k.URL + " is to be fetched"}, nil
}

func (k rpmKey) note(ctx context.Context, j *job) (*Before, error) {
	keys, err := k.list(ctx, j)
	return &Before{Keys: keys}, err
}

func (k rpmKey) do(ctx context.Context, j *job, _ *Before) (*After, error) {
	keys, err := k.list(ctx, j)
	if err != nil || k.has(keys) { // it was killed behind the import
		return nil, errors.Join(err, j.tree().Sweep(keyDraft))
	}
	data, err := k.fetch(ctx, j)
	if err != nil {
		return nil, err
	}
	draft, err := j.tree().Draft(keyDraft, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	_, err = j.program(context.WithoutCancel(ctx), Command{Argv: []string{"rpm", "--import", draft}})
	return nil, errors.Join(err, j.tree().Sweep(keyDraft))
}

// keyDraft is beside what rpm reads a key from: it cannot read from a pipe everywhere.
const keyDraft = "/etc/rpm-key"

func (rpmKey) blocked(context.Context, *job, *Before, *After) error { return nil }

func (k rpmKey) undo(ctx context.Context, j *job, b *Before, _ *After) error {
	if err := j.tree().Sweep(keyDraft); err != nil {
		return err
	}
	keys, err := k.list(ctx, j)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if !slices.Contains(b.Keys, key) && k.has([]string{key}) {
			if _, err := j.program(ctx, Command{Argv: []string{"rpm", "-e", "--allmatches", key}}); err != nil {
				return err
			}
		}
	}
	return nil
}
