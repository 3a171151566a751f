package plugin

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// full is a disk that has no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAListThatCannotBeWritten(t *testing.T) {
	h := lsHosts()["one-idle"]
	for _, opts := range []lsOptions{{format: "json"}, {format: "table"}, {format: "table", quiet: true}, {format: "{{.Name}}"}} {
		err := runLs(t.Context(), lsDeps{func(context.Context) (*host.Host, error) { return h, nil }, full{}, &bytes.Buffer{}}, opts)
		assert.Error(t, err, "the list cannot be written: no space left on device")
		assert.Equal(t, exitCode(err, false), exitFailed, "the disk is full, no flag is wrong")
	}
}

// A script that gets half a plan, or none, must not go on as if it had one.
func TestOutputThatCannotBeWritten(t *testing.T) {
	offline(t)
	recorded := filepath.Join(t.TempDir(), "host.json")
	assert.NilError(t, os.WriteFile(recorded, []byte(`{"schemaVersion": 1, "engine": {"version": "29.7.2"}}`), 0o600))
	for _, line := range []string{
		"version",
		"build --package=idna --explain", "build --package=idna --print=plan", "build --package=idna --print=plan --platform=linux/amd64,linux/arm64",
		"doctor --list", "doctor --list --format=json",
		"doctor --replay=" + recorded, "doctor --format=json --replay=" + recorded, "doctor --format=junit --replay=" + recorded, "doctor --format=markdown --replay=" + recorded,
		"doctor --record=- --replay=" + recorded,
	} {
		t.Run(line, func(t *testing.T) {
			t.Setenv("DOCKER_CONFIG", t.TempDir())
			var stderr bytes.Buffer
			dockerCLI, err := command.NewDockerCli(command.WithOutputStream(full{}), command.WithErrorStream(&stderr))
			assert.NilError(t, err)
			root := NewRoot(t.Context(), dockerCLI, true)
			root.SetArgs(strings.Fields(line))
			code := execute(t.Context(), dockerCLI, root, true)
			assert.Equal(t, code, exitFailed, stderr.String())
			assert.Assert(t, strings.Contains(stderr.String(), "no space left on device"), stderr.String())
		})
	}
}
