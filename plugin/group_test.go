package plugin

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// fakeGroup is a group as commands to come will be: three commands, one hidden.
func fakeGroup() []*cobra.Command {
	leaf := func(name string) *cobra.Command {
		return &cobra.Command{Use: name, Short: "Do " + name, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Println("did", name)
			return nil
		}}
	}
	hidden := leaf("convolve")
	hidden.Hidden = true
	g := group(&cobra.Command{Use: "compose", Short: "Compose files"})
	g.AddCommand(leaf("lint"), leaf("convert"), hidden)
	return []*cobra.Command{g}
}

func TestGroup(t *testing.T) {
	for _, tc := range []struct {
		args string
		code int
		err  string
	}{
		{"compose lnit", 1, `docker gpu: "lnit" is not a command of "docker-gpu compose". Did you mean "lint"?` + "\nSee 'docker-gpu compose --help'\n"},
		{"compose lnit --strict", 1, `docker gpu: "lnit" is not a command of "docker-gpu compose". Did you mean "lint"?` + "\nSee 'docker-gpu compose --help'\n"},
		{"compose --strict lnit", 125, "docker gpu: unknown flag: --strict\nSee 'docker-gpu compose --help'\n"},
		{"compose conver", 1, `docker gpu: "conver" is not a command of "docker-gpu compose". Did you mean "convert"?` + "\nSee 'docker-gpu compose --help'\n"},
		{"compose up", 1, `docker gpu: "up" is not a command of "docker-gpu compose".` + "\nSee 'docker-gpu compose --help'\n"},
		{"compose --nosuch", 125, "docker gpu: unknown flag: --nosuch\nSee 'docker-gpu compose --help'\n"},
		{"compose lint --nosuch", 125, "docker gpu: unknown flag: --nosuch\nSee 'docker-gpu compose lint --help'\n"},
		{"compose lint file", 1, `docker gpu: "docker-gpu compose lint" takes no arguments, but was given "file".` + "\nSee 'docker-gpu compose lint --help'\n"},
		{"compsoe lint", 1, `docker gpu: "compsoe" is not a command of "docker-gpu". Did you mean "compose"?` + "\nSee 'docker-gpu --help'\n"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			runWith(t, fakeGroup(), strings.Fields(tc.args)...).is(t, tc.code, "", tc.err)
		})
	}
}

func TestGroupRunsItsCommands(t *testing.T) {
	runWith(t, fakeGroup(), "compose", "lint").is(t, 0, "did lint\n", "")
	runWith(t, fakeGroup(), "compose", "convolve").is(t, 0, "did convolve\n", "") // hidden is not gone
}

func TestGroupAloneIsItsHelp(t *testing.T) {
	r := runWith(t, fakeGroup(), "compose")
	if r.code != 0 || r.err != "" {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(r.out, "Usage:  docker-gpu compose COMMAND") || !strings.Contains(r.out, "Do lint") || strings.Contains(r.out, "convolve") {
		t.Errorf("help is\n%s", r.out)
	}
}
