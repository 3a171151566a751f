package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dockergpu/docker-gpu/internal/engine"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

const x86 = elf.EM_X86_64

// write fills a folder: a name that ends in "@" is a link to its text.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		at, link := strings.CutSuffix(filepath.Join(root, name), "@")
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if link {
			assert.NilError(t, os.Symlink(text, at))
		} else {
			assert.NilError(t, os.WriteFile(at, []byte(text), 0o644))
		}
	}
	return root
}

// glibc are the files of a C library below a folder.
func glibc(dir string, machine elf.Machine) map[string]string {
	files := map[string]string{}
	for _, n := range []string{"libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"} {
		files[dir+n] = string(tinyELF(machine, "", "libc.so.6"))
	}
	files[dir+"libc.so.6"] = string(tinyELF(machine, "", "ld-linux-x86-64.so.2"))
	return files
}

func with(files map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			delete(files, more[i])
		} else {
			files[more[i]] = more[i+1]
		}
	}
	return files
}

var (
	program = tinyELF(x86, "/lib64/ld-linux-x86-64.so.2", "libdl.so.2", "libpthread.so.0", "libc.so.6")
	ld      = string(tinyELF(x86, ""))
)

func untar(t *testing.T, data []byte) (headers []*tar.Header, contents map[string][]byte) {
	t.Helper()
	contents = map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		}
		assert.NilError(t, err)
		headers = append(headers, h)
		contents[h.Name], err = io.ReadAll(r)
		assert.NilError(t, err)
	}
}

// rootFS is what lies in the image's one layer.
func rootFS(t *testing.T, image *Image) (names []string, contents map[string][]byte) {
	t.Helper()
	headers, outer := untar(t, image.Archive)
	for _, h := range headers {
		if strings.HasSuffix(h.Name, ".tar") {
			inner, contents := untar(t, outer[h.Name])
			for _, h := range inner {
				name := h.Name
				if h.Linkname != "" {
					name += " -> " + h.Linkname
				}
				names = append(names, name)
			}
			return names, contents
		}
	}
	t.Fatal("no layer")
	return nil, nil
}

