package apply

import (
	"context"
	"maps"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// toolkitOp sets values of the toolkit's configuration.
type toolkitOp struct{ *setup.Toolkit }

func (t toolkitOp) standing(_ context.Context, j *job) (Standing, bool, error) {
	return j.needs(t.Tool)
}

// targets has nvidia-ctk print what it would write.
func (t toolkitOp) targets(ctx context.Context, j *job) ([]target, error) {
	argv := []string{t.Tool, "config", "--config-file=" + t.Path}
	for _, key := range slices.Sorted(maps.Keys(t.Set)) {
		argv = append(argv, "--set", key+"="+t.Set[key])
	}
	_, n, err := j.tree().Read(t.Path)
	if err != nil {
		return nil, err
	}
	r, err := j.program(ctx, Command{Argv: argv})
	if err != nil {
		return nil, err
	}
	return []target{{path: t.Path, content: r.Out, from: n.Sum}}, nil
}
