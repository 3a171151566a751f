package lock

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// uv's answer, with hashes for HASH.
func fromPylock(text string) ([]Wheel, error) {
	return FromPylock([]byte(strings.ReplaceAll(text, "HASH", aa)), "3.12", "linux/amd64", func(n string) bool { return n == "torch" })
}

func TestFromPylock(t *testing.T) {
	wheels, err := fromPylock(`lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "torch"
version = "2.14.0+cu126"
index = "https://index.example.com/cu126"
wheels = [{ url = "https://files.example.com/torch-2.14.0%2Bcu126-cp312-cp312-manylinux_2_28_x86_64.whl?x=1", size = 869000000, hashes = { sha256 = "HASH" } }]

[[packages]]
name = "idna"
version = "3.10"
sdist = { url = "https://files.example.com/idna-3.10.tar.gz", size = 1, hashes = { sha256 = "HASH" } }
wheels = [{ url = "https://files.example.com/idna-3.10-py3-none-any.whl", upload-time = 2024-09-15T18:07:37Z, size = 70442, hashes = { sha256 = "HASH", md5 = "x" } },
          { url = "https://files.example.com/idna-3.10-py2-none-any.whl", size = 1, hashes = { sha256 = "HASH" } }]

[[packages]]
name = "old"
version = "1"
sdist = { url = "https://x/old-1.tar.gz", size = 9, hashes = { sha256 = "HASH" } }
`)
	assert.NilError(t, err)
	assert.DeepEqual(t, wheels, []Wheel{
		{Name: "torch", Version: "2.14.0+cu126", File: "torch-2.14.0+cu126-cp312-cp312-manylinux_2_28_x86_64.whl", SHA256: aa, Size: 869000000, Torch: true},
		{Name: "idna", Version: "3.10", File: "idna-3.10-py3-none-any.whl", SHA256: aa, Size: 70442},
		{Name: "old", Version: "1", File: "old-1.tar.gz", SHA256: aa, Size: 9, Source: true},
	})
	wheels, err = fromPylock(strings.ReplaceAll("[[packages]]\nname = \"old\"\nversion = \"1\"\nsdist = { url = \"https://x/old-1.tar.gz\", hashes = { sha256 = \"UP\" } }\n", "UP", strings.ToUpper(aa)))
	assert.NilError(t, err)
	assert.Equal(t, wheels[0].SHA256, aa, "a hash is the same in capitals")
	wheels, err = fromPylock("lock-version = \"1.0\"\n")
	assert.NilError(t, err)
	assert.Equal(t, len(wheels), 0)
}

// PEP 751 has a file's name, or it is the end of its address or path.
func TestNamesOfFiles(t *testing.T) {
	for file, want := range map[string]string{
		`name = "a.whl", url = "https://x/b.whl"`:              "a.whl",
		`url = "https://x/a%20b.whl#egg=1"`:                    "a b.whl",
		`url = "https://x/%zz.whl"`:                            "%zz.whl",
		`path = "wheels/a.whl"`:                                "a.whl",
		`path = "wheels/a.whl", url = "https://x/b.whl"`:       "b.whl",
		`url = "file:///work/wheels/a-1-py3-none-any.whl"`:     "a-1-py3-none-any.whl",
		`name = " a.whl ", url = "https://x/../../etc/passwd"`: "a.whl",
		`url = "https://x/../../etc/passwd"`:                   "passwd",
	} {
		wheels, err := fromPylock("[[packages]]\nname = \"a\"\nversion = \"1\"\nwheels = [{" + file + ", hashes = {sha256 = \"HASH\"}}]\n")
		assert.NilError(t, err, file)
		assert.Equal(t, wheels[0].File, want)
		assert.Assert(t, !strings.Contains(wheels[0].File, "/"))
	}
}

func TestFromPylockRefusesWhatCannotBeLocked(t *testing.T) {
	const cannot = "mine comes from a repository, directory or address, which cannot be locked by hash; name a release, or build a wheel and name its place with --find-links"
	one := func(rest string) string { return "[[packages]]\nname = \"mine\"\nversion = \"1\"\n" + rest }
	file := func(hashes string) string { return one("wheels = [{url = \"https://x/x.whl\", " + hashes + "}]\n") }
	for name, c := range map[string]struct{ text, want string }{
		"no file": {one(""), "mine 1 has no wheel for Python 3.12 on linux/amd64, and no source to build; choose a version that has one, " +
			"or build the wheel yourself and name its place with --find-links"},
		"a repository": {one("vcs = {type = \"git\", url = \"https://x\", commit-id = \"1\"}\n"), cannot},
		"a directory":  {one("directory = {path = \"mine\", editable = true}\n"), cannot},
		"an archive":   {one("archive = {url = \"https://x/mine.zip\", hashes = {sha256 = \"HASH\"}}\n"), cannot},
		"no hash":      {file("size = 1"), "the index gives no sha256 for mine 1, so it cannot be locked"},
		"another hash": {file("hashes = {md5 = \"x\"}"), "the index gives no sha256 for mine 1, so it cannot be locked"},
		"a bad hash":   {file("hashes = {sha256 = \"HA\"}"), `uv's answer cannot be locked: mine has the sha256 "ha", which is no SHA-256`},
		"a bad name":   {strings.Replace(file("hashes = {sha256 = \"HASH\"}"), `"mine"`, `"mine\n-r x"`, 1), `uv's answer cannot be locked: "mine\n-r x" "1" is no package and version`},
		"no version":   {strings.Replace(file("hashes = {sha256 = \"HASH\"}"), `"1"`, `""`, 1), `uv's answer cannot be locked: "mine" "" is no package and version`},
		"twice":        {file("hashes = {sha256 = \"HASH\"}") + file("hashes = {sha256 = \"HASH\"}"), "uv's answer cannot be locked: mine is there twice"},
		"a size":       {file("size = -5, hashes = {sha256 = \"HASH\"}"), "uv's answer cannot be locked: mine has the size -5"},
		"no TOML":      {"[[packages", "uv's answer cannot be read: toml: "},
		"deep":         {"a = " + strings.Repeat("[", 1_000_000), "uv's answer cannot be read: toml: "},
		"another kind": {"packages = 3\n", "uv's answer cannot be read: toml: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fromPylock(c.text)
			if strings.HasSuffix(c.want, "toml: ") {
				assert.ErrorContains(t, err, c.want)
				return
			}
			assert.Error(t, err, c.want)
		})
	}
	_, err := fromPylock(one(""))
	missing, ok := errors.AsType[*NoWheelError](fmt.Errorf("resolving: %w", err))
	assert.Assert(t, ok)
	assert.Equal(t, *missing, NoWheelError{"mine", "1", "3.12", "linux/amd64"})
}
