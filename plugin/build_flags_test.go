package plugin

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
)

// parsed are the options that a command line of build comes to.
func parsed(t *testing.T, args ...string) (*buildOptions, *pflag.FlagSet) {
	t.Helper()
	t.Setenv("BUILDX_BUILDER", "")
	opts, cmd := &buildOptions{}, &cobra.Command{Use: "build"}
	opts.install(cmd)
	assert.NilError(t, cmd.ParseFlags(args))
	return opts, cmd.Flags()
}

func TestCheckRefusesWithTheFlagTheValueAndAWayOut(t *testing.T) {
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"--verify=maybe"}, []string{`--verify "maybe"`, "auto, require, cpu, off"}},
		{[]string{"--verify="}, []string{`--verify ""`, "auto, require, cpu, off"}},
		{[]string{"--print=json"}, []string{`--print "json"`, "plan, llb, dockerfile"}},
		{[]string{"--progress=fancy"}, []string{`--progress "fancy"`, "auto, plain, tty, quiet, rawjson"}},
		{[]string{"--network=bridge"}, []string{`--network "bridge"`, "default, host, none"}},
		{[]string{"--compression=brotli"}, []string{`--compression "brotli"`, "gzip, zstd, uncompressed"}},
		{[]string{"--push", "--load", "-t", "x"}, []string{"--push and --load", "-o twice"}},
		{[]string{"--push"}, []string{"--push", "add --tag"}},
		// Whoever says --locked must not get what nobody locked.
		{[]string{"--locked", "--pull"}, []string{"--locked and --pull exclude each other: one keeps what gpu.lock holds, the other resolves anew"}},
		{[]string{"--cmd=echo 'open"}, []string{`--cmd "echo 'open"`, "close the quote"}},
		{[]string{"--torch="}, []string{"--torch= is empty", "--torch alone"}},
		{[]string{"--entrypoint=[\"a\""}, []string{`--entrypoint "[\"a\""`, "close the quote", "JSON list"}},
		// What is said to be nothing is not what was left out.
		{[]string{"--print="}, []string{`--print "" is not one of plan, llb, dockerfile`}},
		{[]string{"--progress="}, []string{`--progress "" is not one of auto, plain, tty, quiet, rawjson`}},
		{[]string{"--network="}, []string{`--network "" is not one of default, host, none`}},
		{[]string{"--compression="}, []string{`--compression "" is not one of gzip, zstd, uncompressed, estargz`}},
		{[]string{"--base="}, []string{"--base is empty; give it a value or leave it out"}},
		{[]string{"--file="}, []string{"--file is empty; give it a value or leave it out"}},
		{[]string{"--lock="}, []string{"--lock is empty; give it a value or leave it out"}},
		{[]string{"--target-gpu="}, []string{"--target-gpu is empty; give it a value or leave it out"}},
		{[]string{"--target-driver="}, []string{"--target-driver is empty; give it a value or leave it out"}},
		{[]string{"--platform="}, []string{"--platform is empty; give it a value or leave it out"}},
		{[]string{"--index-url="}, []string{"--index-url is empty; give it a value or leave it out"}},
		{[]string{"--ca-bundle="}, []string{"--ca-bundle is empty; give it a value or leave it out"}},
		{[]string{"--user="}, []string{"--user is empty; give it a value or leave it out"}},
		{[]string{"--cmd="}, []string{"--cmd is empty; write '[]' to have none"}},
		{[]string{"--entrypoint="}, []string{"--entrypoint is empty; write '[]' to have none"}},
		// A file that cannot be written would be missed when the image is there.
		{[]string{"--iidfile=/no/such/iid"}, []string{"--iidfile /no/such/iid cannot be written: there is no directory /no/such"}},
		{[]string{"--metadata-file=/dev/null/meta"}, []string{"--metadata-file /dev/null/meta cannot be written: there is no directory /dev/null"}},
		{[]string{"--lock=/no/such/gpu.lock"}, []string{"--lock /no/such/gpu.lock cannot be written: there is no directory /no/such"}},
		// Two mistakes are told at once, not one after the other.
		{[]string{"--print=json", "--network=bridge"}, []string{`--print "json"`, `--network "bridge"`}},
	} {
		t.Run(fmt.Sprint(c.args), func(t *testing.T) {
			opts, flags := parsed(t, c.args...)
			err := opts.check(flags)
			var usage usageError
			assert.Assert(t, errors.As(err, &usage), "%v", err)
			assert.Equal(t, exitCode(err, false), exitUsage)
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
		})
	}
}

