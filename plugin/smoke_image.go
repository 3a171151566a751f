package plugin

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/dockergpu/docker-gpu/hostsetup/verify"
	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
)

// prepare finds the image to run: ours, or the user's with the worker put into it.
func (r *smokeRun) prepare(ctx context.Context, e smokeEngine, s *verify.Smoke) (err error) {
	if r.opts.image == "" {
		s.Program = image.WorkerPath
		s.Image, err = r.image(ctx)
		return err
	}
	program, err := r.binary(s.Host.Engine.Arch)
	if err != nil {
		return err
	}
	s.Image, s.Program = r.opts.image, engine.FilesDir+image.WorkerPath
	if s.Files, err = packed(strings.TrimPrefix(image.WorkerPath, "/"), program); err != nil {
		return err
	}
	_, err = e.ImageID(ctx, s.Image)
	switch {
	case err != nil && !errdefs.IsNotFound(err):
		return fmt.Errorf("the image %s cannot be inspected: %w", clean(s.Image, 200), err)
	case err == nil && r.opts.pull != "always":
		return nil
	case r.opts.pull == "never":
		return fmt.Errorf("the engine has no image %s, and --pull=never: get it with `docker pull %s`", clean(s.Image, 200), shellWord(s.Image))
	}
	return e.Pull(ctx, s.Image, r.cli.Err())
}

// packed is a tar of one program.
func packed(name string, program []byte) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(program)), Format: tar.FormatUSTAR}); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}
