//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const python = "python:3.11-bookworm"

func small(t testing.TB) string {
	return project(t, map[string]string{
		"requirements.txt": "idna==3.10\nsympy==1.14.0\n",
		"main.py":          "import idna\nprint('idna', idna.__version__)\n",
		"secret.txt":       "not for the image",
		".dockerignore":    "secret.txt\n",
	})
}

func TestBuildOnEveryVariant(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "buildkit", "old"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			dir, out := small(t), t.TempDir()
			tag := "e2e-" + name
			r := v.mustBuild(t, "--base", v.base(python), "-t", tag, "--cmd", "python main.py", "--label", "who=e2e",
				"--metadata-file", filepath.Join(out, "meta.json"), "--iidfile", filepath.Join(out, "iid"), dir)
			assert.Assert(t, strings.Contains(r.stderr, "not proven"), r.stderr)

			assert.Equal(t, v.run(t, tag), "idna 3.10")
			assert.Equal(t, v.run(t, tag, "python", "-c", "import sympy, os; print(sympy.__version__, os.getuid(), os.getcwd())"), "1.14.0 1000 /app")
			assert.Equal(t, v.run(t, tag, "sh", "-c", "ls /app; head -1 /opt/venv/bin/isympy"), "main.py\nrequirements.txt\n#!/opt/venv/bin/python")

			var config struct {
				User   string
				Labels map[string]string
				Env    []string
			}
			v.inspect(t, tag, ".Config", &config)
			assert.Equal(t, config.User, "1000:1000")
			assert.Equal(t, config.Labels["who"], "e2e")
			assert.Equal(t, config.Labels["io.github.dockergpu.python"], "3.11.2")
			assert.Assert(t, slices.Contains(config.Env, "VIRTUAL_ENV=/opt/venv"))

			var id string
			v.inspect(t, tag, ".Id", &id)
			assert.Equal(t, read(t, out, "iid"), id)
			assert.Assert(t, json.Valid([]byte(read(t, out, "meta.json"))))
			assert.Assert(t, strings.Contains(read(t, dir, "gpu.lock"), `"name": "sympy"`))

			// The second build answers from the lock and the cache with the same image.
			v.mustBuild(t, "--base", v.base(python), "-t", tag, "--cmd", "python main.py", "--label", "who=e2e", "--locked", dir)
			var again string
			v.inspect(t, tag, ".Id", &again)
			assert.Equal(t, again, id)
		})
	}
}

func TestSameDigestOnCleanBuilders(t *testing.T) {
	var digests []string
	for _, name := range []string{"containerd", "buildkit"} {
		v := on(t, name)
		dir := small(t)
		if name == "buildkit" {
			v.cmd(t, "docker-buildx", "prune", "--builder", "remote", "-af")
		} else {
			v.cmd(t, "docker", "builder", "prune", "-af")
		}
		// Other times and another place must not show.
		for _, flags := range [][]string{nil, {"--no-cache"}} {
			ref := v.base("e2e/same-" + name + ":1")
			v.mustBuild(t, append([]string{"--base", v.base(python), "-t", ref, "--push", dir, "--metadata-file", filepath.Join(dir, "..", "meta.json")}, flags...)...)
			var meta map[string]any
			assert.NilError(t, json.Unmarshal([]byte(read(t, dir, "..", "meta.json")), &meta))
			digests = append(digests, meta["containerimage.config.digest"].(string))
			assert.NilError(t, os.RemoveAll(filepath.Join(dir, "gpu.lock")))
		}
	}
	for _, d := range digests {
		assert.Equal(t, d, digests[0], "builds differ: %v", digests)
	}
}

// layers are the uncompressed layers of an image, by digest.
func layers(t testing.TB, v variant, tag string) []string {
	var out []string
	v.inspect(t, tag, ".RootFS.Layers", &out)
	return out
}

func TestImagesShareHeavyLayers(t *testing.T) {
	v := on(t, "containerd")
	one, other := small(t), project(t, map[string]string{"requirements.txt": "sympy==1.14.0\nrich==14.0.0\n", "other.py": "pass\n"})
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-share-1", one)
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-share-2", other)
	a, b := layers(t, v, "e2e-share-1"), layers(t, v, "e2e-share-2")
	shared := 0
	for _, l := range a {
		if slices.Contains(b, l) {
			shared++
		}
	}
	// base, account, environment and sympy (heavy); not the small packages and the project
	assert.Equal(t, shared, 4, "%v\n%v", a, b)
}

func TestVerificationLeavesNoTrace(t *testing.T) {
	v := on(t, "containerd")
	dir := small(t)
	id := func(mode string) string {
		return strings.TrimSpace(v.mustBuild(t, "--base", v.base(python), "-t", "e2e-trace", "--verify", mode, "-q", dir).stdout)
	}
	assert.Equal(t, id("cpu"), id("off"))
}

