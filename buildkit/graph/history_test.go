package graph

import (
	"testing"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

func layered(history []ocispecs.History, layers int) (img dockerspec.DockerOCIImage) {
	img.History = history
	for i := range layers {
		img.RootFS.DiffIDs = append(img.RootFS.DiffIDs, digest.FromString(string(rune('a'+i))))
	}
	return img
}

// said are a history's entries that stand for a layer.
func said(history []ocispecs.History) (out []string) {
	for _, h := range history {
		if !h.EmptyLayer {
			out = append(out, h.CreatedBy)
		}
	}
	return out
}

func TestHistoryHasOneEntryForEachLayer(t *testing.T) {
	in := sample()
	in.AptPackages = []string{"ffmpeg", "git"}
	above := []string{"apt ffmpeg git"}
	for _, p := range in.Pieces() {
		above = append(above, p.Name)
	}
	above = append(above, "project "+in.WorkDir)
	then := time.Unix(1, 0)
	mine := []ocispecs.History{{CreatedBy: "ADD root", Created: &then}, {CreatedBy: "CMD sh", EmptyLayer: true}, {CreatedBy: "RUN apt"}}
	unnamed := "base " + in.Lock.Base.Ref
	for name, c := range map[string]struct {
		base dockerspec.DockerOCIImage
		want []string
	}{
		"told":       {layered(mine, 2), []string{"ADD root", "RUN apt"}},
		"half told":  {layered(mine, 3), []string{"ADD root", "RUN apt", unnamed}},
		"not told":   {layered(nil, 1), []string{unnamed}},
		"told wrong": {layered(mine, 1), []string{unnamed}},
	} {
		t.Run(name, func(t *testing.T) {
			got := History(c.base, in)
			assert.DeepEqual(t, said(got), append(c.want, above...))
			for _, h := range got {
				assert.Assert(t, h.Created != nil, "a builder would fill in its own time: %v", h)
			}
		})
	}
	assert.Assert(t, mine[2].Created == nil, "what was handed in is changed")
	assert.Equal(t, *History(layered(mine, 2), in)[0].Created, then)
}
