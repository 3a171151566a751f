package apply

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// daemonOp edits daemon.json.
type daemonOp struct{ *setup.Daemon }

func (d daemonOp) targets(_ context.Context, j *job) ([]target, error) {
	before, n, err := j.tree().Read(d.Path)
	if err != nil {
		return nil, err
	}
	after, err := j.EditDaemon(before, d.Edits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Path, err)
	}
	return []target{{path: d.Path, content: after, from: n.Sum, absent: !n.There && len(after) == 0}}, nil
}

// daemon is a files that has dockerd look at the text before it is put in place.
type daemon struct{ *files }

func (d daemon) do(ctx context.Context, j *job, b *Before) (*After, error) {
	op := d.source.(daemonOp)
	targets, err := d.targets(ctx, j)
	if err != nil {
		return nil, err
	}
	if op.Dockerd != "" {
		if err := op.validate(ctx, j, targets[0]); err != nil {
			return nil, err
		}
	}
	return d.files.do(ctx, j, b)
}

// validate asks dockerd, with the flags that its unit gives it: a key that is also a flag
// would keep it from starting.
func (d daemonOp) validate(ctx context.Context, j *job, t target) error {
	draft, err := j.tree().Draft(t.path, bytes.NewReader(t.content))
	if err != nil {
		return err
	}
	argv := append([]string{d.Dockerd, "--validate", "--config-file", draft}, d.flags(ctx, j)...)
	// It looks for docker-proxy, which lies beside it if not in the usual places.
	r, err := j.try(ctx, Command{Argv: argv, Env: []string{"PATH=" + path.Dir(d.Dockerd) + ":" + usualPath}})
	if err := j.tree().Sweep(t.path); err != nil {
		return err
	}
	switch {
	case err != nil:
		return err
	case r.Code == 0:
		return nil
	case bytes.Contains(r.Err, []byte("unknown flag: --validate")): // before 23.0
		j.say(Note, "this dockerd is too old to check %s beforehand", d.Path)
		return nil
	}
	said := strings.ReplaceAll(lastLines(r), draft, d.Path)
	return fmt.Errorf("dockerd would not start with the new %s, which was left as it is: %s", d.Path, said)
}

// flags are those of the daemon's unit, without the file's name.
func (d daemonOp) flags(ctx context.Context, j *job) []string {
	if !j.systemd() {
		return nil
	}
	argv := []string{"systemctl", "show", "--property=ExecStart", "--value", "docker.service"}
	if !strings.HasPrefix(d.Path, "/etc/") {
		return nil // a snap's or a user's own daemon: its flags are other ones
	}
	r, err := j.try(ctx, Command{Argv: argv})
	if err != nil || r.Code != 0 {
		return nil
	}
	_, rest, _ := strings.Cut(string(r.Out), "argv[]=")
	line, _, _ := strings.Cut(rest, " ; ")
	words := strings.Fields(line)
	if len(words) == 0 || path.Base(words[0]) != "dockerd" || strings.ContainsAny(line, "$\"'\\") {
		return nil
	}
	var flags []string
	for i := 1; i < len(words); i++ {
		switch {
		case words[i] == "--config-file":
			i++
		case strings.HasPrefix(words[i], "--config-file="):
		default:
			flags = append(flags, words[i])
		}
	}
	return flags
}

// revert takes our members out of a text that somebody else has changed since, if they
// still have the values that we gave them.
func (d daemonOp) revert(j *job, _ string, before, now []byte) ([]byte, error) {
	text, left, err := j.RevertDaemon(now, before, d.Edits)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("%s was changed too", strings.Join(left[0].Key, "."))
	}
	return orNothing(before, text), nil
}

// orNothing takes a text away of which nothing is left, if there was none before.
func orNothing(before, text []byte) []byte {
	if before == nil && strings.Join(strings.Fields(string(text)), "") == "{}" {
		return nil
	}
	return text
}
