package plugin

import (
	"context"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/internal/version"
)

const examples = `  # What does this machine lack for GPU containers? Without --dry-run it is set up
  docker gpu setup --dry-run

  # Prove that GPUs work in containers, or name the layer that breaks
  docker gpu smoke

  # Build a PyTorch image for this machine's GPUs from the project here, and prove it
  docker gpu build --torch -t mymodel .`

// commands are all commands, in the order of their files.
func commands(dockerCLI command.Cli) []*cobra.Command {
	return []*cobra.Command{
		newBuildCmd(dockerCLI),
		newLsCmd(dockerCLI),
		newSetupCmd(dockerCLI),
		newDoctorCmd(dockerCLI),
		newSmokeCmd(dockerCLI),
		newExplainCmd(dockerCLI),
		newHooksCmd(dockerCLI),
		newHookAnswerCmd(dockerCLI),
		newSetupHelperCmd(dockerCLI),
		newVersionCmd(dockerCLI),
	}
}

// NewRoot is the command tree; its commands end when ctx does. Alone it is
// docker-gpu and has Docker's own global flags, else docker provides them.
func NewRoot(ctx context.Context, dockerCLI *command.DockerCli, standalone bool) *cobra.Command {
	root := group(&cobra.Command{
		Use:           "gpu",
		Short:         "GPU hosts and images: from bare metal to a verified GPU container",
		Example:       examples,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	})
	root.AddCommand(commands(dockerCLI)...)
	root.SetVersionTemplate("docker gpu {{.Version}}\n")
	root.Flags().BoolP("version", "v", false, "Show the version")
	var opts *cliflags.ClientOptions
	if standalone {
		opts = alone(root, dockerCLI)
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{seeHelp(cmd, err.Error())}
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		// Docker's own handling of signals, which PersistentPreRunE starts, would
		// make Ctrl-C exit with 1 or 255: our context has to be below it.
		cmd.SetContext(ctx)
		if standalone {
			opts.SetDefaultOptions(cmd.Root().Flags())
			return dockerCLI.Initialize(opts)
		}
		return plugin.PersistentPreRunE(cmd, args)
	}
	return root
}

// alone gives the root what docker gives a plugin: global flags, the layout of
// help, streams, and completion scripts of its own.
func alone(root *cobra.Command, dockerCLI command.Cli) *cliflags.ClientOptions {
	root.Use = "docker-gpu"
	opts, _ := cli.SetupPluginRootCommand(root)
	root.Annotations = nil // a pointer to Docker's guides
	root.SetIn(dockerCLI.In())
	root.SetOut(dockerCLI.Out())
	root.SetErr(dockerCLI.Err())
	root.CompletionOptions.HiddenDefaultCmd = true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			group(cmd)
		}
	}
	ownUsage(root)
	return opts
}

// ownUsage keeps "[flags]" off usage lines that say [OPTIONS], as the Docker client does.
func ownUsage(cmd *cobra.Command) {
	cmd.DisableFlagsInUseLine = true
	for _, sub := range cmd.Commands() {
		ownUsage(sub)
	}
}
