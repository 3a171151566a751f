package graph

import (
	"context"
	"encoding/json"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// operation is one LLB vertex in the form that buildctl debug dump-llb prints.
type operation struct {
	Op         *pb.Op         `json:"Op"`
	Digest     digest.Digest  `json:"Digest"`
	OpMetadata *pb.OpMetadata `json:"OpMetadata"`
}

// LLB is the runtime's definition as JSON, the same each time: of the project's
// source a build also names the session.
func LLB(ctx context.Context, in Input) ([]byte, error) {
	platform, err := platforms.Parse(in.Plan.Platform)
	if err != nil {
		return nil, err
	}
	def, err := in.Runtime().Marshal(ctx, llb.Platform(platform), llb.LocalUniqueID(ProjectLocal))
	if err != nil {
		return nil, err
	}
	var ops []operation
	for _, data := range def.Def {
		op := &pb.Op{}
		if err := op.Unmarshal(data); err != nil {
			return nil, err
		}
		dgst := digest.FromBytes(data)
		meta := def.Metadata[dgst]
		ops = append(ops, operation{Op: op, Digest: dgst, OpMetadata: meta.ToPB()})
	}
	return json.MarshalIndent(ops, "", "  ")
}
