package buildkit

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bkclient "github.com/moby/buildkit/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// fakeEngine answers as told and notes what it is asked.
type fakeEngine struct {
	route   *engine.Route
	gpusErr error
	asked   []string
	// removing is what had become of the context by the time of Remove.
	removing error
}

func (e *fakeEngine) note(s string) { e.asked = append(e.asked, s) }

func (e *fakeEngine) GPUs(context.Context) (*engine.Route, error) {
	e.note("gpus")
	return e.route, e.gpusErr
}

func (e *fakeEngine) Load(_ context.Context, r io.Reader) error {
	e.note("load")
	_, err := io.Copy(io.Discard, r)
	return err
}

func (e *fakeEngine) Push(_ context.Context, image string) (string, error) {
	e.note("push " + image)
	return "sha256:33", nil
}

func (e *fakeEngine) Remove(ctx context.Context, image string) error {
	e.removing = ctx.Err()
	e.note("remove " + image)
	return nil
}

func (e *fakeEngine) Output(context.Context, engine.Worker) ([]byte, error) {
	e.note("run")
	return nil, errors.New("nothing runs here")
}

// watch is a display that shows nothing.
func watch(status <-chan *bkclient.SolveStatus) error {
	for range status {
	}
	return nil
}

// deaf is a builder that has no client and refuses attestations, which every wish
// here has: a build that comes as far as the builder ends with errDeaf's words.
func deaf() *solve.Builder { return &solve.Builder{Name: "deaf"} }

const errDeaf = `builder "deaf" cannot attach attestations`

func wish(mode verify.Mode, torch bool, platforms ...string) *Wish {
	w := &Wish{Tags: []string{"mine"}, Outputs: []solve.Output{{Type: "image"}}}
	w.Verify, w.Attests = mode, map[string]string{"sbom": ""}
	for _, p := range platforms {
		plan := resolve.Plan{Platform: p}
		if torch {
			plan.Torch = &resolve.Torch{Version: "2.14.0"}
		}
		w.Plans = append(w.Plans, plan)
	}
	return w
}

func TestBuildAsksTheEngineForGPUsOnlyWhereItMust(t *testing.T) {
	route := &engine.Route{CDI: []string{"nvidia.com/gpu=all"}}
	down := errors.New("the engine does not answer")
	for name, c := range map[string]struct {
		mode  verify.Mode
		torch bool
		gpu   string // of the builder
		route *engine.Route
		err   error // of the engine
		says  []string
		asked string
	}{
		"require without PyTorch":       {verify.Require, false, "", route, nil, []string{"takes PyTorch", "--verify=cpu"}, ""},
		"require, and the engine down":  {verify.Require, true, "", nil, down, []string{`--verify=require: the builder "deaf" has no GPU`, "the engine does not answer"}, "gpus"},
		"require without a GPU":         {verify.Require, true, "", nil, nil, []string{"neither the builder", `"deaf"`, "docker info"}, "gpus"},
		"require, the builder's GPU":    {verify.Require, true, "nvidia.com/gpu=all", nil, down, []string{errDeaf}, ""},
		"auto, and the engine down":     {verify.Auto, true, "", nil, down, []string{errDeaf}, "gpus"},
		"auto without a GPU":            {verify.Auto, true, "", nil, nil, []string{errDeaf}, "gpus"},
		"auto without PyTorch":          {verify.Auto, false, "nvidia.com/gpu=all", route, nil, []string{errDeaf}, ""},
		"auto, the builder's GPU":       {verify.Auto, true, "nvidia.com/gpu=all", route, nil, []string{errDeaf}, ""},
		"cpu leaves every GPU alone":    {verify.CPU, true, "nvidia.com/gpu=all", route, nil, []string{errDeaf}, ""},
		"off leaves every GPU alone":    {verify.Off, true, "", route, nil, []string{errDeaf}, ""},
		"off without PyTorch, no error": {verify.Off, false, "", nil, down, []string{errDeaf}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, b := &fakeEngine{route: c.route, gpusErr: c.err}, deaf()
			b.GPU = c.gpu
			_, err := Build(t.Context(), b, e, wish(c.mode, c.torch, "linux/amd64"), watch)
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
			assert.Equal(t, strings.Join(e.asked, ", "), c.asked)
		})
	}
}

