package apply

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// cdiOp is the CDI spec of this machine's GPUs.
type cdiOp struct{ *setup.CDI }

func (c cdiOp) standing(_ context.Context, j *job) (Standing, bool, error) { return j.needs(c.Tool) }

// needs is how a step stands whose program is not there.
func (j *job) needs(tool string) (Standing, bool, error) {
	n, err := j.tree().Look(tool)
	switch {
	case err != nil:
		return Standing{}, true, err
	case n.There:
		return Standing{}, false, nil
	case j.acted, j.others:
		return Standing{Is: ToDo, Why: tool + " comes with a step before"}, true, nil
	}
	return Standing{Is: Impossible, Why: tool + " is not there"}, true, nil
}

func (c cdiOp) targets(ctx context.Context, j *job) ([]target, error) {
	format := "yaml"
	if path.Ext(c.Output) == ".json" {
		format = "json"
	}
	argv := []string{c.Tool, "cdi", "generate", "--format=" + format}
	// The hook that was put beside the tool, wherever that is.
	if hook := path.Join(path.Dir(c.Tool), "nvidia-cdi-hook"); j.there(hook) {
		argv = append(argv, "--nvidia-cdi-hook-path="+hook)
	}
	// The tool puts the driver's programs into the spec where it finds them.
	r, err := j.program(ctx, Command{Argv: argv, Env: []string{"PATH=" + strings.Join(policy.ProgramDirs(), ":") + ":" + usualPath}})
	if err != nil {
		return nil, err
	}
	if err := c.compare(j, r.Out); err != nil {
		return nil, fmt.Errorf("the spec that %s made does not fit this machine: %w", c.Tool, err)
	}
	return []target{{path: c.Output, content: r.Out}}, nil
}

func (j *job) there(name string) bool {
	n, err := j.tree().Look(name)
	return err == nil && n.There
}

// edits are what a spec puts into containers, as far as it must be there.
type edits struct {
	DeviceNodes []struct {
		Path     string
		HostPath string `yaml:"hostPath"`
	} `yaml:"deviceNodes"`
	Mounts []struct {
		HostPath string `yaml:"hostPath"`
	}
	Hooks []struct{ Path string }
}

// compare says what a spec names that this machine has not.
func (c cdiOp) compare(j *job, data []byte) error {
	var spec struct {
		Kind    string
		Devices []struct {
			Name  string
			Edits edits `yaml:"containerEdits"`
		}
		Edits edits `yaml:"containerEdits"`
	}
	if err := yaml.Unmarshal(data, &spec); err != nil {
		return err
	}
	if spec.Kind == "" || len(spec.Devices) == 0 {
		return errors.New("it has no device")
	}
	all := []edits{spec.Edits}
	for _, d := range spec.Devices {
		all = append(all, d.Edits)
	}
	for _, e := range all {
		var paths []string
		for _, n := range e.DeviceNodes {
			if n.HostPath == "" {
				n.HostPath = n.Path
			}
			paths = append(paths, n.HostPath)
		}
		for _, m := range e.Mounts {
			paths = append(paths, m.HostPath)
		}
		for _, h := range e.Hooks {
			paths = append(paths, h.Path)
		}
		for _, p := range paths {
			if ok, err := j.tree().Exists(p); err != nil || !ok {
				return errors.Join(fmt.Errorf("%s is not there", p), err)
			}
		}
	}
	return nil
}

// ownSpec is the spec that the toolkit's nvidia-cdi-refresh writes by itself, when it is
// installed, started, and when the driver changes.
const ownSpec = "/var/run/cdi/nvidia.yaml"

func (j *job) saveSpec() (*Saved, error) {
	s, err := j.save(target{path: ownSpec, absent: true})
	s.Wants = nil
	return &s, err
}

// restoreSpec puts back what was there before the toolkit wrote its spec. Nobody edits that
// by hand: the service would write over it.
func (j *job) restoreSpec(b *Before) error {
	if b.Spec == nil {
		return nil
	}
	n, err := j.tree().Look(ownSpec)
	if err != nil || n.Same(b.Spec.Node) {
		return err
	}
	s := *b.Spec
	s.Wants = []Want{{Absent: !n.There, Sum: n.Sum}}
	return j.restore(s, nil)
}
