package apply

import (
	"cmp"
	"context"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// rebootOp waits for a reboot that the user makes.
type rebootOp struct{ *setup.Reboot }

// boot names the present boot.
func (j *job) boot() (string, error) {
	data, _, err := j.tree().Read("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data)), err
}

func (r rebootOp) check(_ context.Context, j *job) (Standing, error) {
	boot, err := j.boot()
	if err != nil {
		return Standing{}, err
	}
	if r.Boot != "" && r.Boot != boot {
		return Standing{Is: IsDone, Why: "this machine was rebooted since the plan was made"}, nil
	}
	return Standing{Is: ToDo, Why: r.Why}, nil
}

func (r rebootOp) note(_ context.Context, j *job) (*Before, error) {
	boot, err := j.boot()
	return &Before{Boot: cmp.Or(r.Boot, boot)}, err
}

func (r rebootOp) do(_ context.Context, j *job, b *Before) (*After, error) {
	boot, err := j.boot()
	if err != nil {
		return nil, err
	}
	if boot != b.Boot {
		return nil, nil
	}
	if err := j.run.write(record{Kind: waits, Step: j.index}); err != nil {
		return nil, err
	}
	return nil, &Stopped{ID: j.run.ID, Next: j.step().Title, Reboot: r.Why}
}

func (rebootOp) blocked(context.Context, *job, *Before, *After) error { return nil }

func (rebootOp) undo(context.Context, *job, *Before, *After) error { return nil }
