package apply

import (
	"cmp"
	"context"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// fileOp is a file with a content that the plan has.
type fileOp struct{ *setup.File }

func (f fileOp) targets(context.Context, *job) ([]target, error) {
	return []target{{path: f.Path, content: []byte(f.Content), mode: cmp.Or(f.Mode, 0o644), absent: f.Absent}}, nil
}
