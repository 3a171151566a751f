package engine

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"time"
)

// original is where the Docker CLI tells its plugins how it was called (docker/cli
// cli-plugins/metadata.ReexecEnvvar).
const original = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"

var cliVersion = regexp.MustCompile(`^Docker version (\d+\.\d+\.\d+[0-9A-Za-z.+~-]*)`)

// ClientVersion is the Docker CLI's, "29.7.2", of the one that called us or else the one
// on the path; "" where there is none, or it does not answer within a second.
func ClientVersion(ctx context.Context) string {
	name := os.Getenv(original)
	if name == "" {
		name = "docker"
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, "--version")
	cmd.WaitDelay = 100 * time.Millisecond
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	if m := cliVersion.FindSubmatch(out); m != nil {
		return clean(string(m[1]), 40)
	}
	return ""
}