func TestCheckTakesEveryValueThatHelpNames(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"--torch"},
		{"--push", "-t", "registry.example.com/x"},
		{"--locked"}, {"--pull"}, {"--locked", "--pull=false"}, {"--locked", "--no-cache"},
		{"--builder="}, // the current one, as for docker buildx
		{"--cmd=[]", "--entrypoint=[]"},
		{"--load"},
		{"--verify=require"}, {"--verify=cpu"}, {"--verify=off"},
		{"--print=plan"}, {"--print=llb"}, {"--print=dockerfile"},
		{"--progress=plain"}, {"--progress=tty"}, {"--progress=quiet"}, {"--progress=rawjson"},
		{"--network=host"}, {"--network=none"},
		{"--compression=gzip"}, {"--compression=zstd"}, {"--compression=uncompressed"},
	} {
		opts, flags := parsed(t, args...)
		assert.NilError(t, opts.check(flags), "%v", args)
	}
}

// The exit code is what scripts see, so it is taken from the whole command.
func TestAWrongValueExitsWith125(t *testing.T) {
	run(t, "build", "--network", "bridge").is(t, 125, "", `docker gpu: --network "bridge" is not one of default, host, none`+"\n")
	run(t, "build", "--push").is(t, 125, "", "docker gpu: --push takes a name to push to: add --tag REGISTRY/NAME:TAG\n")
}

