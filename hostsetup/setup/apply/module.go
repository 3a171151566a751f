package apply

import (
	"context"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// moduleOp loads a kernel module, or makes the device nodes.
type moduleOp struct{ *setup.Module }

func (m moduleOp) check(_ context.Context, j *job) (Standing, error) {
	if m.Nodes {
		for _, node := range []string{"/dev/nvidiactl", "/dev/nvidia-uvm"} {
			if ok, err := j.tree().Exists(node); err != nil || !ok {
				return Standing{Is: ToDo, Why: node + " is not there"}, err
			}
		}
		return Standing{Is: IsDone, Why: "the device nodes are there"}, nil
	}
	data, _, err := j.tree().Read("/proc/modules")
	if err != nil {
		return Standing{}, err
	}
	for line := range strings.Lines(string(data)) {
		if name, _, _ := strings.Cut(line, " "); name == strings.ReplaceAll(m.Name, "-", "_") {
			return Standing{Is: IsDone, Why: m.Name + " is loaded"}, nil
		}
	}
	return Standing{Is: ToDo, Why: m.Name + " is not loaded"}, nil
}

func (moduleOp) note(context.Context, *job) (*Before, error) { return &Before{}, nil }

func (m moduleOp) do(ctx context.Context, j *job, _ *Before) (*After, error) {
	argv := []string{"modprobe", m.Name}
	if m.Nodes {
		argv = []string{"nvidia-modprobe", "-u", "-c=0"}
	}
	_, err := j.program(ctx, Command{Argv: argv})
	return nil, err
}

func (moduleOp) blocked(context.Context, *job, *Before, *After) error { return nil }

// undo leaves it: a loaded module disturbs nobody, and may be in use by now.
func (moduleOp) undo(context.Context, *job, *Before, *After) error { return nil }
