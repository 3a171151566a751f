package graph

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

func wheel(name string, size int64) lock.Wheel {
	return lock.Wheel{Name: name, Version: "1.0", File: name + "-1.0-py3-none-any.whl", SHA256: strings.Repeat(fmt.Sprintf("%x", len(name)%16), 64), Size: size}
}

func sample() Input {
	a := DefaultAccount()
	return Input{
		Steps: Steps{Platform: "linux/amd64"},
		Plan:  resolve.Plan{Platform: "linux/amd64", CUDA: "13.0", Torch: &resolve.Torch{Version: "2.14.0"}},
		Lock: &lock.Platform{
			Base:   lock.Base{Ref: "docker.io/library/python:3.12", Digest: "sha256:" + strings.Repeat("a", 64), Python: "3.12.1"},
			UV:     lock.Tool{Version: "0.1", SHA256: strings.Repeat("b", 64)},
			Wheels: []lock.Wheel{wheel("torch", 500<<20), wheel("idna", 1000), wheel("numpy", 16<<20)},
		},
		Account: &a, Owner: "1000:1000", WorkDir: "/app", Project: true, Exclude: []string{".git"}, Merge: true, Created: Epoch(),
		Images: func(ref, digest string) llb.State { return llb.Image(ref + "@" + digest) },
	}
}

// ops are the vertices of a state, by their display name.
func ops(t *testing.T, st llb.State) map[string][]*pb.Op {
	t.Helper()
	def, err := st.Marshal(context.Background(), llb.LinuxAmd64)
	assert.NilError(t, err)
	out := map[string][]*pb.Op{}
	for _, data := range def.Def {
		op := &pb.Op{}
		assert.NilError(t, op.Unmarshal(data))
		name := def.Metadata[digest.FromBytes(data)].Description["llb.customname"]
		out[name] = append(out[name], op)
	}
	return out
}

// digests are the vertices' digests by name: what a cache knows them by.
func digests(t *testing.T, st llb.State) map[string]digest.Digest {
	t.Helper()
	def, err := st.Marshal(context.Background(), llb.LinuxAmd64)
	assert.NilError(t, err)
	out := map[string]digest.Digest{}
	for _, data := range def.Def {
		d := digest.FromBytes(data)
		out[def.Metadata[d].Description["llb.customname"]] = d
	}
	return out
}

func TestWheelLayersDependOnNothingElse(t *testing.T) {
	one := sample()
	other := sample()
	other.Project, other.WorkDir, other.Owner, other.Account = false, "/srv", "0:0", nil
	other.Created = time.Unix(1, 0)
	other.Lock.Wheels = append(other.Lock.Wheels, wheel("rich", 2000))
	a, b := digests(t, one.Runtime()), digests(t, other.Runtime())
	for _, name := range []string{"[wheel] torch 1.0 (524MB)", "[wheel] numpy 1.0 (16.8MB)", "[python] /opt/venv"} {
		assert.Assert(t, a[name] != "", "%s is missing in %v", name, a)
		assert.Equal(t, a[name], b[name], name)
	}
	assert.Assert(t, a["[wheel] 1 small packages (1kB)"] != "")
	assert.Assert(t, b["[wheel] 2 small packages (3kB)"] != "")
}

func TestRuntimeNeverSeesAGPU(t *testing.T) {
	for _, merge := range []bool{true, false} {
		in := sample()
		in.Merge, in.AptPackages = merge, []string{"tree"}
		for name, list := range ops(t, in.Runtime()) {
			for _, op := range list {
				if e := op.GetExec(); e != nil {
					assert.Equal(t, len(e.CdiDevices), 0, name)
				}
			}
		}
	}
}

func TestMergeOnlyWhereAllowed(t *testing.T) {
	count := func(merge bool) (merges int) {
		in := sample()
		in.Merge = merge
		for _, list := range ops(t, in.Runtime()) {
			for _, op := range list {
				if op.GetMerge() != nil {
					merges++
				}
			}
		}
		return merges
	}
	assert.Equal(t, count(true), 1)
	assert.Equal(t, count(false), 0)
}