// Each flag whose value can be wrong by itself, through the whole command and without an
// engine: 125, one line that names it, and nothing on standard output.
func TestWrongValuesOfEachFlag(t *testing.T) {
	offline(t)
	t.Setenv("BUILD_SECRET", "hunter2")
	for _, c := range []struct{ args, want string }{
		{"--platform=linux/amd64;id", `--platform "linux/amd64;id" is no platform; write it as linux/arm64`},
		{"--platform=linux/amd64,linux/amd64", "--platform linux/amd64 is named twice"},
		{"--platform=linux/amd64,linux/x86_64", `--platform "linux/x86_64": linux/amd64 is named twice`},
		{"--python=3.12.1", `--python "3.12.1" is no Python minor version; write it as "3.12"`},
		{"--base=A/B", `--base "A/B" is no image: invalid reference format: repository name (B) must be lowercase`},
		{"--tool-base=python", "tool-base python is for cuda-only images alone: in any other the base has the Python that installs"},
		{"--package=-e.", `--package "-e." is no requirement; write it as numpy or "numpy>=2"`},
		{"--apt=Git", `--apt "Git" is no Debian package name`},
		{"-r=../up.txt", `-r "../up.txt" is no file inside the project; name it relative to the project's directory`},
		{"--user=a;b", `--user "a;b" is no user; write a name, or UID or UID:GID`},
		{"--workdir=app", `--workdir "app" is no directory inside the image; write an absolute path such as /app`},
		{"--index-url=pypi.org", `index "pypi.org" is no http or https address`},
		{"--extra-index-url=https://me:hunter2@x", "index https://x is given with credentials, which would end up in logs and provenance; put them into a netrc file and name it with --secret id=netrc,src=FILE"},
		{"--find-links=/wheels", `index "/wheels" is no http or https address`},
		{"--torch-index-url=ftp://x", `index "ftp://x" is no http or https address`},
		{"--label==x", `--label "" is no name of a label; write it as com.example.key=value`},
		{"--target-gpu=,", "--target-gpu is empty; name a GPU (h100) or its compute capability (9.0)"},
		{"-t=Upper", `--tag "Upper" is no image name: invalid reference format: repository name (library/Upper) must be lowercase`},
		{"-t=x@sha256:" + strings.Repeat("a", 64), `--tag "x@sha256:` + strings.Repeat("a", 64) + `" must not have a digest`},
		{"-o=type=floppy", `--output "type=floppy": type "floppy" is not one of image, registry, docker, oci, tar, local, cacheonly`},
		{"-o=dest=x", `--output "dest=x" has no type; say type=image, registry, docker, oci, tar, local or cacheonly`},
		{"--output=", "--output is empty; name a directory, or say type=image, registry, docker, oci, tar, local or cacheonly"},
		{"--secret=file=x", `--secret: key "file" is not one of id, src, env, type`},
		{"--secret=id=a,type=vault", `--secret: type "vault" is not one of file, env`},
		{"--ssh=mine=/no/such/key", "--ssh: "},
		{"--cache-from=", "--cache-from and --cache-to take a name or type=…, not nothing"},
		{"--cache-to=", "--cache-from and --cache-to take a name or type=…, not nothing"},
		{"--cache-from=type=", "--cache-from: "},
		{"--annotation=a", `--annotation "a" is not key=value`},
		{"--annotation=layer:a=b", `--annotation "layer:a=b": "layer" is no level; levels are manifest, index, manifest-descriptor, index-descriptor`},
	} {
		t.Run(c.args, func(t *testing.T) {
			r := run(t, "build", "--package=idna", c.args)
			assert.Equal(t, r.code, exitUsage, r.err)
			assert.Equal(t, r.out, "")
			if strings.HasSuffix(c.want, ": ") {
				assert.Assert(t, strings.HasPrefix(r.err, "docker gpu: "+c.want), r.err)
			} else {
				assert.Equal(t, r.err, "docker gpu: "+c.want+"\n")
			}
			assert.Assert(t, !strings.Contains(r.err, "hunter2"), r.err)
		})
	}
}

// Wishes that the tables refuse are no wrong flags: another machine may grant them.
func TestRefusedWishesExitWith1(t *testing.T) {
	offline(t)
	for _, args := range []string{"--cuda=twelve", "--target-gpu=voodoo2", "--target-driver=newest", "--torch=two", "--platform=linux/riscv64", "--ca-bundle=/no/such.pem"} {
		r := run(t, "build", "--torch", args)
		assert.Equal(t, r.code, exitFailed, "%s: %s", args, r.err)
		assert.Equal(t, r.out, "")
	}
}

// A file's wrong value is no wrong flag.
func TestWrongValuesOfTheBuildFileExitWith1(t *testing.T) {
	offline(t)
	dir := projectOf(t, map[string]string{"gpu.yaml": "workdir: app\n"})
	run(t, "build", dir).is(t, 1, "", `docker gpu: --workdir "app" is no directory inside the image; write an absolute path such as /app`+"\n")
	run(t, "build", "--workdir=/app", "--user=a b", dir).is(t, 125, "", `docker gpu: --user "a b" is no user; write a name, or UID or UID:GID`+"\n")
	run(t, "build", dir, dir).is(t, 1, "", fmt.Sprintf("docker gpu: %q takes one PATH, but was given %q.\nSee 'docker-gpu build --help'\n", "docker-gpu build", []string{dir, dir}))
}

