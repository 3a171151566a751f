package project

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
	assert.Error(t, err, `the project "`+top+`/none" does not exist; PATH names a directory`)
	_, err = Open(filepath.Join(top, "file"))
	assert.Error(t, err, `the project "`+top+`/file" is not a directory; PATH names the directory that is copied into the image`)
	_, err = Open(filepath.Join(top, "file", "below"))
	assert.ErrorContains(t, err, `the project "`+top+`/file/below" cannot be read: `)
	t.Chdir(top)
	here, err := os.Getwd() // as the code under test sees it, links resolved or not
	assert.NilError(t, err)
	got, err = Open("")
	assert.NilError(t, err)
	assert.Equal(t, got, here)
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

// Each is refused with who named it: a flag, or the line of a file.
func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		names []string
		want  string // DIR is the project's
	}{
		"missing":         {nil, []string{"none.txt"}, "-r none.txt: there is no none.txt in DIR"},
		"outside":         {nil, []string{"../etc/passwd"}, "-r ../etc/passwd: ../etc/passwd is outside the project DIR; requirement files lie inside it"},
		"absolute":        {nil, []string{"/etc/passwd"}, "-r /etc/passwd: /etc/passwd is outside the project DIR; requirement files lie inside it"},
		"a folder":        {map[string]string{"a/b": ""}, []string{"a"}, "-r a: a is not a file"},
		"the project":     {nil, []string{"."}, "-r .: . is not a file"},
		"missing include": {map[string]string{"requirements.txt": "idna\n\n-r gone.txt\n"}, nil, "requirements.txt:3: there is no gone.txt in DIR"},
		"include outside": {map[string]string{"requirements.txt": "-r ../../x.txt\n"}, nil, "requirements.txt:1: ../../x.txt is outside the project DIR; requirement files lie inside it"},
		"deeper":          {map[string]string{"requirements.txt": "-r a/b.txt\n", "a/b.txt": "\n# c\n-c ../../d.txt"}, nil, "a/b.txt:3: ../d.txt is outside the project DIR; requirement files lie inside it"},
		"absolute there":  {map[string]string{"requirements.txt": "-r /etc/passwd\n"}, nil, "requirements.txt:1: there is no etc/passwd in DIR"},
		"broken TOML":     {map[string]string{"pyproject.toml": "[project]\nname = \n"}, nil, "pyproject.toml:2:8: toml: unexpected character U+000A at start of value"},
		"cut TOML":        {map[string]string{"pyproject.toml": "[project"}, nil, "pyproject.toml:1:8: toml: expected ']' to close table name"},
		"deep TOML":       {map[string]string{"pyproject.toml": "a = " + strings.Repeat("[", 1_000_000)}, nil, "pyproject.toml:1:10005: toml: arrays and inline tables are nested more than the maximum of 10000 levels deep"},
		"odd TOML":        {map[string]string{"pyproject.toml": "project = 3\n"}, nil, "pyproject.toml:1:11: toml: cannot decode TOML integer"},
		"no TOML":         {map[string]string{"pyproject.toml/x": ""}, nil, "pyproject.toml is not a file"},
		"dynamic": {map[string]string{"pyproject.toml": "[project]\nname = \"x\"\ndynamic = [\"version\", \"dependencies\"]\n"}, nil,
			"pyproject.toml computes its dependencies (dynamic), which takes running its code; write them to a file, " +
				"for example with `uv pip compile pyproject.toml -o requirements.txt`, and name it with -r"},
		"uv.lock is a folder":       {map[string]string{"pyproject.toml": pyproject, "uv.lock/x": ""}, nil, "uv.lock is not a file"},
		".dockerignore is a folder": {map[string]string{".dockerignore/x": ""}, nil, ".dockerignore is not a file"},
		"a line without end":        {map[string]string{".dockerignore": strings.Repeat("x", 100_000)}, nil, ".dockerignore: bufio.Scanner: token too long"},
		"a file without end":        {map[string]string{"requirements.txt": strings.Repeat("#", maxFile+1)}, nil, "-r requirements.txt: requirements.txt: it is larger than 32MiB, more than anything of its kind"},
	} {
		t.Run(name, func(t *testing.T) {
			top := fixture.Tree(t, c.files)
			_, err := Read(top, c.names, true)
			assert.Error(t, err, strings.ReplaceAll(c.want, "DIR", top))
		})
	}
	_, err := Read(filepath.Join(t.TempDir(), "none"), nil, true)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// A project may come from anywhere: nothing of this machine is read for it, and nothing