func TestVerifyHasTheDeviceAndNoNetwork(t *testing.T) {
	in := sample()
	v := VerifyInput{Program: []byte("p"), Config: []byte("{}"), Python: "/opt/venv/bin/python", User: "1000:1000", Env: []string{"PATH=/opt/venv/bin", "A=b=c"}, Device: "nvidia.com/gpu=all", Salt: "one"}
	steps := ops(t, in.Verify(in.Packages(), v))["[verify] on nvidia.com/gpu=all"]
	assert.Equal(t, len(steps), 1)
	e := steps[0].GetExec()
	assert.Equal(t, e.CdiDevices[0].Name, "nvidia.com/gpu=all")
	assert.Assert(t, !e.CdiDevices[0].Optional, "a device that is dropped silently proves nothing")
	assert.Equal(t, e.Network, pb.NetMode_NONE)
	assert.Equal(t, e.Meta.User, "1000:1000")
	assert.Equal(t, e.Meta.Args[0], "/opt/venv/bin/python")
	assert.Assert(t, contains(e.Meta.Env, "A=b=c") && contains(e.Meta.Env, "DOCKER_GPU_VERIFY_SALT=one"), "%v", e.Meta.Env)

	before := digests(t, in.Verify(in.Packages(), v))["[verify] on nvidia.com/gpu=all"]
	v.Salt = "another driver"
	assert.Assert(t, before != digests(t, in.Verify(in.Packages(), v))["[verify] on nvidia.com/gpu=all"])

	v.Device = ""
	assert.Equal(t, len(ops(t, in.Verify(in.Packages(), v))["[verify] without a GPU"]), 1)
}

func TestACodeChangeNeedsNoProof(t *testing.T) {
	a, b := sample(), sample()
	b.Exclude = []string{"other"}
	v := VerifyInput{Python: "python3", User: "1000:1000"}
	assert.Equal(t, digests(t, a.Verify(a.Packages(), v))["[verify] without a GPU"], digests(t, b.Verify(b.Packages(), v))["[verify] without a GPU"])
}

func TestRoutesAreSecretsAndOptional(t *testing.T) {
	in := sample()
	e := ops(t, in.Runtime())["[wheel] torch 1.0 (524MB)"][0].GetExec()
	ids := map[string]bool{}
	for _, m := range e.Mounts {
		if m.SecretOpt != nil {
			ids[m.SecretOpt.ID] = m.SecretOpt.Optional
		}
	}
	assert.DeepEqual(t, ids, map[string]bool{SecretIndex: true, SecretCA: true, SecretNetrc: true})
	for _, arg := range e.Meta.Args {
		assert.Assert(t, !strings.Contains(arg, "://"), arg)
	}
}

func TestTorchIndexOnlyForTorchsOwn(t *testing.T) {
	in := sample()
	in.Plan.Torch.Index = "https://download.pytorch.org/whl/cu126"
	in.Lock.Wheels[0].Torch = true
	all := ops(t, in.Runtime())
	assert.Assert(t, contains(all["[wheel] torch 1.0 (524MB)"][0].GetExec().Meta.Args, in.Plan.Torch.Index))
	assert.Assert(t, !contains(all["[wheel] numpy 1.0 (16.8MB)"][0].GetExec().Meta.Args, in.Plan.Torch.Index))
}

func TestNetworkModes(t *testing.T) {
	for mode, want := range map[string]pb.NetMode{"": pb.NetMode_UNSET, "host": pb.NetMode_HOST, "none": pb.NetMode_NONE} {
		in := sample()
		in.Network = mode
		assert.Equal(t, ops(t, in.Runtime())["[wheel] torch 1.0 (524MB)"][0].GetExec().Network, want, mode)
	}
}

func TestNoCacheReachesEveryStep(t *testing.T) {
	in := sample()
	in.NoCache = true
	def, err := in.Runtime().Marshal(context.Background(), llb.LinuxAmd64)
	assert.NilError(t, err)
	for _, data := range def.Def {
		op := &pb.Op{}
		assert.NilError(t, op.Unmarshal(data))
		if op.GetExec() != nil {
			assert.Assert(t, def.Metadata[digest.FromBytes(data)].IgnoreCache)
		}
	}
}

func TestCUDAOnlyTakesItsToolsElsewhere(t *testing.T) {
	in := sample()
	in.Plan = resolve.Plan{Platform: "linux/amd64", CUDA: "13.0", Python: "3.12", ToolBase: "python:3.12"}
	in.Lock.ToolBase = &lock.Base{Ref: "docker.io/library/python:3.12", Digest: "sha256:" + strings.Repeat("c", 64)}
	in.Lock.Base.Ref = "docker.io/library/debian:trixie-slim"
	all := ops(t, in.Runtime())
	assert.Equal(t, len(all["[python] /opt/venv"]), 0, "an image without Python takes no environment")
	v := ops(t, in.Verify(in.Packages(), VerifyInput{Python: "unused", User: "1000"}))["[verify] without a GPU"][0].GetExec()
	assert.Equal(t, v.Meta.Args[0], "python3")
	assert.Assert(t, contains(v.Meta.Args, "/image"), "%v", v.Meta.Args)
}

func TestLLBIsJSON(t *testing.T) {
	data, err := LLB(context.Background(), sample())
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(data), `"llb.customname": "[wheel] torch 1.0 (524MB)"`))
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}
