package graph

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/fixture"
)

// python runs code that can import the embedded scripts, and returns what it printed.
// Its first argument is a folder that net.py takes for /run/secrets.
func python(t *testing.T, secrets map[string]string, code string, args ...string) (string, error) {
	t.Helper()
	modules := map[string]string{}
	names, err := fs.Glob(scripts, "scripts/*.py")
	assert.NilError(t, err)
	for _, name := range names {
		modules[path.Base(name)] = string(Script(path.Base(name)))
	}
	cmd := fixture.Python(t, modules, "import sys, net; net.SECRETS = sys.argv.pop(1)\n"+code, append([]string{fixture.Tree(t, secrets)}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Env, "no_proxy=*", "TMPDIR="+cmd.Dir)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// printed is what code prints, as JSON.
func printed[T any](t *testing.T, secrets map[string]string, code string, args ...string) (v T) {
	t.Helper()
	out, err := python(t, secrets, "import json\n"+code, args...)
	assert.NilError(t, err, out)
	assert.NilError(t, json.Unmarshal([]byte(out), &v), out)
	return v
}

func TestIndexOfASecret(t *testing.T) {
	type conf map[string]any
	assert.DeepEqual(t, printed[conf](t, nil, "print(json.dumps(net.index()))"), conf{})
	assert.DeepEqual(t, printed[conf](t, map[string]string{"gpu-index": `{"url":"https://x","extra":null}`}, "print(json.dumps(net.index()))"),
		conf{"url": "https://x", "extra": nil})
}

func TestIndexArgs(t *testing.T) {
	for conf, want := range map[string][]string{
		`{}`: {},
		`{"url":"","extra":null,"findLinks":null}`: {},
		`{"url":"https://a","extra":["https://b","https://c"],"findLinks":["https://d"],"torch":"https://e"}`: {
			"--default-index", "https://a", "--index", "https://b", "--index", "https://c", "--find-links", "https://d"},
	} {
		got := printed[[]string](t, nil, "print(json.dumps(net.index_args(json.loads(sys.argv[1]))))", conf)
		assert.DeepEqual(t, got, want)
	}
}

// A mirror's authority must not shut out the public indexes.
func TestBundleHasTheImagesAuthoritiesToo(t *testing.T) {
	const code = `
net.SYSTEM_BUNDLES = [sys.argv[1] + "/none", sys.argv[1] + "/first", sys.argv[1] + "/second"]
path = net.ca_bundle()
print(json.dumps(open(path).read() if path else None))`
	have := fixture.Tree(t, map[string]string{"first": "image", "second": "unread"})
	mine := map[string]string{"gpu-ca": "mine"}
	assert.Equal(t, *printed[*string](t, mine, code, have), "image\nmine")
	assert.Equal(t, *printed[*string](t, mine, code, t.TempDir()), "mine")
	assert.Assert(t, printed[*string](t, nil, code, have) == nil, "without one of the user's the tools find the image's")
}

func TestEnvironmentOfUV(t *testing.T) {
	const code = `print(json.dumps(net.uv_env("/cache")))`
	t.Setenv("HTTPS_PROXY", "http://proxy.example.com")
	env := printed[map[string]string](t, nil, code)
	assert.Equal(t, env["UV_CACHE_DIR"], "/cache")
	assert.Equal(t, env["UV_NO_CONFIG"], "1", "a uv.toml of the base image would choose the index")
	assert.Equal(t, env["UV_PYTHON_DOWNLOADS"], "never")
	assert.Equal(t, env["HTTPS_PROXY"], "http://proxy.example.com", "the step's own environment counts")
	assert.Equal(t, env["SSL_CERT_FILE"]+env["NETRC"], os.Getenv("SSL_CERT_FILE")+os.Getenv("NETRC"))

	t.Setenv("UV_HTTP_TIMEOUT", "7")
	env = printed[map[string]string](t, map[string]string{"gpu-ca": "mine", "netrc": "machine x"}, code)
	assert.Assert(t, strings.Contains(env["SSL_CERT_FILE"], "gpu-ca-"), env["SSL_CERT_FILE"])
	assert.Equal(t, filepath.Base(env["NETRC"]), "netrc")
	assert.Equal(t, env["UV_HTTP_TIMEOUT"], "7", "the user's own patience counts")
}

func TestSettleLeavesNoTraceOfTheMachine(t *testing.T) {
	top := fixture.Tree(t, map[string]string{"bin/tool": "", "lib/secret.py": "", "lib/deep/x": ""})
	outside := filepath.Join(t.TempDir(), "outside")
	assert.NilError(t, os.WriteFile(outside, nil, 0o600))
	assert.NilError(t, os.Chmod(filepath.Join(top, "bin/tool"), 0o700))
	assert.NilError(t, os.Chmod(filepath.Join(top, "lib/secret.py"), 0o600))
	assert.NilError(t, os.Chmod(filepath.Join(top, "lib/deep"), 0o2770))
	assert.NilError(t, os.Symlink(outside, filepath.Join(top, "lib/link")))
	out, err := python(t, nil, "import install; install.settle(sys.argv[1])", top)
	assert.NilError(t, err, out)
	modes := map[string]os.FileMode{}
	assert.NilError(t, filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		fi, _ := d.Info()
		assert.Equal(t, fi.ModTime().UTC(), Epoch(), file)
		if name, _ := filepath.Rel(top, file); fi.Mode()&os.ModeSymlink == 0 && name != "." {
			modes[name] = fi.Mode().Perm()
		}
		return err
	}))
	assert.DeepEqual(t, modes, map[string]os.FileMode{"bin": 0o755, "bin/tool": 0o755, "lib": 0o755, "lib/deep": 0o755, "lib/deep/x": 0o644, "lib/secret.py": 0o644})
	fi, err := os.Stat(outside)
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o600), "what a link points to is not of the layer")
	assert.Assert(t, !fi.ModTime().Equal(Epoch()))
}

func TestPruneRemovesWhatHoldsNothing(t *testing.T) {
	top := fixture.Tree(t, map[string]string{"keep/file": ""})
	for _, dir := range []string{"a/b/c", "keep/empty", "links"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(top, dir), 0o755))
	}
	assert.NilError(t, os.Symlink("nowhere", filepath.Join(top, "links/dangling")))
	left := printed[[]string](t, nil, "import install, os; install.prune(sys.argv[1]); print(json.dumps(sorted(os.listdir(sys.argv[1]) + os.listdir(sys.argv[1] + '/keep'))))", top)
	assert.DeepEqual(t, left, []string{"file", "keep", "links"})
	empty := t.TempDir()
	out, err := python(t, nil, "import install; install.prune(sys.argv[1])", empty)
	assert.NilError(t, err, out)
	_, err = os.Stat(empty)
	assert.NilError(t, err, "the layer itself stays")
}
