package graph

import (
	"time"

	"github.com/moby/buildkit/client/llb"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// ProjectLocal is the name of the session's directory with the user's project.
const ProjectLocal = "project"

// Input is everything a graph is made from.
type Input struct {
	Steps
	Plan resolve.Plan
	Lock *lock.Platform
	// AptPackages are installed on the base.
	AptPackages []string
	// Parents are the base's site-packages that the environment also sees (--torch=base).
	Parents []string
	// Account is created where not nil.
	Account *Account
	WorkDir string
	// Owner of the work directory and what is in it: "1000:1000".
	Owner string
	// Project says that there is one; Exclude are patterns of what stays out.
	Project bool
	Exclude []string
	// SharedKey lets a builder reuse what it received of the project before.
	SharedKey string
	// Merge says that the builder can merge layers; otherwise they are copied in order.
	Merge bool
	// Created is the time of the project's files.
	Created time.Time
	// Images makes the state of an image by digest.
	Images func(ref, digest string) llb.State
}

// Piece is one layer of the image before it is put on the base.
type Piece struct {
	Name  string
	State llb.State
}

// Tool is the image whose Python runs the steps.
func (in Input) Tool() llb.State {
	if t := in.Lock.ToolBase; t != nil {
		return in.Images(t.Ref, t.Digest)
	}
	return in.Images(in.Lock.Base.Ref, in.Lock.Base.Digest)
}

// Base is the image's own base with --apt packages.
func (in Input) Base() llb.State {
	base := in.Images(in.Lock.Base.Ref, in.Lock.Base.Digest)
	if len(in.AptPackages) > 0 {
		base = in.Apt(base, in.AptPackages)
	}
	return base
}

// Pieces are the layers above the base, bottom up, less the project's.
func (in Input) Pieces() []Piece {
	var pieces []Piece
	if in.Account != nil {
		pieces = append(pieces, Piece{"user " + in.Account.Name, in.Steps.Account(in.Tool(), in.Base(), *in.Account)})
	}
	if len(in.Lock.Wheels) > 0 {
		tool := in.Tool()
		uv := in.UV(tool, in.Lock.UV)
		if in.Lock.ToolBase == nil {
			pieces = append(pieces, Piece{"environment", in.Environment(tool, uv, Venv, in.Parents)})
		}
		for _, l := range Layers(in.Lock.Wheels) {
			on := tool
			if l.Source() && in.Lock.ToolBase == nil {
				on = in.Base() // where --apt brings a compiler
			}
			pieces = append(pieces, Piece{l.Name, in.Wheels(on, uv, Venv, l, in.torchIndex())})
		}
	}
	return pieces
}

func (in Input) torchIndex() string {
	if in.Plan.Torch == nil {
		return ""
	}
	return in.Plan.Torch.Index
}

// project is a layer with the work directory and the user's files in it.
func (in Input) project() llb.State {
	dir := llb.Scratch().File(llb.Mkdir(in.WorkDir, 0o755, llb.WithParents(true), llb.WithCreatedTime(in.Created),
		llb.WithUser(in.Owner)), llb.WithCustomName("[project] "+in.WorkDir))
	if !in.Project {
		return dir
	}
	local := llb.Local(ProjectLocal, llb.ExcludePatterns(in.Exclude), llb.SharedKeyHint(in.SharedKey), internal("read the project"))
	return llb.Scratch().File(llb.Copy(local, "/", in.WorkDir, &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, CreatedTime: &in.Created,
	}, llb.WithUser(in.Owner)), llb.WithCustomName("[project] copy to "+in.WorkDir))
}

// Runtime is the image's file system. No step in it ever sees a GPU.
func (in Input) Runtime() llb.State {
	return in.together(append(in.Pieces(), Piece{"project", in.project()}))
}

// Packages is the runtime less the project: what a proof looks at, so that a
// change of the project's code needs no new one.
func (in Input) Packages() llb.State { return in.together(in.Pieces()) }

func (in Input) together(pieces []Piece) llb.State {
	if in.Merge {
		states := []llb.State{in.Base()}
		for _, p := range pieces {
			states = append(states, p.State)
		}
		return llb.Merge(states, llb.WithCustomName("[image] put the layers together"))
	}
	st := in.Base()
	for _, p := range pieces {
		st = st.File(llb.Copy(p.State, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true}),
			llb.WithCustomName("[image] add "+p.Name))
	}
	return st
}
