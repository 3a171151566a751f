package plugin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

const imageDigest, configDigest = "sha256:1111", "sha256:2222"

// tier1 is a proof without a GPU; one of its checks is a remark.
func tier1() *verify.Result {
	return &verify.Result{SchemaVersion: 1, Tier: 1, Checks: []verify.Check{
		{Name: "imports", OK: true, Detail: "torch 2.14.0+cu130"},
		{Name: "duplicates", OK: false, Detail: "libcudart stands twice"},
	}}
}

// tier2 is a proof on two GPUs; the second measured nothing.
func tier2() *verify.Result {
	return &verify.Result{SchemaVersion: 1, Tier: 2, Driver: "580.65.06", Checks: []verify.Check{{Name: "products", OK: true, Detail: "8 of 8 within tolerance"}},
		GPUs: []verify.GPU{
			{Index: 0, Name: "NVIDIA H200", ComputeCapability: "9.0", Results: []verify.Operation{
				{Op: "matmul", Format: "tf32", TFLOPS: 401.26}, {Op: "matmul", Format: "bf16", TFLOPS: 745.123456}, {Op: "conv", Format: "fp16"}}},
			{Index: 1, Name: "NVIDIA H200", ComputeCapability: "9.0"},
		}}
}

func reported(results map[string]*verify.Result) *buildkit.Report {
	return &buildkit.Report{Outcome: &solve.Outcome{
		Response: map[string]string{"containerimage.digest": imageDigest, "containerimage.config.digest": configDigest},
		Lock:     locked(), Results: results,
	}}
}

func amd64(r *verify.Result) map[string]*verify.Result {
	return map[string]*verify.Result{"linux/amd64": r}
}

func TestReportsForPeople(t *testing.T) {
	two := []resolve.Plan{planOf("linux/amd64"), planOf("linux/arm64")}
	for name, c := range map[string]struct {
		args    []string
		plans   []resolve.Plan
		results map[string]*verify.Result
		change  func(*buildkit.Report)
		locked  bool
	}{
		"report-tier1.txt":     {args: []string{"-t", "mine"}, results: amd64(tier1()), locked: true},
		"report-tier2.txt":     {args: []string{"-t", "mine", "-t", "other"}, results: amd64(tier2())},
		"report-afterload.txt": {args: []string{"-t", "mine"}, results: amd64(tier2()), change: func(r *buildkit.Report) { r.AfterLoad = true }},
		"report-unproven.txt": {args: []string{"-t", "mine", "--verify=off"}, change: func(r *buildkit.Report) {
			r.Unproven = "nothing was proven (--verify=off)"
			r.Lock.Platforms["linux/amd64"].Wheels = nil
		}},
		// A pushed image is not on the engine, so no `docker run` comes next.
		"report-platforms.txt": {args: []string{"-t", "mine", "--push"}, plans: two, results: map[string]*verify.Result{"linux/amd64": tier2(), "linux/arm64": tier1()}},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, _ := building(t, c.args...)
			r.dir = "/project"
			if r.plans = c.plans; r.plans == nil {
				r.plans = []resolve.Plan{planOf("linux/amd64")}
			}
			report := reported(c.results)
			if c.change != nil {
				c.change(report)
			}
			var w bytes.Buffer
			printReport(&w, r, report, imageDigest, c.locked)
			golden.Assert(t, w.String(), name)
		})
	}
}

func TestReportSuggestsARunOnlyOfAnImageThatIsLoaded(t *testing.T) {
	for _, c := range []struct {
		args []string
		want bool
	}{
		{[]string{"-t", "mine"}, true},
		{[]string{"-t", "mine", "--load"}, true},
		{[]string{"-t", "mine", "-o", "type=oci,dest=a.tar", "--load"}, true},
		{[]string{"-t", "mine", "-o", "type=docker"}, true},
		{[]string{"-t", "mine", "-o", "type=docker,dest=a.tar"}, false},
		{[]string{"-t", "mine", "-o", "type=oci,dest=a.tar"}, false},
		{[]string{"-t", "mine", "-o", "dir"}, false},
		{[]string{"-t", "mine", "--push"}, false},
		{nil, false},
	} {
		r, _, _ := building(t, c.args...)
		r.plans = []resolve.Plan{planOf("linux/amd64")}
		var w bytes.Buffer
		printReport(&w, r, reported(nil), imageDigest, false)
		assert.Equal(t, bytes.Contains(w.Bytes(), []byte("Next: docker run")), c.want, "%v", c.args)
	}
}

// A driver that nobody could read is said, not left blank.
func TestReportOfAnUnknownDriver(t *testing.T) {
	res := tier2()
	res.Driver = ""
	var w bytes.Buffer
	printResult(&w, res)
	assert.Assert(t, bytes.Contains(w.Bytes(), []byte("driver unknown")), "%s", w.String())
}

