package apply

import (
	"context"
	"fmt"
	"path"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree"
)

// programsOp are programs out of a folder.
type programsOp struct{ *setup.Programs }

func (p programsOp) targets(_ context.Context, j *job) (all []target, err error) {
	for _, name := range p.Names {
		from := path.Join(p.From, name)
		data, n, err := j.tree().Read(from)
		switch {
		case err != nil:
			return nil, err
		case !n.There:
			return nil, fmt.Errorf("%s is not there", from)
		case tree.Sum(data) != p.Sums[name]:
			return nil, fmt.Errorf("%s is not the program that the plan was made of: make the plan anew", from)
		}
		all = append(all, target{path: path.Join(p.To, name), content: data, mode: 0o755})
	}
	return all, nil
}
