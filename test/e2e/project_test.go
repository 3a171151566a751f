//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const pyproject = `[project]
name = "thing"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["idna"]
`

// uvLock pins an old idna, so that it shows whether the lock was heeded.
const uvLock = `version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "idna"
version = "3.9"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "thing"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "idna" }]

[package.metadata]
requires-dist = [{ name = "idna" }]
`

func TestPyproject(t *testing.T) {
	v := on(t, "containerd")
	const version = "import idna; print(idna.__version__)"

	dir := project(t, map[string]string{"pyproject.toml": pyproject})
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-pyproject", dir)
	assert.Assert(t, v.run(t, "e2e-pyproject", "python", "-c", version) != "3.9")

	dir = project(t, map[string]string{"pyproject.toml": pyproject, "uv.lock": uvLock})
	v.mustBuild(t, "--base", v.base(python), "-t", "e2e-uvlock", dir)
	assert.Equal(t, v.run(t, "e2e-uvlock", "python", "-c", version), "3.9")
}

func TestBuildFile(t *testing.T) {
	v := on(t, "containerd")
	dir := project(t, map[string]string{
		"gpu.yaml": "base: " + v.base(python) + "\npackages: [idna==3.9]\nworkdir: /srv/thing\nuser: root\n" +
			"entrypoint: [python]\ncmd: [-c, \"import os; print(os.getcwd(), os.getuid())\"]\nlabels: {a: file, b: file}\n",
		"deep/down/file.txt": "x",
	})
	v.mustBuild(t, "-t", "e2e-file", "--label", "a=flag", "--package", "idna==3.10", dir)
	assert.Equal(t, v.run(t, "e2e-file"), "/srv/thing 0")
	assert.Equal(t, v.run(t, "e2e-file", "-c", "import idna; print(idna.__version__, open('deep/down/file.txt').read())"), "3.10 x")
	var labels map[string]string
	v.inspect(t, "e2e-file", ".Config.Labels", &labels)
	assert.Equal(t, labels["a"]+" "+labels["b"], "flag file")
}

func TestPlanTakesNoEngine(t *testing.T) {
	v := on(t, "containerd")
	v.env = append(v.env, "DOCKER_HOST=unix:///nowhere/docker.sock")
	r := v.mustBuild(t, "--torch=2.14.0", "--target-gpu", "h100", "--target-driver", "580.65.06", "--print=plan")
	for _, w := range []string{`"variant": "cu130"`, `"minDriver": "580`, `"targets"`} {
		assert.Assert(t, strings.Contains(r.stdout, w), r.stdout)
	}
	r = v.build(t, "--torch=2.14.0", "--cuda", "13.0", "--target-gpu", "h100", "--target-driver", "535", "--explain")
	assert.Equal(t, r.code, 1)
	assert.Assert(t, strings.Contains(r.stderr, "12.6") && strings.Contains(r.stderr, "580"), r.stderr)
}

func TestDiskFull(t *testing.T) {
	v := on(t, "containerd")
	dir := t.TempDir()
	v.cmd(t, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir)
	t.Cleanup(func() { v.cmd(t, "umount", dir) })
	r := v.build(t, "--base", v.base(python), "--package", "idna==3.10", "-o", "type=oci,dest="+dir+"/image.tar")
	assert.Equal(t, r.code, 1, r.stderr)
	assert.Assert(t, strings.Contains(r.stderr, "no space left"), r.stderr)
	assert.Equal(t, v.cmd(t, "ls", "-A", dir), "", "something was left half written")
}

// antlr4's runtime 4.9 is on the index as source only.
func TestPackageThatIsSourceOnly(t *testing.T) {
	v := on(t, "containerd")
	r := v.mustBuild(t, "--base", v.base(python), "--package", "antlr4-python3-runtime==4.9.3", "-t", "e2e-source")
	assert.Assert(t, strings.Contains(r.stderr, "built from source: antlr4-python3-runtime"), r.stderr)
	assert.Equal(t, v.run(t, "e2e-source", "python", "-c", "import antlr4; print(antlr4.__name__)"), "antlr4")

	// One that takes a compiler, which a slim base does not have, says what to do.
	v.fails(t, []string{"python-prctl", "--apt build-essential,python3-dev"}, "--base", v.base(python), "--package", "python-prctl==1.8.1")
}
