package plugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/internal/fixture"
)

// offline points the CLI at an engine that is not there: what still works needs none.
func offline(t *testing.T) {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "no.sock"))
	for _, name := range []string{"DOCKER_CONTEXT", "BUILDX_BUILDER", "BUILDKIT_PROGRESS", "SSL_CERT_FILE", "SOURCE_DATE_EPOCH"} {
		t.Setenv(name, "")
	}
}

// projectOf is a directory with these files.
func projectOf(t *testing.T, files map[string]string) string {
	t.Helper()
	return fixture.Tree(t, files)
}

func TestReadRefusesWithTheFileAndThePlace(t *testing.T) {
	offline(t)
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		args  []string
		says  []string
	}{
		"no PATH":             {path: "none", says: []string{"none", "does not exist", "PATH names a directory"}},
		"a file as PATH":      {files: map[string]string{"a.py": ""}, path: "a.py", says: []string{"a.py", "is not a directory"}},
		"unknown key":         {files: map[string]string{"gpu.yaml": "base: debian\npyhton: '3.12'\n"}, says: []string{"gpu.yaml:2:1", `did you mean "python"?`}},
		"broken YAML":         {files: map[string]string{"gpu.yaml": "torch: [\n"}, says: []string{"gpu.yaml:1"}},
		"bad value in YAML":   {files: map[string]string{"gpu.yaml": "workdir: app\n"}, says: []string{"workdir", `"app"`, "/app"}},
		"no such build file":  {args: []string{"--file=/no/such.yaml"}, says: []string{"the build file cannot be read", "/no/such.yaml"}},
		"broken lock":         {files: map[string]string{"gpu.lock": "{\n  \"version\": 1,\n  oops\n"}, says: []string{"gpu.lock:3", "delete the file to resolve anew"}},
		"lock of the future":  {files: map[string]string{"gpu.lock": `{"version": 2, "platforms": {}}`}, says: []string{"gpu.lock", "format version 2", "update docker gpu"}},
		"lock is a directory": {args: []string{"--lock=/"}, says: []string{"the lock cannot be read"}},
		"no such requirement": {args: []string{"-r", "none.txt"}, says: []string{"-r none.txt", "there is no none.txt in"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := projectOf(t, c.files)
			r := run(t, append([]string{"build", "--print=plan", filepath.Join(dir, c.path)}, c.args...)...)
			assert.Equal(t, r.code, exitFailed)
			assert.Equal(t, r.out, "")
			for _, s := range c.says {
				assert.Assert(t, strings.Contains(r.err, s), "%q is not in %s", s, r.err)
			}
		})
	}
}

func TestFlagsComeBeforeTheBuildFile(t *testing.T) {
	dir := projectOf(t, map[string]string{"gpu.yaml": "torch: 2.13.0\npython: '3.11'\nworkdir: /srv\n", "other.yaml": "python: '3.10'\n",
		"requirements.txt": "idna\n", "gpu.lock": `{"version": 1, "platforms": {}}`})
	r, _, _ := building(t, "--torch=2.14.0")
	r.opts.path = dir
	assert.NilError(t, r.read())
	assert.Equal(t, r.spec.Torch, "2.14.0")
	assert.Equal(t, r.spec.Python, "3.11")
	assert.DeepEqual(t, r.project.Requirements, []string{"requirements.txt"})
	assert.DeepEqual(t, r.lock, &lock.Lock{Version: 1, Platforms: map[string]*lock.Platform{}})
	assert.Equal(t, r.lockFile(), filepath.Join(r.dir, "gpu.lock"))

	// A file that is named takes the place of gpu.yaml, it is not laid over it.
	r, _, _ = building(t, "-f", filepath.Join(dir, "other.yaml"), "--lock", filepath.Join(dir, "none.lock"))
	r.opts.path = dir
	assert.NilError(t, r.read())
	assert.Equal(t, r.spec.Python, "3.10")
	assert.Equal(t, r.spec.WorkDir, "")
	assert.Assert(t, r.lock == nil)
}

// Without PATH nothing of the current directory is taken in unasked.
func TestBuildWithoutAProject(t *testing.T) {
	offline(t)
	t.Chdir(projectOf(t, map[string]string{"gpu.yaml": "torch: [\n", "gpu.lock": "{,"}))
	r := run(t, "build", "--torch=2.14.0", "--print=plan")
	assert.Equal(t, r.code, 0, r.err)
	r = run(t, "build")
	assert.Equal(t, r.code, exitUsage)
	assert.Assert(t, strings.Contains(r.err, "nothing to build"), r.err)
	assert.Equal(t, run(t, "build", "--torch=2.14.0", "--print=plan", ".").code, exitFailed)
}

