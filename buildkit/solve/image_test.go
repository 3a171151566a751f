package solve

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

const proven = `{"schemaVersion":1,"tier":1,"torch":{"version":"2.14.0+cu126","cuda":"12.6","archs":["sm_90"]},"checks":[{"name":"imports","ok":true,"detail":"torch 2.14.0+cu126"}],"gpus":[]}`

// proving is a builder on which PyTorch is chosen, installed and proven.
func proving(result string) *gateway {
	g := choosing("torch 2.14.0+cu126", "idna 3.10")
	g.files["[verify]"] = files{graph.ResultFile: result}
	return g
}

// exporting runs a request as far as what is exported.
func exporting(t *testing.T, g *gateway, b *Builder, r *Request) (*gw.Result, *Outcome, error) {
	t.Helper()
	run := &run{Request: r, builder: b, outcome: &Outcome{Results: map[string]*verify.Result{}, Lock: &lock.Lock{Platforms: map[string]*lock.Platform{}}}}
	res, err := run.image(t.Context(), g)
	return res, run.outcome, err
}

func torchRequest(mode verify.Mode, plans ...resolve.Plan) *Request {
	r := idna()
	r.Plans, r.Verify = plans, mode
	return r
}

func TestAnImageOfOnePlatform(t *testing.T) {
	g := proving(proven)
	res, outcome, err := exporting(t, g, &Builder{}, torchRequest(verify.CPU, withTorch()))
	assert.NilError(t, err)
	ref, err := res.SingleRef()
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(ref.(left).title, "[verify]"), "the proof is not in the image: %s", ref.(left).title)

	var config, base dockerspec.DockerOCIImage
	assert.NilError(t, json.Unmarshal(res.Metadata[exptypes.ExporterImageConfigKey], &config))
	assert.NilError(t, json.Unmarshal(res.Metadata[exptypes.ExporterImageBaseConfigKey], &base))
	assert.Equal(t, config.Config.User, "1000:1000")
	assert.Equal(t, config.Config.WorkingDir, "/app")
	assert.Equal(t, config.Architecture+config.OS, "amd64linux")
	assert.DeepEqual(t, base.Config.Env, []string{"PATH=/usr/local/bin:/usr/bin", "PYTHON_VERSION=3.12.7"})
	assert.Assert(t, slices.ContainsFunc(config.Config.Env, func(e string) bool { return strings.HasPrefix(e, "PATH="+graph.Venv+"/bin:") }), "%v", config.Config.Env)
	assert.Assert(t, len(config.History) > 0)

	var platforms exptypes.Platforms
	assert.NilError(t, json.Unmarshal(res.Metadata[exptypes.ExporterPlatformsKey], &platforms))
	assert.DeepEqual(t, platforms.Platforms, []exptypes.Platform{{ID: "linux/amd64", Platform: amd64}})

	assert.Equal(t, outcome.Results["linux/amd64"].Checks[0].Detail, "torch 2.14.0+cu126")
	assert.Equal(t, len(outcome.Lock.Platforms["linux/amd64"].Wheels), 2)
	assert.Equal(t, g.step(t, "[verify]").GetExec().Meta.User, "1000:1000", "it is proven as who runs it")
}

func TestAnImageOfTwoPlatforms(t *testing.T) {
	g := proving(proven)
	arm := withTorch()
	arm.Platform = "linux/arm64"
	res, outcome, err := exporting(t, g, &Builder{MultiPlatform: true}, torchRequest(verify.CPU, withTorch(), arm))
	assert.NilError(t, err)
	for _, id := range []string{"linux/amd64", "linux/arm64"} {
		_, ok := res.FindRef(id)
		assert.Assert(t, ok, id)
		var config ocispecs.Image
		assert.NilError(t, json.Unmarshal(res.Metadata[exptypes.ExporterImageConfigKey+"/"+id], &config))
		assert.Equal(t, config.OS+"/"+config.Architecture, id)
		assert.Assert(t, outcome.Results[id] != nil && outcome.Lock.Platforms[id] != nil, id)
	}
	assert.Assert(t, res.Metadata[exptypes.ExporterImageConfigKey] == nil, "a config of no platform")
	var asked []string
	for _, o := range g.opts {
		asked = append(asked, o.ImageOpt.Platform.Architecture)
	}
	assert.DeepEqual(t, asked, []string{"amd64", "arm64"})
}