// Where distributions keep their C library, and where it lies in the image.
func TestLayouts(t *testing.T) {
	libs := func(dir string) (names []string) {
		for _, n := range []string{"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"} {
			names = append(names, dir+n)
		}
		return names
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"Debian, /usr merged": {
			with(glibc("usr/lib/x86_64-linux-gnu/", x86), "lib@", "usr/lib", "lib64@", "usr/lib64",
				"usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", ld, "usr/lib64/ld-linux-x86-64.so.2@", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
			slices.Concat([]string{"etc/", "gpu-worker", "lib -> usr/lib", "lib64 -> usr/lib64", "tmp/", "usr/", "usr/lib/", "usr/lib/x86_64-linux-gnu/"},
				libs("usr/lib/x86_64-linux-gnu/"), []string{"usr/lib64/", "usr/lib64/ld-linux-x86-64.so.2"}),
		},
		"old Debian, links to versions, an absolute one": {
			with(glibc("lib/x86_64-linux-gnu/", x86), "lib/x86_64-linux-gnu/ld-2.31.so", ld,
				"lib64/ld-linux-x86-64.so.2@", "/lib/x86_64-linux-gnu/ld-2.31.so",
				"lib/x86_64-linux-gnu/libm.so.6", "", "lib/x86_64-linux-gnu/libm.so.6@", "libm-2.31.so", "lib/x86_64-linux-gnu/libm-2.31.so", ld),
			slices.Concat([]string{"etc/", "gpu-worker", "lib/", "lib/x86_64-linux-gnu/"}, libs("lib/x86_64-linux-gnu/"),
				[]string{"lib64/", "lib64/ld-linux-x86-64.so.2", "tmp/"}),
		},
		"Fedora, with libraries for 32 bits": {
			with(glibc("usr/lib64/", x86), "lib@", "usr/lib", "lib64@", "usr/lib64", "usr/lib64/ld-linux-x86-64.so.2", ld,
				"usr/lib/libc.so.6", string(tinyELF(elf.EM_386, ""))),
			slices.Concat([]string{"etc/", "gpu-worker", "lib64 -> usr/lib64", "tmp/", "usr/", "usr/lib64/", "usr/lib64/ld-linux-x86-64.so.2"}, libs("usr/lib64/")),
		},
		"a library that brings another one": {
			with(glibc("lib64/", x86), "lib64/ld-linux-x86-64.so.2", ld, "lib64/libm.so.6", string(tinyELF(x86, "", "libc.so.6", "libmvec.so.1")),
				"lib64/libmvec.so.1", ld),
			slices.Concat([]string{"etc/", "gpu-worker", "lib64/", "lib64/ld-linux-x86-64.so.2"}, libs("lib64/")[:3],
				[]string{"lib64/libmvec.so.1"}, libs("lib64/")[3:], []string{"tmp/"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			image, err := Worker(write(t, c.files), "amd64", program)
			assert.NilError(t, err)
			names, contents := rootFS(t, image)
			assert.DeepEqual(t, names, c.want)
			assert.DeepEqual(t, contents["gpu-worker"], program)
			for name, data := range contents {
				if strings.Contains(name, "ld-linux") {
					assert.Equal(t, string(data), ld)
				}
			}
		})
	}
}

func TestHostsThatGiveNoImage(t *testing.T) {
	good := func() map[string]string { return with(glibc("lib64/", x86), "lib64/ld-linux-x86-64.so.2", ld) }
	for name, c := range map[string]struct {
		files   map[string]string
		program []byte
		want    string
	}{
		"musl":             {map[string]string{"lib/ld-musl-x86_64.so.1": ld}, program, "/lib64/ld-linux-x86-64.so.2 is not found below ROOT (lstat ROOT/lib64: no such file or directory), so no image can be made of this host's C library; name one that has a GNU C library with --image, such as debian"},
		"a part missing":   {with(good(), "lib64/librt.so.1", ""), program, "librt.so.1 is not found below ROOT (file does not exist)"},
		"for another one":  {with(good(), "lib64/libm.so.6", string(tinyELF(elf.EM_AARCH64, ""))), program, "libm.so.6 is not found below ROOT (ROOT/lib64/libm.so.6 is for another processor, EM_AARCH64)"},
		"a script":         {with(good(), "lib64/libc.so.6", "/* GNU ld script */"), program, "libc.so.6 is not found below ROOT (ROOT/lib64/libc.so.6: bad magic number"},
		"a circle":         {with(good(), "lib64/libc.so.6", "", "lib64/libc.so.6@", "libc.so.6"), program, "libc.so.6 is not found below ROOT (ROOT/lib64/libc.so.6: too many links)"},
		"a folder":         {with(good(), "lib64/libm.so.6", "", "lib64/libm.so.6/x", "y"), program, "libm.so.6 is not found below ROOT (ROOT/lib64/libm.so.6 is no file, or larger than any library)"},
		"out of the root":  {with(good(), "lib64/libm.so.6", "", "lib64/libm.so.6@", "../../../../../../../../../../../../etc/passwd"), program, "libm.so.6 is not found below ROOT (file does not exist)"},
		"a hostile need":   {with(good(), "lib64/libm.so.6", string(tinyELF(x86, "", "../../etc/shadow"))), program, "../../etc/shadow is not found below ROOT (a library named by its path)"},
		"a static worker":  {good(), tinyELF(x86, "", "libc.so.6"), "the worker names no loader: it was linked statically and cannot open libcuda"},
		"no worker at all": {good(), []byte("#!/bin/sh"), "the worker is no program for Linux"},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, c.files)
			_, err := Worker(root, "amd64", c.program)
			assert.Assert(t, is.ErrorContains(err, ""))
			assert.Assert(t, is.Contains(strings.ReplaceAll(err.Error(), root, "ROOT"), c.want))
		})
	}
}

