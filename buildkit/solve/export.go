package solve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	bkclient "github.com/moby/buildkit/client"
	"github.com/tonistiigi/go-csvvalue"
)

// Output says where an image goes, as -o, --push and --load do.
type Output struct {
	Type  string // image, registry, docker, oci, tar, local, cacheonly
	Dest  string // file or directory; "-" is standard output
	Attrs map[string]string
}

// ParseOutput reads one -o value: CSV of key=value, or a directory alone.
func ParseOutput(s string) (Output, error) {
	if strings.TrimSpace(s) == "" {
		return Output{}, errors.New("--output is empty; name a directory, or say type=image, registry, docker, oci, tar, local or cacheonly")
	}
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return Output{}, fmt.Errorf("--output %q: %w", s, err)
	}
	out := Output{Attrs: map[string]string{}}
	if len(fields) == 1 && !strings.Contains(s, "=") {
		out.Type, out.Dest = bkclient.ExporterLocal, s
		if s == "-" {
			out.Type = bkclient.ExporterTar
		}
		return out, nil
	}
	for _, f := range fields {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return Output{}, fmt.Errorf("--output %q: %q is not key=value", s, f)
		}
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "type":
			out.Type = value
		case "dest":
			out.Dest = value
		default:
			out.Attrs[key] = value
		}
	}
	switch out.Type {
	case "image", "registry", "docker", "oci", "tar", "local", "cacheonly":
		return out, nil
	case "":
		return Output{}, fmt.Errorf("--output %q has no type; say type=image, registry, docker, oci, tar, local or cacheonly", s)
	}
	return Output{}, fmt.Errorf("--output %q: type %q is not one of image, registry, docker, oci, tar, local, cacheonly", s, out.Type)
}

// Loader takes an image archive into an engine.
type Loader func(ctx context.Context, archive io.Reader) error

// Exports turns outputs into what a builder takes. wait must be called after the
// build, with its error: it ends what streams, and puts a finished file in place
// of the old one or removes an unfinished one.
func Exports(ctx context.Context, b *Builder, tags []string, outputs []Output, load Loader) (entries []bkclient.ExportEntry, wait func(error) error, err error) {
	names, err := Names(tags)
	if err != nil {
		return nil, nil, err
	}
	var ends []func(error) error
	wait = func(failed error) error {
		var errs []error
		for _, end := range ends {
			errs = append(errs, end(failed))
		}
		return errors.Join(errs...)
	}
	for _, out := range outputs {
		if out.Type == "cacheonly" {
			continue
		}
		e := bkclient.ExportEntry{Type: out.Type, Attrs: maps.Clone(out.Attrs)}
		if e.Attrs == nil {
			e.Attrs = map[string]string{}
		}
		if names != "" && e.Attrs["name"] == "" {
			e.Attrs["name"] = names
		}
		end, err := place(ctx, b, &e, out, load)
		if err != nil {
			return nil, nil, errors.Join(err, wait(err)) // files of the outputs before
		}
		if end != nil {
			ends = append(ends, end)
		}
		entries = append(entries, e)
	}
	return entries, wait, nil
}

func place(ctx context.Context, b *Builder, e *bkclient.ExportEntry, out Output, load Loader) (func(error) error, error) {
	switch out.Type {
	case "registry":
		e.Type, e.Attrs["push"] = bkclient.ExporterImage, "true"
		if _, ok := e.Attrs["unpack"]; !ok {
			e.Attrs["unpack"] = "false"
		}
		fallthrough
	case bkclient.ExporterImage:
		return nil, b.image(e)
	case bkclient.ExporterDocker:
		if out.Dest == "" && b.Moby {
			e.Type = bkclient.ExporterImage
			return nil, b.image(e)
		}
		if out.Dest == "" {
			return streamTo(ctx, e, load), nil
		}
		return toFile(e, out.Dest)
	case bkclient.ExporterOCI, bkclient.ExporterTar:
		if tar, err := strconv.ParseBool(e.Attrs["tar"]); err != nil || tar {
			return toFile(e, out.Dest)
		}
	}
	if out.Dest == "" {
		return nil, fmt.Errorf("--output type=%s takes dest=DIRECTORY", out.Type)
	}
	if fi, err := os.Stat(out.Dest); err == nil && !fi.IsDir() {
		return nil, fmt.Errorf("--output type=%s: dest %s is a file, not a directory", out.Type, out.Dest)
	}
	e.OutputDir = out.Dest
	return nil, nil
}