func TestCABundleLeavesNoTrace(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			dir := small(t)
			bundle := filepath.Join(t.TempDir(), "ca.pem")
			const mark = "# a mark that must not be found again 7f3a\n"
			assert.NilError(t, os.WriteFile(bundle, []byte(mark+read(t, systemBundle(t))), 0o644))
			v.mustBuild(t, "--base", v.base(python), "-t", "e2e-ca", "--no-cache", "--ca-bundle", bundle, dir)
			archive := filepath.Join(t.TempDir(), "image.tar")
			v.cmd(t, "docker", "save", "-o", archive, "e2e-ca")
			found := v.run(t, "e2e-ca", "sh", "-c", "grep -rlF 'must not be found again 7f3a' / --exclude-dir=proc --exclude-dir=sys 2>/dev/null || true")
			assert.Equal(t, found, "")
			assert.Assert(t, !strings.Contains(v.cmd(t, "docker", "history", "--no-trunc", "e2e-ca"), "7f3a"))
		})
	}
}

func systemBundle(t testing.TB) string {
	for _, f := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"} {
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	t.Skip("this machine has no CA bundle")
	return ""
}

func TestPrintedDockerfileBuildsTheSame(t *testing.T) {
	v := on(t, "containerd")
	dir := small(t)
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-ours", dir)
	r := v.mustBuild(t, "--base", v.base(python), "--print=dockerfile", dir)
	file := filepath.Join(t.TempDir(), "Dockerfile")
	assert.NilError(t, os.WriteFile(file, []byte(r.stdout), 0o644))
	v.cmd(t, "docker-buildx", "build", "--provenance=false", "--build-arg", "SOURCE_DATE_EPOCH=315532800",
		"--secret", "id=gpu-ca,src="+systemBundle(t), "-f", file, "-t", "e2e-theirs", dir)
	ours, theirs := layers(t, v, "e2e-ours"), layers(t, v, "e2e-theirs")
	// All but the project, whose work directory a Dockerfile makes in a layer of its own.
	assert.DeepEqual(t, ours[:len(ours)-1], theirs[:len(ours)-1])
	assert.Equal(t, v.run(t, "e2e-theirs", "python", "main.py"), "idna 3.10")
}

func TestApt(t *testing.T) {
	v := on(t, "containerd")
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-apt", "--apt", "tree", "--package", "idna==3.10")
	assert.Assert(t, strings.HasPrefix(v.run(t, "e2e-apt", "tree", "--version"), "tree v"))
	assert.Equal(t, v.run(t, "e2e-apt", "find", "/var/lib/apt/lists", "/var/cache/apt", "/var/log", "-type", "f"), "")
}

func TestOutputs(t *testing.T) {
	v := on(t, "containerd")
	out := t.TempDir()
	v.mustBuild(t, "--base", v.base(python), "--package", "idna==3.10", "-o", "type=oci,dest="+filepath.Join(out, "image.tar"))
	fi, err := os.Stat(filepath.Join(out, "image.tar"))
	assert.NilError(t, err)
	assert.Assert(t, fi.Size() > 1<<20)
	left, err := os.ReadDir(out)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1, "a passing file was left: %v", left)
}

func TestPushFromEveryEngine(t *testing.T) {
	for _, name := range []string{"containerd", "graphdriver", "buildkit"} {
		t.Run(name, func(t *testing.T) {
			v := on(t, name)
			ref := v.base("e2e/pushed-" + name + ":1")
			v.mustBuild(t, "--base", v.base(python), "--package", "idna==3.10", "-t", ref, "--push")
			puller := on(t, "containerd")
			puller.cmd(t, "docker", "pull", "-q", ref)
			assert.Equal(t, puller.run(t, ref, "python", "-c", "import idna; print(idna.__version__)"), "3.10")
		})
	}
}

func TestCacheIsTakenFromElsewhere(t *testing.T) {
	v := on(t, "buildkit")
	cache := filepath.Join(t.TempDir(), "cache")
	args := []string{"--base", v.base(python), "--package", "sympy==1.13.3", "-o", "type=cacheonly"}
	v.mustBuild(t, append(args, "--cache-to", "type=local,mode=max,dest="+cache)...)
	v.cmd(t, "docker-buildx", "prune", "--builder", "remote", "-af")
	r := v.mustBuild(t, append(args[:4:4], "-o", "type=oci,dest="+filepath.Join(t.TempDir(), "image.tar"), "--cache-from", "type=local,src="+cache)...)
	var name string
	for line := range strings.Lines(r.stderr) {
		if id, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, "[wheel] sympy") {
			name = id
		}
	}
	assert.Assert(t, name != "" && strings.Contains(r.stderr, name+" CACHED"), r.stderr)
}
