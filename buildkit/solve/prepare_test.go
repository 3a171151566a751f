package solve

import (
	"errors"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
)

const python312 = "docker.io/library/python:3.12"

// packagesOnly is a plan of an image with packages and no PyTorch.
func packagesOnly() resolve.Plan {
	return resolve.Plan{Platform: "linux/amd64", Base: "python:3.12"}
}

// pylock is uv's answer with these packages, "idna 3.10".
func pylock(packages ...string) string {
	var b strings.Builder
	for _, p := range packages {
		name, version, _ := strings.Cut(p, " ")
		b.WriteString("[[packages]]\nname = \"" + name + "\"\nversion = \"" + version + "\"\nwheels = [{url = \"https://x/" + name + "-" + version + ".whl\", size = 5, hashes = {sha256 = \"" + strings.Repeat("d", 64) + "\"}}]\n")
	}
	return b.String()
}

// choosing is a builder on which uv chooses these packages.
func choosing(packages ...string) *gateway {
	g := withPython()
	g.files["[resolve]"] = files{"/pylock.toml": pylock(packages...)}
	return g
}

func idna() *Request { return &Request{Spec: spec.Spec{Packages: []string{"idna"}}} }

// ready prepares a request on a builder.
func ready(t *testing.T, g *gateway, r *Request, plan resolve.Plan) (graph.Input, *parts, error) {
	t.Helper()
	return (&run{Request: r, builder: &Builder{Name: "mine", Moby: true}}).prepare(t.Context(), g, amd64, plan)
}

func TestPrepareLocksWhatItFinds(t *testing.T) {
	g := choosing("idna 3.10")
	in, p, err := ready(t, g, idna(), packagesOnly())
	assert.NilError(t, err)
	assert.DeepEqual(t, in.Lock, &lock.Platform{
		Inputs: map[string]string{"base": "python:3.12", "packages": "idna"},
		Base:   lock.Base{Ref: python312, Digest: sha("a").String(), Python: "3.12.7"},
		UV:     in.Lock.UV,
		Wheels: []lock.Wheel{{Name: "idna", Version: "3.10", File: "idna-3.10.whl", SHA256: strings.Repeat("d", 64), Size: 5}},
	})
	assert.Equal(t, p.python(in), graph.Venv+"/bin/python")
	assert.Equal(t, in.WorkDir, "/app")
	assert.Equal(t, in.Owner, "1000:1000")
	assert.Assert(t, in.Merge && !in.Project)
	assert.DeepEqual(t, g.found, []string{python312})

	// What was locked is neither looked at nor resolved again.
	again := choosing()
	again.images[python312+"@"+sha("a").String()] = again.images[python312]
	r := idna()
	r.Lock = &lock.Lock{Platforms: map[string]*lock.Platform{"linux/amd64": in.Lock}}
	r.Locked = true
	second, _, err := ready(t, again, r, packagesOnly())
	assert.NilError(t, err)
	assert.DeepEqual(t, second.Lock, in.Lock)
	assert.DeepEqual(t, again.found, []string{python312 + "@" + sha("a").String()})
	assert.Equal(t, len(again.titles), 0, "%q", again.titles)
}

func TestPrepareWithoutPackages(t *testing.T) {
	in, p, err := ready(t, withPython(), &Request{Spec: spec.Spec{WorkDir: "/srv"}, Dir: "/project", Exclude: []string{".git"}}, packagesOnly())
	assert.NilError(t, err)
	assert.Equal(t, len(in.Lock.Wheels), 0)
	assert.Equal(t, in.Lock.UV, lock.Tool{}, "nothing was installed by it")
	assert.Equal(t, p.python(in), "/usr/local/bin/python3", "the base's own")
	assert.Equal(t, in.WorkDir, "/srv")
	assert.Assert(t, in.Project)
	assert.DeepEqual(t, in.Exclude, []string{".git"})
	assert.Equal(t, in.SharedKey, "docker-gpu:/project")
}

func TestModesOfLookingForImages(t *testing.T) {
	for _, c := range []struct {
		moby, pull bool
		want       string
	}{{false, false, "default"}, {true, false, "local"}, {true, true, "pull"}, {false, true, "pull"}} {
		g := withPython()
		_, _, err := (&run{Request: &Request{Pull: c.pull}, builder: &Builder{Moby: c.moby}}).prepare(t.Context(), g, amd64, packagesOnly())
		assert.NilError(t, err)
		assert.Equal(t, g.opts[0].ImageOpt.ResolveMode, c.want)
	}
}

