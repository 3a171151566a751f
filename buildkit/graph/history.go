package graph

import (
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// History is what `docker history` shows: the base's entries, then one for each
// layer above it. It is written here because a builder fills missing entries from
// its own records, which differ from builder to builder and so would the image.
func History(base dockerspec.DockerOCIImage, in Input) []ocispecs.History {
	history := slices.Clone(base.History)
	layers := 0
	for i := range history {
		if history[i].Created == nil {
			history[i].Created = &in.Created
		}
		if !history[i].EmptyLayer {
			layers++
		}
	}
	add := func(by string) {
		history = append(history, ocispecs.History{Created: &in.Created, CreatedBy: by, Comment: "docker gpu build"})
	}
	if layers > len(base.RootFS.DiffIDs) {
		history = nil // not this image's; an imported one may have anything
		layers = 0
	}
	for range len(base.RootFS.DiffIDs) - layers {
		add("base " + in.Lock.Base.Ref)
	}
	if len(in.AptPackages) > 0 {
		add("apt " + strings.Join(in.AptPackages, " "))
	}
	for _, p := range in.Pieces() {
		add(p.Name)
	}
	add("project " + in.WorkDir)
	return history
}
