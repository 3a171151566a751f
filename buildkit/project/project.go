// Package project reads what a build needs from the user's directory: the
// requirement files, what stays out of the image, gpu.yaml and gpu.lock.
package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/pelletier/go-toml/v2"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// Project is a directory as a build sees it.
type Project struct {
	// Dir is absolute.
	Dir string
	// Requirements are the requirement files named or found, relative to Dir.
	Requirements []string
	// Pyproject says that pyproject.toml names the packages; UVLock that uv.lock pins them.
	Pyproject, UVLock bool
	// Content is every file that resolving reads, by slash path relative to Dir.
	Content map[string][]byte
	// Exclude are patterns of what is not copied into the image.
	Exclude []string
}

// reading is a project on its way, with the folder that its files lie in.
type reading struct {
	*Project
	files *os.Root
}

// Open checks that dir is a directory. "" is the current one, for a build without a project.
func Open(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	fi, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the project %q does not exist; PATH names a directory", dir)
	case err != nil:
		return "", fmt.Errorf("the project %q cannot be read: %w", dir, err)
	case !fi.IsDir():
		return "", fmt.Errorf("the project %q is not a directory; PATH names the directory that is copied into the image", dir)
	}
	return abs, nil
}

// Read finds a project's requirements. With names given only those count;
// otherwise requirements.txt, or pyproject.toml where uv.lock stands beside it
// or there is no requirements.txt.
func Read(dir string, names []string, detect bool) (*Project, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the project %s cannot be read: %w", dir, err)
	}
	defer root.Close()
	p := reading{&Project{Dir: dir, Content: map[string][]byte{}}, root}
	has := func(name string) bool { _, err := root.Lstat(name); return err == nil }
	switch {
	case len(names) > 0:
		p.Requirements = slices.Clone(names)
	case !detect:
	case has("pyproject.toml") && (has("uv.lock") || !has("requirements.txt")):
		if err := p.pyproject(has("uv.lock")); err != nil {
			return nil, err
		}
	case has("requirements.txt"):
		p.Requirements = []string{"requirements.txt"}
	}
	for i, name := range p.Requirements {
		p.Requirements[i] = path.Clean(filepath.ToSlash(name))
		if err := p.include(p.Requirements[i], "-r "+name); err != nil {
			return nil, err
		}
	}
	p.Exclude, err = p.excludes()
	return p.Project, err
}

// maxFile bounds a file that resolving reads; real ones have some kilobytes.
const maxFile = 32 << 20

// read reads a regular file inside the project: what a link leads to outside is not of it,
// and a pipe in a file's place would be waited for without end.
func (p reading) read(name string) ([]byte, error) {
	fi, err := p.files.Stat(name)
	if link, is := p.files.Lstat(name); err != nil && is == nil && link.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%s is a link to nothing inside the project", name)
	}
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	f, err := p.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded.Read(f, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// pyproject takes pyproject.toml if it says what the project needs; many only configure tools.
func (p reading) pyproject(locked bool) error {
	data, err := p.read("pyproject.toml")
	if err != nil {
		return err
	}
	var doc struct {
		Project *struct {
			Dynamic []string `toml:"dynamic"`
		} `toml:"project"`
	}
	if err := toml.Unmarshal(data, &doc); err != nil {
		var de *toml.DecodeError
		if errors.As(err, &de) {
			row, col := de.Position()
			what, _, _ := strings.Cut(err.Error(), " into struct field") // which is of Go
			return fmt.Errorf("pyproject.toml:%d:%d: %s", row, col, what)
		}
		return fmt.Errorf("pyproject.toml: %w", err)
	}
	if doc.Project == nil {
		return nil
	}
	if slices.Contains(doc.Project.Dynamic, "dependencies") {
		return errors.New("pyproject.toml computes its dependencies (dynamic), which takes running its code; " +
			"write them to a file, for example with `uv pip compile pyproject.toml -o requirements.txt`, and name it with -r")
	}
	p.Pyproject, p.UVLock = true, locked
	p.Content["pyproject.toml"] = data
	if locked {
		if p.Content["uv.lock"], err = p.read("uv.lock"); err != nil {
			return err
		}
	}
	return nil
}

// include reads a requirement file and those that it names in turn.
func (p reading) include(name, by string) error {
	if _, done := p.Content[name]; done {
		return nil
	}
	if !fs.ValidPath(name) {
		return fmt.Errorf("%s: %s is outside the project %s; requirement files lie inside it", by, name, p.Dir)
	}
	data, err := p.read(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: there is no %s in %s", by, name, p.Dir)
		}
		return fmt.Errorf("%s: %w", by, err)
	}
	p.Content[name] = data
	line := 0
	for text := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line++
		if child, ok := included(text); ok {
			if err := p.include(path.Join(path.Dir(name), child), fmt.Sprintf("%s:%d", name, line)); err != nil {
				return err
			}
		}
	}
	return nil
}

// comment is one behind something, as pip has it.
var comment = regexp.MustCompile(`\s+#.*$`)

// included is the file that a line such as "-r more.txt" or "--constraint=pins.txt" names.
func included(line string) (string, bool) {
	line = strings.TrimSpace(line)
	for _, flag := range []string{"--requirement", "--constraint", "-r", "-c"} {
		rest, ok := strings.CutPrefix(line, flag)
		if !ok {
			continue
		}
		rest = comment.ReplaceAllString(rest, "")
		rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), "="))
		if rest != "" && !strings.Contains(rest, "://") {
			return rest, true
		}
	}
	return "", false
}

// excludes are .dockerignore's patterns, or, where there is none, what nobody
// wants in an image. The lock never goes in: it changes after the build.
func (p reading) excludes() ([]string, error) {
	data, err := p.read(".dockerignore")
	if errors.Is(err, fs.ErrNotExist) {
		return []string{".git", ".venv", "**/__pycache__", "**/.DS_Store", lock.FileName}, nil
	}
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf(".dockerignore: %w", err)
	}
	return append(patterns, lock.FileName), nil
}
