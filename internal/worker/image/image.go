// Package image makes the images that the project's own programs run in: out of bytes, in
// memory, without a registry and without an engine. The same parts make the same image, to
// the byte. cmd/gpu-probe makes them on other machines, so nothing big is imported here.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Image is an image as `docker load` takes it.
type Image struct {
	// Name is a repository and a tag that tells what is in it: an engine that has an image
	// of this name needs no other one.
	Name string
	// ID is the digest of its configuration, "sha256:…", which is the image ID of an engine
	// with the old store.
	ID string
	// Archive is a tar as `docker load` takes it.
	Archive []byte
	// Files are the paths in it, sorted.
	Files []string
}

// label is that of internal/engine, by which everything of ours is found and removed.
const label = "io.github.dockergpu.worker"

const (
	// WorkerRepository is the name of all worker images; their tags tell them apart.
	WorkerRepository = "docker-gpu-worker"
	// WorkerPath is where the worker lies in its image.
	WorkerPath = "/gpu-worker"
)

// Worker makes the image of the worker: it holds the program for an architecture and the C
// library below root, nothing else, so that it needs no registry and the library is one
// that the machine's driver runs with. A machine without a GNU C library is a *LibraryError.
func Worker(root, arch string, program []byte) (*Image, error) {
	r := &rooted{root: root, links: map[string]string{}}
	files, err := libraries(r, program, policy.LibcudaNeeds())
	if err != nil {
		return nil, err
	}
	files[WorkerPath] = program
	return assemble(arch, files, r.links, workerConfig(), func(id string) string { return WorkerRepository + ":" + hexOf(id)[:16] })
}

// workerConfig is how the worker is run. The hook gives a container what the variable
// names; CDI gives it all.
func workerConfig() map[string]any {
	return map[string]any{
		"Entrypoint": []string{WorkerPath},
		"Env":        []string{"NVIDIA_DRIVER_CAPABILITIES=compute,utility"},
		"Labels":     map[string]string{label: "image"},
	}
}

// Static makes an image of programs that need no library, by the path they get.
func Static(name, arch string, files map[string][]byte) (*Image, error) {
	config := map[string]any{"Labels": map[string]string{label: "image"}}
	return assemble(arch, files, nil, config, func(string) string { return name })
}

// assemble makes an image of one layer.
func assemble(arch string, files map[string][]byte, links map[string]string, run map[string]any, name func(id string) string) (*Image, error) {
	layer, err := layer(files, links)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{ // OCI image spec, config.md
		"architecture": arch, "os": "linux", "created": epoch.Format(time.RFC3339),
		"config":  run,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
		"history": []map[string]string{{"created": epoch.Format(time.RFC3339), "created_by": "docker gpu"}},
	})
	if err != nil {
		return nil, err
	}
	id := digest(config)
	image := &Image{Name: name(id), ID: id, Files: slices.Sorted(maps.Keys(files))}
	manifest, err := json.Marshal([]manifest{{
		Config: hexOf(id) + ".json", RepoTags: []string{image.Name}, Layers: []string{hexOf(digest(layer)) + ".tar"},
	}})
	if err != nil {
		return nil, err
	}
	image.Archive, err = archive([]entry{
		// First, so that who reads the archive knows its name before its layer comes.
		{name: manifestFile, data: manifest, mode: 0o644},
		{name: hexOf(id) + ".json", data: config, mode: 0o644},
		{name: hexOf(digest(layer)) + ".tar", data: layer, mode: 0o644},
	})
	return image, err
}

// manifest is an entry of manifest.json in the archives of `docker save` and `docker load`.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

const manifestFile = "manifest.json"

// epoch is the time of everything in the image: a clock's would make another image each time.
var epoch = time.Unix(0, 0).UTC()

// entry is something in a tar: a file, a folder if its name ends in "/", or a link.
type entry struct {
	name, link string
	data       []byte
	mode       int64
}

// layer is the image's file system. /etc is there for the loader's cache, which NVIDIA's
// hook writes, /tmp for whoever mounts something on it.
func layer(files map[string][]byte, links map[string]string) ([]byte, error) {
	all := map[string]entry{"etc/": {name: "etc/", mode: 0o755}, "tmp/": {name: "tmp/", mode: 0o1777}}
	add := func(e entry) {
		for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
			all[dir+"/"] = entry{name: dir + "/", mode: 0o755}
		}
		all[e.name] = e
	}
	for name, data := range files {
		add(entry{name: strings.TrimPrefix(name, "/"), data: data, mode: 0o755})
	}
	for name, target := range links {
		add(entry{name: strings.TrimPrefix(name, "/"), link: target, mode: 0o777})
	}
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(all)) { // a folder sorts before what is in it
		entries = append(entries, all[name])
	}
	return archive(entries)
}

func archive(entries []entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: epoch, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		switch {
		case e.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
