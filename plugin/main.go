package plugin

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/internal/version"
)

// Main runs the process's command line, as Docker's plugin or alone, and
// returns its exit code.
func Main() int {
	cli, err := command.NewDockerCli()
	if err != nil {
		fmt.Fprintln(os.Stderr, "docker gpu:", err)
		return 1
	}
	standalone := plugin.RunningStandalone()
	root := NewRoot(cli, standalone)
	if standalone {
		err = root.Execute()
	} else {
		err = plugin.RunPlugin(cli, root, metadata.Metadata{
			SchemaVersion: "0.1.0",
			Vendor:        "the docker gpu authors",
			Version:       version.String(),
			URL:           "https://github.com/dockergpu/docker-gpu",
		})
	}
	return report(os.Stderr, err, debugging(root))
}

// connect prepares the Docker CLI for a command and makes its context end with
// the first SIGINT or SIGTERM. The signals are taken before the plugin's own
// handling: without that, Ctrl-C exits with 1 or 255 instead of 130.
func connect(cli *command.DockerCli, opts *cliflags.ClientOptions, standalone bool) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		cobra.OnFinalize(stop)
		cmd.SetContext(ctx)
		if standalone {
			opts.SetDefaultOptions(cmd.Root().Flags())
			return cli.Initialize(opts)
		}
		return plugin.PersistentPreRunE(cmd, args)
	}
}

func debugging(root *cobra.Command) bool {
	f := root.Flags().Lookup("debug")
	return f != nil && f.Value.String() == "true" || os.Getenv("DEBUG") == "1"
}
