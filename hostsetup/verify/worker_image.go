package verify

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
	"github.com/dockergpu/docker-gpu/internal/worker"
)

// WorkerImage is an image that holds the worker and a host's C library, nothing else: it
// needs no registry, and the library is one that the host's driver runs with.
type WorkerImage struct {
	// Name is "docker-gpu-worker:" and a hash of all that is in it: an engine that has an
	// image of this name needs no other one.
	Name string
	// ID is the digest of its configuration, "sha256:…", which is the image ID of an engine
	// with the old store.
	ID string
	// Archive is a tar as `docker load` takes it.
	Archive []byte
	// Files are the paths in it, sorted.
	Files []string
}

// WorkerPath is where the worker lies in its image.
const WorkerPath = "/gpu-worker"

// BuildWorkerImage makes the image for an architecture, "amd64" or "arm64", of the worker
// inside this program and the C library below root, which is "/" for this machine. The
// same worker and library make the same image, to the byte. Its errors are *LibraryError
// for a host without a GNU C library and those of worker.Binary.
func BuildWorkerImage(root, arch string) (*WorkerImage, error) {
	program, err := worker.Binary(arch)
	if err != nil {
		return nil, err
	}
	return workerImage(root, arch, program)
}

func workerImage(root, arch string, program []byte) (*WorkerImage, error) {
	r := &rooted{root: root, links: map[string]string{}}
	files, err := libraries(r, program, policy.LibcudaNeeds())
	if err != nil {
		return nil, err
	}
	files[WorkerPath] = program
	layer, err := layer(files, r.links)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(imageConfig(arch, digest(layer)))
	if err != nil {
		return nil, err
	}
	id := digest(config)
	image := &WorkerImage{Name: "docker-gpu-worker:" + hexOf(id)[:16], ID: id, Files: slices.Sorted(maps.Keys(files))}
	manifest, err := json.Marshal([]map[string]any{{
		"Config": hexOf(id) + ".json", "RepoTags": []string{image.Name}, "Layers": []string{hexOf(digest(layer)) + ".tar"},
	}})
	if err != nil {
		return nil, err
	}
	image.Archive, err = archive([]entry{
		{name: hexOf(id) + ".json", data: config, mode: 0o644},
		{name: hexOf(digest(layer)) + ".tar", data: layer, mode: 0o644},
		{name: "manifest.json", data: manifest, mode: 0o644},
	})
	return image, err
}

// imageConfig is the image's configuration (OCI image spec, config.md). The label is that
// of internal/engine, by which everything of ours is found and removed. The hook gives a
// container what the variable names; CDI gives it all.
func imageConfig(arch, layer string) map[string]any {
	return map[string]any{
		"architecture": arch, "os": "linux", "created": epoch.Format(time.RFC3339),
		"config": map[string]any{
			"Entrypoint": []string{WorkerPath},
			"Env":        []string{"NVIDIA_DRIVER_CAPABILITIES=compute,utility"},
			"Labels":     map[string]string{"io.github.dockergpu.worker": "image"},
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{layer}},
		"history": []map[string]string{{"created": epoch.Format(time.RFC3339), "created_by": "docker gpu smoke"}},
	}
}

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
