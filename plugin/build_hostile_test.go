package plugin

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// acts is a name as a driver, an index or an image could give it: it clears the screen,
// names the window and turns the direction of writing.
const acts = "\x1b[2J\x1b]0;owned\x07\u009b31mNVIDIA\u202e\x00\r\n0021H"

// quiet says that nothing in a text acts on a terminal.
func quiet(t *testing.T, text string) {
	t.Helper()
	assert.Assert(t, !strings.ContainsAny(text, "\x1b\x07\x00\r\x7f\u009b\u202e"), "%q", text)
}

// A driver's name of a GPU goes all the way into the reasons and the plan.
func TestPlansOfAHostileMachine(t *testing.T) {
	h := host.Host{Arch: "amd64", Driver: host.Driver{Version: "580.65.06"}, GPUs: []host.GPU{{Name: acts, ComputeCapability: "9.0"}, {Name: acts + "2"}}}
	p, err := resolve.Decide(t.Context(), spec.Spec{Torch: "2.14.0"}, h, "linux/amd64", nil)
	assert.NilError(t, err)

	r, out, _ := building(t, "--explain")
	r.plans = []resolve.Plan{p}
	assert.NilError(t, r.printReasons())
	quiet(t, out.String())
	assert.Assert(t, strings.Contains(out.String(), "NVIDIA"), out.String())

	r, out, _ = building(t, "--print=plan")
	r.plans = []resolve.Plan{p}
	assert.NilError(t, r.printPlan(&solve.Request{}))
	quiet(t, out.String())
	var back resolve.Plan
	assert.NilError(t, json.Unmarshal(out.Bytes(), &back), out.String())
	assert.DeepEqual(t, back, p) // escaped, not lost
}

// The proof runs in the image, whose programs write what they like.
func TestReportOfAHostileImage(t *testing.T) {
	res := &verify.Result{SchemaVersion: 1, Tier: 2, Driver: acts, Checks: []verify.Check{
		{Name: acts, OK: true, Detail: acts + strings.Repeat("x", 5000)},
		{Name: "imports\tok", OK: false, Detail: "two\nlines\tand\tcolumns"},
	}, GPUs: []verify.GPU{{Index: -1, Name: acts, ComputeCapability: acts, Results: []verify.Operation{{Format: acts, TFLOPS: 1e300}, {Format: "", TFLOPS: -5}}}}}
	r, _, _ := building(t, "-t", "mine")
	r.dir, r.plans = "/project", []resolve.Plan{planOf("linux/amd64")}
	var w bytes.Buffer
	printReport(&w, r, reported(amd64(res)), imageDigest, false)
	quiet(t, w.String())
	golden.Assert(t, w.String(), "report-hostile.txt")
}

func TestReportOfPackagesFromSource(t *testing.T) {
	for want, wheels := range map[string][]lock.Wheel{
		"0, 0B to download":                          nil,
		"1, 1.5kB to download":                       {{Name: "idna", Size: 1500}},
		"2, 2.14GB to download":                      {{Name: "torch", Size: 2e9}, {Name: "x", Size: 140e6}},
		"3, 3B to download; built from source: b, c": {{Name: "a", Size: 1}, {Name: "b", Size: 1, Source: true}, {Name: "c", Size: 1, Source: true}},
	} {
		assert.Equal(t, packages(wheels), want)
	}
}

// The JSON of --metadata-file is public: scripts read it.
func TestMetadataFile(t *testing.T) {
	r, _, _ := building(t)
	r.plans = []resolve.Plan{planOf("linux/amd64")}
	report := reported(amd64(tier2()))
	report.Response["image.name"] = "docker.io/library/mine:latest"
	report.Response["containerimage.descriptor"] = "eyJzaXplIjo3LCJkaWdlc3QiOiJzaGEyNTY6MTExMSJ9"
	data, err := json.MarshalIndent(buildMetadata(r, report), "", "  ")
	assert.NilError(t, err)
	golden.Assert(t, string(data)+"\n", filepath.FromSlash("metadata.json"))
}

