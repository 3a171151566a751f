package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

// buildOptions are the flags of build, as strings; see flagSpec and wish for their meaning.
type buildOptions struct {
	path, file, lock, print string
	locked, explain         bool

	torch, cuda, python, base, toolBase, user, workdir string
	cudaOnly                                           bool
	requirements, packages, apt                        []string
	entrypoint, cmd                                    string
	indexURL, torchIndexURL, caBundle                  string
	extraIndexURLs, findLinks                          []string
	targetGPUs                                         []string
	targetDriver                                       string
	verify                                             string

	tags, outputs, platforms, labels, annotations []string
	secrets, ssh, cacheFrom, cacheTo, allow       []string
	push, load, noCache, pull, quiet              bool
	builder, progress, network, iidFile           string
	metadataFile, sbom, provenance, compression   string
}

func (o *buildOptions) install(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.torch, "torch", "", `PyTorch release ("2.11", "2.11.0", "latest"; "base": the base image has it); alone, the newest known`)
	f.Lookup("torch").NoOptDefVal = "auto"
	f.StringVar(&o.cuda, "cuda", "", `CUDA of the wheels ("12.6"); chosen from the GPUs and the driver if left out`)
	f.BoolVar(&o.cudaOnly, "cuda-only", false, "CUDA runtime libraries without PyTorch")
	f.StringVar(&o.python, "python", "", `Python minor version ("3.12")`)
	f.StringVar(&o.toolBase, "tool-base", "", "Python image that unpacks the wheels of a --cuda-only image")
	f.StringVar(&o.base, "base", "", "Base image; a slim one if left out")
	f.StringArrayVarP(&o.requirements, "requirements", "r", nil, "Requirement file inside PATH; replaces the detected one")
	f.StringArrayVar(&o.packages, "package", nil, `Python package ("numpy", "transformers>=5")`)
	f.StringSliceVar(&o.apt, "apt", nil, "Debian or Ubuntu packages")
	f.StringVar(&o.entrypoint, "entrypoint", "", "Entrypoint of the image (shell words or JSON)")
	f.StringVar(&o.cmd, "cmd", "", "Command of the image (shell words or JSON)")
	f.StringVar(&o.user, "user", "", `User of the image (name or UID[:GID]); left out, an unprivileged one is made`)
	f.StringVar(&o.workdir, "workdir", "", `Directory that the project is copied to (default "/app")`)
	f.StringVar(&o.indexURL, "index-url", "", "Package index instead of PyPI")
	f.StringArrayVar(&o.extraIndexURLs, "extra-index-url", nil, "Package index that is asked first")
	f.StringArrayVar(&o.findLinks, "find-links", nil, "Page with links to wheels")
	f.StringVar(&o.torchIndexURL, "torch-index-url", "", "Index for PyTorch instead of the chosen one")
	f.StringVar(&o.caBundle, "ca-bundle", "", "PEM file of certificate authorities for the build; leaves no trace in the image (default $SSL_CERT_FILE)")
	f.StringSliceVar(&o.targetGPUs, "target-gpu", nil, `GPUs that the image is for ("h100,rtx5090", "sm_90"); this machine's if left out`)
	f.StringVar(&o.targetDriver, "target-driver", "", `Driver that the image is for ("570.86"); this machine's if left out`)
	f.StringVar(&o.verify, "verify", "auto", "How the image is proven: auto, require (a GPU), cpu, off")
	f.StringVarP(&o.file, "file", "f", "", `Build file (default "PATH/gpu.yaml" if it exists)`)
	f.StringVar(&o.lock, "lock", "", `Lock file (default "PATH/gpu.lock")`)
	f.BoolVar(&o.locked, "locked", false, "Fail unless gpu.lock answers everything")
	f.BoolVar(&o.explain, "explain", false, "Print why these versions, and stop")
	f.StringVar(&o.print, "print", "", "Print instead of building: plan, llb or dockerfile")

	f.StringArrayVarP(&o.tags, "tag", "t", nil, `Image identifier (format: "[registry/]repository[:tag]")`)
	f.BoolVar(&o.push, "push", false, `Shorthand for "--output=type=registry,unpack=false"`)
	f.BoolVar(&o.load, "load", false, `Shorthand for "--output=type=docker"`)
	f.StringArrayVarP(&o.outputs, "output", "o", nil, `Output destination (format: "type=local,dest=path")`)
	f.StringVar(&o.compression, "compression", "", "Layer compression of an image output: gzip, zstd, uncompressed (default zstd for a local store, gzip for a registry)")
	f.StringVar(&o.builder, "builder", os.Getenv("BUILDX_BUILDER"), "Override the configured builder instance")
	f.StringSliceVar(&o.platforms, "platform", nil, "Set target platform for build")
	f.StringVar(&o.progress, "progress", "auto", `Set type of progress output ("auto", "plain", "tty", "quiet", "rawjson")`)
	f.BoolVar(&o.noCache, "no-cache", false, "Do not use cache when building the image")
	f.BoolVar(&o.pull, "pull", false, "Always attempt to pull all referenced images, and resolve packages anew")
	f.StringArrayVar(&o.secrets, "secret", nil, `Secret to expose to the build (format: "id=netrc,src=path"); "netrc" holds index credentials`)
	f.StringArrayVar(&o.ssh, "ssh", nil, `SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")`)
	f.StringArrayVar(&o.cacheFrom, "cache-from", nil, `External cache sources (e.g., "user/app:cache", "type=local,src=path/to/dir")`)
	f.StringArrayVar(&o.cacheTo, "cache-to", nil, `Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")`)
	f.StringArrayVar(&o.labels, "label", nil, "Set metadata for an image")
	f.StringArrayVar(&o.annotations, "annotation", nil, "Add annotation to the image")
	f.StringVar(&o.network, "network", "default", "Set the networking mode for the build's steps (default, host, none)")
	f.StringArrayVar(&o.allow, "allow", nil, `Allow extra privileged entitlement (e.g., "network.host", "device")`)
	f.StringVar(&o.iidFile, "iidfile", "", "Write the image ID to a file")
	f.StringVar(&o.metadataFile, "metadata-file", "", "Write build result metadata to a file")
	f.StringVar(&o.sbom, "sbom", "", `Shorthand for "--attest=type=sbom"`)
	f.StringVar(&o.provenance, "provenance", "", `Shorthand for "--attest=type=provenance"`)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "Suppress the build output and print image ID on success")
	f.Lookup("sbom").NoOptDefVal = "true"
	f.Lookup("provenance").NoOptDefVal = "true"

	fixed := func(flag string, values ...string) {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("verify", "auto", "require", "cpu", "off")
	fixed("print", "plan", "llb", "dockerfile")
	fixed("progress", "auto", "plain", "tty", "quiet", "rawjson")
	fixed("network", "default", "host", "none")
	fixed("compression", "gzip", "zstd", "uncompressed")
}

