package plugin

import (
	"context"
	"fmt"
	"os"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/debug"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel"

	"github.com/dockergpu/docker-gpu/internal/version"
)

// Main runs the process's command line, as Docker's plugin or alone, and
// returns its exit code.
func Main() int {
	dockerCLI, err := command.NewDockerCli()
	if err != nil {
		fmt.Fprintln(os.Stderr, "docker gpu:", err)
		return exitFailed
	}
	ctx, stop := interruptible()
	defer stop()
	standalone := plugin.RunningStandalone()
	return execute(ctx, dockerCLI, NewRoot(ctx, dockerCLI, standalone), standalone)
}

// execute runs a command tree and turns its error into lines and a code.
func execute(ctx context.Context, dockerCLI *command.DockerCli, root *cobra.Command, standalone bool) int {
	// Without a handler, telemetry that cannot be sent is logged on stderr.
	otel.SetErrorHandler(debug.OTELErrorHandler)
	var err error
	if standalone {
		err = root.ExecuteContext(ctx)
	} else {
		err = plugin.RunPlugin(dockerCLI, root, about())
	}
	if err == nil {
		return 0
	}
	return report(dockerCLI.Err(), err, ctx.Err() != nil, debugging(root))
}

// about is what the docker client shows of its plugin.
func about() metadata.Metadata {
	return metadata.Metadata{
		SchemaVersion: "0.1.0",
		Vendor:        "docker gpu authors",
		Version:       version.String(),
		URL:           "https://github.com/dockergpu/docker-gpu",
	}
}

// debugging is asked after a failure, which may have come before -D took effect.
func debugging(root *cobra.Command) bool {
	f := root.Flags().Lookup("debug")
	return debug.IsEnabled() || f != nil && f.Value.String() == "true"
}