// What is exported was proven; what could not be proven is not exported.
func TestImagesThatAreNotExported(t *testing.T) {
	failed := strings.Replace(proven, `"ok":true`, `"ok":false`, 1)
	for name, c := range map[string]struct {
		result string
		fails  map[string]error
		says   string
	}{
		"a check fails":       {failed, nil, "the image failed its verification, so nothing was exported: imports: torch 2.14.0+cu126"},
		"another torch":       {strings.ReplaceAll(proven, "2.14.0", "2.13.0"), nil, "torch is 2.13.0+cu126, not the 2.14.0 that was asked for"},
		"no checks":           {`{"schemaVersion":1,"checks":[]}`, nil, "the verification wrote a result without checks"},
		"half a result":       {proven[:40], nil, "the verification wrote no readable result: unexpected end of JSON input"},
		"the proof breaks":    {proven, map[string]error{"[verify]": errors.New("exit code: 139")}, "the verification could not run: exit code: 139"},
		"a package breaks":    {proven, map[string]error{"small packages": errors.New("Hash mismatch")}, "Hash mismatch"},
		"nothing is resolved": {proven, map[string]error{"[resolve]": errors.New("no such package")}, "no such package"},
	} {
		t.Run(name, func(t *testing.T) {
			g := proving(c.result)
			g.fails = c.fails
			res, outcome, err := exporting(t, g, &Builder{}, torchRequest(verify.CPU, withTorch()))
			assert.ErrorContains(t, err, c.says)
			assert.Equal(t, strings.Contains(err.Error(), "could not run"), name == "the proof breaks", "%v", err)
			assert.Assert(t, res == nil, "something would be exported")
			assert.Equal(t, len(outcome.Lock.Platforms), 0, "a lock of an image that is none")
		})
	}
	g := proving(proven)
	g.files["[verify]"] = files{}
	_, _, err := exporting(t, g, &Builder{}, torchRequest(verify.CPU, withTorch()))
	assert.ErrorContains(t, err, "the verification left no result: ")
	_, _, err = exporting(t, g, &Builder{}, torchRequest(verify.CPU, resolve.Plan{Platform: "linux/amd64/x/y"}))
	assert.ErrorContains(t, err, `"linux/amd64/x/y"`)
}

// The failure that is kept tells what is wrong; the result says it whole.
func TestAFailedProofIsInTheOutcome(t *testing.T) {
	_, outcome, err := exporting(t, proving(strings.Replace(proven, `"ok":true`, `"ok":false`, 1)), &Builder{}, torchRequest(verify.CPU, withTorch()))
	failure, ok := errors.AsType[*verify.Failure](err)
	assert.Assert(t, ok, "%v", err)
	assert.DeepEqual(t, failure.Wrong, []string{"imports: torch 2.14.0+cu126"})
	assert.Equal(t, outcome.Results["linux/amd64"].Checks[0].OK, false)
}

func TestVerifyOffProvesNothing(t *testing.T) {
	g := proving(proven)
	res, outcome, err := exporting(t, g, &Builder{GPU: "nvidia.com/gpu=all"}, torchRequest(verify.Off, withTorch()))
	assert.NilError(t, err)
	assert.Assert(t, res != nil)
	assert.Equal(t, len(outcome.Results), 0)
	for _, title := range g.titles {
		assert.Assert(t, !strings.Contains(title, "[verify]"), title)
	}
}

