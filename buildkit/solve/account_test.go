package solve

import (
	"testing"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gw "github.com/moby/buildkit/frontend/gateway/client"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
)

func TestOwnersThatNeedNoLookUp(t *testing.T) {
	for user, want := range map[string]string{
		"": "1000:1000", "root": "0:0", "0": "0:0", "0:0": "0:0", "70": "70:70", "70:71": "70:71",
	} {
		r := &run{Request: &Request{Spec: spec.Spec{User: user}}}
		in := graph.Input{}
		assert.NilError(t, r.account(t.Context(), &parts{}, &in), user)
		assert.Equal(t, in.Owner, want, user)
		assert.Equal(t, in.Account != nil, user == "", "only the default account is created: %q", user)
		// What runs is what owns the files, or what the user said.
		wished := r.imageWish(in).User
		if user == "" {
			assert.Equal(t, wished, want)
		} else {
			assert.Equal(t, wished, user)
		}
	}
}

func TestTimeOfAnImage(t *testing.T) {
	assert.Equal(t, (&Request{}).created(), graph.Epoch())
	then := time.Unix(1700000000, 0)
	assert.Equal(t, (&Request{Created: then}).created(), then)
}

func TestInterpreterOfAnImage(t *testing.T) {
	p := &parts{probed: &probed{Executable: "/usr/local/bin/python3"}}
	in := graph.Input{Lock: &lock.Platform{}}
	assert.Equal(t, p.python(in), "/usr/local/bin/python3")
	in.Lock.Wheels = []lock.Wheel{{Name: "idna"}}
	assert.Equal(t, p.python(in), graph.Venv+"/bin/python")
}

func TestEverySolveLooksIntoTheCaches(t *testing.T) {
	solved := func(imports string) []gw.CacheOptionsEntry {
		fake := &gateway{imports: imports}
		g, err := withImports(fake)
		assert.NilError(t, err)
		_, err = solveState(t.Context(), g, llb.Scratch().File(llb.Mkdir("/x", 0o755), llb.WithCustomName("any")), amd64)
		assert.NilError(t, err)
		return fake.requests[0].CacheImports
	}
	assert.Equal(t, len(solved("")), 0)
	assert.DeepEqual(t, solved(`[{"Type":"registry","Attrs":{"ref":"r.example.com/cache"}},{"Type":"gha","Attrs":{}}]`),
		[]gw.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": "r.example.com/cache"}}, {Type: "gha", Attrs: map[string]string{}}})
	_, err := withImports(&gateway{imports: "no JSON"})
	assert.ErrorContains(t, err, "--cache-from")
}

func TestCachesAreHandedOn(t *testing.T) {
	from := []bkclient.CacheOptionsEntry{{Type: "local"}}
	opt, err := (&Request{CacheFrom: from, CacheTo: from}).solveOpt(&Builder{})
	assert.NilError(t, err)
	assert.DeepEqual(t, opt.CacheImports, from)
	assert.DeepEqual(t, opt.CacheExports, from)
}
