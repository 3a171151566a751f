package graph

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// written is the Dockerfile of an input. The scripts in it are left out: the
// golden files are to show what surrounds them.
func written(t *testing.T, in Input, wish ImageWish) string {
	t.Helper()
	wish.Created = Epoch()
	text, err := Dockerfile(in, Config(base(), in.Plan, "3.12.1", len(in.Lock.Wheels) > 0, wish))
	assert.NilError(t, err)
	for _, name := range []string{"apt.sh", "fetch_uv.py", "install.py", "net.py", "user.py"} {
		script := strings.TrimRight(string(Script(name)), "\n")
		text = strings.ReplaceAll(text, script, "# "+name)
	}
	return text
}

func cudaOnly() Input {
	in := sample()
	in.Plan = resolve.Plan{Platform: "linux/amd64", CUDA: "13.0", Python: "3.12", MinDriver: "580.65.06", ToolBase: "python:3.12"}
	in.Lock.ToolBase = &lock.Base{Ref: "docker.io/library/python:3.12", Digest: "sha256:" + strings.Repeat("c", 64)}
	in.Lock.Base.Ref = "docker.io/library/debian:trixie-slim"
	in.Lock.Wheels = []lock.Wheel{wheel("nvidia-cublas", 400<<20), wheel("nvidia-nccl-cu13", 200<<20)}
	return in
}

// Run with -update to write the files anew.
func TestDockerfiles(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		wish   ImageWish
	}{
		"packages": {func(in *Input) { in.Project, in.Account, in.Owner = false, nil, "0:0" }, ImageWish{User: "root", WorkDir: "/app"}},
		"project": {func(in *Input) { in.AptPackages = []string{"ffmpeg", "git"} },
			ImageWish{WorkDir: "/app", Entrypoint: []string{"python", "-m", "serve"}, Cmd: []string{`--title=a "b" $C`},
				Labels: map[string]string{"note": `a "b" \ $C`}}},
		"torch-in-base": {func(in *Input) {
			in.Plan.Torch = &resolve.Torch{InBase: true}
			in.Parents = []string{"/usr/lib/python3/dist-packages", "/opt/site-packages"}
			in.Lock.Wheels = in.Lock.Wheels[1:]
		}, ImageWish{WorkDir: "/app"}},
		"cuda-only": {func(in *Input) { *in = cudaOnly() }, ImageWish{WorkDir: "/app"}},
		"torch-index": {func(in *Input) {
			in.Plan.Torch = &resolve.Torch{Version: "2.14.0", Variant: "cu126", Index: "https://download.pytorch.org/whl/cu126"}
			in.Lock.Wheels[0].Torch = true
			source := wheel("pesq", 1000)
			source.Source = true
			in.Lock.Wheels = append(in.Lock.Wheels, source)
		}, ImageWish{WorkDir: "/app"}},
		"local-base": {func(in *Input) { in.Lock.Base.Local, in.Lock.Wheels = true, nil }, ImageWish{WorkDir: "/app"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := sample()
			c.change(&in)
			golden.Assert(t, written(t, in, c.wish), name+".Dockerfile")
		})
	}
}

// A here-document ends at its first delimiter: none may stand inside.
// A line of a Dockerfile ends at a line break, quotes or not: what a base's config or a
// label holds must not become an instruction.
func TestWhatADockerfileCannotHold(t *testing.T) {
	in := sample()
	for name, c := range map[string]struct {
		env    string
		labels map[string]string
		want   string
	}{
		"a label":             {"A=1", map[string]string{"note": "a\nRUN id"}, `a Dockerfile cannot hold the line break in the label or variable "a\nRUN id"; build with docker gpu, or leave it out`},
		"a label's name":      {"A=1", map[string]string{"a\rb": ""}, `a Dockerfile cannot hold the line break in the label or variable "a\rb"; build with docker gpu, or leave it out`},
		"a variable":          {"A=1\nRUN id", nil, `a Dockerfile cannot hold the line break in the label or variable "1\nRUN id"; build with docker gpu, or leave it out`},
		"a variable's name":   {"A\nRUN id=1", nil, `a Dockerfile cannot hold the variable "A\nRUN id" of the base; build with docker gpu, or take another --base`},
		"a name with a blank": {"A B=1", nil, `a Dockerfile cannot hold the variable "A B" of the base; build with docker gpu, or take another --base`},
		"no name":             {"=1", nil, `a Dockerfile cannot hold the variable "" of the base; build with docker gpu, or take another --base`},
	} {
		t.Run(name, func(t *testing.T) {
			img := Config(base(), in.Plan, "3.12.1", true, ImageWish{WorkDir: "/app", Labels: c.labels, Created: Epoch()})
			img.Config.Env = append(img.Config.Env, c.env)
			_, err := Dockerfile(in, img)
			assert.ErrorContains(t, err, c.want)
		})
	}
	img := Config(base(), in.Plan, "3.12.1", true, ImageWish{WorkDir: "/app", Created: Epoch()})
	img.Config.Env = append(img.Config.Env, "A_b.c-d=x y=z", "EMPTY=")
	text, err := Dockerfile(in, img)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(text, "\nENV A_b.c-d=\"x y=z\"\nENV EMPTY=\"\"\n"), text)
}

func TestScriptsFitIntoADockerfile(t *testing.T) {
	for _, name := range []string{"apt.sh", "fetch_uv.py", "install.py", "net.py", "user.py"} {
		for line := range bytes.Lines(Script(name)) {
			assert.Assert(t, strings.TrimSpace(string(line)) != "SCRIPT", name)
		}
		in := sample()
		in.AptPackages = []string{"git"}
		text, err := Dockerfile(in, Config(base(), in.Plan, "3.12.1", true, ImageWish{WorkDir: "/app", Created: Epoch()}))
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(text, string(Script(name))), "%s is not whole in the Dockerfile", name)
	}
}

// WORKDIR makes the directory for the user before it: a program may write into its own in both images.
func TestWorkDirBelongsToTheOwner(t *testing.T) {
	for name, user := range map[string]string{"by number": "1000:1000", "by name": "postgres", "root": "root"} {
		in := sample()
		in.Owner = "70:71"
		text := written(t, in, ImageWish{User: user, WorkDir: "/app"})
		assert.Assert(t, strings.Contains(text, "USER 70:71\nWORKDIR /app\nCOPY --chown=70:71 . .\nUSER "+user+"\n"), "%s: %s", name, text)
	}
}

// Who builds by the Dockerfile gets the same layers, so the same packages in the same order.
func TestDockerfileHasThePiecesOfTheGraph(t *testing.T) {
	for name, in := range map[string]Input{"torch": sample(), "cuda-only": cudaOnly()} {
		copies := strings.Count(written(t, in, ImageWish{WorkDir: "/app"}), "COPY --link --from=")
		assert.Equal(t, copies, len(in.Pieces()), name)
	}
}

// Docker's parser takes no line over 64 KiB (bufio.MaxScanTokenSize).
func TestALineOfManyPackagesFits(t *testing.T) {
	in := sample()
	for i := range 2000 {
		in.Lock.Wheels = append(in.Lock.Wheels, wheel(fmt.Sprintf("a-package-of-usual-length-%04d", i), 1000))
	}
	for line := range strings.Lines(written(t, in, ImageWish{WorkDir: "/app"})) {
		assert.Assert(t, len(line) < 64<<10, "%d bytes: %.80s", len(line), line)
	}
}
