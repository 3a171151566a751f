package spec

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"gotest.tools/v3/assert"
)

func TestLoadNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name, text string) string {
		file := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	s, err := Load(at("gpu.yaml", "torch: auto\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, s, Spec{Torch: "auto"})

	// What a file names lies beside it, wherever the build is started.
	for text, want := range map[string]string{"certs/ca.pem": filepath.Join(dir, "certs/ca.pem"), "../ca.pem": filepath.Join(filepath.Dir(dir), "ca.pem"), "/etc/ca.pem": "/etc/ca.pem"} {
		s, err := Load(at("bundle.yaml", "ca-bundle: "+text+"\n"))
		assert.NilError(t, err)
		assert.Equal(t, s.CABundle, want)
	}

	file := at("wrong.yaml", "torch: auto\nbase\n")
	_, err = Load(file)
	assert.ErrorContains(t, err, file+":")
	_, err = Load(filepath.Join(dir, "none.yaml"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "the build file cannot be read: open "+filepath.Join(dir, "none.yaml"))
	_, err = Load(dir)
	assert.ErrorContains(t, err, "the build file cannot be read: read "+dir+": is a directory")
}

// A file that never ends, or that is no build file at all, must not fill the memory.
func TestLoadReadsNoMoreThanABuildFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gpu.yaml")
	assert.NilError(t, os.WriteFile(file, []byte("# "+strings.Repeat("x", maxFile)), 0o600))
	_, err := Load(file)
	assert.ErrorContains(t, err, "the build file cannot be read: "+file+": it is larger than 1MiB")
	_, err = Load("/dev/zero")
	assert.ErrorContains(t, err, "larger than 1MiB")
}

// What editors of any system write is the same file.
func TestParseReadsEveryEditorsText(t *testing.T) {
	const text = "# mine\ntorch: auto\npackages:\n  - numpy\n  - 'häß'\n"
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for name, data := range map[string][]byte{
		"plain":                      []byte(text),
		"Windows":                    []byte(strings.ReplaceAll(text, "\n", "\r\n")),
		"old Mac":                    []byte(strings.ReplaceAll(text, "\n", "\r")),
		"byte order mark":            []byte("\xef\xbb\xbf" + text),
		"mark and Windows":           []byte("\xef\xbb\xbf" + strings.ReplaceAll(text, "\n", "\r\n")),
		"UTF-16":                     wide,
		"no last line end":           []byte(strings.TrimSuffix(text, "\n")),
		"beginning and end are said": []byte("---\n" + text + "...\n"),
		"version of YAML":            []byte("%YAML 1.1\n---\n" + text),
		"keys in quotes":             []byte(strings.Replace(text, "torch:", `"torch":`, 1)),
		"an anchor":                  []byte("torch: auto\npackages: [numpy, &a 'häß']\n"),
		"JSON":                       []byte(`{"torch": "auto", "packages": ["numpy", "h\u00e4\u00df"]}`),
	} {
		s, err := Parse("gpu.yaml", data)
		assert.NilError(t, err, name)
		assert.DeepEqual(t, s, Spec{Torch: "auto", Packages: []string{"numpy", "häß"}})
	}
	for _, nothing := range []string{"", "\n\n", "# only\n", "---\n", "--- \n...\n", "null\n", "~", "{}\n", "\xef\xbb\xbf", "version: 1\n"} {
		s, err := Parse("gpu.yaml", []byte(nothing))
		assert.NilError(t, err, "%q", nothing)
		assert.Assert(t, !s.Wants(), "%q", nothing)
	}
}

func TestParseSharesLists(t *testing.T) {
	s, err := Parse("gpu.yaml", []byte("packages: &p [a, b]\napt: *p\nuser: &u 1000\nworkdir: &w /srv\nlabels: {a: *w}\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, s, Spec{Packages: []string{"a", "b"}, Apt: []string{"a", "b"}, User: "1000", WorkDir: "/srv", Labels: map[string]string{"a": "/srv"}})
}

// An editor jumps to file:line; what is wrong comes before what was being read.
func TestParseSaysWhereYAMLIsBroken(t *testing.T) {
	for text, want := range map[string]string{
		"target:\n\tgpus: [a]\n":          "gpu.yaml:2: found character that cannot start any token, while scanning for the next token",
		"torch: [\n":                      "gpu.yaml:1: did not find expected node content, while parsing a flow node",
		"torch: auto\nbase: 'debian\n":    "gpu.yaml:3: found unexpected end of stream, while scanning a quoted scalar",
		"torch: auto\n---\npackages: [\n": "gpu.yaml:3: did not find expected node content, while parsing a flow node",
		"packages: *p\n":                  "gpu.yaml:1:12: unknown anchor 'p' referenced",
		"torch: auto\n---\ntorch: base\n": "gpu.yaml:2: a build file is one document, but a second begins here",
		"# a\ntorch\n":                    "gpu.yaml:2: a build file is a mapping of keys such as torch and packages",
		"- torch\n":                       "gpu.yaml:1: a build file is a mapping of keys such as torch and packages",
		"version: 2\n":                    "gpu.yaml: version 2 is not known here, only 1; it may be written for a newer docker gpu",
		"version: -1\n":                   "gpu.yaml: version -1 is not known here, only 1; it may be written for a newer docker gpu",
		// Bytes that are no text have a place too.
		"torch: auto\nbase: \x1b[2J\n": "gpu.yaml:2: control characters are not allowed",
		"torch: a\x00b\n":              "gpu.yaml:1: control characters are not allowed",
		"\ntorch: \xff\xfe\n":          "gpu.yaml:2: invalid leading UTF-8 octet",
		"\x7fELF\x02\x01\x01":          "gpu.yaml:1: control characters are not allowed",
	} {
		_, err := Parse("gpu.yaml", []byte(text))
		assert.Error(t, err, want, "%q", text)
	}
}

// Files that somebody wrote to break who reads them: refused, in a moment, in one line
// that a terminal can show.
func TestParseOfHostileFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"deep lists":           {"packages: " + strings.Repeat("[", 200_000), "exceeded max depth"},
		"deep mappings":        {strings.Repeat("{a: ", 200_000), "exceeded max depth"},
		"a list in itself":     {"packages: &p [*p]\n", "an entry of packages is a word"},
		"a map in itself":      {"labels: &p {a: *p}\n", "labels.a is a word"},
		"an index in it":       {"index: &i {url: *i}\n", "url is a word"},
		"a bomb":               {"apt: &a [&b [x,x,x], *b, *b, *b]\npackages: [*a, *a, *a]\n", "an entry of apt is a word"},
		"a merge":              {"<<: {torch: auto}\n", `"<<" is not a key`},
		"a long key":           {strings.Repeat("x", 100_000) + ": 1\n", `"` + strings.Repeat("x", 60) + `…" is not a key; keys are apt,`},
		"a long value":         {"packages: " + strings.Repeat("x", 100_000) + "\n", "write [" + strings.Repeat("x", 60) + "…]"},
		"a key that acts":      {`"\e[2J": 1` + "\n", `"\x1b[2J" is not a key`},
		"one below":            {`index: {"\u202eurl": x}` + "\n", `"\u202eurl" is not a key of index`},
		"twice":                {`labels: {"\a": x, "\a": y}` + "\n", `"\a" stands twice`},
		"a value that acts":    {`packages: "\e]0;title\a"` + "\n", `write [\x1b]0;title\a]`},
		"a label that acts":    {`labels: {"\e[2J": [a]}` + "\n", `labels.\x1b[2J is a word`},
		"a tag that acts":      {`torch: !<%1b[2J> "\u009b2J"` + "\n", ""},
		"a word for a truth":   {`cuda-only: "\e[2J"` + "\n", `cuda-only is true or false, not "\x1b[2J"`},
		"a word for a number":  {`version: "\e[2J"` + "\n", `version is a whole number, not "\x1b[2J"`},
		"a number without end": {"version: " + strings.Repeat("9", 500) + "\n", "version is a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("gpu.yaml", []byte(c.text))
			assert.ErrorContains(t, err, c.says)
			assert.Assert(t, len(err.Error()) < 400, "%d bytes", len(err.Error()))
			for _, r := range err.Error() {
				assert.Assert(t, unicode.IsPrint(r), "%q in %q", r, err)
			}
		})
	}
}
