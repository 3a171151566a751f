package plugin

import (
	"errors"
	"fmt"
	"reflect"
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
		{[]string{"--cmd=echo 'open"}, []string{`--cmd "echo 'open"`, "close the quote"}},
		{[]string{"--torch="}, []string{"--torch= is empty", "--torch alone"}},
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
