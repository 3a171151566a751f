package graph

import (
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/fixture"
)

func TestNamesOfRequirements(t *testing.T) {
	for in, want := range map[string]string{
		"torch":                           "torch",
		"Torch_Vision>=0.2":               "torch-vision",
		"zope..interface==5":              "zope-interface",
		"uvicorn[standard]~=0.3":          "uvicorn",
		"idna @ https://x/idna-3.whl":     "idna",
		"idna@https://x":                  "idna",
		"rich ; python_version < '3.13'":  "rich",
		" numpy<2":                        "numpy",
		"numpy!=1":                        "numpy",
		"numpy (>=1)":                     "numpy",
		"torch==2.14.0+cu126 --hash=sha2": "torch",
	} {
		assert.Equal(t, printed[string](t, nil, "import resolve; print(json.dumps(resolve.name_of(sys.argv[1])))", in), want, in)
	}
}

// uv.lock was made for the CUDA of another machine: what the chosen PyTorch brings is not taken from it.
func TestPinsOfALockLeaveOutPyTorch(t *testing.T) {
	const exported = `-e ./sub
# a comment
idna==3.10
nvidia-cublas-cu12==12.6.4.1 ; sys_platform == 'linux'
cuda-bindings==12.9
Torch==2.11.0
torchvision==0.26.0 ; python_version > '3.9'
triton==3.6.0
    # via torch

rich==14.0.0
`
	got := printed[[]string](t, nil, `
import resolve, types
def run(args, env, **kw):
    assert "--frozen" in args, args  # the lock is read, not made anew
    return types.SimpleNamespace(stdout=sys.argv[1])
resolve.run = run
print(json.dumps(list(resolve.uv_lock_pins({}, {"torch", "torchvision"}))))`, exported)
	assert.DeepEqual(t, got, []string{"idna==3.10", "rich==14.0.0"})
}

// asked is what uv is started with, and the files that it then reads.
type asked struct {
	Args  []string
	Files map[string]string
}

// resolving runs the script with a uv that only takes notes.
func resolving(t *testing.T, secrets map[string]string, request string) asked {
	t.Helper()
	file := filepath.Join(fixture.Tree(t, map[string]string{"request.json": request}), "request.json")
	return printed[asked](t, secrets, `
import os, resolve, types
def run(args, env, cwd=None, **kw):
    if "export" in args:
        return types.SimpleNamespace(stdout="idna==3.10\ntorch==2.0\n")
    files = {n: open(os.path.join(cwd, n)).read() for n in os.listdir(cwd)}
    print(json.dumps({"args": [a.replace(cwd, "WORK") for a in args], "files": files}))
resolve.run = run
resolve.main(sys.argv[1], "/out")`, file)
}

func TestPyTorchsOwnIndexServesItsFamilyOnly(t *testing.T) {
	const request = `{"requirements":["torch==2.14.0+cu126","idna"],"torchIndex":"https://download.pytorch.org/whl/cu126","torchPackages":["torch","torchvision"]}`
	const want = `[project]
name = "docker-gpu-build"
version = "0"
dependencies = ["torch==2.14.0+cu126", "idna"]
[[tool.uv.index]]
name = "torch"
url = "https://download.pytorch.org/whl/cu126"
explicit = true
[tool.uv.sources]
torch = { index = "torch" }
torchvision = { index = "torch" }
`
	got := resolving(t, nil, request)
	assert.DeepEqual(t, got.Files, map[string]string{"pyproject.toml": want})
	assert.Assert(t, contains(got.Args, "WORK/pyproject.toml"), "%q", got.Args)
	// The user's mirror of it comes first.
	got = resolving(t, map[string]string{SecretIndex: `{"torch":"https://mirror.example.com/whl"}`}, request)
	assert.Assert(t, contains(lines(got.Files["pyproject.toml"]), `url = "https://mirror.example.com/whl"`), got.Files["pyproject.toml"])
}

func TestWhatUVIsAsked(t *testing.T) {
	got := resolving(t, routed("https://mirror.example.com/simple"),
		`{"requirements":["idna","rich"],"files":["requirements.txt","more/dev.txt"],"constraints":["numpy==2"]}`)
	assert.DeepEqual(t, got.Files, map[string]string{"requirements.in": "idna\nrich\n", "constraints.txt": "numpy==2\n"})
	n := len(got.Args)
	assert.DeepEqual(t, got.Args[n-7:], []string{"--default-index", "https://mirror.example.com/simple",
		"WORK/requirements.in", "/src/requirements.txt", "/src/more/dev.txt", "-c", "WORK/constraints.txt"})

	got = resolving(t, nil, `{"requirements":[],"pyproject":true,"uvLock":true,"torchPackages":["torch"]}`)
	assert.Equal(t, got.Files["constraints.txt"], "idna==3.10\n")
	assert.Assert(t, contains(got.Args, "/src/pyproject.toml"), "%q", got.Args)
}

func TestUVsFailureIsOneLine(t *testing.T) {
	said, err := python(t, nil, `import resolve; resolve.run(["sh", "-c", "printf 'no\\n  solution\\n' >&2; exit 1"], None)`)
	assert.Assert(t, err != nil)
	assert.Assert(t, contains(lines(said), "gpu-error: resolve: no solution"), said)
}

func lines(text string) []string { return strings.Split(text, "\n") }
