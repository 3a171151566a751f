package graph

import (
	"embed"
	"time"

	"github.com/moby/buildkit/client/llb"
)

//go:embed scripts
var scripts embed.FS

// Epoch is the time of every file that a build makes: 1980-01-01, the first
// moment that a wheel's zip format can name. It is fixed, whatever
// SOURCE_DATE_EPOCH says, so that images share their layers.
func Epoch() time.Time { return time.Unix(315532800, 0).UTC() }

// where the steps find what they are handed
const (
	scriptDir = "/gpu"
	uvDir     = "/uv"
	layerDir  = "/layer"
	outDir    = "/out"
	srcDir    = "/src"
	askDir    = "/ask"
	imageDir  = "/image"
)

// script mounts the named scripts, and no others, so that a change of one
// leaves the cache of the steps that do not use it.
func script(names ...string) llb.RunOption {
	st := llb.Scratch()
	for _, name := range names {
		st = st.File(llb.Mkfile("/"+name, 0o644, Script(name), llb.WithCreatedTime(Epoch())), internal("hand over "+name))
	}
	return llb.AddMount(scriptDir, st, llb.Readonly)
}

// Script is the text of an embedded build step.
func Script(name string) []byte {
	data, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		panic(err) // the name is a constant of this package
	}
	return data
}

// input mounts one small file.
func input(dir, name string, data []byte) llb.RunOption {
	return llb.AddMount(dir, llb.Scratch().File(llb.Mkfile("/"+name, 0o644, data, llb.WithCreatedTime(Epoch())), internal("hand over "+name)), llb.Readonly)
}

// internal names a vertex that progress displays hide.
func internal(name string) llb.ConstraintsOpt { return llb.WithCustomName("[internal] " + name) }