// One container proves one platform: that goes on, but is said.
func TestSeveralPlatformsAreNotProvenOnTheEnginesGPU(t *testing.T) {
	e := &fakeEngine{route: &engine.Route{Runtime: true}}
	_, err := Build(t.Context(), deaf(), e, wish(verify.Require, true, "linux/amd64", "linux/arm64"), watch)
	assert.ErrorContains(t, err, "--verify=require: on the engine's GPUs an image is proven for one platform at a time")
	_, err = Build(t.Context(), deaf(), e, wish(verify.Auto, true, "linux/amd64", "linux/arm64"), watch)
	assert.ErrorContains(t, err, "builder \"deaf\" cannot make one image for several platforms")
	assert.DeepEqual(t, e.asked, []string{"gpus", "gpus"})
}

// An emulated program has no GPU, so there is no proof to be had, nor to be claimed.
func TestAnEmulatedPlatformIsNotProvenOnTheBuildersGPU(t *testing.T) {
	b, e := deaf(), &fakeEngine{}
	b.GPU, b.MultiPlatform = "nvidia.com/gpu=all", true
	b.Platforms = []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
	for _, platforms := range [][]string{{"linux/arm64"}, {"linux/amd64", "linux/arm64"}} {
		_, err := Build(t.Context(), b, e, wish(verify.Require, true, platforms...), watch)
		assert.ErrorContains(t, err, `--verify=require: the builder "deaf" only emulates linux/arm64`)
		assert.ErrorContains(t, err, "--builder")
		assert.Equal(t, len(e.asked), 0)
	}
	plans := wish(verify.Auto, true, "linux/amd64", "linux/arm64").Plans
	assert.Equal(t, withoutGPU(emulated(b, plans)), "that the image computes on a GPU was not proven for linux/arm64, which the builder only emulates")
	assert.Equal(t, withoutGPU(emulated(b, plans[:1])), "")
	assert.Equal(t, withoutGPU(emulated(deaf(), plans)), "", "a builder that tells no platforms is taken for one that runs all")

	// Nor is the engine's GPU tried for it.
	b.GPU, b.MultiPlatform = "", false
	e.route = &engine.Route{Runtime: true}
	_, err := Build(t.Context(), b, e, wish(verify.Auto, true, "linux/arm64"), watch)
	assert.ErrorContains(t, err, errDeaf)
	assert.DeepEqual(t, e.asked, []string{"gpus"})
}

func TestAFailedBuildIsNeitherRunNorPushed(t *testing.T) {
	e, b := &fakeEngine{route: &engine.Route{Runtime: true}}, deaf()
	b.Moby = true
	w := wish(verify.Auto, true, "linux/amd64")
	w.Outputs = []solve.Output{{Type: "registry"}}
	_, err := Build(t.Context(), b, e, w, watch)
	assert.ErrorContains(t, err, errDeaf)
	w.Verify = verify.CPU
	_, err = Build(t.Context(), b, e, w, watch)
	assert.ErrorContains(t, err, errDeaf)
	for _, asked := range e.asked {
		assert.Assert(t, asked != "run" && !strings.HasPrefix(asked, "push"), "%v", e.asked)
	}
}

// The engine may hold the image by the time that the build fails or is
// interrupted, so its passing name is taken away in any case.
func TestAFailedProofLeavesNoImage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &fakeEngine{route: &engine.Route{Runtime: true}}
	_, err := Build(ctx, deaf(), e, wish(verify.Auto, true, "linux/amd64"), watch)
	assert.Assert(t, err != nil)
	assert.Equal(t, len(e.asked), 2, "%v", e.asked)
	assert.Assert(t, strings.HasPrefix(e.asked[1], "remove docker-gpu-verify:"), "%v", e.asked)
	assert.NilError(t, e.removing, "an interrupted build still has to clean up")
}

