package project

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/internal/fixture"
)

func TestOpen(t *testing.T) {
	top := fixture.Tree(t, map[string]string{"file": ""})
	got, err := Open(top)
	assert.NilError(t, err)
	assert.Equal(t, got, top)
	_, err = Open(filepath.Join(top, "none"))
	assert.ErrorContains(t, err, "does not exist")
	_, err = Open(filepath.Join(top, "file"))
	assert.ErrorContains(t, err, "is not a directory")
}

const pyproject = "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"idna\"]\n"

func TestReadFindsTheRequirements(t *testing.T) {
	for name, c := range map[string]struct {
		files        map[string]string
		names        []string
		detect       bool
		requirements []string
		pyproject    bool
		uvLock       bool
	}{
		"nothing":            {files: map[string]string{"main.py": ""}, detect: true},
		"not looked for":     {files: map[string]string{"requirements.txt": "idna"}},
		"requirements.txt":   {files: map[string]string{"requirements.txt": "idna"}, detect: true, requirements: []string{"requirements.txt"}},
		"named ones win":     {files: map[string]string{"requirements.txt": "idna", "a/more.txt": "x"}, names: []string{"./a/more.txt"}, detect: true, requirements: []string{"a/more.txt"}},
		"pyproject":          {files: map[string]string{"pyproject.toml": pyproject}, detect: true, pyproject: true},
		"pyproject and lock": {files: map[string]string{"pyproject.toml": pyproject, "uv.lock": "", "requirements.txt": "x"}, detect: true, pyproject: true, uvLock: true},
		"both, no lock":      {files: map[string]string{"pyproject.toml": pyproject, "requirements.txt": "x"}, detect: true, requirements: []string{"requirements.txt"}},
		"tools only":         {files: map[string]string{"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, detect: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read(fixture.Tree(t, c.files), c.names, c.detect)
			assert.NilError(t, err)
			assert.DeepEqual(t, p.Requirements, c.requirements)
			assert.Equal(t, p.Pyproject, c.pyproject)
			assert.Equal(t, p.UVLock, c.uvLock)
		})
	}
}

func TestReadFollowsIncludes(t *testing.T) {
	top := fixture.Tree(t, map[string]string{
		"requirements.txt": "idna\n-r sub/more.txt # here\n--constraint=pins.txt\n-r https://example.com/far.txt\n",
		"sub/more.txt":     "-c ../pins.txt\n-r more.txt\n", "pins.txt": "idna==3.10\n", "other.txt": "not read\n",
	})
	p, err := Read(top, nil, true)
	assert.NilError(t, err)
	var names []string
	for name := range p.Content {
		names = append(names, name)
	}
	assert.Equal(t, len(names), 3, "%v", names)
	assert.Equal(t, string(p.Content["pins.txt"]), "idna==3.10\n")
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		names []string
		says  string
	}{
		"missing":         {nil, []string{"none.txt"}, "-r none.txt: there is no none.txt"},
		"outside":         {nil, []string{"../etc/passwd"}, "outside the project"},
		"absolute":        {nil, []string{"/etc/passwd"}, "outside the project"},
		"missing include": {map[string]string{"requirements.txt": "idna\n\n-r gone.txt\n"}, nil, "requirements.txt:3: there is no gone.txt"},
		"include outside": {map[string]string{"requirements.txt": "-r ../../x.txt\n"}, nil, "requirements.txt:1: "},
		"broken TOML":     {map[string]string{"pyproject.toml": "[project]\nname = \n"}, nil, "pyproject.toml:2:"},
		"dynamic":         {map[string]string{"pyproject.toml": "[project]\nname = \"x\"\ndynamic = [\"dependencies\"]\n"}, nil, "computes its dependencies"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(fixture.Tree(t, c.files), c.names, true)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestExcludes(t *testing.T) {
	p, err := Read(fixture.Tree(t, nil), nil, true)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Exclude, []string{".git", ".venv", "**/__pycache__", "**/.DS_Store", lock.FileName})
	p, err = Read(fixture.Tree(t, map[string]string{".dockerignore": "# a comment\n*.log\n!keep.log\n"}), nil, true)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Exclude, []string{"*.log", "!keep.log", lock.FileName})
}

func TestWriteLockIsWholeOrNotAtAll(t *testing.T) {
	top := t.TempDir()
	file := filepath.Join(top, lock.FileName)
	l, err := ReadLock(file)
	assert.NilError(t, err)
	assert.Assert(t, l == nil, "a missing lock is none")

	want := &lock.Lock{Platforms: map[string]*lock.Platform{"linux/amd64": {Base: lock.Base{Ref: "x", Digest: "sha256:1"}}}}
	changed, err := WriteLock(file, want)
	assert.NilError(t, err)
	assert.Assert(t, changed)
	changed, err = WriteLock(file, want)
	assert.NilError(t, err)
	assert.Assert(t, !changed, "an unchanged lock is not written")
	got, err := ReadLock(file)
	assert.NilError(t, err)
	assert.Equal(t, got.Platforms["linux/amd64"].Base.Ref, "x")

	_, err = WriteLock(filepath.Join(top, "none", "gpu.lock"), want)
	assert.Assert(t, err != nil)
	assert.NilError(t, os.WriteFile(file, []byte("{"), 0o644))
	_, err = ReadLock(file)
	assert.ErrorContains(t, err, file)
}
