package verify

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

func good() *Result {
	return &Result{
		SchemaVersion: 1, Tier: 1,
		Torch:  &Torch{Version: "2.14.0+cu130", CUDA: "13.0", Archs: []string{"sm_75", "sm_90"}},
		Checks: []Check{{Name: "import", OK: true}, {Name: "duplicates", OK: true}},
	}
}

func plan() resolve.Plan {
	return resolve.Plan{CUDA: "13.0", Targets: []string{"9.0"}, Torch: &resolve.Torch{Version: "2.14.0", Variant: "cu130"}}
}

func TestJudge(t *testing.T) {
	assert.NilError(t, Judge(good(), plan()))
	for name, c := range map[string]struct {
		spoil func(*Result, *resolve.Plan)
		says  string
	}{
		"a failed check":  {func(r *Result, _ *resolve.Plan) { r.Checks[0] = Check{Name: "import", Detail: "no libfoo"} }, "import: no libfoo"},
		"another torch":   {func(r *Result, _ *resolve.Plan) { r.Torch.Version = "2.13.0+cu130" }, "torch is 2.13.0+cu130, not the 2.14.0"},
		"another CUDA":    {func(r *Result, _ *resolve.Plan) { r.Torch.CUDA = "12.6" }, `made for CUDA "12.6", not 13.0`},
		"no CUDA at all":  {func(r *Result, _ *resolve.Plan) { r.Torch.CUDA = "" }, "not 13.0"},
		"no code for GPU": {func(_ *Result, p *resolve.Plan) { p.Targets = []string{"6.1", "9.0"} }, "sm_61"},
		"no GPU seen":     {func(r *Result, _ *resolve.Plan) { r.Tier = 2 }, "no GPU was seen"},
		"twice":           {func(r *Result, _ *resolve.Plan) { r.Checks[1] = Check{Name: "duplicates", Detail: "libcudart twice"} }, "libcudart twice"},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := good(), plan()
			c.spoil(r, &p)
			err := Judge(r, p)
			var failure *Failure
			assert.Assert(t, errors.As(err, &failure))
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, "nothing was exported")
		})
	}
}

func TestJudgeLeavesAForeignBaseItsDuplicates(t *testing.T) {
	r, p := good(), resolve.Plan{Torch: &resolve.Torch{InBase: true}}
	r.Checks[1] = Check{Name: "duplicates", Detail: "libcudnn twice"}
	assert.NilError(t, Judge(r, p))
	r.Checks[0].OK = false
	assert.Assert(t, Judge(r, p) != nil)
}

func TestParseRefusesWhatIsNoResult(t *testing.T) {
	for _, text := range []string{"", "{}", `{"schemaVersion":1}`, `{"schemaVersion":2,"checks":[{"name":"x"}]}`, "Traceback"} {
		_, err := Parse([]byte(text))
		assert.Assert(t, err != nil, text)
	}
	r, err := Parse([]byte(`{"schemaVersion":1,"checks":[{"name":"x","ok":true}],"gpus":[{"results":[{"error":"nan","ok":false}]}]}`))
	assert.NilError(t, err)
	assert.Equal(t, r.GPUs[0].Results[0].Error, "nan")
}

func TestParseMode(t *testing.T) {
	for _, s := range []string{"auto", "require", "cpu", "off"} {
		m, err := ParseMode(s)
		assert.NilError(t, err)
		assert.Equal(t, string(m), s)
	}
	_, err := ParseMode("gpu")
	assert.ErrorContains(t, err, `--verify "gpu" is not one of auto, require, cpu, off`)
}

// python runs code with verify.py importable as a module.
func python(t *testing.T, code string) (string, error) {
	t.Helper()
	bin, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here")
	}
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "verify.py"), Program(), 0o644))
	cmd := exec.Command(bin, "-c", code)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// A torch with the few names that the CPU product takes, whose product can be spoilt.