// What cannot be exported is said before anything is built or shown.
func TestOutputsAreCheckedBeforeTheBuild(t *testing.T) {
	shown := false
	show := func(status <-chan *bkclient.SolveStatus) error { shown = true; return watch(status) }
	w := wish(verify.Off, true, "linux/amd64")
	w.Outputs = []solve.Output{{Type: "local"}}
	_, err := Build(t.Context(), deaf(), &fakeEngine{}, w, show)
	assert.ErrorContains(t, err, "takes dest=DIRECTORY")
	assert.Assert(t, !shown)
}

func TestAFailedBuildLeavesNoFileAndEndsItsDisplay(t *testing.T) {
	dir := t.TempDir()
	ended := make(chan struct{})
	show := func(status <-chan *bkclient.SolveStatus) error {
		defer close(ended)
		return errors.Join(watch(status), errors.New("no terminal"))
	}
	w := wish(verify.Off, true, "linux/amd64")
	w.Outputs = []solve.Output{{Type: "oci", Dest: filepath.Join(dir, "image.tar")}}
	_, err := Build(t.Context(), deaf(), &fakeEngine{}, w, show)
	assert.ErrorContains(t, err, errDeaf)
	assert.Assert(t, !strings.Contains(err.Error(), "no terminal"), "the build's error is the one that helps: %v", err)
	<-ended
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

func TestInspectingEndsItsDisplayToo(t *testing.T) {
	_, _, err := Graph(t.Context(), deaf(), wish(verify.Auto, true, "linux/amd64"), watch)
	assert.ErrorContains(t, err, errDeaf)
}

func TestNotAsked(t *testing.T) {
	assert.Equal(t, notAsked(verify.Off, true), "nothing was proven (--verify=off)")
	assert.Equal(t, notAsked(verify.Off, false), "nothing was proven (--verify=off)")
	assert.Equal(t, notAsked(verify.CPU, true), "that the image computes on a GPU was not proven (--verify=cpu)")
	for _, mode := range []verify.Mode{verify.Auto, verify.CPU} {
		assert.Equal(t, notAsked(mode, false), "without PyTorch nothing was computed: only the libraries were checked")
	}
}

func TestSalt(t *testing.T) {
	machine := func(driver string, gpus ...host.GPU) *host.Host {
		return &host.Host{Driver: host.Driver{Version: driver}, GPUs: gpus}
	}
	first, second := host.GPU{UUID: "GPU-1", Name: "NVIDIA H200"}, host.GPU{UUID: "GPU-2", Name: "NVIDIA H200"}
	known := Salt(machine("580.65.06", first))
	assert.Equal(t, Salt(machine("580.65.06", first)), known)
	// Memory and place in the list are no other GPU.
	assert.Equal(t, Salt(machine("580.65.06", host.GPU{UUID: "GPU-1", Name: "NVIDIA H200", Index: 3, Memory: 1})), known)
	for name, other := range map[string]*host.Host{
		"a new driver":  machine("580.95.05", first),
		"another GPU":   machine("580.65.06", second),
		"one GPU more":  machine("580.65.06", first, second),
		"another model": machine("580.65.06", host.GPU{UUID: "GPU-1", Name: "NVIDIA B200"}),
	} {
		assert.Assert(t, Salt(other) != known, name)
	}
	// What is not known may have changed, so the proof is made again.
	for name, unknown := range map[string]*host.Host{"nothing": nil, "no driver": machine("", first), "no GPU": machine("580.65.06")} {
		once, again := Salt(unknown), Salt(unknown)
		assert.Assert(t, once != again, name)
	}
}