func TestImageID(t *testing.T) {
	both := reported(nil).Response
	for name, c := range map[string]struct {
		oci      bool
		response map[string]string
		want     string
	}{
		"containerd's store names the manifest": {true, both, imageDigest},
		"the old store names the config":        {false, both, configDigest},
		"containerd's, config only":             {true, map[string]string{"containerimage.config.digest": configDigest}, configDigest},
		"old, manifest only":                    {false, map[string]string{"containerimage.digest": imageDigest}, imageDigest},
		"a directory is no image":               {true, nil, ""},
	} {
		assert.Equal(t, imageID(&solve.Builder{OCIStore: c.oci}, c.response), c.want, name)
	}
}

func TestMetadataDecodesWhatBuildKitEncodes(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	r, _, _ := building(t)
	r.plans = []resolve.Plan{planOf("linux/amd64")}
	report := reported(amd64(tier2()))
	report.Response["containerimage.descriptor"] = encode([]byte(`{"size":7}`))
	report.Response["text"] = "aaaa"                // base64, but of no JSON
	report.Response["number"] = encode([]byte("7")) // JSON, but it was a word
	report.Response["broken"] = encode([]byte(`{"size":`))
	data, err := json.Marshal(buildMetadata(r, report))
	assert.NilError(t, err)
	var got map[string]any
	assert.NilError(t, json.Unmarshal(data, &got))
	assert.DeepEqual(t, got["containerimage.descriptor"], map[string]any{"size": 7.0})
	assert.Equal(t, got["containerimage.digest"], imageDigest)
	for _, as := range []string{"text", "number", "broken"} {
		assert.Equal(t, got[as], report.Response[as])
	}
	assert.Equal(t, got["dockergpu.plan"].([]any)[0].(map[string]any)["cuda"], "13.0")
	assert.Equal(t, got["dockergpu.verify"].(map[string]any)["linux/amd64"].(map[string]any)["tier"], 2.0)
}

// finished runs finish for a build of the engine's own builder, which asks no engine.
func finished(t *testing.T, r *buildRun) error {
	t.Helper()
	r.plans = []resolve.Plan{planOf("linux/amd64")}
	return r.finish(t.Context(), &solve.Builder{Moby: true, OCIStore: true}, nil, reported(amd64(tier1())))
}

func TestFinishWritesTheFilesAskedFor(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	r, out, stderr := building(t, "--iidfile="+at("iid"), "--metadata-file="+at("meta.json"), "-t", "mine")
	r.dir, r.opts.path = dir, dir
	assert.NilError(t, finished(t, r))
	iid, err := os.ReadFile(at("iid"))
	assert.NilError(t, err)
	assert.Equal(t, string(iid), imageDigest)
	meta, err := os.ReadFile(at("meta.json"))
	assert.NilError(t, err)
	assert.Assert(t, json.Valid(meta) && bytes.HasSuffix(meta, []byte("}\n")), "%s", meta)
	_, err = os.Stat(at(lock.FileName))
	assert.NilError(t, err)
	assert.Equal(t, out.String(), "", "a report for people is no output")
	assert.Assert(t, bytes.Contains(stderr.Bytes(), []byte("gpu.lock holds every package")), "%s", stderr)

	// The same build again changes no lock and says nothing of one.
	stderr.Reset()
	assert.NilError(t, finished(t, r))
	assert.Assert(t, !bytes.Contains(stderr.Bytes(), []byte("gpu.lock")), "%s", stderr)
}

func TestQuietPrintsTheIDAlone(t *testing.T) {
	r, out, stderr := building(t, "-q", "-t", "mine")
	r.dir = t.TempDir()
	assert.NilError(t, finished(t, r))
	assert.Equal(t, out.String(), imageDigest+"\n")
	assert.Equal(t, stderr.String(), "")
	_, err := os.Stat(filepath.Join(r.dir, lock.FileName))
	assert.Assert(t, os.IsNotExist(err), "a build without PATH leaves no lock in the current directory")
}

func TestFilesThatCannotBeWrittenAreNamed(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none", "file")
	for _, flag := range []string{"--iidfile", "--metadata-file", "--lock"} {
		r, _, _ := building(t, flag+"="+none)
		err := finished(t, r)
		assert.ErrorContains(t, err, none[:len(none)-len("/file")])
		if flag == "--lock" {
			assert.ErrorContains(t, err, "the image was built, but its lock could not be written")
		} else {
			assert.ErrorContains(t, err, flag)
		}
	}
}

func TestRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	wd, err := os.Getwd() // as the code under test sees it, links resolved or not
	assert.NilError(t, err)
	assert.Equal(t, relative(wd+"/sub/gpu.lock"), "sub/gpu.lock")
	assert.Equal(t, relative(wd+"2/gpu.lock"), wd+"2/gpu.lock")
	assert.Equal(t, relative("/elsewhere/gpu.lock"), "/elsewhere/gpu.lock")
}
