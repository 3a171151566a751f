package solve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	gw "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// DriftError is a lock that does not answer what was asked with --locked.
type DriftError struct {
	Platform string
	Drift    []string
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("gpu.lock does not fit this build for %s: %s; build once without --locked and keep the new gpu.lock",
		e.Platform, strings.Join(e.Drift, ", "))
}

// requirements are the lines that a plan and the user's wishes come to.
func (r *Request) requirements(plan resolve.Plan) []string {
	var reqs []string
	if t := plan.Torch; t != nil && !t.InBase {
		version := t.Version
		if t.Index != "" && t.Variant != "" && !strings.Contains(version, "+") {
			version += "+" + t.Variant
		}
		reqs = append(reqs, "torch=="+version)
	}
	reqs = append(reqs, plan.CUDAPackages...)
	return append(reqs, r.Spec.Packages...)
}

// wants says whether anything has to be installed.
func (r *Request) wants(plan resolve.Plan) bool {
	return len(r.requirements(plan)) > 0 || len(r.Files.Requirements) > 0 || r.Files.Pyproject
}

// inputs are what a lock depends on, by name; a changed one is drift.
func (r *Request) inputs(plan resolve.Plan) map[string]string {
	in := map[string]string{"base": plan.Base, "packages": strings.Join(r.requirements(plan), " ")}
	if plan.Python != "" {
		in["python"] = plan.Python
	}
	if plan.Torch != nil && plan.Torch.Index != "" {
		in["torch index"] = plan.Torch.Index
	}
	for name, data := range r.Files.Content {
		in[name] = "sha256:" + hash(data)
	}
	return in
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// choose lets uv resolve the packages on the builder, on a tool image that has
// what is needed to build a package from source.
func (r *Request) choose(ctx context.Context, im images, steps graph.Steps, tool llb.State, plan resolve.Plan, p *probed) ([]lock.Wheel, lock.Tool, error) {
	pin := policy.UVFor(plan.Platform)
	uv := lock.Tool{Version: pin.Version, SHA256: pin.SHA256}
	req := graph.Request{
		Requirements: r.requirements(plan), Files: r.Files.Requirements,
		Pyproject: r.Files.Pyproject, UVLock: r.Files.UVLock,
		TorchPackages: policy.TorchPackages(),
	}
	// Where the packages come from decides what they are, though it is in no argument.
	where, err := json.Marshal(r.Spec.Index)
	if err != nil {
		return nil, uv, err
	}
	req.Salt = hash(where)
	inBase := map[string]bool{}
	if plan.Torch != nil && plan.Torch.InBase {
		for name, version := range p.Installed {
			public, _, _ := strings.Cut(version, "+")
			req.Constraints = append(req.Constraints, name+"=="+public)
			inBase[normal(name)] = true
		}
		slices.Sort(req.Constraints)
	}
	if plan.Torch != nil {
		req.TorchIndex = plan.Torch.Index
	}
	var project *llb.State
	if len(r.Files.Content) > 0 {
		st := llb.Scratch()
		for _, name := range slices.Sorted(maps.Keys(r.Files.Content)) {
			if dir := path.Dir(name); dir != "." {
				st = st.File(llb.Mkdir("/"+dir, 0o755, llb.WithParents(true), llb.WithCreatedTime(graph.Epoch())), llb.WithCustomName("[internal] "+dir))
			}
			st = st.File(llb.Mkfile("/"+name, 0o644, r.Files.Content[name], llb.WithCreatedTime(graph.Epoch())), llb.WithCustomName("[internal] "+name))
		}
		project = &st
	}
	torch := func(name string) bool {
		return req.TorchIndex != "" && slices.Contains(req.TorchPackages, name)
	}
	for {
		st, err := steps.Resolve(tool, steps.UV(tool, uv), req, project)
		if err != nil {
			return nil, uv, err
		}
		ref, err := im.solve(ctx, st)
		if err != nil {
			return nil, uv, err
		}
		data, err := ref.ReadFile(ctx, gw.ReadRequest{Filename: "/pylock.toml"})
		if err != nil {
			return nil, uv, err
		}
		wheels, err := lock.FromPylock(data, p.Python, plan.Platform, torch)
		if err != nil {
			return nil, uv, err
		}
		// uv binds only what is asked for directly to PyTorch's own index, so a
		// package of the family that another one asked for is asked for, and again.
		more := family(wheels, req, torch)
		if len(more) == 0 {
			return slices.DeleteFunc(wheels, func(w lock.Wheel) bool { return inBase[normal(w.Name)] }), uv, nil
		}
		req.Requirements = append(req.Requirements, more...)
	}
}

// family are packages of PyTorch's family that came along without being asked for.
func family(wheels []lock.Wheel, req graph.Request, torch func(string) bool) []string {
	asked := map[string]bool{}
	for _, line := range req.Requirements {
		asked[normal(strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" [<>=!~;@(", c) })[0])] = true
	}
	var more []string
	for _, w := range wheels {
		if torch(w.Name) && !asked[normal(w.Name)] {
			more = append(more, w.Name)
		}
	}
	return more
}

// normal is a package name as PEP 503 compares it.
func normal(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

var separators = regexp.MustCompile(`[-_.]+`)
