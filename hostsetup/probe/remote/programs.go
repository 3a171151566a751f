package remote

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"

	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
)

const (
	// probePath is where the program that looks lies in the image of both programs.
	probePath  = "/gpu-probe"
	repository = "docker-gpu-probe"
)

// programs are what is sent to an engine, by its architecture; tests have their own.
type programs struct {
	sum           func(arch string) (string, error)
	probe, worker func(arch string) ([]byte, error)
}

func ours() programs { return programs{worker.Sum, worker.Probe, worker.Binary} }

// look is a look at the machine of an engine.
type look struct {
	engine   *engine.Engine
	place    engine.Place
	programs string // the image of the programs
}

// bring makes sure that the engine has the programs, in an image of their own. It is named
// by what is sent, so that nothing is unpacked where the engine has it.
func (l *look) bring(ctx context.Context, p programs, starting func()) error {
	if l.place.OS != "linux" {
		return fmt.Errorf("the engine's machine runs %q, and only Linux can be looked at", l.place.OS)
	}
	sum, err := p.sum(l.place.Arch)
	if err != nil {
		return err
	}
	starting()
	l.programs = repository + ":" + sum[:16]
	if there, err := l.engine.Has(ctx, l.programs); err != nil || there {
		return err
	}
	files := map[string][]byte{}
	if files[probePath], err = p.probe(l.place.Arch); err != nil {
		return err
	}
	if files[image.WorkerPath], err = p.worker(l.place.Arch); err != nil {
		return err
	}
	made, err := image.Static(l.programs, l.place.Arch, files)
	if err != nil {
		return err
	}
	var packed bytes.Buffer // the way there may be slow, and an engine takes both
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err = z.Write(made.Archive); err == nil {
		err = z.Close()
	}
	if err != nil {
		return err
	}
	return l.engine.Load(ctx, &packed)
}
