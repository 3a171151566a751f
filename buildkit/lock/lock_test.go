package lock

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func sample() *Lock {
	return &Lock{Platforms: map[string]*Platform{"linux/amd64": {
		Inputs: map[string]string{"base": "python:3.12", "requirements.txt": "sha256:11"},
		Base:   Base{Ref: "docker.io/library/python:3.12", Digest: "sha256:aa", Python: "3.12.1"},
		UV:     Tool{Version: "0.13.9", SHA256: "bb"},
		Wheels: []Wheel{
			{Name: "torch", Version: "2.14.0+cu126", File: "torch.whl", SHA256: strings.Repeat("a", 64), Size: 5, Torch: true},
			{Name: "idna", Version: "3.10", File: "idna.whl", SHA256: strings.Repeat("b", 64), Size: 1},
		},
	}}}
}

func TestLockComesBackAsItWas(t *testing.T) {
	data, err := Marshal(sample())
	assert.NilError(t, err)
	got, err := Parse("gpu.lock", data)
	assert.NilError(t, err)
	again, err := Marshal(got)
	assert.NilError(t, err)
	assert.Equal(t, string(again), string(data))
	assert.Equal(t, got.Platforms["linux/amd64"].Wheels[0].Name, "idna", "wheels are sorted by name")
	assert.Assert(t, !strings.Contains(string(data), "://"), "a lock names no index")
}

func TestParseRefuses(t *testing.T) {
	good, err := Marshal(sample())
	assert.NilError(t, err)
	for name, c := range map[string]struct{ from, to, says string }{
		"syntax":      {`"version": 1,`, `"version": 1,,`, "gpu.lock:2"},
		"newer":       {`"version": 1`, `"version": 2`, "format version 2 is not 1"},
		"unknown key": {`"version": 1`, `"version": 1, "more": 1`, "more"},
		"no digest":   {`"sha256:aa"`, `""`, "no digest"},
		"short hash":  {strings.Repeat("a", 64), "abc", "is no SHA-256"},
		"not hex":     {strings.Repeat("a", 64), strings.Repeat("Z", 64), "is no SHA-256"},
		"option":      {`"idna"`, `"idna --index-url evil"`, "is no package"},
		"new line":    {`"3.10"`, `"3.10\nrequests"`, "is no package"},
		"shell":       {`"3.10"`, `"3.10` + "`id`" + `"`, "is no package"},
		"uv":          {`"0.13.9"`, `"0.13.9 $(id)"`, "is no version and hash"},
		"no name":     {`"idna"`, `""`, "is no package"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), c.from, c.to, 1)
			assert.Assert(t, bad != string(good))
			_, err := Parse("gpu.lock", []byte(bad))
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, "gpu.lock")
		})
	}
}

func TestDriftNamesWhatChanged(t *testing.T) {
	p := sample().Platforms["linux/amd64"]
	same := map[string]string{"base": "python:3.12", "requirements.txt": "sha256:11"}
	assert.Equal(t, len(p.Drift(same)), 0)
	assert.DeepEqual(t, p.Drift(map[string]string{"base": "python:3.13", "requirements.txt": "sha256:22", "python": "3.13"}),
		[]string{`base was "python:3.12" and is now "python:3.13"`, "python is new", "requirements.txt changed"})
	assert.DeepEqual(t, p.Drift(map[string]string{"base": "python:3.12"}), []string{"requirements.txt is gone"})
}

const pylockText = `lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "torch"
version = "2.14.0+cu126"
index = "https://index.example.com/cu126"
wheels = [{ url = "https://files.example.com/torch-2.14.0%2Bcu126-cp312-cp312-manylinux_2_28_x86_64.whl?x=1", size = 869000000, hashes = { sha256 = "aa" } }]

[[packages]]
name = "idna"
version = "3.10"
sdist = { url = "https://files.example.com/idna-3.10.tar.gz", size = 1, hashes = { sha256 = "cc" } }
wheels = [{ url = "https://files.example.com/idna-3.10-py3-none-any.whl", upload-time = 2024-09-15T18:07:37Z, size = 70442, hashes = { sha256 = "bb" } }]
`

func TestFromPylock(t *testing.T) {
	wheels, err := FromPylock([]byte(pylockText), "3.12", "linux/amd64", func(n string) bool { return n == "torch" })
	assert.NilError(t, err)
	assert.DeepEqual(t, wheels, []Wheel{
		{Name: "torch", Version: "2.14.0+cu126", File: "torch-2.14.0+cu126-cp312-cp312-manylinux_2_28_x86_64.whl", SHA256: "aa", Size: 869000000, Torch: true},
		{Name: "idna", Version: "3.10", File: "idna-3.10-py3-none-any.whl", SHA256: "bb", Size: 70442},
	})
}

func TestFromPylockTakesSourceWhereNoWheelFits(t *testing.T) {
	text := "[[packages]]\nname = \"old\"\nversion = \"1\"\nsdist = { url = \"https://x/old-1.tar.gz\", size = 9, hashes = { sha256 = \"dd\" } }\n"
	wheels, err := FromPylock([]byte(text), "3.12", "linux/amd64", func(string) bool { return false })
	assert.NilError(t, err)
	assert.DeepEqual(t, wheels, []Wheel{{Name: "old", Version: "1", File: "old-1.tar.gz", SHA256: "dd", Size: 9, Source: true}})
}

func TestFromPylockRefusesWhatCannotBeLocked(t *testing.T) {
	none := func(string) bool { return false }
	for name, c := range map[string]struct{ text, says string }{
		"no file":    {"[[packages]]\nname = \"old\"\nversion = \"1\"\n", "has no wheel for Python 3.12 on linux/amd64"},
		"repository": {"[[packages]]\nname = \"mine\"\nvcs = { type = \"git\", url = \"https://x\", commit-id = \"1\" }\n", "cannot be locked by hash"},
		"no hash":    {"[[packages]]\nname = \"x\"\nversion = \"1\"\nwheels = [{ url = \"https://x/x.whl\" }]\n", "no sha256 for x 1"},
		"no TOML":    {"[[packages", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FromPylock([]byte(c.text), "3.12", "linux/amd64", none)
			assert.ErrorContains(t, err, c.says)
		})
	}
	_, err := FromPylock([]byte("[[packages]]\nname = \"old\"\nversion = \"1\"\n"), "3.12", "linux/amd64", none)
	var missing *NoWheelError
	assert.Assert(t, errors.As(err, &missing) && missing.Name == "old")
}

func FuzzParse(f *testing.F) {
	good, _ := Marshal(sample())
	f.Add(good)
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("gpu.lock", data)
		if err != nil {
			return
		}
		for _, p := range l.Platforms {
			for _, w := range p.Wheels {
				if strings.ContainsAny(w.Name+w.Version, " \n") || len(w.SHA256) != 64 {
					t.Fatalf("a requirement that could be an option was let in: %q", w.Requirement())
				}
			}
		}
	})
}
