package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
)

const (
	// HeavySize is the compressed size in bytes from which a wheel gets a layer
	// of its own. Below it a layer's overhead (a registry round trip, a mount)
	// costs more than sending the bytes again.
	HeavySize = 4 << 20
	// MaxHeavy bounds the layers for wheels: overlay2 stops at 128 layers in all
	// (moby daemon/graphdriver/overlay2: maxDepth), and the base and the user's
	// own Dockerfile on top need some.
	MaxHeavy = 80
	// maxLight bounds the packages of one layer: about 110 bytes each, they are one
	// argument of a command, which may have 128 KiB (Linux: MAX_ARG_STRLEN).
	maxLight = 400
)

// Layer is a set of wheels that one image layer holds.
type Layer struct {
	Name   string
	Wheels []lock.Wheel
}

// Size is the sum of the wheels' compressed bytes.
func (l Layer) Size() (n int64) {
	for _, w := range l.Wheels {
		n += w.Size
	}
	return n
}

// Title names the layer for people.
func (l Layer) Title() string {
	kind := "wheel"
	if l.Source() {
		kind = "source"
	}
	return fmt.Sprintf("[%s] %s (%s)", kind, l.Name, units.HumanSizeWithPrecision(float64(l.Size()), 3))
}

// Requirements are the requirement lines that make the layer, with "; " between.
func (l Layer) Requirements() string {
	var lines []string
	for _, w := range l.Wheels {
		lines = append(lines, w.Requirement())
	}
	return strings.Join(lines, "; ")
}

// Source says that something in the layer is built from its source.
func (l Layer) Source() bool {
	return slices.ContainsFunc(l.Wheels, func(w lock.Wheel) bool { return w.Source })
}

// Torch says that the wheels come from PyTorch's own index.
func (l Layer) Torch() bool { return len(l.Wheels) > 0 && l.Wheels[0].Torch }

// installArgs are what install.py is told of the layer. They are arguments, not a
// file, because a builder answers an unchanged command without looking at any file.
func (l Layer) installArgs(torchIndex string) []string {
	args := []string{l.Requirements(), "", ""}
	if l.Torch() {
		args[1] = torchIndex
	}
	if l.Source() {
		args[2] = "build"
	}
	return args
}

// Layers divides wheels: heavy ones and those built from source, which takes
// long, alone, the heaviest first, then what is left together, from PyTorch's own index and from the default one. The order
// does not depend on that of the input.
func Layers(wheels []lock.Wheel) []Layer {
	sorted := slices.Clone(wheels)
	slices.SortFunc(sorted, func(a, b lock.Wheel) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Name, b.Name))
	})
	var layers []Layer
	light := map[bool][]lock.Wheel{}
	for _, w := range sorted {
		if (w.Source || w.Size >= HeavySize) && len(layers) < MaxHeavy {
			layers = append(layers, Layer{Name: w.Name + " " + w.Version, Wheels: []lock.Wheel{w}})
			continue
		}
		light[w.Torch] = append(light[w.Torch], w)
	}
	for _, torch := range []bool{true, false} {
		if group := light[torch]; len(group) > 0 {
			slices.SortFunc(group, func(a, b lock.Wheel) int { return cmp.Compare(a.Name, b.Name) })
			for part := range slices.Chunk(group, maxLight) {
				layers = append(layers, Layer{Name: fmt.Sprintf("%d small packages", len(part)), Wheels: part})
			}
		}
	}
	return layers
}
