package buildkit

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

func TestPushAfter(t *testing.T) {
	tags := []string{"a:1", "b:2"}
	image := solve.Output{Type: "image", Attrs: map[string]string{}}
	oci := solve.Output{Type: "oci", Dest: "a.tar"}
	local := solve.Output{Type: "image", Attrs: map[string]string{"push": "false"}}
	named := solve.Output{Type: "image", Attrs: map[string]string{"name": "c:3,d:4"}}
	for name, c := range map[string]struct {
		tags     []string
		in, kept []solve.Output
		push     []string
	}{
		"registry":         {tags, []solve.Output{{Type: "registry"}}, []solve.Output{image}, tags},
		"image with push":  {tags, []solve.Output{{Type: "image", Attrs: map[string]string{"push": "true"}}}, []solve.Output{image}, tags},
		"push=1 is true":   {tags, []solve.Output{{Type: "image", Attrs: map[string]string{"push": "1"}}}, []solve.Output{image}, tags},
		"image":            {tags, []solve.Output{local}, []solve.Output{local}, nil},
		"others are kept":  {tags, []solve.Output{oci, {Type: "registry"}}, []solve.Output{oci, image}, tags},
		"twice, once sent": {tags, []solve.Output{{Type: "registry"}, {Type: "registry"}}, []solve.Output{image, image}, tags},
		"nothing":          {tags, nil, nil, nil},
		// An output may name its image itself, as it does for every other builder.
		"names of its own": {tags, []solve.Output{{Type: "registry", Attrs: map[string]string{"name": "c:3,d:4"}}}, []solve.Output{named}, []string{"c:3", "d:4"}},
		"only a name":      {nil, []solve.Output{{Type: "registry", Attrs: map[string]string{"name": "c:3,d:4"}}}, []solve.Output{named}, []string{"c:3", "d:4"}},
		// Nothing to push to: it stays, so that exporting refuses it.
		"no name": {nil, []solve.Output{{Type: "registry"}}, []solve.Output{{Type: "registry"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			kept, push := pushAfter(c.in, c.tags)
			assert.DeepEqual(t, kept, c.kept)
			assert.DeepEqual(t, push, c.push)
		})
	}
}

// Without a name nothing would be pushed, and the build end well all the same.
func TestPushWithoutANameIsRefusedOnEveryStore(t *testing.T) {
	for _, oci := range []bool{false, true} {
		b := deaf()
		b.Moby, b.OCIStore = true, oci
		w := wish(verify.Off, true, "linux/amd64")
		w.Tags, w.Outputs = nil, []solve.Output{{Type: "registry"}}
		_, err := Build(t.Context(), b, &fakeEngine{}, w, watch)
		assert.ErrorContains(t, err, "add --tag")
	}
}
