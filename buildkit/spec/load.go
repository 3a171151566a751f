package spec

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

//go:embed gpu.schema.json
var schema []byte

// Schema is the JSON Schema of gpu.yaml.
func Schema() []byte { return schema }

// maxFile bounds a gpu.yaml; a person writes a few hundred bytes.
const maxFile = 1 << 20

// Load reads a gpu.yaml. Errors name the file and the line; the CA bundle is relative to it.
func Load(file string) (Spec, error) {
	data, err := bounded.ReadFile(file, maxFile)
	if err != nil {
		return Spec{}, fmt.Errorf("the build file cannot be read: %w", err)
	}
	s, err := Parse(file, data)
	if s.CABundle != "" && !filepath.IsAbs(s.CABundle) {
		s.CABundle = filepath.Join(filepath.Dir(file), s.CABundle)
	}
	return s, err
}

// Parse reads the text of a gpu.yaml; name appears in errors. Keys that are not
// known, keys that stand twice and values of a wrong kind are refused. An empty
// file wishes nothing.
func Parse(name string, data []byte) (Spec, error) {
	var doc, next yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return Spec{}, nil
	} else if err != nil {
		return Spec{}, located(name, data, err)
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		return Spec{}, fmt.Errorf("%s:%d: a build file is one document, but a second begins here", name, max(next.Line, 1))
	case !errors.Is(err, io.EOF):
		return Spec{}, located(name, data, err)
	}
	if doc.Kind == 0 || len(doc.Content) == 1 && doc.Content[0].Tag == "!!null" {
		return Spec{}, nil
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return Spec{}, fmt.Errorf("%s:%d: a build file is a mapping of keys such as torch and packages", name, max(doc.Line, 1))
	}
	if err := checkShape(name, doc.Content[0]); err != nil {
		return Spec{}, err
	}
	var s Spec
	if err := doc.Content[0].Decode(&s); err != nil {
		return Spec{}, located(name, data, err)
	}
	if s.Version != 0 && s.Version != 1 {
		return Spec{}, fmt.Errorf("%s: version %d is not known here, only 1; it may be written for a newer docker gpu", name, s.Version)
	}
	return s, nil
}

var (
	yamlPlace  = regexp.MustCompile(`(?: at)? ?line (\d+)(?:, column (\d+))?:? ?`)
	yamlOffset = regexp.MustCompile(`^offset (\d+): (.*)$`) // of bytes that are no text
)

// located turns YAML's "yaml: while … at line 3: …" into the file:line that editors
// jump to, with what is wrong before what was being read.
func located(name string, data []byte, err error) error {
	text := err.Error()
	for _, prefix := range []string{"yaml: ", "construct errors:", "unmarshal errors:", "load errors:"} {
		text = strings.TrimSpace(strings.TrimPrefix(text, prefix))
	}
	text, _, _ = strings.Cut(text, "\n")
	if m := yamlOffset.FindStringSubmatch(text); m != nil {
		offset, _ := strconv.Atoi(m[1])
		return fmt.Errorf("%s:%d: %s", name, 1+bytes.Count(data[:min(offset, len(data))], []byte("\n")), m[2])
	}
	places := yamlPlace.FindAllStringSubmatchIndex(text, -1)
	if len(places) == 0 {
		return fmt.Errorf("%s: %s", name, text)
	}
	m := places[len(places)-1] // the one before is where what was being read began
	at := name + ":" + text[m[2]:m[3]]
	if m[4] >= 0 {
		at += ":" + text[m[4]:m[5]]
	}
	wrong, reading := text[m[1]:], text[:places[0][0]]
	if reading != "" {
		wrong += ", " + reading
	}
	return fmt.Errorf("%s: %s", at, wrong)
}