// that it lays in a file's place is waited for.
func TestReadStaysInTheProject(t *testing.T) {
	secret := filepath.Join(fixture.Tree(t, map[string]string{"secret": "idna\n"}), "secret")
	for name, c := range map[string]struct {
		files map[string]string
		link  string
		want  string
	}{
		"requirements":  {nil, "requirements.txt", "-r requirements.txt: requirements.txt is a link to nothing inside the project"},
		"an include":    {map[string]string{"requirements.txt": "-r more.txt\n"}, "more.txt", "requirements.txt:1: more.txt is a link to nothing inside the project"},
		"pyproject":     {nil, "pyproject.toml", "pyproject.toml is a link to nothing inside the project"},
		"uv.lock":       {map[string]string{"pyproject.toml": pyproject}, "uv.lock", "uv.lock is a link to nothing inside the project"},
		".dockerignore": {nil, ".dockerignore", ".dockerignore is a link to nothing inside the project"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, to := range []string{secret, "../" + filepath.Base(filepath.Dir(secret)) + "/secret", "none"} {
				top := fixture.Tree(t, c.files)
				assert.NilError(t, os.Symlink(to, filepath.Join(top, c.link)))
				_, err := Read(top, nil, true)
				assert.Error(t, err, c.want)
			}
		})
	}
	t.Run("links inside", func(t *testing.T) {
		top := fixture.Tree(t, map[string]string{"real/r.txt": "-r more.txt\n", "real/more.txt": "idna\n"})
		assert.NilError(t, os.Symlink("real/r.txt", filepath.Join(top, "requirements.txt")))
		assert.NilError(t, os.Symlink("real/more.txt", filepath.Join(top, "more.txt")))
		p, err := Read(top, nil, true)
		assert.NilError(t, err)
		assert.DeepEqual(t, p.Content, map[string][]byte{"requirements.txt": []byte("-r more.txt\n"), "more.txt": []byte("idna\n")})
	})
	t.Run("a pipe", func(t *testing.T) {
		top := t.TempDir()
		assert.NilError(t, syscall.Mkfifo(filepath.Join(top, "requirements.txt"), 0o600))
		_, err := Read(top, nil, true)
		assert.Error(t, err, "-r requirements.txt: requirements.txt is not a file")
	})
}

// What pip takes for the name of a file, in a requirement file of any editor.
func TestIncluded(t *testing.T) {
	for line, want := range map[string]string{
		"-r more.txt": "more.txt", "-rmore.txt": "more.txt", "  -r   more.txt  \r\n": "more.txt", "-r more.txt # why": "more.txt", "-r more.txt\t# why": "more.txt",
		"--requirement more.txt": "more.txt", "--requirement=more.txt": "more.txt", "--requirement = more.txt": "more.txt",
		"-c pins.txt": "pins.txt", "--constraint pins.txt": "pins.txt", "--constraint=a/pins.txt": "a/pins.txt", "-r a#b.txt": "a#b.txt", "-r a b.txt": "a b.txt",
		"": "", "idna": "", "# -r more.txt": "", "-r": "", "-r  # nothing": "", "-r https://x/more.txt": "", "-e .": "", "--index-url https://x": "", "x -r more.txt": "",
	} {
		got, ok := included(line)
		assert.Equal(t, got, want, "%q", line)
		assert.Equal(t, ok, want != "", "%q", line)
	}
}

