package resolve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// indexes are wheels of torch by the address of an index, "" for PyPI; an address that is
// not there has none. asked are the addresses in the order of asking.
type indexes struct {
	wheels map[string][]string
	broken map[string]error // by a part of the address
	asked  []string
}

func (x *indexes) Wheels(ctx context.Context, address, project string) ([]string, error) {
	if project != "torch" {
		return nil, fmt.Errorf("%s is asked for", project)
	}
	x.asked = append(x.asked, address)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for part, err := range x.broken {
		if strings.Contains(address, part) {
			return nil, err
		}
	}
	return x.wheels[address], nil
}

// on are wheels for a platform, of versions such as "2.14.1+cu126".
func on(arch string, versions ...string) (files []string) {
	for _, v := range versions {
		files = append(files, "torch-"+v+"-cp312-cp312-manylinux_2_28_"+arch+".whl")
	}
	return files
}

// asking makes a plan with an index that may be asked.
func asking(t *testing.T, x *indexes, line string) (Plan, error) {
	t.Helper()
	s, platform := wish(t, line)
	return Decide(t.Context(), s, host.Host{}, platform, x)
}

var newer = map[string][]string{"": append(on("x86_64", "9.1.0", "9.0.1", "9.2.0rc1", "2.14.1", "9.3.0.dev20271101"), on("aarch64", "9.0.1")...)}

func TestAReleaseThatNoTableKnows(t *testing.T) {
	for line, want := range map[string]string{
		"--torch=latest":                        "9.1.0",
		"--torch=9.1.0":                         "9.1.0",
		"--torch=9.1":                           "9.1.0",
		"--torch=9.0":                           "9.0.1",
		"--torch=9":                             "9.1.0",
		"--torch=9.0 --platform=linux/arm64":    "9.0.1",
		"--torch=9.1.0 --target-driver=580":     "9.1.0",
		"--torch=9.1 --python=3.12":             "9.1.0",
		"--torch=9.1 --index-url=https://other": "", // which has none
	} {
		x := &indexes{wheels: newer}
		p, err := asking(t, x, line)
		if want == "" {
			assert.ErrorContains(t, err, "--torch 9.1: does not exist on the index", line)
			assert.DeepEqual(t, x.asked, []string{"https://other"})
			continue
		}
		assert.NilError(t, err, line)
		assert.DeepEqual(t, p.Torch, &Torch{Version: want})
		assert.Equal(t, p.CUDA, "", "nobody knows which it has")
		assert.Equal(t, p.Warnings[0], "torch "+want+" is newer than docker gpu's tables: which GPUs and drivers it runs on only the verification tells")
		assert.Equal(t, p.Python, "3.12", "the one that it has wheels for")
		assert.Equal(t, len(x.asked), 1, "%v", x.asked)
	}
}

func TestTheLatestMayBeOneThatATableKnows(t *testing.T) {
	p, err := asking(t, &indexes{wheels: map[string][]string{"": on("x86_64", "2.14.1", "2.9.0")}}, "--torch=latest --target-driver=580")
	assert.NilError(t, err)
	assert.Assert(t, p.Torch.Known)
	assert.Equal(t, p.Torch.Version, "2.14.1")
	assert.Equal(t, p.CUDA, "13.0")
	assert.Equal(t, len(p.Warnings), 0, "%v", p.Warnings)
}

func TestReleasesThatTheIndexHasNot(t *testing.T) {
	for line, want := range map[string]string{
		"--torch=9.9":                        "--torch 9.9: does not exist on the index\n  - known releases that are near: " + nearVersions("9.9") + "\n  - the newest on the index is 9.1.0",
		"--torch=9.1 --platform=linux/arm64": "--torch 9.1.0: has no wheels for linux/arm64 on the index\n  - known releases: " + nearVersions("9.1.0"),
		"--torch=9.1 --python=3.13": "--python 3.13 with torch 9.1.0: it has wheels for Python 3.12 only\n  - take --python 3.12\n" +
			"  - take --torch " + policy.Torch()[0].Version + ", which has wheels for Python 3.13",
		"--torch=latest --index-url=https://empty": "--torch latest: the index has no torch\n  - check --index-url\n  - write --torch alone for the newest known release",
		"--torch=9.1 --index-url=https://empty":    "--torch 9.1: does not exist on the index\n  - known releases that are near: " + nearVersions("9.1"),
	} {
		_, err := asking(t, &indexes{wheels: newer}, line)
		assert.Error(t, err, want, line)
	}
}

