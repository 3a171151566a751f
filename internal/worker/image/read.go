package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Told is an archive that names the image and does not bring it, for one who has it.
func (i *Image) Told() ([]byte, error) {
	data, err := json.Marshal([]manifest{{RepoTags: []string{i.Name}}})
	if err != nil {
		return nil, err
	}
	return archive([]entry{{name: manifestFile, data: data, mode: 0o644}})
}

var workerName = regexp.MustCompile(`^` + WorkerRepository + `:[0-9a-f]{16}$`)

// Read tells the name of a worker image by its archive, and whether that brings the image
// or is merely told. The archive may come from anyone: what would get another name, or more
// than one, is an error.
func Read(data []byte) (name string, brought bool, err error) {
	r := tar.NewReader(bytes.NewReader(data))
	head, err := r.Next()
	if err != nil {
		return "", false, fmt.Errorf("what it sent is no image: %w", err)
	}
	const most = 64 << 10
	if head.Name != manifestFile || head.Size > most {
		return "", false, errors.New("what it sent is no image of a worker: it does not begin with a manifest")
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return "", false, fmt.Errorf("what it sent is no whole image: %w", err)
	}
	var images []manifest
	if err := json.Unmarshal(text, &images); err != nil {
		return "", false, fmt.Errorf("what it sent is no image: %w", err)
	}
	if len(images) != 1 || len(images[0].RepoTags) != 1 || !workerName.MatchString(images[0].RepoTags[0]) {
		return "", false, fmt.Errorf("what it sent is no image of a worker: it names %.100q", text)
	}
	_, err = r.Next()
	return images[0].RepoTags[0], err == nil, nil
}
