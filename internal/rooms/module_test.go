package rooms

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/dockergpu/docker-gpu/"

// imports are a package's imports: those of the module by their folder.
type imports map[string][]string

// read parses the imports of all packages below root. Parsing, other than
// `go list`, sees the files of every platform and tag, and takes no time.
func read(t *testing.T, root string) imports {
	t.Helper()
	found := imports{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(root, file)
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		found[dir] = slices.Clip(found[dir])
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if name = strings.TrimPrefix(name, module); !slices.Contains(found[dir], name) {
				found[dir] = append(found[dir], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// skip leaves out what is no package of the module that ships.
func skip(root, dir string) error {
	if dir == root {
		return nil
	}
	name := filepath.Base(dir)
	if name == "testdata" || strings.HasPrefix(name, ".") || dir == filepath.Join(root, "test") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

// matches says whether a folder is in one of the patterns.
func matches(dir string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if below, ok := strings.CutSuffix(p, "/..."); ok {
			return dir == below || strings.HasPrefix(dir, below+"/")
		}
		return dir == p
	})
}

// bans says whether an import path is one of those banned.
func (b Ban) bans(name string) bool {
	return slices.ContainsFunc(b.Imports, func(p string) bool {
		if exact, ok := strings.CutPrefix(p, "="); ok {
			return name == exact
		}
		return name == p || strings.HasPrefix(name, p+"/")
	})
}

// within is a package and all of the module that it imports, near ones first.
func (m imports) within(dir string) []string {
	seen := []string{dir}
	for i := 0; i < len(seen); i++ {
		for _, name := range m[seen[i]] {
			if _, ours := m[name]; ours && !slices.Contains(seen, name) {
				seen = append(seen, name)
			}
		}
	}
	return seen
}

func (m imports) dirs() []string {
	var dirs []string
	for dir := range m {
		dirs = append(dirs, path.Clean(dir))
	}
	slices.Sort(dirs)
	return dirs
}
