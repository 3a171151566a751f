package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/nearest"
)

// setupOptions are the flags of setup.
type setupOptions struct {
	only, skip                               []string
	driverBranch, docker                     string
	toolkitVersion, toolkitPath, offline     string
	nvidiaRuntime, swarm, hold, allowRestart bool
	dryRun, yes, resume, leave, quiet        bool
	planOut, format, replay                  string
}

func (o *setupOptions) install(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.only, "only", nil, "Set up these parts only")
	f.StringSliceVar(&o.skip, "skip", nil, "Leave these parts as they are")
	f.StringVar(&o.driverBranch, "driver-branch", "", "Branch of the driver (default: the one for the GPUs)")
	f.StringVar(&o.docker, "docker", "", `Packages of Docker: "docker" for Docker's own, "distro" for the distribution's (default: what is there)`)
	f.StringVar(&o.toolkitVersion, "toolkit-version", "", "Version of the NVIDIA Container Toolkit")
	f.StringVar(&o.toolkitPath, "toolkit-path", "", "Folder of the toolkit's programs, for machines without its packages")
	f.StringVar(&o.offline, "offline", "", "Folder of package files to install from instead of the network")
	f.BoolVar(&o.nvidiaRuntime, "nvidia-runtime", false, "Register the runtime nvidia too, for --runtime nvidia")
	f.BoolVar(&o.swarm, "swarm", false, "Offer the GPUs to a swarm")
	f.BoolVar(&o.hold, "hold", false, "Keep upgrades away from the driver and the toolkit")
	f.BoolVar(&o.allowRestart, "allow-restart", false, "Restart Docker although containers run")
	f.BoolVar(&o.dryRun, "dry-run", false, "Show the plan, and do nothing")
	f.StringVar(&o.planOut, "plan-out", "", "Write the plan to a file, and do nothing")
	f.StringVar(&o.format, "format", "text", "Format of the plan: text, json")
	f.StringVar(&o.replay, "replay", "", "Plan for recorded facts instead of this machine; implies --dry-run")
	f.BoolVarP(&o.yes, "yes", "y", false, "Do not ask")
	f.BoolVar(&o.resume, "resume", false, "Go on after the restart that a plan waited for, or after an interruption")
	parts := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return partNames(), cobra.ShellCompDirectiveNoFileComp
	}
	_ = cmd.RegisterFlagCompletionFunc("only", parts)
	_ = cmd.RegisterFlagCompletionFunc("skip", parts)
	for flag, values := range map[string][]string{"docker": {"docker", "distro"}, "format": {"text", "json"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

func partNames() (names []string) {
	for _, p := range setup.Parts() {
		names = append(names, string(p))
	}
	return names
}

var (
	branchNumber   = regexp.MustCompile(`^[0-9]{3}$`)
	toolkitRelease = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)
)

// check refuses values and combinations before anything is asked of anyone.
func (o *setupOptions) check(flags *pflag.FlagSet) error {
	for flag, names := range map[string][]string{"only": o.only, "skip": o.skip} {
		if flags.Changed(flag) && len(names) == 0 {
			return flagError("--%s names no part", flag)
		}
		for _, name := range names {
			if !slices.Contains(partNames(), name) {
				text := ""
				if best := nearest.Word(name, partNames(), strings.ToLower); best != "" {
					text = fmt.Sprintf("; did you mean %q?", best)
				}
				return flagError("--%s %q is not one of %s%s", flag, name, strings.Join(partNames(), ", "), text)
			}
		}
	}
	for _, name := range o.only {
		if slices.Contains(o.skip, name) {
			return flagError("--only and --skip both name %s", name)
		}
	}
	switch {
	case !slices.Contains([]string{"text", "json"}, o.format):
		return flagError("--format %q is not one of text, json", o.format)
	case flags.Changed("docker") && o.docker != "docker" && o.docker != "distro":
		return flagError(`--docker %q is neither "docker" (Docker's own packages) nor "distro" (the distribution's)`, o.docker)
	case flags.Changed("driver-branch") && !branchNumber.MatchString(o.driverBranch):
		return flagError("--driver-branch %q is no branch: they are numbers such as 580", o.driverBranch)
	case flags.Changed("toolkit-version") && !toolkitRelease.MatchString(o.toolkitVersion):
		return flagError("--toolkit-version %q is no version: they look like 1.20.1", o.toolkitVersion)
	}
	for _, pair := range []struct{ a, b, why string }{
		{"toolkit-path", "offline", "the toolkit comes as programs or as packages"},
		{"toolkit-path", "toolkit-version", "programs have the version that they have"},
		{"replay", "plan-out", "a recording is planned for to look at only"},
		{"replay", "yes", "a recording is planned for to look at only"},
	} {
		if flags.Changed(pair.a) && flags.Changed(pair.b) {
			return flagError("--%s and --%s exclude each other: %s", pair.a, pair.b, pair.why)
		}
	}
	if o.resume {
		var other string
		flags.Visit(func(f *pflag.Flag) {
			if f.Name != "resume" && f.Name != "yes" && other == "" {
				other = f.Name
			}
		})
		if other != "" {
			return flagError("--resume goes on with what was planned: leave out --%s", other)
		}
	}
	for _, part := range []struct {
		name string
		set  bool
		flag string
	}{{"driver", o.driverBranch != "", "driver-branch"}, {"docker", o.docker != "", "docker"}, {"toolkit", o.toolkitVersion != "", "toolkit-version"},
		{"toolkit", o.toolkitPath != "", "toolkit-path"}, {"runtime", o.nvidiaRuntime, "nvidia-runtime"}, {"swarm", o.swarm, "swarm"}, {"hold", o.hold, "hold"}} {
		if part.set && (slices.Contains(o.skip, part.name) || len(o.only) > 0 && !slices.Contains(o.only, part.name)) {
			return flagError("--%s is about %s, which --only or --skip leaves out", part.flag, part.name)
		}
	}
	return nil
}

// wishes are the flags as the planner takes them.
func (r *setupRun) wishes() (setup.Wishes, error) {
	o := r.opts
	w := setup.Wishes{DriverBranch: o.driverBranch, DockerFrom: o.docker, ToolkitVersion: o.toolkitVersion, NvidiaRuntime: o.nvidiaRuntime,
		Swarm: o.swarm, Hold: o.hold, AllowRestart: o.allowRestart}
	for _, name := range o.only {
		w.Only = append(w.Only, setup.Part(name))
	}
	for _, name := range o.skip {
		w.Skip = append(w.Skip, setup.Part(name))
	}
	if !r.sudo && o.replay == "" { // root's changes to another's file would be root's
		w.ClientConfig = r.owner
	}
	var err error
	if w.Offline, err = folder("offline", o.offline); err != nil {
		return w, err
	}
	if w.ToolkitPath, err = folder("toolkit-path", o.toolkitPath); err != nil || w.ToolkitPath == "" {
		return w, err
	}
	w.ToolkitSums = map[string]string{}
	for _, name := range []string{"nvidia-ctk", "nvidia-cdi-hook", "nvidia-container-runtime"} {
		sum, err := sumOf(filepath.Join(w.ToolkitPath, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the planner knows what it needs
		}
		if err != nil {
			return w, fmt.Errorf("--toolkit-path: %w", err)
		}
		w.ToolkitSums[name] = sum
	}
	return w, nil
}

// folder is the absolute path of a folder that a flag names.
func folder(flag, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", flagError("--%s: there is no folder %s", flag, path)
	case err != nil:
		return "", fmt.Errorf("--%s: %w", flag, err)
	case !info.IsDir():
		return "", flagError("--%s: %s is no folder", flag, path)
	}
	return path, nil
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", file)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