const torchDouble = `
import verify
class T:
    def __init__(s, rows, dtype=None): s.rows = rows
    def __matmul__(s, o):
        c = list(zip(*o.rows)); r = [[sum(a*b for a, b in zip(x, y)) for y in c] for x in s.rows]
        spoil(r); return T(r)
    def tolist(s): return s.rows
    def double(s): return s
class torch: tensor = T; float32 = None
`

func TestCPUProductFindsWrongNumbers(t *testing.T) {
	for name, c := range map[string]struct{ spoil, says string }{
		"right":        {"pass", "fp32 error"},
		"one element":  {"r[3][5] += 0.01", "is over"},
		"NaN":          {"r[63][63] = float('nan')", "is NaN"},
		"early NaN":    {"r[0][0] = float('nan')", "is NaN"},
		"infinite":     {"r[0][0] = float('inf')", "is over"},
		"all but zero": {"r[:] = [[0.0]*64 for _ in range(64)]", "is over"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := python(t, "def spoil(r): "+c.spoil+"\n"+torchDouble+"print(verify.cpu_product(torch))")
			assert.Assert(t, strings.Contains(out, c.says), out)
			assert.Equal(t, err == nil, name == "right", out)
		})
	}
}

func TestDuplicatesAreFound(t *testing.T) {
	out, err := python(t, `
import verify
print(verify.no_duplicates([("/a/libcudart.so.13", "libcudart.so.13"), ("/a/libcublas.so.13", "libcublas.so.13"), ("/a/libother.so", "libother.so")]))
print(verify.no_duplicates([("/a/libcudart.so.13", "libcudart.so.13"), ("/b/libcudart.so.12", "libcudart.so.12")]))
`)
	assert.Assert(t, err != nil)
	assert.Assert(t, strings.Contains(out, "libcublas, libcudart once each"), out)
	assert.Assert(t, strings.Contains(out, "libcudart.so is there 2 times: /a/libcudart.so.13 /b/libcudart.so.12"), out)
}

func TestMissingLibrariesAreFound(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc here")
	}
	site := filepath.Join(t.TempDir(), "site-packages")
	assert.NilError(t, os.MkdirAll(site, 0o755))
	build := func(name, code string, args ...string) {
		src := filepath.Join(site, name+".c")
		assert.NilError(t, os.WriteFile(src, []byte(code), 0o644))
		out, err := exec.Command(cc, append([]string{"-shared", "-fPIC", "-o", filepath.Join(site, name), src}, args...)...).CombinedOutput()
		assert.NilError(t, err, string(out))
	}
	build("libneeded.so", "int needed(void) { return 1; }", "-Wl,-soname,libneeded.so")
	build("libuser.so", "int needed(void); int user(void) { return needed(); }", "-L"+site, "-lneeded")
	ask := `
import sys, verify
site = "` + site + `"
objects = [(site + "/" + n, n) for n in sys.argv[1:] or ("libuser.so", "libneeded.so")]
print(verify.libraries_resolve("/", objects))
`
	out, err := python(t, ask)
	assert.NilError(t, err, out)
	assert.Equal(t, out, "2 libraries", "one that another wheel brings is not missing")
	assert.NilError(t, os.Remove(filepath.Join(site, "libneeded.so")))
	out, err = python(t, strings.Replace(ask, `("libuser.so", "libneeded.so")`, `("libuser.so",)`, 1))
	assert.Assert(t, err != nil, out)
	assert.Assert(t, strings.Contains(out, "1 of 1 libraries lack something") && strings.Contains(out, "libneeded.so"), out)
}

func TestProgramAlwaysAnswers(t *testing.T) {
	out, err := python(t, `
import json, sys, verify
verify.shared_objects = lambda root: []
sys.argv = ["verify.py", "--config", '{"torch": true, "gpu": true}', "--out", "result.json"]
verify.main()
print(open("result.json").read())
`)
	assert.NilError(t, err, out)
	var r Result
	assert.NilError(t, json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &r))
	assert.Equal(t, r.Tier, 2)
	assert.Assert(t, !r.Checks[0].OK && strings.Contains(r.Checks[0].Detail, "torch"), "%v", r.Checks)
	assert.Assert(t, Judge(&r, plan()) != nil)
}