func TestSourceDate(t *testing.T) {
	for value, want := range map[string]time.Time{
		"":           {},
		"0":          time.Unix(0, 0).UTC(),
		"1700000000": time.Unix(1700000000, 0).UTC(),
	} {
		t.Setenv("SOURCE_DATE_EPOCH", value)
		got, err := sourceDate()
		assert.NilError(t, err)
		assert.Equal(t, got, want, value)
	}
	// A date is not its year in seconds.
	// Nor is a time that no image can hold.
	for _, value := range []string{"yesterday", "2024-01-01", "1700000000.5", "0x10", "-1", "253402300800", "99999999999999999999"} {
		t.Setenv("SOURCE_DATE_EPOCH", value)
		_, err := sourceDate()
		assert.ErrorContains(t, err, "SOURCE_DATE_EPOCH=\""+value+"\" is no number of seconds")
	}
}

func TestPrintPlanNeedsNoEngine(t *testing.T) {
	offline(t)
	dir := projectOf(t, map[string]string{"gpu.yaml": "python: '3.12'\n"})
	args := []string{"build", "--torch=2.14.0", "--target-gpu=h100", "--target-driver=580.65.06"}
	r := run(t, append(args, "--print=plan", "--platform=linux/amd64", dir)...)
	assert.Equal(t, r.code, 0, r.err)
	assert.Equal(t, r.err, "")
	var plan resolve.Plan
	assert.NilError(t, json.Unmarshal([]byte(r.out), &plan))
	assert.Equal(t, plan.Platform, "linux/amd64")
	assert.Equal(t, plan.Torch.Version, "2.14.0")
	assert.Equal(t, plan.Python, "3.12")
	assert.DeepEqual(t, plan.Targets, []string{"9.0"})

	r = run(t, append(args, "--print=plan", "--platform=linux/amd64,linux/arm64", dir)...)
	assert.Equal(t, r.code, 0, r.err)
	var plans []resolve.Plan
	assert.NilError(t, json.Unmarshal([]byte(r.out), &plans))
	assert.Equal(t, plans[0].Platform+" "+plans[1].Platform, "linux/amd64 linux/arm64")

	r = run(t, append(args, "--explain", "--platform=linux/amd64", dir)...)
	assert.Equal(t, r.code, 0, r.err)
	assert.Assert(t, strings.HasPrefix(r.out, "linux/amd64\n") && strings.Contains(r.out, "h100 (sm_90)"), r.out)
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1, "looking leaves nothing in the project")
}

// What cannot be had is told from the tables, without builder or network.
func TestAConflictIsToldBeforeAnyBuilderIsAsked(t *testing.T) {
	offline(t)
	r := run(t, "build", "--torch=2.14.0", "--target-gpu=h100", "--target-driver=580.65.06", "--platform=linux/riscv64")
	assert.Equal(t, r.code, exitFailed)
	assert.Assert(t, strings.Contains(r.err, "--platform linux/riscv64") && strings.Contains(r.err, "linux/arm64"), r.err)
	r = run(t, "build", "--torch=2.14.0", "--target-gpu=voodoo2")
	assert.Equal(t, r.code, exitFailed)
	assert.Assert(t, strings.Contains(r.err, `--target-gpu "voodoo2"`), r.err)
	r = run(t, "build", "--torch", "--ca-bundle=/no/such.pem", "--print=plan")
	assert.Equal(t, r.code, exitFailed)
	assert.Assert(t, strings.Contains(r.err, "/no/such.pem"), r.err)
}

// A display that cannot be would fail the build only once the image is exported.
func TestProgressThatCannotBeShownIsRefusedBeforeTheBuild(t *testing.T) {
	offline(t)
	r := run(t, "build", "--package=idna", "--progress=tty")
	assert.Equal(t, r.code, exitUsage, r.err)
	assert.Assert(t, strings.Contains(r.err, `--progress "tty"`) && strings.Contains(r.err, "plain"), r.err)
	t.Setenv("BUILDKIT_PROGRESS", "fancy")
	r = run(t, "build", "--package=idna")
	assert.Equal(t, r.code, exitUsage, r.err)
	assert.Assert(t, strings.Contains(r.err, `--progress "fancy"`), r.err)
}

func TestABuildWithoutAnEngineNamesTheBuilder(t *testing.T) {
	offline(t)
	r := run(t, "build", "--package=idna", "-t", "mine")
	assert.Equal(t, r.code, exitFailed)
	assert.Equal(t, r.out, "")
	assert.Assert(t, strings.Contains(r.err, "builder") && strings.Contains(r.err, "is it running?"), r.err)
	r = run(t, "build", "--package=idna", "--builder=nosuch")
	assert.Equal(t, r.code, exitFailed)
	assert.Assert(t, strings.Contains(r.err, `builder "nosuch"`), r.err)
}
