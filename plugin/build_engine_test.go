package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

const loadedID = "sha256:3333333333333333333333333333333333333333333333333333333333333333"

// What a builder elsewhere has made and the engine has loaded is named by the engine.
func TestTheIDOfALoadedImage(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		moby    bool
		answers map[string]string
		want    string
	}{
		"loaded":              {[]string{"-t", "mine"}, false, map[string]string{"/images/mine/json": `{"Id":"` + loadedID + `"}`}, loadedID},
		"the engine's own":    {[]string{"-t", "mine"}, true, map[string]string{"/images/mine/json": `{"Id":"` + loadedID + `"}`}, imageDigest},
		"pushed, not loaded":  {[]string{"-t", "mine", "--push"}, false, map[string]string{"/images/mine/json": `{"Id":"` + loadedID + `"}`}, imageDigest},
		"into a file":         {[]string{"-t", "mine", "-o", "type=oci,dest=a.tar"}, false, map[string]string{"/images/mine/json": `{"Id":"` + loadedID + `"}`}, imageDigest},
		"without a name":      {nil, false, nil, imageDigest},
		"not found any more":  {[]string{"-t", "mine"}, false, nil, imageDigest},
		"an answer that none": {[]string{"-t", "mine"}, false, map[string]string{"/images/mine/json": `{"Id":`}, imageDigest},
	} {
		t.Run(name, func(t *testing.T) {
			r, out, _ := building(t, append(c.args, "-q")...)
			t.Setenv("DOCKER_CONTEXT", "")
			t.Setenv("DOCKER_HOST", engineAt(t, "unix", c.answers))
			assert.NilError(t, r.cli.(*command.DockerCli).Initialize(cliflags.NewClientOptions()))
			r.plans = []resolve.Plan{planOf("linux/amd64")}
			assert.NilError(t, r.finish(t.Context(), &solve.Builder{Moby: c.moby, OCIStore: true}, engine.Open(r.cli), reported(amd64(tier1()))))
			assert.Equal(t, out.String(), c.want+"\n")
		})
	}
}

// An engine that answers and has no BuildKit, or breaks off: told as a builder that cannot
// be used, soon, and nothing is left behind.
func TestEnginesThatCannotBuild(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"without BuildKit": small(),
		"nothing at all":   {},
		"nonsense":         {"/info": "<html>", "/version": "[]", "/grpc": "no", "/session": "no"},
	} {
		t.Run(name, func(t *testing.T) {
			offline(t)
			t.Setenv("DOCKER_HOST", engineAt(t, "unix", answers))
			dir := projectOf(t, map[string]string{"requirements.txt": "idna\n"})
			began := time.Now()
			r := run(t, "build", "--torch=2.14.0", "--target-gpu=h100", "--target-driver=580", "--progress=plain", "--iidfile", filepath.Join(dir, "iid"), "--metadata-file", filepath.Join(dir, "meta"), dir)
			assert.Equal(t, r.code, exitFailed, r.err)
			assert.Equal(t, r.out, "")
			assert.Assert(t, strings.Contains(r.err, `docker gpu: builder "default" cannot be used: `), r.err)
			assert.Assert(t, time.Since(began) < 20*time.Second)
			left, err := os.ReadDir(dir)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 1, "%v", left)
		})
	}
}
