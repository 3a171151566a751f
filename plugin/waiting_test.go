package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
)

// waitingMain is Main with commands more: two that end when they are interrupted,
// one that does not.
func waitingMain() int {
	dockerCLI, err := command.NewDockerCli()
	if err != nil {
		return exitFailed
	}
	ctx, stop := interruptible()
	defer stop()
	standalone := plugin.RunningStandalone()
	root := NewRoot(ctx, dockerCLI, standalone)
	wait := func(name string, then func(context.Context) error) *cobra.Command {
		return &cobra.Command{Use: name, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Println("ready", os.Getpid())
			<-cmd.Context().Done()
			fmt.Println("cleaning")
			return then(cmd.Context())
		}}
	}
	root.AddCommand(
		wait("wait", func(ctx context.Context) error { return fmt.Errorf("waiting: %w", context.Cause(ctx)) }),
		wait("left", func(context.Context) error { return errors.New("container abc is left") }),
		wait("stuck", func(context.Context) error { time.Sleep(time.Minute); return nil }),
	)
	return execute(ctx, dockerCLI, root, standalone)
}