func TestReadOfEveryEditorsText(t *testing.T) {
	for name, text := range map[string]string{
		"Windows":          "idna\r\n-r more.txt\r\n",
		"byte order mark":  "\ufeff-r more.txt\n",
		"no last line end": "idna\n-r more.txt",
		"in a circle":      "-r more.txt\n-r requirements.txt\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read(fixture.Tree(t, map[string]string{"requirements.txt": text, "more.txt": "-r requirements.txt\n"}), nil, true)
			assert.NilError(t, err)
			// What is handed to the builder is what stands in the file.
			assert.DeepEqual(t, p.Content, map[string][]byte{"requirements.txt": []byte(text), "more.txt": []byte("-r requirements.txt\n")})
		})
	}
}

// The names are the caller's, who may ask again with them.
func TestReadLeavesTheNamesAsTheyAre(t *testing.T) {
	names := []string{"./a/../b.txt", "b.txt"}
	p, err := Read(fixture.Tree(t, map[string]string{"b.txt": "idna"}), names, false)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Requirements, []string{"b.txt", "b.txt"})
	assert.DeepEqual(t, names, []string{"./a/../b.txt", "b.txt"})
}

func TestExcludes(t *testing.T) {
	p, err := Read(fixture.Tree(t, nil), nil, true)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Exclude, []string{".git", ".venv", "**/__pycache__", "**/.DS_Store", lock.FileName})
	p, err = Read(fixture.Tree(t, map[string]string{".dockerignore": "# a comment\n*.log\n!keep.log\n"}), nil, true)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Exclude, []string{"*.log", "!keep.log", lock.FileName})
	// Whatever it says, the lock stays out: the last pattern decides.
	p, err = Read(fixture.Tree(t, map[string]string{".dockerignore": "\ufeff*.log\r\n!gpu.lock\r\n"}), nil, true)
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Exclude, []string{"*.log", "!gpu.lock", lock.FileName})
}

func TestWriteLockIsWholeOrNotAtAll(t *testing.T) {
	top := t.TempDir()
	file := filepath.Join(top, lock.FileName)
	l, err := ReadLock(file)
	assert.NilError(t, err)
	assert.Assert(t, l == nil, "a missing lock is none")

	want := &lock.Lock{Platforms: map[string]*lock.Platform{"linux/amd64": {Base: lock.Base{Ref: "x", Digest: "sha256:" + strings.Repeat("a", 64)}}}}
	changed, err := WriteLock(file, want)
	assert.NilError(t, err)
	assert.Assert(t, changed)
	changed, err = WriteLock(file, want)
	assert.NilError(t, err)
	assert.Assert(t, !changed, "an unchanged lock is not written")
	got, err := ReadLock(file)
	assert.NilError(t, err)
	assert.Equal(t, got.Platforms["linux/amd64"].Base.Ref, "x")

	left, err := os.ReadDir(top)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1, "nothing is left beside it: %v", left)

	_, err = WriteLock(filepath.Join(top, "none", "gpu.lock"), want)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = WriteLock(top, want)
	assert.ErrorContains(t, err, top, "a folder is not written over")
	_, err = ReadLock(top)
	assert.Error(t, err, "the lock cannot be read: read "+top+": is a directory")
	_, err = ReadLock("/dev/zero")
	assert.Error(t, err, "the lock cannot be read: /dev/zero: it is larger than 32MiB, more than anything of its kind")
	assert.NilError(t, os.WriteFile(file, []byte("{"), 0o644))
	_, err = ReadLock(file)
	assert.ErrorContains(t, err, file)
}

// A lock is committed: others read it.
func TestWriteLockOfAnotherFile(t *testing.T) {
	top := fixture.Tree(t, map[string]string{lock.FileName: "merge conflict\n"})
	file := filepath.Join(top, lock.FileName)
	changed, err := WriteLock(file, &lock.Lock{})
	assert.NilError(t, err)
	assert.Assert(t, changed, "what is no lock is replaced by one")
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "{\n  \"version\": 1,\n  \"platforms\": null\n}\n")
	fi, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), fs.FileMode(0o644))
}