// An engine's own image is known by name, so it may have become another one.
func TestALocalBaseThatChanged(t *testing.T) {
	local := func() *gateway {
		g := choosing("idna 3.10")
		g.images[python312] = registered{config: configOf("PATH=/usr/local/bin")}
		return g
	}
	in, _, err := ready(t, local(), idna(), packagesOnly())
	assert.NilError(t, err)
	assert.Assert(t, in.Lock.Base.Local)

	same := idna()
	same.Lock, same.Locked = &lock.Lock{Platforms: map[string]*lock.Platform{"linux/amd64": in.Lock}}, true
	_, _, err = ready(t, local(), same, packagesOnly())
	assert.NilError(t, err)

	other := func() *gateway {
		g := local()
		g.images[python312] = registered{config: configOf("PATH=/usr/local/bin", "NEW=1")}
		g.files["[resolve]"] = files{"/pylock.toml": pylock("idna 3.11")}
		return g
	}
	_, _, err = ready(t, other(), same, packagesOnly())
	drift, ok := errors.AsType[*DriftError](err)
	assert.Assert(t, ok, "%v", err)
	assert.DeepEqual(t, *drift, DriftError{"linux/amd64", []string{"base changed"}})
	same.Locked = false
	in, _, err = ready(t, other(), same, packagesOnly())
	assert.NilError(t, err)
	assert.Equal(t, in.Lock.Wheels[0].Version, "3.11", "resolved anew")
}

// CUDA's libraries are put on a base that has no Python, by a tool that has.
func TestPrepareWithATool(t *testing.T) {
	plan := resolve.Plan{Platform: "linux/amd64", Base: "debian:13", ToolBase: "python:3.12", CUDAPackages: []string{"nvidia-cublas==13.0"}}
	g := choosing("nvidia-cublas 13.0")
	in, p, err := ready(t, g, &Request{}, plan)
	assert.NilError(t, err)
	assert.DeepEqual(t, g.found, []string{"docker.io/library/debian:13", python312})
	assert.DeepEqual(t, in.Lock.Base, lock.Base{Ref: "docker.io/library/debian:13", Digest: sha("b").String()})
	assert.DeepEqual(t, in.Lock.ToolBase, &lock.Base{Ref: python312, Digest: sha("a").String(), Python: "3.12.7"})
	assert.Equal(t, p.probed.Python, "3.12.7")

	// From the lock both come by digest.
	again := choosing()
	again.images["docker.io/library/debian:13@"+sha("b").String()] = again.images["docker.io/library/debian:13"]
	again.images[python312+"@"+sha("a").String()] = again.images[python312]
	_, p, err = ready(t, again, &Request{Lock: &lock.Lock{Platforms: map[string]*lock.Platform{"linux/amd64": in.Lock}}}, plan)
	assert.NilError(t, err)
	assert.Equal(t, p.probed.Python, "3.12.7", "as the lock remembers it")
	assert.Equal(t, len(again.titles), 0, "%q", again.titles)

	delete(g.images, python312)
	_, _, err = ready(t, g, &Request{}, plan)
	assert.ErrorContains(t, err, "base image "+python312+" does not exist")
}

// The base's Python and PyTorch are seen only here; what does not fit is said before
// anything is resolved.
func TestPrepareOfABaseThatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*resolve.Plan)
		says   string
	}{
		"another Python": {func(p *resolve.Plan) { p.Python = "3.13" }, "base image " + python312 + " has Python 3.12.7, not the 3.13 that was asked for; drop --python or choose another --base"},
		"no torch":       {func(p *resolve.Plan) { p.Torch = &resolve.Torch{InBase: true} }, "base image " + python312 + " holds no torch in its /usr/local/bin/python3; drop --torch=base to have it installed"},
		"no base":        {func(p *resolve.Plan) { p.Base = "none:1" }, "base image docker.io/library/none:1 does not exist, or is private: check --base, or run `docker login` for its registry: docker.io/library/none:1: not found"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := packagesOnly()
			c.change(&plan)
			g := choosing("idna 3.10")
			_, _, err := ready(t, g, idna(), plan)
			assert.Error(t, err, c.says)
			for _, title := range g.titles {
				assert.Assert(t, !strings.Contains(title, "[resolve]"), title)
			}
		})
	}
}