// The archive is what `docker load` takes, and the same each time.
func TestArchive(t *testing.T) {
	root := write(t, with(glibc("lib64/", x86), "lib64/ld-linux-x86-64.so.2", ld))
	image, err := Worker(root, "amd64", program)
	assert.NilError(t, err)
	for range 3 {
		again, err := Worker(root, "amd64", program)
		assert.NilError(t, err)
		assert.Assert(t, bytes.Equal(again.Archive, image.Archive))
	}
	headers, files := untar(t, image.Archive)
	assert.Equal(t, len(headers), 3)
	for _, h := range headers {
		assert.Assert(t, h.ModTime.Equal(epoch) && h.Uid == 0 && h.Uname == "" && h.Mode == 0o644, "%+v", h)
	}
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	assert.NilError(t, json.Unmarshal(files["manifest.json"], &manifest))
	assert.Equal(t, len(manifest), 1)
	assert.DeepEqual(t, manifest[0].RepoTags, []string{image.Name})
	assert.Equal(t, digest(files[manifest[0].Config]), image.ID)
	var config struct {
		Architecture, OS, Created string
		Config                    struct {
			Entrypoint, Env []string
			Labels          map[string]string
		}
		RootFS struct {
			Type    string
			DiffIDs []string `json:"diff_ids"`
		}
	}
	assert.NilError(t, json.Unmarshal(files[manifest[0].Config], &config))
	assert.DeepEqual(t, config.RootFS.DiffIDs, []string{digest(files[manifest[0].Layers[0]])})
	assert.DeepEqual(t, config.Config.Entrypoint, []string{"/gpu-worker"})
	assert.Equal(t, config.Architecture+" "+config.OS+" "+config.Created, "amd64 linux 1970-01-01T00:00:00Z")
	assert.Assert(t, config.Config.Labels[engine.Label] != "", "what internal/engine finds its things by")
	for _, e := range config.Config.Env {
		assert.Assert(t, !strings.HasPrefix(e, "NVIDIA_VISIBLE_DEVICES"), "it would hide which route was taken")
	}
	assert.Assert(t, is.Regexp(`^docker-gpu-worker:[0-9a-f]{16}$`, image.Name))

	other := slices.Clone(program)
	other[len(other)-1] ^= 1
	changed, err := Worker(root, "amd64", other)
	assert.NilError(t, err)
	assert.Assert(t, changed.Name != image.Name && changed.ID != image.ID)
}

// The image of the real worker and this machine's C library: the loader in it starts the
// worker with nothing but the files in it.
func TestThisMachine(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the worker is for Linux")
	}
	build := exec.Command("go", "build", "-o", filepath.Join(t.TempDir(), "gpu-worker"), "../../../cmd/gpu-worker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	assert.NilError(t, err, string(out))
	program, err := os.ReadFile(build.Args[3])
	assert.NilError(t, err)
	image, err := Worker("/", runtime.GOARCH, program)
	var without *LibraryError
	if errors.As(err, &without) {
		t.Skip(err)
	}
	assert.NilError(t, err)
	again, err := Worker("/", runtime.GOARCH, program)
	assert.NilError(t, err)
	assert.Equal(t, again.ID, image.ID)
	t.Logf("%s, %d bytes: %s", image.Name, len(image.Archive), strings.Join(image.Files, " "))
	assert.Assert(t, len(image.Archive) < 20<<20)

	root, dirs, loader := t.TempDir(), []string{}, ""
	_, contents := rootFS(t, image)
	for _, name := range image.Files {
		at := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		assert.NilError(t, os.WriteFile(at, contents[strings.TrimPrefix(name, "/")], 0o755))
		if dir := filepath.Dir(at); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		if strings.HasPrefix(path.Base(name), "ld-linux") {
			loader = at
		}
	}
	run := exec.Command(loader, "--inhibit-cache", "--library-path", strings.Join(dirs, ":"), filepath.Join(root, WorkerPath), "version")
	text, err := run.CombinedOutput()
	assert.NilError(t, err, string(text))
	assert.Assert(t, is.Regexp(`^\d|^v`, string(text)))
	list := exec.Command(loader, "--list", "--inhibit-cache", "--library-path", strings.Join(dirs, ":"), filepath.Join(root, WorkerPath))
	text, err = list.CombinedOutput()
	assert.NilError(t, err, string(text))
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "=>") {
			assert.Assert(t, is.Contains(line, root), "a library from outside of the image")
		}
	}
}