func TestEveryFlagOfTheSpecReachesItsField(t *testing.T) {
	opts, _ := parsed(t, "--torch=2.14", "--cuda=12.6", "--cuda-only", "--python=3.12", "--tool-base=python:3.12", "--base=debian:12",
		"-r", "a.txt", "--requirements=b.txt", "--package=numpy", "--package=transformers>=5,<6", "--apt=git,curl", "--apt=g++",
		"--entrypoint=python3 -m app", `--cmd=["--port","80"]`, "--user=1000:1000", "--workdir=/srv",
		"--index-url=https://i", "--extra-index-url=https://e", "--find-links=https://f", "--torch-index-url=https://t",
		"--ca-bundle=ca.pem", "--target-gpu=h100,sm_90", "--target-driver=570.86", "--platform=linux/amd64,linux/arm64",
		"--label=a=b", "--label=c=d=e", "--label=bare")
	got := opts.flagSpec()
	assert.DeepEqual(t, got, spec.Spec{
		Torch: "2.14", CUDA: "12.6", CUDAOnly: true, Python: "3.12", ToolBase: "python:3.12", Base: "debian:12",
		Requirements: []string{"a.txt", "b.txt"}, Packages: []string{"numpy", "transformers>=5,<6"}, Apt: []string{"git", "curl", "g++"},
		Entrypoint: []string{"python3", "-m", "app"}, Cmd: []string{"--port", "80"}, User: "1000:1000", WorkDir: "/srv",
		Index:    spec.Index{URL: "https://i", Extra: []string{"https://e"}, FindLinks: []string{"https://f"}, Torch: "https://t"},
		CABundle: "ca.pem", Target: spec.Target{GPUs: []string{"h100", "sm_90"}, Driver: "570.86"},
		Platforms: []string{"linux/amd64", "linux/arm64"}, Labels: map[string]string{"a": "b", "c": "d=e", "bare": ""},
	})
	// A field that is new in the spec wants a flag, or a word here why it has none.
	got.Version = 1 // of the file's form
	for _, part := range []reflect.Value{reflect.ValueOf(got), reflect.ValueOf(got.Index), reflect.ValueOf(got.Target)} {
		for i := range part.NumField() {
			assert.Assert(t, !part.Field(i).IsZero(), "no flag sets %s.%s", part.Type().Name(), part.Type().Field(i).Name)
		}
	}
}

// Every zero field leaves gpu.yaml's value alone when the two are merged.
func TestNoFlagsWishNothing(t *testing.T) {
	opts, _ := parsed(t)
	assert.Assert(t, reflect.ValueOf(opts.flagSpec()).IsZero(), "%+v", opts.flagSpec())
}

func TestFlagsWithoutAValue(t *testing.T) {
	opts, _ := parsed(t, "--torch", "--sbom", "--provenance")
	assert.Equal(t, opts.torch, "auto")
	assert.Equal(t, opts.sbom, "true")
	assert.Equal(t, opts.provenance, "true")
}

func TestBuilderComesFromTheEnvironmentUnlessNamed(t *testing.T) {
	t.Setenv("BUILDX_BUILDER", "other")
	opts, cmd := &buildOptions{}, &cobra.Command{Use: "build"}
	opts.install(cmd)
	assert.NilError(t, cmd.ParseFlags(nil))
	assert.Equal(t, opts.builder, "other")
	assert.NilError(t, cmd.ParseFlags([]string{"--builder=mine"}))
	assert.Equal(t, opts.builder, "mine")
}

func TestProgressMode(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		want progressui.DisplayMode
	}{
		{nil, "", progressui.AutoMode},
		{nil, "plain", progressui.PlainMode},
		{[]string{"--progress=tty"}, "plain", progressui.TtyMode},
		{[]string{"--progress=rawjson"}, "", progressui.RawJSONMode},
		{[]string{"--progress=quiet"}, "", progressui.QuietMode},
		{[]string{"--progress=none"}, "", progressui.QuietMode},
		{[]string{"-q"}, "plain", progressui.QuietMode},
		{[]string{"-q", "--progress=plain"}, "", progressui.QuietMode},
	} {
		t.Run(fmt.Sprint(c.args, c.env), func(t *testing.T) {
			t.Setenv("BUILDKIT_PROGRESS", c.env)
			opts, _ := parsed(t, c.args...)
			assert.Equal(t, opts.progressMode(), c.want)
		})
	}
}