// Without an answer a release that may be there is taken, and what is not known is said.
func TestIndexesThatDoNotAnswer(t *testing.T) {
	x := func() *indexes { return &indexes{broken: map[string]error{"": errors.New("no route to host")}} }
	newest := policy.Torch()[0].Version
	_, err := asking(t, x(), "--torch=latest")
	assert.Error(t, err, "--torch latest: the index cannot be asked; write --torch alone for the newest known release: no route to host")
	p, err := asking(t, x(), "--torch=2.99")
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Torch, &Torch{Version: "2.99.0"})
	assert.Equal(t, p.Warnings[0], "torch 2.99.0 is newer than docker gpu's tables, and no index could be asked whether it exists (no route to host)")
	// An old one that no table knows would be known if it were there; another major version is another thing.
	for _, v := range []string{"2.5.9", "3.0"} {
		_, err = asking(t, x(), "--torch="+v)
		assert.ErrorContains(t, err, "--torch "+v+": is not a release that docker gpu knows, and the index could not be asked: no route to host")
	}
	p, err = Decide(t.Context(), spec.Spec{Torch: "latest"}, host.Host{}, "linux/amd64", nil)
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Version, newest)
	assert.Equal(t, p.Warnings[0], "no index was asked: the newest known release was taken")
	// What a table knows is not asked for.
	quiet := x()
	_, err = asking(t, quiet, "--torch=2.14.0")
	assert.NilError(t, err)
	assert.Equal(t, len(quiet.asked), 0)
}

// A machine that PyPI's wheel is not for: PyTorch's own indexes are looked through.
func TestWheelsThatNoTableKnows(t *testing.T) {
	at := policy.TorchIndex
	for name, c := range map[string]struct {
		line    string
		wheels  map[string][]string
		variant string
		index   string
		says    string // a warning, or a reason's beginning
	}{
		"an old driver": {"--torch=9.1 --target-driver=535", map[string][]string{at("cu126"): on("x86_64", "9.1.0+cu126")}, "cu126", at("cu126"),
			"found on PyTorch's index; the best that driver 535 runs"},
		"not the first": {"--torch=9.1 --target-driver=535", map[string][]string{at("cu126"): on("x86_64", "9.0.0+cu126"), at("cu128"): on("x86_64", "9.1.0+cu128")}, "cu128", at("cu128"),
			"found on PyTorch's index; the best that driver 535 runs"},
		"an old GPU": {"--torch=9.1 --target-gpu=p100", map[string][]string{at("cu126"): on("x86_64", "9.1.0+cu126")}, "cu126", at("cu126"),
			"found on PyTorch's index; the newest with code for p100 (sm_60)"},
		"a CUDA that is asked for": {"--torch=9.1 --cuda=12.8", map[string][]string{at("cu128"): on("x86_64", "9.1.0+cu128")}, "cu128", at("cu128"), "found on PyTorch's index; asked for"},
		"of a known release":       {"--torch=2.15.0 --cuda=13.0", map[string][]string{at("cu130"): on("x86_64", "2.15.0+cu130")}, "cu130", at("cu130"), "found on PyTorch's index; asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			c.wheels[""] = newer[""]
			p, err := asking(t, &indexes{wheels: c.wheels}, c.line)
			assert.NilError(t, err)
			assert.Equal(t, p.Torch.Variant, c.variant)
			assert.Equal(t, p.Torch.Index, c.index)
			assert.Assert(t, strings.Contains(Explain(p), c.says), Explain(p))
		})
	}
}

func TestWheelsThatAreNowhere(t *testing.T) {
	for line, says := range map[string]string{
		"--torch=9.1 --target-driver=535":             "torch 9.1.0 with driver 535: no CUDA wheel of it is known for linux/amd64\n  - take --torch ",
		"--torch=9.1 --cuda=12.8":                     "--cuda 12.8 with torch 9.1.0: there is no such wheel for linux/amd64\n",
		"--torch=9.1 --cuda=11.8 --target-gpu=b300":   "--cuda 11.8 with torch 9.1.0 for b300 (sm_103): Blackwell (sm_103) takes CUDA 12.8 or newer\n",
		"--torch=9.1 --cuda=13.0 --target-driver=535": "--cuda 13.0 with torch 9.1.0 with driver 535: driver 535 is older than the 580.65.06 that CUDA 13.0 takes\n",
		// For another Python, another platform: not these.
		"--torch=2.15.0 --cuda=13.0 --python=3.13": "--cuda 13.0 with torch 2.15.0: there is no such wheel for linux/amd64\n",
	} {
		_, err := asking(t, &indexes{wheels: map[string][]string{"": newer[""], policy.TorchIndex("cu130"): append(on("x86_64", "2.15.0+cu130"), on("aarch64", "9.1.0+cu130")...)}}, line)
		assert.ErrorContains(t, err, says, line)
	}
}