// A lock or a build file that somebody wrote to break who reads it.
func TestHostileProjects(t *testing.T) {
	offline(t)
	for name, c := range map[string]struct{ file, text, says string }{
		"a key that acts":       {"gpu.yaml", `"\e[2J": 1` + "\n", `"\x1b[2J" is not a key`},
		"a platform that acts":  {"gpu.lock", `{"version":1,"platforms":{"\u001b[2J\u202e":null}}`, "it says nothing; delete the file to resolve anew"},
		"a lock without end":    {"gpu.lock", strings.Repeat(" ", 33<<20), "it is larger than 32MiB"},
		"a deep lock":           {"gpu.lock", strings.Repeat("[", 100_000), "exceeded max depth"},
		"a forged digest":       {"gpu.lock", `{"version":1,"platforms":{"linux/amd64":{"base":{"ref":"x","digest":"sha256:1\nRUN id"}}}}`, `has the digest "sha256:1\nRUN id", which is no SHA-256`},
		"a deep build file":     {"gpu.yaml", "packages: " + strings.Repeat("[", 100_000), "exceeded max depth"},
		"a file that is none":   {"gpu.yaml", "\x7fELF\x02\x01\x00", "gpu.yaml:1: control characters are not allowed"},
		"an include that acts":  {"requirements.txt", "-r \x1b[2Jup.txt\n", "requirements.txt:1: there is no"},
		"a table that is none":  {"pyproject.toml", "project = 3\n", "pyproject.toml:1:11: toml: cannot decode TOML integer\n"},
		"an include of the way": {"requirements.txt", "-r ../../../../etc/passwd\n", "is outside the project"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, "build", "--print=plan", projectOf(t, map[string]string{c.file: c.text}))
			assert.Equal(t, r.code, exitFailed)
			assert.Equal(t, r.out, "")
			assert.Assert(t, strings.Contains(r.err, c.says), "%q is not in %q", c.says, r.err)
			quiet(t, r.err)
			assert.Assert(t, len(r.err) < 2000 && strings.Count(r.err, "\n") < 4, "%d bytes: %.3000s", len(r.err), r.err)
		})
	}
}

// What is locked and what is asked for now: the plan says whether the one answers the other.
func TestDriftInThePlan(t *testing.T) {
	offline(t)
	digest := "sha256:" + strings.Repeat("a", 64)
	lockOf := func(inputs string) string {
		return `{"version":1,"platforms":{"linux/amd64":{"inputs":` + inputs + `,"base":{"ref":"docker.io/library/debian:13","digest":"` + digest + `"},"uv":{"version":"0.13.9","sha256":"` + strings.Repeat("b", 64) +
			`"},"wheels":[{"name":"idna","version":"3.10","file":"idna.whl","sha256":"` + strings.Repeat("c", 64) + `","size":5}]}}}`
	}
	for name, c := range map[string]struct {
		inputs string
		args   []string
		drift  []string // nil: the lock answers
	}{
		"unchanged":        {`{"base":"debian:13","packages":"idna"}`, nil, nil},
		"another package":  {`{"base":"debian:13","packages":"rich"}`, nil, []string{`packages was "rich" and is now "idna"`}},
		"another base":     {`{"base":"debian:12","packages":"idna"}`, nil, []string{`base was "debian:12" and is now "debian:13"`}},
		"a Python":         {`{"base":"debian:13","packages":"idna"}`, []string{"--python=3.12"}, []string{"python is new"}},
		"a Python's loss":  {`{"base":"debian:13","packages":"idna","python":"3.12"}`, nil, []string{"python is gone"}},
		"nothing is known": {`null`, nil, []string{"base is new", "packages is new"}},
		"what acts":        {`{"base":"debian:13","packages":"idna","\u001b[2J":"\u202e"}`, nil, []string{"\x1b[2J is gone"}},
		"other platforms":  {`{"base":"debian:13","packages":"idna"}`, []string{"--platform=linux/arm64"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := projectOf(t, map[string]string{"gpu.yaml": "packages: [idna]\nbase: debian:13\nplatforms: [linux/amd64]\n", "gpu.lock": lockOf(c.inputs)})
			r := run(t, append([]string{"build", "--print=plan", dir}, c.args...)...)
			assert.Equal(t, r.code, 0, r.err)
			quiet(t, r.out)
			var plan struct {
				Drift  []string
				Wheels []lock.Wheel
			}
			assert.NilError(t, json.Unmarshal([]byte(r.out), &plan), r.out)
			assert.DeepEqual(t, plan.Drift, c.drift)
			assert.Equal(t, len(plan.Wheels) == 1, c.drift == nil && name != "other platforms", r.out)
		})
	}
}
