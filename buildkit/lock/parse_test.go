package lock

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// A lock is a file in a repository: cut by an editor, merged by git, written by another
// docker gpu, or changed by somebody who wants other packages to be installed.
func TestParseOfFilesThatAreNoLock(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":         {"", " it is empty; "},
		"blanks":          {" \n\n", " it is empty; "},
		"cut":             {"{\n  \"version\": 1,\n  \"platforms\": {\n    \"linux/am", "4: it ends in the middle; "},
		"cut at a value":  {"{\n  \"version\": 1,\n", "3: it ends in the middle; "},
		"a comma":         {"{\n  \"version\": 1,,\n}", "2: invalid character ',' looking for beginning of object key string; "},
		"merge conflict":  {"{\n<<<<<<< HEAD\n  \"version\": 1\n", "2: invalid character '<' looking for beginning of object key string; "},
		"more behind":     {"{\"version\": 1, \"platforms\": {}}\n>>>>>>> theirs\n", "2: invalid character '>' after top-level value; "},
		"two locks":       {`{"version": 1}` + "\n" + `{"version": 1}`, "2: invalid character '{' after top-level value; "},
		"byte order mark": {"\xef\xbb\xbf{\"version\": 1}", "1: invalid character 'ï' looking for beginning of value; "},
		"YAML":            {"version: 1\n", "1: invalid character 'v' looking for beginning of value; "},
		"a program":       {"\x7fELF\x02\x01", `1: invalid character '\x7f' looking for beginning of value; `},
		"deep":            {`{"version": 1, "platforms": ` + strings.Repeat("[", 100_000), "1: invalid character '[' exceeded max depth; "},
		"no object":       {`["version"]`, "1: a lock cannot be a JSON array; "},
		"a word":          {`"version"`, "1: a lock cannot be a JSON string; "},
		"null":            {"null", " it names no format version, so it is no lock; "},
		"no version":      {"{}", " it names no format version, so it is no lock; "},
		"version as text": {"{\n\"version\": \"1\"}", "2: version cannot be a JSON string; "},
		"a large version": {`{"version": 99999999999999999999}`, "1: version cannot be a JSON number 99999999999999999999; "},
		"half a version":  {`{"version": 1.5}`, "1: version cannot be a JSON number 1.5; "},
		"platforms":       {`{"version": 1, "platforms": []}`, "1: platforms cannot be a JSON array; "},
		"wheels":          {"{\"version\": 1, \"platforms\": {\"linux/amd64\":\n{\"wheels\": {}}}}", "2: platforms.wheels cannot be a JSON object; "},
		"unknown key":     {`{"version": 1, "more": 1}`, ` json: unknown field "more"; `},
		"a key that acts": {`{"version": 1, "\u001b[2J": 1}`, ` json: unknown field "\x1b[2J"; `},
		"no platform":     {`{"version": 1, "platforms": {"linux/amd64": null}}`, " linux/amd64: it says nothing; "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("gpu.lock", []byte(c.text))
			assert.Error(t, err, "gpu.lock:"+c.want+"delete the file to resolve anew")
		})
	}
}

// Another docker gpu's lock is not to be thrown away, whatever keys it has.
func TestParseOfALockOfTheFuture(t *testing.T) {
	for _, text := range []string{
		`{"version": 2, "platforms": {}}`,
		`{"version": 2, "platforms": {"linux/amd64": {"signature": "x"}}, "more": [1]}`,
		`{"more": {}, "version": 2, "platforms": []}`,
	} {
		_, err := Parse("gpu.lock", []byte(text))
		assert.Error(t, err, "gpu.lock: format version 2 is not 1, the one this docker gpu reads; update docker gpu or delete the file")
	}
}