// A server that is away is asked once: the next address would fail as slowly.
func TestAServerThatIsAwayIsAskedOnce(t *testing.T) {
	away := map[string]error{"download.pytorch.org": errors.New("timeout")}
	x := &indexes{wheels: newer, broken: away}
	p, err := asking(t, x, "--torch=9.1 --target-driver=535")
	assert.NilError(t, err)
	assert.DeepEqual(t, x.asked, []string{"", policy.TorchIndex("cu126")})
	assert.DeepEqual(t, p.Torch, &Torch{Version: "9.1.0"})
	assert.Equal(t, p.Warnings[1], "PyTorch's indexes could not be asked for a wheel of torch 9.1.0 that fits this machine (timeout): PyPI's is taken")

	p, err = asking(t, &indexes{wheels: newer, broken: away}, "--torch=9.1 --cuda=12.6 --target-driver=535")
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Variant, "cu126")
	assert.Equal(t, p.Warnings[1], "nobody established whether torch 9.1.0 has wheels for CUDA 12.6, and PyTorch's index could not be asked (timeout)")
	// What the machine cannot run is not taken on trust.
	_, err = asking(t, &indexes{wheels: newer, broken: away}, "--torch=2.15.0 --cuda=13.0 --target-driver=535")
	assert.ErrorContains(t, err, "driver 535 is older than the 580.65.06 that CUDA 13.0 takes")
}

func TestDecideEndsWithItsContext(t *testing.T) {
	for _, line := range []string{"--torch=latest", "--torch=9.1", "--torch=2.15.0 --target-driver=535"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s, platform := wish(t, line)
		_, err := Decide(ctx, s, host.Host{}, platform, &indexes{wheels: newer})
		assert.ErrorIs(t, err, context.Canceled, line)
	}
}

// A mirror of PyTorch's index: what is on it counts, not what a table says of another.
func TestAnIndexOfTheUsers(t *testing.T) {
	const mirror = "https://mirror.example.com/torch"
	for name, c := range map[string]struct {
		line   string
		files  []string
		broken bool
		torch  Torch
		cuda   string
	}{
		"with tags":        {"--torch=2.14.0 --target-driver=580", on("x86_64", "2.14.0+cu126", "2.14.0+cu130"), false, Torch{Version: "2.14.0", Variant: "cu130"}, "13.0"},
		"one of them":      {"--torch=2.14.0 --target-driver=580", on("x86_64", "2.14.0+cu126"), false, Torch{Version: "2.14.0", Variant: "cu126"}, "12.6"},
		"a tag of its own": {"--torch=2.14.0 --cuda=12.8 --target-driver=580", on("x86_64", "2.14.0+cu128"), false, Torch{Version: "2.14.0", Variant: "cu128"}, "12.8"},
		"PyPI's copied":    {"--torch=2.14.0 --target-driver=580", on("x86_64", "2.14.0"), false, Torch{Version: "2.14.0"}, "13.0"},
		"other releases":   {"--torch=2.14.0 --target-driver=580", on("x86_64", "2.13.0+cu126"), false, Torch{Version: "2.14.0"}, "13.0"},
		"CPU beside it":    {"--torch=2.14.0 --target-driver=535", on("x86_64", "2.14.0+cpu", "2.14.0+rocm7.0", "2.14.0+cu126"), false, Torch{Version: "2.14.0", Variant: "cu126"}, "12.6"},
		"behind a login":   {"--torch=2.14.0 --target-driver=535", nil, true, Torch{Version: "2.14.0", Variant: "cu126"}, "12.6"},
	} {
		t.Run(name, func(t *testing.T) {
			x := &indexes{wheels: map[string][]string{mirror: c.files}}
			if c.broken {
				x.broken = map[string]error{"mirror": errors.New("401 Unauthorized")}
			}
			p, err := asking(t, x, c.line+" --torch-index-url="+mirror)
			assert.NilError(t, err)
			c.torch.Index, c.torch.Known = mirror, true
			assert.DeepEqual(t, *p.Torch, c.torch)
			assert.Equal(t, p.CUDA, c.cuda)
			assert.DeepEqual(t, x.asked, []string{mirror})
		})
	}
	// An address that names its CUDA needs no look.
	x := &indexes{}
	p, err := asking(t, x, "--torch=2.14.0 --torch-index-url=https://mirror.example.com/whl/cu126/")
	assert.NilError(t, err)
	assert.Equal(t, p.Torch.Variant, "cu126")
	assert.Equal(t, len(x.asked), 0)
	_, err = asking(t, &indexes{wheels: map[string][]string{mirror: on("x86_64", "2.14.0+cu130")}}, "--torch=2.14.0 --target-driver=535 --torch-index-url="+mirror)
	assert.ErrorContains(t, err, "torch 2.14.0 with driver 535: driver 535 is older than the 580.65.06 that CUDA 13.0 takes")
}