// Where the GPU is used, and what the cache knows of it.
func TestTheGPUOfTheProof(t *testing.T) {
	for name, c := range map[string]struct {
		builder Builder
		mode    verify.Mode
		title   string
		salt    string
	}{
		"all GPUs":        {Builder{GPU: "nvidia.com/gpu=all"}, verify.Auto, "[verify] on nvidia.com/gpu=all", "H200 580"},
		"one has to be":   {Builder{GPU: "nvidia.com/gpu=*"}, verify.Require, "[verify] on nvidia.com/gpu=*", "H200 580"},
		"none is there":   {Builder{}, verify.Auto, "[verify] without a GPU", ""},
		"not asked for":   {Builder{GPU: "nvidia.com/gpu=all"}, verify.CPU, "[verify] without a GPU", ""},
		"an emulated one": {Builder{GPU: "nvidia.com/gpu=all", Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "arm64"}, amd64}}, verify.Auto, "[verify] without a GPU", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := proving(proven)
			r := torchRequest(c.mode, withTorch())
			r.GPUSalt = "H200 580"
			_, _, err := exporting(t, g, &c.builder, r)
			assert.NilError(t, err)
			exec := g.step(t, c.title).GetExec()
			on := len(exec.CdiDevices) > 0
			assert.Equal(t, on, strings.Contains(c.title, " on "))
			assert.Assert(t, slices.Contains(exec.Meta.Env, "DOCKER_GPU_VERIFY_SALT="+c.salt), "%v", exec.Meta.Env)
			for i, title := range g.titles {
				if title == c.title {
					var told verify.Config
					assert.NilError(t, json.Unmarshal([]byte(made(t, g.requests[i])["/config.json"]), &told))
					assert.DeepEqual(t, told, verify.Config{Torch: true, GPU: on})
				}
			}
		})
	}
}

// An image without Python is looked at from the tool's.
func TestTheProofOfAnImageWithoutPython(t *testing.T) {
	g := proving(strings.Replace(proven, `"torch":{"version":"2.14.0+cu126","cuda":"12.6","archs":["sm_90"]},`, "", 1))
	g.files["[resolve]"] = files{"/pylock.toml": pylock("nvidia-cublas 13.0")}
	r := &Request{Verify: verify.Auto, Plans: []resolve.Plan{{Platform: "linux/amd64", Base: "debian:13", ToolBase: "python:3.12", CUDAPackages: []string{"nvidia-cublas==13.0"}}}}
	_, _, err := exporting(t, g, &Builder{GPU: "nvidia.com/gpu=all"}, r)
	assert.NilError(t, err)
	exec := g.step(t, "[verify] without a GPU").GetExec()
	assert.Equal(t, exec.Meta.Args[0], "python3")
	assert.DeepEqual(t, exec.Meta.Args[len(exec.Meta.Args)-2:], []string{"--root", "/image"})
	assert.Equal(t, exec.Meta.User, "root", "of the tool, not of the image")
}

func TestEmulates(t *testing.T) {
	arm := ocispecs.Platform{OS: "linux", Architecture: "arm64"}
	for _, c := range []struct {
		builder []ocispecs.Platform
		want    bool
	}{{nil, false}, {[]ocispecs.Platform{amd64}, true}, {[]ocispecs.Platform{arm, amd64}, false}, {[]ocispecs.Platform{amd64, arm}, true},
		{[]ocispecs.Platform{{OS: "linux", Architecture: "arm64", Variant: "v8"}}, false}} {
		assert.Equal(t, (&Builder{Platforms: c.builder}).Emulates(arm), c.want, "%v", c.builder)
	}
}

// A builder that cannot merge layers copies them.
func TestMergeable(t *testing.T) {
	assert.Assert(t, mergeable((&gateway{}).BuildOpts()))
	assert.Assert(t, !mergeable((&gateway{lacks: "mergeop"}).BuildOpts()))
	g := choosing("idna 3.10")
	g.lacks = "mergeop"
	in, _, err := ready(t, g, idna(), packagesOnly())
	assert.NilError(t, err)
	assert.Assert(t, !in.Merge)
}
