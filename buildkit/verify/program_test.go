package verify

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/fixture"
)

// python runs a program with verify.py beside it and returns what it printed.
func python(t *testing.T, code string, args ...string) (string, error) {
	t.Helper()
	cmd := fixture.Python(t, map[string]string{"verify.py": string(Program())}, code, args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const run = "import runpy, sys; sys.argv[0] = 'verify.py'; runpy.run_module('verify', run_name='__main__')"

// answer is what the program finds in an image.
func answer(t *testing.T, top, config string) *Result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "result.json")
	out, err := python(t, run, "--config", config, "--out", file, "--root", top)
	assert.NilError(t, err, out)
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	r, err := Parse(data)
	assert.NilError(t, err)
	return r
}

func check(t *testing.T, r *Result, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %+v", name, r.Checks)
	return Check{}
}

const elf = "\x7fELF"

func TestDuplicatesAreFound(t *testing.T) {
	r := answer(t, fixture.Tree(t, map[string]string{
		"lib64/ld-linux-x86-64.so.2":                "",
		"usr/local/cuda/lib64/libcublas.so.13":      elf,
		"opt/site-packages/nvidia/libcublas.so.13":  elf,
		"opt/site-packages/nvidia/libcudnn.so.9":    elf,
		"proc/1/root/libcudnn.so.9":                 elf, // not of the image
		"opt/site-packages/other/libcudnn.so.9.txt": "no library",
	}), "{}")
	c := check(t, r, "duplicates")
	assert.Assert(t, !c.OK)
	assert.Assert(t, strings.Contains(c.Detail, "libcublas.so is there 2 times"), c.Detail)
	assert.Assert(t, !strings.Contains(c.Detail, "libcudnn"), c.Detail)
}

func TestALinkIsNoDuplicate(t *testing.T) {
	top := fixture.Tree(t, map[string]string{"opt/libcudart.so.13.1.2": elf})
	assert.NilError(t, os.Symlink("libcudart.so.13.1.2", filepath.Join(top, "opt/libcudart.so.13")))
	c := check(t, answer(t, top, "{}"), "duplicates")
	assert.Assert(t, c.OK, c.Detail)
	assert.Equal(t, c.Detail, "libcudart once each")
}

// torch 2.15.0 carries a libgfortran along whose own libquadmath is not there, and nothing loads it.
func TestALibraryThatNothingLoadsMayLackSomething(t *testing.T) {
	const lib = "opt/venv/lib/python3.12/site-packages/torch/lib/"
	for name, c := range map[string]struct {
		more map[string]string
		ok   bool
	}{
		"carried along":         {nil, true},
		"linked":                {map[string]string{lib + "libtorch_cpu.so": elf + "\x00libgfortran.so.5\x00"}, false},
		"opened from Python":    {map[string]string{lib + "../load.py": "ctypes.CDLL('libgfortran.so.5')"}, false},
		"another's of its name": {map[string]string{lib + "../../numpy.libs/libopenblas-1.so": elf + "\x00libgfortran.so.5\x00"}, true},
		"named in its RECORD":   {map[string]string{lib + "../../torch-2.15.0.dist-info/RECORD": "torch/lib/libgfortran.so.5,,"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{lib + "libgfortran.so.5": elf, lib + "empty.py": ""}
			maps.Copy(files, c.more)
			top := fixture.Tree(t, files)
			out, err := python(t, `
import sys, verify
root = sys.argv[1]
verify.loader = lambda root: "ld.so"
verify.missing = lambda root, ld, path: ["libquadmath.so.0"] if path.endswith(".so.5") else []
checks = verify.Checks()
checks.run("libraries", lambda: verify.libraries_resolve(root, verify.shared_objects(root)))
print(checks.list[0]["ok"], checks.list[0]["detail"])
`, top)
			assert.NilError(t, err, out)
			assert.Equal(t, strings.HasPrefix(out, "True"), c.ok, out)
			assert.Assert(t, strings.Contains(out, "torch/lib/libgfortran.so.5"), "it is not told: %s", out)
		})
	}
}

// fakeLoader answers as ld.so --list does, from a table.
func fakeLoader(t *testing.T, says string) map[string]string {
	t.Helper()
	code := `
import json, os, sys, verify
table = json.loads(sys.argv[1])
verify.loader = lambda root: "ld.so"
verify.missing = lambda root, ld, path: table.get(os.path.basename(path), [])
objects = [("/opt/venv/site-packages/torch/" + n, n) for n in table] + [("/usr/lib/x86_64-linux-gnu/libhost.so", "libhost.so")]
checks = verify.Checks()
checks.run("libraries", lambda: verify.libraries_resolve("/", objects))
c = checks.list[0]
print(json.dumps({"ok": str(c["ok"]), "detail": c["detail"]}))
`
	out, err := python(t, code, says)
	assert.NilError(t, err, out)
	var got map[string]string
	assert.NilError(t, json.Unmarshal([]byte(out), &got), out)
	return got
}

