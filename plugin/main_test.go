package plugin

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

// TestMain also serves the tests of signals: called by a plugin's name, the
// test binary is a docker-gpu with commands that wait.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "docker-gpu" {
		os.Exit(waitingMain())
	}
	goleak.VerifyTestMain(m)
}

// result is what a command line left behind.
type result struct {
	code     int
	out, err string
}

// docker is a Docker CLI that talks to buffers and knows no configuration.
func docker(t *testing.T) (dockerCLI *command.DockerCli, out, err *bytes.Buffer) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	dockerCLI, failed := command.NewDockerCli(
		command.WithInputStream(os.Stdin),
		command.WithOutputStream(out),
		command.WithErrorStream(err),
	)
	if failed != nil {
		t.Fatal(failed)
	}
	return dockerCLI, out, err
}

// runWith runs a command line of docker-gpu that has commands of the test's own.
func runWith(t *testing.T, extra []*cobra.Command, args ...string) result {
	t.Helper()
	dockerCLI, out, stderr := docker(t)
	root := NewRoot(t.Context(), dockerCLI, true)
	root.AddCommand(extra...)
	root.SetArgs(args)
	code := execute(t.Context(), dockerCLI, root, true)
	return result{code, out.String(), stderr.String()}
}

func run(t *testing.T, args ...string) result {
	t.Helper()
	return runWith(t, nil, args...)
}

func (r result) is(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if r.out != out {
		t.Errorf("stdout is %q, want %q", r.out, out)
	}
	if r.err != err {
		t.Errorf("stderr is %q, want %q", r.err, err)
	}
}

func TestAbout(t *testing.T) {
	m := about()
	if m.SchemaVersion != "0.1.0" || m.Vendor != "docker gpu authors" || m.URL != "https://github.com/dockergpu/docker-gpu" || m.Version == "" {
		t.Errorf("docker would refuse or misname %+v", m)
	}
}

func TestDebugging(t *testing.T) {
	t.Setenv("DEBUG", "")
	dockerCLI, _, _ := docker(t)
	root := NewRoot(t.Context(), dockerCLI, true)
	if debugging(root) {
		t.Error("debugging without -D")
	}
	if err := root.ParseFlags([]string{"-D"}); err != nil {
		t.Fatal(err)
	}
	if !debugging(root) {
		t.Error("not debugging with -D")
	}
	t.Setenv("DEBUG", "1") // what docker's own -D comes to in a plugin
	if !debugging(NewRoot(t.Context(), dockerCLI, false)) {
		t.Error("not debugging with docker -D")
	}
}

func TestUnknownContextIsNoFailureOfCommandsThatNeedNoEngine(t *testing.T) {
	r := run(t, "--context", "nosuch", "version")
	if r.code != 0 || r.err != "" || !strings.HasPrefix(r.out, "docker gpu ") {
		t.Errorf("%+v", r)
	}
}
