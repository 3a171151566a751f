package plugin

import (
	"fmt"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/internal/version"
)

const examples = `  # Build a PyTorch image for this machine's GPUs from the project here, and prove it
  docker gpu build --torch -t mymodel .

  # Say which PyTorch, CUDA, Python and base that would be, and why
  docker gpu build --torch --explain .

  # Build for other GPUs than this machine's and push
  docker gpu build --torch --target-gpu h100 --target-driver 570 -t registry.example.com/team/model --push .`

// NewRoot is the command tree. Alone it also has Docker's own global flags.
func NewRoot(dockerCLI *command.DockerCli, standalone bool) *cobra.Command {
	opts := cliflags.NewClientOptions()
	name := "gpu"
	if standalone {
		name = "docker-gpu"
	}
	root := group(&cobra.Command{
		Use:               name,
		Short:             "GPU hosts and images: from bare metal to a verified GPU container",
		Example:           examples,
		Version:           version.String(),
		PersistentPreRunE: connect(dockerCLI, opts, standalone),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		SilenceUsage:      true,
		SilenceErrors:     true,
	})
	root.SetVersionTemplate("docker gpu {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())}
	})
	if standalone {
		opts.InstallFlags(root.Flags())
	}
	root.AddCommand(
		newBuildCmd(dockerCLI),
		newVersionCmd(dockerCLI),
	)
	return root
}

// group gives a command that only holds others what cobra leaves out: help when
// called alone, and an error with a suggestion for a sub-command it does not have.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.TraverseChildren = true
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := fmt.Sprintf("%q is not a command of %q", args[0], path(cmd))
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return cli.StatusError{Status: text + fmt.Sprintf("\nSee '%s --help'", path(cmd)), StatusCode: exitFailed}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// path is how a user calls a command, also where Docker calls it.
func path(cmd *cobra.Command) string {
	if !plugin.RunningStandalone() && !strings.HasPrefix(cmd.CommandPath(), "docker") {
		return "docker " + cmd.CommandPath()
	}
	return cmd.CommandPath()
}
