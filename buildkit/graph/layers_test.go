package graph

import (
	"fmt"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
)

func names(layers []Layer) (out []string) {
	for _, l := range layers {
		out = append(out, l.Name)
	}
	return out
}

func TestLayersPutHeavyWheelsAlone(t *testing.T) {
	wheels := []lock.Wheel{wheel("small", HeavySize-1), wheel("torch", 500<<20), wheel("edge", HeavySize), wheel("tiny", 1)}
	want := []string{"torch 1.0", "edge 1.0", "2 small packages"}
	assert.DeepEqual(t, names(Layers(wheels)), want)
	slices.Reverse(wheels)
	assert.DeepEqual(t, names(Layers(wheels)), want)
}

func TestLayersKeepIndexesApart(t *testing.T) {
	own := wheel("torchthing", 10)
	own.Torch = true
	layers := Layers([]lock.Wheel{wheel("idna", 10), own})
	assert.Equal(t, len(layers), 2)
	assert.Assert(t, layers[0].Torch() && !layers[1].Torch())
}

func TestLayersStayUnderTheStoresLimit(t *testing.T) {
	var wheels []lock.Wheel
	for i := range 300 {
		wheels = append(wheels, wheel(fmt.Sprintf("p%03d", i), 2*HeavySize+int64(i)))
	}
	layers := Layers(wheels)
	assert.Equal(t, len(layers), MaxHeavy+1)
	total := 0
	for _, l := range layers {
		total += len(l.Wheels)
	}
	assert.Equal(t, total, 300, "a wheel was lost")
	// What is left over are the lightest.
	assert.Equal(t, layers[0].Wheels[0].Name, "p299")
}

func TestLayersOfNothing(t *testing.T) { assert.Equal(t, len(Layers(nil)), 0) }

func TestRequirementsPinByHash(t *testing.T) {
	l := Layer{Wheels: []lock.Wheel{{Name: "torch", Version: "2.14.0+cu126", SHA256: "ab"}, {Name: "idna", Version: "3", SHA256: "cd"}}}
	assert.Equal(t, l.Requirements(), "torch==2.14.0+cu126 --hash=sha256:ab; idna==3 --hash=sha256:cd")
}
