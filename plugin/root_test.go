package plugin

import (
	"strings"
	"testing"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/spf13/cobra"
)

func TestRootHelpHasThreeExamples(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		r := run(t, args...)
		if r.code != 0 || r.err != "" {
			t.Errorf("%v: %+v", args, r)
		}
		if n := strings.Count(r.out, "\n  docker gpu "); n != 3 {
			t.Errorf("%v: %d examples in\n%s", args, n, r.out)
		}
	}
}

// A command that an example names has to exist, with the flags shown.
func TestExamplesParse(t *testing.T) {
	dockerCLI, _, _ := docker(t)
	for line := range strings.Lines(examples) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		cmd, args, err := NewRoot(t.Context(), dockerCLI, true).Find(words[2:])
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if err := cmd.ParseFlags(args); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestRootRefusesWhatItDoesNotKnow(t *testing.T) {
	run(t, "nosuch").is(t, 1, "", `docker gpu: "nosuch" is not a command of "docker-gpu".`+"\nSee 'docker-gpu --help'\n")
	run(t, "verzion").is(t, 1, "", `docker gpu: "verzion" is not a command of "docker-gpu". Did you mean "version"?`+"\nSee 'docker-gpu --help'\n")
	run(t, "--nosuch").is(t, 125, "", "docker gpu: unknown flag: --nosuch\nSee 'docker-gpu --help'\n")
	run(t, "help", "nosuch").is(t, 1, "", "docker gpu: unknown help topic: nosuch\n")
	run(t, "completion", "bahs").is(t, 1, "", `docker gpu: "bahs" is not a command of "docker-gpu completion". Did you mean "bash"?`+"\nSee 'docker-gpu completion --help'\n")
}

// Docker names the plugin after its root and brings the global flags itself.
func TestRootAsPlugin(t *testing.T) {
	dockerCLI, _, _ := docker(t)
	root := NewRoot(t.Context(), dockerCLI, false)
	if root.Name() != "gpu" {
		t.Errorf("docker would call it %q", root.Name())
	}
	if root.Flags().Lookup("context") != nil {
		t.Error("the root has a --context of its own, which docker's hides")
	}
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			t.Error("docker completion covers plugins; this one is a second")
		}
	}
}

func TestEveryCommand(t *testing.T) {
	dockerCLI, _, _ := docker(t)
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("short help %q: wanted, and without a full stop", cmd.Short)
			}
			if cmd.Args == nil {
				t.Error("takes any arguments: set Args")
			}
			if cmd.RunE == nil {
				t.Error("has no RunE, so an error could not reach the exit code")
			}
			if cmd.PersistentPreRunE != nil && cmd.HasParent() && cmd.Name() != metadata.HookSubcommandName {
				t.Error("a PersistentPreRunE here hides the root's, which connects and takes signals")
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(NewRoot(t.Context(), dockerCLI, false))
}

func TestCompletion(t *testing.T) {
	for shell, mark := range map[string]string{
		"bash": "__start_docker-gpu", "zsh": "#compdef docker-gpu", "fish": "complete -c docker-gpu", "powershell": "Register-ArgumentCompleter",
	} {
		r := run(t, "completion", shell)
		if r.code != 0 || r.err != "" || !strings.Contains(r.out, mark) {
			t.Errorf("%s: exit code %d, %q, %d bytes", shell, r.code, r.err, len(r.out))
		}
	}
	r := run(t, "__complete", "ver")
	if r.code != 0 || r.out != "version\tShow the version\n:4\n" {
		t.Errorf("%+v", r)
	}
}
