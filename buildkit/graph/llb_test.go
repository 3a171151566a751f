package graph

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

// full is an input with everything that makes a vertex.
func full() Input {
	in := sample()
	in.AptPackages = []string{"ffmpeg"}
	in.Parents = []string{"/usr/lib/python3/dist-packages"}
	in.Proxy = map[string]string{"HTTPS_PROXY": "http://me:secret@proxy.example.com", "NO_PROXY": "localhost"}
	return in
}

func TestLLBHasEveryOperation(t *testing.T) {
	for name, in := range map[string]Input{"torch": full(), "cuda-only": cudaOnly()} {
		data, err := LLB(context.Background(), in)
		assert.NilError(t, err)
		var listed []struct {
			Op struct {
				Inputs []struct{ Digest string } `json:"inputs"`
			}
			Digest     string
			OpMetadata struct {
				Description map[string]string `json:"description"`
			}
		}
		assert.NilError(t, json.Unmarshal(data, &listed))
		def, err := in.Runtime().Marshal(context.Background(), llb.LinuxAmd64)
		assert.NilError(t, err)
		assert.Equal(t, len(listed), len(def.Def), name)
		var seen []string
		for i, op := range listed {
			// By name: BuildKit's client makes the project's source a new one each time.
			assert.Equal(t, op.OpMetadata.Description["llb.customname"], def.Metadata[digest.FromBytes(def.Def[i])].Description["llb.customname"])
			// Bottom up, so that a reader finds what an operation is made of.
			for _, input := range op.Op.Inputs {
				assert.Assert(t, slices.Contains(seen, input.Digest), "%s: an input of %q is missing", name, op.OpMetadata.Description["llb.customname"])
			}
			seen = append(seen, op.Digest)
		}
	}
	in := sample()
	in.Plan.Platform = "not a platform"
	_, err := LLB(context.Background(), in)
	assert.ErrorContains(t, err, "not a platform")
}

func TestEveryStepWithoutARouteHasNoNetwork(t *testing.T) {
	for name, list := range ops(t, full().Runtime()) {
		for _, op := range list {
			e := op.GetExec()
			if e == nil {
				continue
			}
			routes := 0
			for _, m := range e.Mounts {
				if m.MountType == pb.MountType_SECRET {
					routes++
					assert.Assert(t, m.SecretOpt.Optional, "%s: a build without %s fails", name, m.SecretOpt.ID)
				}
			}
			if routes == 0 {
				assert.Equal(t, e.Network, pb.NetMode_NONE, name)
			}
			assert.Equal(t, e.Meta.User, "root", name)
		}
	}
}

// A proxy's credentials must not end up in the image or in a cache key: BuildKit keeps
// ProxyEnv out of both, Env in both.
func TestProxiesAreNoEnvironment(t *testing.T) {
	proxied := 0
	for name, list := range ops(t, full().Runtime()) {
		for _, op := range list {
			if e := op.GetExec(); e != nil {
				assert.Assert(t, !strings.Contains(strings.Join(append(e.Meta.Env, e.Meta.Args...), "\n"), "proxy.example.com"), name)
				if e.Meta.ProxyEnv != nil {
					proxied++
					assert.Equal(t, e.Meta.ProxyEnv.HttpsProxy, "http://me:secret@proxy.example.com", name)
					assert.Equal(t, e.Meta.ProxyEnv.NoProxy, "localhost", name)
				}
			}
		}
	}
	assert.Equal(t, proxied, 5, "apt, uv and three layers of wheels use the network")
}

func TestParentsReachTheEnvironmentOnly(t *testing.T) {
	all := ops(t, full().Runtime())
	assert.Assert(t, contains(all["[python] /opt/venv"][0].GetExec().Meta.Args, "/usr/lib/python3/dist-packages"))
	assert.Assert(t, !contains(all["[wheel] torch 1.0 (524MB)"][0].GetExec().Meta.Args, "/usr/lib/python3/dist-packages"), "its layer is shared with images that have none")
}

func TestWithoutAProjectNothingIsSent(t *testing.T) {
	sends := func(in Input) (n int) {
		for _, list := range ops(t, in.Runtime()) {
			for _, op := range list {
				if s := op.GetSource(); s != nil && strings.HasPrefix(s.Identifier, "local://") {
					n++
					assert.Equal(t, s.Identifier, "local://"+ProjectLocal)
					assert.Equal(t, s.Attrs[pb.AttrExcludePatterns], `[".git"]`)
				}
			}
		}
		return n
	}
	in := sample()
	assert.Equal(t, sends(in), 1)
	in.Project = false
	assert.Equal(t, sends(in), 0)
}

// taken is the mount that a state is, of the step that makes it.
func taken(t *testing.T, st llb.State) (*pb.ExecOp, *pb.Mount) {
	t.Helper()
	def, err := st.Marshal(context.Background(), llb.LinuxAmd64)
	assert.NilError(t, err)
	read := func(data []byte) *pb.Op {
		op := &pb.Op{}
		assert.NilError(t, op.Unmarshal(data))
		return op
	}
	end := read(def.Def[len(def.Def)-1]).Inputs[0]
	for _, data := range def.Def {
		if digest.FromBytes(data).String() == end.Digest {
			e := read(data).GetExec()
			for _, m := range e.Mounts {
				if m.Output == end.Index {
					return e, m
				}
			}
		}
	}
	t.Fatal("no step makes it")
	return nil, nil
}

// A CDI device leaves mount points in the root of the step that has it.
func TestOnlyTheResultLeavesAProof(t *testing.T) {
	in := sample()
	v := VerifyInput{Python: "python3", User: "1000:1000", Device: "nvidia.com/gpu=all"}
	_, m := taken(t, in.Verify(in.Packages(), v))
	assert.Equal(t, m.Dest, outDir)
	assert.Assert(t, strings.HasPrefix(outDir+ResultFile, m.Dest+"/"))
	in = cudaOnly()
	e, m := taken(t, in.Verify(in.Packages(), v))
	assert.Equal(t, m.Dest, outDir)
	assert.Equal(t, e.Meta.User, "root", "the tool image does not know the image's user")
	for _, m := range e.Mounts {
		if m.Dest == imageDir {
			assert.Assert(t, m.Readonly, "a proof must not change what it looks at")
		}
	}
}

func TestAProofWithoutADeviceAsksForNone(t *testing.T) {
	in := sample()
	e, _ := taken(t, in.Verify(in.Packages(), VerifyInput{Python: "python3", User: "1000:1000", Env: []string{"PATH=/opt/venv/bin", "EMPTY="}}))
	assert.Equal(t, len(e.CdiDevices), 0)
	assert.Equal(t, e.Network, pb.NetMode_NONE)
	assert.Assert(t, contains(e.Meta.Env, "PATH=/opt/venv/bin") && contains(e.Meta.Env, "EMPTY="), "%v", e.Meta.Env)
	for _, m := range e.Mounts {
		assert.Assert(t, m.MountType != pb.MountType_SECRET, "a proof runs the user's packages")
	}
}

func TestLayersLeaveTheStepAlone(t *testing.T) {
	in := sample()
	for _, p := range in.Pieces() {
		_, m := taken(t, p.State)
		assert.Equal(t, m.Dest, layerDir, p.Name)
	}
}