func TestPrepareOfPyTorchInTheBase(t *testing.T) {
	g := choosing("idna 3.10", "numpy 2.3", "torch 2.14.0+cu130")
	g.files["[base] look at its Python"] = files{"/probe.json": `{"python":"3.12.7","executable":"/opt/conda/bin/python","installed":{"torch":"2.14.0+cu130","NumPy":"2.3"},"sitePackages":["/opt/conda/lib"]}`}
	plan := packagesOnly()
	plan.Torch = &resolve.Torch{InBase: true}
	in, _, err := ready(t, g, idna(), plan)
	assert.NilError(t, err)
	assert.DeepEqual(t, in.Parents, []string{"/opt/conda/lib"})
	assert.Equal(t, len(in.Lock.Wheels), 1, "what the base has is not installed again: %v", in.Lock.Wheels)
	assert.Equal(t, in.Lock.Wheels[0].Name, "idna")
	ask := request(t, g)
	assert.DeepEqual(t, ask.Constraints, []string{"NumPy==2.3", "torch==2.14.0"})

	// The base is asked each time: a lock does not know where its packages are.
	again := choosing("idna 3.10")
	again.files["[base] look at its Python"] = g.files["[base] look at its Python"]
	again.images[python312+"@"+sha("a").String()] = again.images[python312]
	r := idna()
	r.Lock, r.Locked = &lock.Lock{Platforms: map[string]*lock.Platform{"linux/amd64": in.Lock}}, true
	in, _, err = ready(t, again, r, plan)
	assert.NilError(t, err)
	assert.DeepEqual(t, in.Parents, []string{"/opt/conda/lib"})
}

// Whose files are: a name is looked up in the base, as the engine will do it.
func TestOwnersThatAreLookedUp(t *testing.T) {
	for user, want := range map[string]string{
		"www-data":       "33:34",
		"www-data:video": "33:44", // the group that was asked for, not the user's own
		"www-data:100":   "33:100",
		"1000:video":     "1000:44",
		"root:root":      "0:0",
		"70:71":          "70:71",
	} {
		in, _, err := ready(t, withPython(), &Request{Spec: spec.Spec{User: user}}, packagesOnly())
		assert.NilError(t, err, user)
		assert.Equal(t, in.Owner, want, user)
		assert.Assert(t, in.Account == nil)
	}
	for user, says := range map[string]string{
		"nobody":        "--user nobody: base image " + python312 + " has no user nobody; give a number, or leave --user out for an unprivileged user that the build makes",
		"www-data:none": "--user www-data:none: base image " + python312 + " has no group none; give a number",
		"70:none":       "--user 70:none: base image " + python312 + " has no group none; give a number",
	} {
		_, _, err := ready(t, withPython(), &Request{Spec: spec.Spec{User: user}}, packagesOnly())
		assert.Error(t, err, says)
	}
}

func TestBasesWhoseUsersCannotBeRead(t *testing.T) {
	const python = "/usr/local/bin/python3"
	for name, c := range map[string]struct {
		base files
		user string
		says string
	}{
		"no passwd":     {files{python: ""}, "app", "--user app: base image " + python312 + " has no /etc/passwd to look the name up in; give a number"},
		"no group file": {files{python: "", "/etc/passwd": "app:x:1:1::/:\n"}, "app:video", "--user app:video: base image " + python312 + " has no /etc/group to look the name up in; give a number"},
		"half a line":   {files{python: "", "/etc/passwd": "app:x:1\n"}, "app", "--user app: base image " + python312 + " has no user app; give a number, or leave --user out for an unprivileged user that the build makes"},
		// It would become a line of a Dockerfile.
		"no number": {files{python: "", "/etc/passwd": "app:x:1 --link:1::/:\n"}, "app", `--user app: base image ` + python312 + ` has "1 --link:1" for app in /etc/passwd, which is no number; give one`},
	} {
		t.Run(name, func(t *testing.T) {
			g := withPython()
			g.files["[base] docker.io/library/python:3.12"] = c.base
			_, _, err := ready(t, g, &Request{Spec: spec.Spec{User: c.user}}, packagesOnly())
			assert.Error(t, err, c.says)
		})
	}
}

// A package from source may need what --apt brings, so uv is asked on top of it.
func TestPackagesAreChosenOnTopOfApt(t *testing.T) {
	r := idna()
	r.Spec.Apt = []string{"build-essential"}
	g := choosing("idna 3.10")
	_, _, err := ready(t, g, r, packagesOnly())
	assert.NilError(t, err)
	var apt bool
	for i, title := range g.titles {
		if strings.HasPrefix(title, "[resolve]") {
			for _, meta := range g.requests[i].Definition.Metadata {
				apt = apt || meta.GetDescription()["llb.customname"] == "[apt] build-essential"
			}
		}
	}
	assert.Assert(t, apt)
}

func TestNetworkAndCacheReachTheSteps(t *testing.T) {
	r := idna()
	r.Network, r.NoCache = "host", true
	g := choosing("idna 3.10")
	in, _, err := ready(t, g, r, packagesOnly())
	assert.NilError(t, err)
	assert.Assert(t, in.NoCache)
	assert.Equal(t, g.step(t, "[resolve]").GetExec().Network, pb.NetMode_HOST)
	assert.Equal(t, g.step(t, "look at its Python").GetExec().Network, pb.NetMode_NONE)
	assert.Assert(t, in.Images(python312, "").Output() != nil)
	_, err = in.Images(python312, "").Marshal(t.Context(), llb.Platform(amd64))
	assert.NilError(t, err)
}