// image sets what the image exporter needs on this builder.
func (b *Builder) image(e *bkclient.ExportEntry) error {
	push, _ := strconv.ParseBool(e.Attrs["push"])
	if push && e.Attrs["name"] == "" {
		return errors.New("--push takes a name to push to: add --tag REGISTRY/NAME:TAG")
	}
	if b.Moby {
		e.Type = "moby"
		if b.OCIStore {
			e.Attrs["prefer-image-digest"] = "true"
		}
	}
	if !push && b.OCIStore && e.Attrs["compression"] == "" {
		// zstd at its fastest level writes these layers several times faster than
		// gzip, in fewer bytes; only a local store, which unpacks at once, sees it.
		e.Attrs["compression"], e.Attrs["compression-level"] = "zstd", "1"
	}
	if e.Attrs["compression"] == "zstd" || e.Attrs["compression"] == "estargz" {
		e.Attrs["oci-mediatypes"] = "true"
	}
	return nil
}

func streamTo(ctx context.Context, e *bkclient.ExportEntry, load Loader) func(error) error {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	e.Output = func(map[string]string) (io.WriteCloser, error) {
		go func() {
			err := load(ctx, pr)
			_ = pr.CloseWithError(err)
			done <- err
		}()
		return pw, nil
	}
	started := e.Output
	running := false
	e.Output = func(m map[string]string) (io.WriteCloser, error) { running = true; return started(m) }
	return func(failed error) error {
		if !running {
			return nil
		}
		if failed != nil {
			_ = pw.CloseWithError(failed)
		}
		return <-done
	}
}

// toFile writes beside the destination and renames at the end. What is no file, such as
// a pipe or a device, is written to as it is.
func toFile(e *bkclient.ExportEntry, dest string) (func(error) error, error) {
	if dest == "" || dest == "-" {
		if fi, err := os.Stdout.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 {
			return nil, fmt.Errorf("--output type=%s would write an archive to the terminal; add dest=FILE", e.Type)
		}
		e.Output = func(map[string]string) (io.WriteCloser, error) { return os.Stdout, nil }
		return nil, nil
	}
	if fi, err := os.Stat(dest); err == nil {
		switch {
		case fi.IsDir():
			return nil, fmt.Errorf("--output type=%s: dest %s is a directory, not a file", e.Type, dest)
		case !fi.Mode().IsRegular():
			e.Output = func(map[string]string) (io.WriteCloser, error) { return os.OpenFile(dest, os.O_WRONLY, 0) }
			return nil, nil
		}
		if dest, err = filepath.EvalSymlinks(dest); err != nil { // the file, not the link to it
			return nil, fmt.Errorf("--output dest=%s: %w", dest, err)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(dest), "."+filepath.Base(dest)+".*")
	if err != nil {
		return nil, fmt.Errorf("--output dest=%s: %w", dest, err)
	}
	e.Output = func(map[string]string) (io.WriteCloser, error) { return f, nil }
	return func(failed error) error {
		_ = f.Close()
		if failed != nil {
			return os.Remove(f.Name())
		}
		if err := os.Chmod(f.Name(), 0o644); err != nil {
			return err
		}
		return os.Rename(f.Name(), dest)
	}, nil
}

// Names gives tags their registry and tag, as docker does, in the form of exporters.
func Names(tags []string) (string, error) {
	var names []string
	for _, tag := range tags {
		named, err := reference.ParseNormalizedNamed(tag)
		if err != nil {
			return "", fmt.Errorf("--tag %q is no image name: %w", tag, err)
		}
		if _, ok := named.(reference.Digested); ok {
			return "", fmt.Errorf("--tag %q must not have a digest", tag)
		}
		names = append(names, reference.TagNameOnly(named).String())
	}
	return strings.Join(names, ","), nil
}