// flagError is a wrong value of a flag: exit code 125, as for an unknown flag.
func flagError(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// check refuses values and combinations before anything is asked of anyone.
func (o *buildOptions) check(flags *pflag.FlagSet) error {
	if _, err := verify.ParseMode(o.verify); err != nil {
		return flagError("%w", err)
	}
	oneOf := func(flag, value string, allowed ...string) error {
		if (value != "" || flags.Changed(flag)) && !slices.Contains(allowed, value) {
			return flagError("--%s %q is not one of %s", flag, value, strings.Join(allowed, ", "))
		}
		return nil
	}
	if err := errors.Join(
		oneOf("print", o.print, "plan", "llb", "dockerfile"),
		oneOf("progress", o.progress, "auto", "plain", "tty", "quiet", "rawjson", "none"),
		oneOf("network", o.network, "default", "host", "none"),
		oneOf("compression", o.compression, "gzip", "zstd", "uncompressed", "estargz"),
	); err != nil {
		return err
	}
	for flag, value := range map[string]string{"entrypoint": o.entrypoint, "cmd": o.cmd} {
		if _, err := words(value); err != nil {
			return flagError("--%s %q is no command line: %w; close the quote, or write a JSON list", flag, value, err)
		}
	}
	if o.push && o.load {
		return flagError("--push and --load exclude each other; use -o twice to send the image to both")
	}
	if o.locked && o.pull {
		return flagError("--locked and --pull exclude each other: one keeps what gpu.lock holds, the other resolves anew")
	}
	if o.push && len(o.tags) == 0 {
		return flagError("--push takes a name to push to: add --tag REGISTRY/NAME:TAG")
	}
	for _, out := range [][2]string{{"iidfile", o.iidFile}, {"metadata-file", o.metadataFile}, {"lock", o.lock}} {
		// Told now, not when the image is built.
		if dir := filepath.Dir(out[1]); out[1] != "" {
			if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
				return flagError("--%s %s cannot be written: there is no directory %s", out[0], out[1], dir)
			}
		}
	}
	if flags.Changed("torch") && o.torch == "" {
		return flagError("--torch= is empty; name a release, or write --torch alone for the newest known")
	}
	return notEmpty(flags, "builder") // "" is the current one, as for docker buildx
}

// notEmpty refuses flags that are given and say nothing, as where a script's variable is
// not set: what they leave out would be chosen instead, and nobody would know.
func notEmpty(flags *pflag.FlagSet, except ...string) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		list, _ := f.Value.(pflag.SliceValue)
		if err != nil || slices.Contains(except, f.Name) || list == nil && f.Value.String() != "" || list != nil && len(list.GetSlice()) > 0 {
			return
		}
		way := "give it a value or leave it out"
		if f.Name == "cmd" || f.Name == "entrypoint" {
			way = "write '[]' to have none"
		}
		err = flagError("--%s is empty; %s", f.Name, way)
	})
	return err
}

// flagSpec is what the flags say in gpu.yaml's terms.
func (o *buildOptions) flagSpec() spec.Spec {
	entrypoint, _ := words(o.entrypoint) // see check
	cmd, _ := words(o.cmd)
	s := spec.Spec{
		Torch: o.torch, CUDA: o.cuda, CUDAOnly: o.cudaOnly, Python: o.python, Base: o.base, ToolBase: o.toolBase,
		Requirements: o.requirements, Packages: o.packages, Apt: o.apt, User: o.user, WorkDir: o.workdir,
		Entrypoint: entrypoint, Cmd: cmd,
		Index:    spec.Index{URL: o.indexURL, Extra: o.extraIndexURLs, FindLinks: o.findLinks, Torch: o.torchIndexURL},
		CABundle: o.caBundle, Target: spec.Target{GPUs: o.targetGPUs, Driver: o.targetDriver}, Platforms: o.platforms,
	}
	if len(o.labels) > 0 {
		s.Labels = opts.ConvertKVStringsToMap(o.labels)
	}
	return s
}

func (o *buildOptions) progressMode() progressui.DisplayMode {
	switch {
	case o.quiet || o.progress == "none":
		return progressui.QuietMode
	case o.progress == "auto" && os.Getenv("BUILDKIT_PROGRESS") != "":
		return progressui.DisplayMode(os.Getenv("BUILDKIT_PROGRESS"))
	}
	return progressui.DisplayMode(o.progress)
}