func TestMissingLibrariesAreFound(t *testing.T) {
	for name, c := range map[string]struct{ table, ok, says string }{
		"all there":         {`{"liba.so": []}`, "True", "1 libraries"},
		"one lost":          {`{"liba.so": [], "libb.so": ["libgone.so.1"]}`, "False", "1 of 2 libraries lack something, the first is torch/libb.so: libgone.so.1"},
		"the driver's":      {`{"liba.so": ["libcuda.so.1", "libnvidia-ml.so.1"]}`, "True", "1 libraries"},
		"another wheel's":   {`{"liba.so": ["libb.so"], "libb.so": []}`, "True", "2 libraries"},
		"a cluster plug-in": {`{"nvshmem_transport_ibrc.so.3": ["libmlx5.so.1"]}`, "True", "1 optional ones cannot load here: torch/nvshmem_transport_ibrc.so.3 lacks libmlx5.so.1"},
		"two lost of one":   {`{"liba.so": ["libx.so", "liby.so"]}`, "False", "liba.so: libx.so, liby.so"},
	} {
		t.Run(name, func(t *testing.T) {
			got := fakeLoader(t, c.table)
			assert.Equal(t, got["ok"], c.ok, got["detail"])
			assert.Assert(t, strings.Contains(got["detail"], c.says), got["detail"])
		})
	}
}

func TestAnImageWithoutALoaderFails(t *testing.T) {
	c := check(t, answer(t, fixture.Tree(t, map[string]string{"opt/x": ""}), "{}"), "libraries")
	assert.Assert(t, !c.OK)
	assert.Equal(t, c.Detail, "the image has no glibc dynamic loader")
}

func TestTorchThatCannotBeImportedIsAnAnswer(t *testing.T) {
	top := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(top, "torch.py"), []byte("raise ImportError('libtorch.so is gone')\n"), 0o644))
	file := filepath.Join(top, "result.json")
	code := "import sys; sys.path.insert(0, " + quote(top) + "); " + run
	out, err := python(t, code, "--config", `{"torch":true,"gpu":true}`, "--out", file, "--root", top)
	assert.NilError(t, err, out)
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	r, err := Parse(data)
	assert.NilError(t, err)
	assert.Equal(t, check(t, r, "import").Detail, "ImportError: libtorch.so is gone")
	assert.Equal(t, check(t, r, "gpu").Detail, "not tried without PyTorch")
	assert.Equal(t, r.Tier, 2)
	assert.ErrorContains(t, Judge(r, plan()), "libtorch.so is gone")
}

func quote(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}

// tensors stands for PyTorch: numbers in lists, and a product that spoil may change.
const tensors = `
import json, sys, verify
class T(list):
    def double(self): return self
    def tolist(self): return [list(r) for r in self]
    def __matmul__(self, o):
        columns = list(zip(*o))
        return spoil(T([[sum(x * y for x, y in zip(r, c)) for c in columns] for r in self]))
class torch:
    float32 = None
    @staticmethod
    def tensor(rows, dtype): return T(rows)
checks = verify.Checks()
checks.run("cpu product", lambda: verify.cpu_product(torch))
print(json.dumps(checks.list[0]))
`

func TestAWrongProductIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		spoil string
		ok    bool
		says  string
	}{
		"right":            {"m", true, "fp32 error"},
		"one element off":  {"(m[3].__setitem__(5, m[3][5] + 0.01), m)[1]", false, "is over"},
		"NaN":              {"(m[63].__setitem__(63, float('nan')), m)[1]", false, "element 63,63 is NaN"},
		"infinite":         {"(m[0].__setitem__(0, float('inf')), m)[1]", false, "is over"},
		"transposed":       {"T(zip(*m))", false, "is over"},
		"zeros":            {"T([[0.0] * 64 for _ in m])", false, "is over"},
		"within rounding":  {"T([[x * (1 + 2.0 ** -24) for x in r] for r in m])", true, "fp32 error"},
		"TF32 is no fp32":  {"T([[x * (1 + 2.0 ** -11) for x in r] for r in m])", false, "is over"},
		"an exception too": {"1 / 0", false, "ZeroDivisionError"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := python(t, "spoil = lambda m: "+c.spoil+tensors)
			assert.NilError(t, err, out)
			var got Check
			assert.NilError(t, json.Unmarshal([]byte(out), &got), out)
			assert.Equal(t, got.OK, c.ok, got.Detail)
			assert.Assert(t, strings.Contains(got.Detail, c.says), got.Detail)
		})
	}
}

func TestNaNDoesNotPassOnAGPU(t *testing.T) {
	out, err := python(t, `
import json, verify
class X(float):
    def double(self): return self
    cpu = abs = max = double
    def __sub__(self, o): return X(float(self) - o)
    def item(self): return float(self)
for got in (X("nan"), X("inf"), X(1.5), X(1)):
    error, ok = verify.compare(None, got, X(1), 1.0, 0.1)
    print(json.dumps(verify.number(error)), ok)
`)
	assert.NilError(t, err, out)
	assert.Equal(t, out, "\"nan\" False\n\"inf\" False\n0.5 False\n0.0 True\n")
}

func TestResultOfThisMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("walks the whole root")
	}
	config := filepath.Join(t.TempDir(), "config.json")
	assert.NilError(t, os.WriteFile(config, []byte(`{"torch":false}`), 0o644))
	top := fixture.Tree(t, map[string]string{"lib64/ld-linux-x86-64.so.2": ""})
	r := answer(t, top, config)
	assert.Equal(t, r.Tier, 1)
	assert.Assert(t, check(t, r, "libraries").OK)
	assert.Equal(t, check(t, r, "duplicates").Detail, "no CUDA library in the image")
	assert.NilError(t, Judge(r, plan()))
}

func TestProgramRunsOnOldPython(t *testing.T) {
	out, err := python(t, "import ast, sys, verify; ast.parse(open(verify.__file__).read(), feature_version=(3, 8))")
	assert.NilError(t, err, out)
	assert.Assert(t, bytes.HasPrefix(Program(), []byte(`"""verify.py`)))
}