func TestParseWheel(t *testing.T) {
	const x86, arm = "linux/amd64", "linux/arm64"
	for file, want := range map[string]wheel{
		"torch-2.14.1+cu126-cp312-cp312-manylinux_2_28_x86_64.whl":    {"2.14.1", "cu126", "3.12", x86},
		"torch-2.14.1%2Bcu126-cp312-cp312-manylinux_2_28_x86_64.whl":  {"2.14.1", "cu126", "3.12", x86},
		"torch-2.14.1-cp39-cp39-manylinux2014_aarch64.whl":            {"2.14.1", "", "3.9", arm},
		"torch-2.5.0-1-cp39-cp39-manylinux1_x86_64.whl":               {"2.5.0", "", "3.9", x86},
		"torch-2.14.1-cp310-abi3-manylinux_2_28_x86_64.whl":           {"2.14.1", "", "", x86},
		"torch-2.14.1-py3-none-linux_aarch64.whl":                     {"2.14.1", "", "", arm},
		"torch-2.14.1+cpu-cp312-cp312-manylinux_2_28_x86_64.whl":      {"2.14.1", "cpu", "3.12", x86},
		"torch-2.14-cp312-cp312-manylinux_2_28_x86_64.whl":            {"2.14", "", "3.12", x86},
		"torch-2.14.1-cp314-cp314t-manylinux_2_28_x86_64.whl":         {}, // free-threaded
		"torch-2.15.0rc1-cp312-cp312-manylinux_2_28_x86_64.whl":       {},
		"torch-2.15.0.dev20261101+cu130-cp312-cp312-linux_x86_64.whl": {},
		"torch-2.14.1-cp312-cp312-win_amd64.whl":                      {},
		"torch-2.14.1-cp312-none-macosx_11_0_arm64.whl":               {},
		"torch-2.14.1-cp312-cp312-manylinux_2_28_s390x.whl":           {},
		"torch-2.14.1-cp312-cp312-musllinux_1_2_x86_64.whl":           {}, // the bases have glibc
		"torchvision-0.29.0-cp312-cp312-manylinux_2_28_x86_64.whl":    {},
		"torch_tensorrt-2.14.0-cp312-cp312-manylinux_2_28_x86_64.whl": {},
		"torch-2.14.1.tar.gz":                                         {},
		"torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl.metadata": {},
		"torch.whl": {}, "": {}, ".whl": {}, "----.whl": {}, "torch----_x86_64linux.whl": {}, "../torch-1-2-3-4.whl": {},
	} {
		got, ok := parseWheel(file, "torch")
		assert.Equal(t, ok, want != wheel{}, file)
		if ok {
			assert.DeepEqual(t, fmt.Sprint(got), fmt.Sprint(want))
		}
	}
}

func TestListsOfWheels(t *testing.T) {
	w := []wheel{{"2.9.1", "", "3.9", "linux/amd64"}, {"2.10.0", "cu126", "3.10", "linux/amd64"}, {"2.10.0", "cu128", "3.9", "linux/arm64"}, {"2.9.1", "", "3.10", "linux/amd64"}}
	assert.DeepEqual(t, versions(w), []string{"2.10.0", "2.9.1"})
	assert.DeepEqual(t, pythons(w), []string{"3.9", "3.10"})
	assert.Equal(t, len(pythons(append(w, wheel{version: "1"}))), 0, "one is for any Python")
	assert.Equal(t, len(of(w, "2.9.1", "linux/amd64", "")), 2)
	assert.Equal(t, len(of(w, "2.9.1", "linux/amd64", "3.10")), 1)
	assert.Equal(t, len(of(w, "2.9", "linux/amd64", "")), 0, "a release is not its branch")
	assert.Equal(t, len(of(w, "2.10.0", "linux/arm64", "3.12")), 0)
}

func FuzzParseWheel(f *testing.F) {
	f.Add("torch-2.14.1+cu126-cp312-cp312-manylinux_2_28_x86_64.whl")
	f.Add("torch-1-cp3-cp3-linux_aarch64.whl")
	f.Fuzz(func(t *testing.T, file string) {
		w, ok := parseWheel(file, "torch")
		if ok && (!dotted.MatchString(w.version) || w.platform == "") {
			t.Fatalf("%q is %+v", file, w)
		}
	})
}