// What a lock says goes into commands, requirement files and Dockerfiles.
func TestParseOfTamperedLocks(t *testing.T) {
	good, err := Marshal(sample())
	assert.NilError(t, err)
	const ref, python = `"docker.io/library/python:3.12"`, "docker.io/library/python:3.12"
	for name, c := range map[string]struct{ from, to, want string }{
		"no digest":            {`"sha256:` + aa + `"`, `""`, `the base image ` + python + ` has the digest "", which is no SHA-256`},
		"a short digest":       {`"sha256:` + aa + `"`, `"sha256:aa"`, `the base image ` + python + ` has the digest "sha256:aa", which is no SHA-256`},
		"another digest":       {"sha256:" + aa, "sha512:" + aa, `the base image ` + python + ` has the digest "sha512:` + aa + `", which is no SHA-256`},
		"a line in the digest": {`"sha256:` + aa, `"sha256:` + aa + `\nRUN id`, `the base image ` + python + ` has the digest "sha256:` + aa + `\nRUN id", which is no SHA-256`},
		"no base":              {ref, `""`, `the base "" is no image`},
		"a line in the base":   {ref, `"python\nRUN id"`, `the base "python\nRUN id" is no image`},
		"blanks in the base":   {ref, `"python AS x"`, `the base "python AS x" is no image`},
		"a line in Python":     {`"3.12.1"`, `"3.12\n"`, `the base image ` + python + ` has the Python "3.12\n", which is no version`},
		"tool base": {`"uv"`, `"toolBase": {"ref": "python", "digest": "sha256:"}, "uv"`,
			`the tool base image python has the digest "sha256:", which is no SHA-256`},
		"uv's version":       {`"0.13.9"`, `"0.13.9 $(id)"`, `uv "0.13.9 $(id)" with sha256 "` + bb + `" is no version and hash`},
		"uv's hash":          {`"sha256": "` + bb + `"` + "\n      },", `"sha256": "bb"` + "\n      },", `uv "0.13.9" with sha256 "bb" is no version and hash`},
		"a short hash":       {`"sha256": "` + aa + `"`, `"sha256": "abc"`, `torch has the sha256 "abc", which is no SHA-256`},
		"no hash":            {`"sha256": "` + aa + `"`, `"sha256": ""`, `torch has the sha256 "", which is no SHA-256`},
		"a hash of letters":  {`"sha256": "` + aa, `"sha256": "` + strings.Repeat("Z", 64), `torch has the sha256 "` + strings.Repeat("Z", 64) + `", which is no SHA-256`},
		"capitals":           {`"sha256": "` + aa, `"sha256": "` + strings.ToUpper(aa), `torch has the sha256 "` + strings.ToUpper(aa) + `", which is no SHA-256`},
		"an option":          {`"idna"`, `"idna --index-url evil"`, `"idna --index-url evil" "3.10" is no package and version`},
		"an option alone":    {`"idna"`, `"-r"`, `"-r" "3.10" is no package and version`},
		"an address":         {`"idna"`, `"idna @ https://evil/x"`, `"idna @ https://evil/x" "3.10" is no package and version`},
		"a folder":           {`"idna"`, `"../idna"`, `"../idna" "3.10" is no package and version`},
		"no name":            {`"idna"`, `""`, `"" "3.10" is no package and version`},
		"a line":             {`"3.10"`, `"3.10\nrequests"`, `"idna" "3.10\nrequests" is no package and version`},
		"a program":          {`"3.10"`, `"3.10$(id)"`, `"idna" "3.10$(id)" is no package and version`},
		"a marker":           {`"3.10"`, `"3.10; x"`, `"idna" "3.10; x" is no package and version`},
		"any version":        {`"3.10"`, `"3.*"`, `"idna" "3.*" is no package and version`},
		"less than nothing":  {`"size": 1`, `"size": -1`, `idna has the size -1`},
		"twice, as git does": {`"torch"`, `"idna"`, `idna is there twice`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), c.from, c.to, 1)
			assert.Assert(t, bad != string(good), "%s is not in %s", c.from, good)
			assert.Assert(t, json.Valid([]byte(bad)), bad)
			_, err := Parse("my.lock", []byte(bad))
			assert.Error(t, err, "my.lock: linux/amd64: "+c.want+"; delete the file to resolve anew")
		})
	}
}

// What may be missing, and what may be odd.
func TestParseOfSmallLocks(t *testing.T) {
	for name, text := range map[string]string{
		"no platform": `{"version": 1}`,
		"no packages": `{"version": 1, "platforms": {"linux/amd64": {"base": {"ref": "debian", "digest": "sha256:` + aa + `"}, "wheels": null}}}`,
		"Windows":     "{\r\n\"version\": 1,\r\n\"platforms\": {}\r\n}\r\n",
		"odd names": `{"version": 1, "platforms": {"linux/amd64": {"base": {"ref": "b@sha256:` + bb + `", "digest": "sha256:` + aa + `"}, "uv": {"version": "0.1", "sha256": "` + bb + `"},
			"wheels": [{"name": "zope.interface", "version": "1!2.0.post1+cu126", "sha256": "` + aa + `"}, {"name": "x", "version": "2026a-1", "sha256": "` + aa + `"}]}}}`,
	} {
		_, err := Parse("gpu.lock", []byte(text))
		assert.NilError(t, err, name)
	}
}

// Of several platforms the same one is named each time.
func TestParseIsTheSameEachTime(t *testing.T) {
	text := []byte(`{"version": 1, "platforms": {"linux/b": null, "linux/a": null, "linux/d": null, "linux/c": null}}`)
	for range 20 {
		_, err := Parse("gpu.lock", text)
		assert.ErrorContains(t, err, "linux/a:")
	}
}

func FuzzParse(f *testing.F) {
	good, _ := Marshal(sample())
	f.Add(good)
	f.Add([]byte("{"))
	f.Add([]byte(strings.Replace(string(good), "idna", "idna\\n-r x", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("gpu.lock", data)
		if err != nil {
			return
		}
		for _, p := range l.Platforms {
			if strings.ContainsAny(p.Base.Ref+p.Base.Digest+p.Base.Python, " \n\r\t") {
				t.Fatalf("a base that could be a line of its own was let in: %+v", p.Base)
			}
			for _, w := range p.Wheels {
				if strings.ContainsAny(w.Name+w.Version, " \n") || len(w.SHA256) != 64 {
					t.Fatalf("a requirement that could be an option was let in: %q", w.Requirement())
				}
			}
		}
		text, err := Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse("again", text); err != nil {
			t.Fatalf("%s was written, and read: %v %v", text, again, err)
		}
	})
}
