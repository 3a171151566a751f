package plugin

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"
)

// completed are the words that a shell is offered for the last of a command line.
func completed(t *testing.T, args ...string) []string {
	t.Helper()
	r := run(t, append([]string{"__complete"}, args...)...)
	assert.Equal(t, r.code, 0, r.err)
	var words []string
	for line := range strings.Lines(r.out) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

// What a flag takes is offered, and what is offered is taken.
func TestCompletionOfValues(t *testing.T) {
	for line, want := range map[string]string{
		"build --verify ":      "auto require cpu off",
		"build --print ":       "plan llb dockerfile",
		"build --progress ":    "auto plain tty quiet rawjson",
		"build --network ":     "default host none",
		"build --compression ": "gzip zstd uncompressed",
		"doctor --format ":     "text json junit markdown",
		"doctor --group ":      "driver health toolkit engine version",
	} {
		words := strings.Fields(line)
		got := completed(t, append(words, "")...)
		assert.Equal(t, strings.Join(got, " "), want, line)
		for _, value := range got {
			cmd := newCommand(t, words[0])
			assert.NilError(t, cmd.ParseFlags([]string{words[1] + "=" + value}), line+value)
		}
	}
	for _, flag := range []string{"--only", "--skip"} {
		codes := completed(t, "doctor", flag, "")
		assert.Assert(t, len(codes) > 50, "%d codes", len(codes))
		r := run(t, "doctor", "--list", flag, codes[0])
		assert.Equal(t, r.code, 0, r.err)
	}
}

func newCommand(t *testing.T, name string) *cobra.Command {
	t.Helper()
	dockerCLI, _, _ := docker(t)
	cmd, _, err := NewRoot(t.Context(), dockerCLI, true).Find([]string{name})
	assert.NilError(t, err)
	return cmd
}

// Flags have one manner, as docker's have: a sentence without a full stop, which begins
// with a capital and tells its default where it has one that is not plain.
func TestEveryFlag(t *testing.T) {
	dockerCLI, _, _ := docker(t)
	root := NewRoot(t.Context(), dockerCLI, false)
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return
			}
			name := cmd.CommandPath() + " --" + f.Name
			assert.Check(t, f.Usage != "" && !strings.HasSuffix(f.Usage, "."), "%s: %q", name, f.Usage)
			assert.Check(t, strings.ToUpper(f.Usage[:1]) == f.Usage[:1], "%s: %q", name, f.Usage)
			assert.Check(t, f.Name == strings.ToLower(f.Name) && !strings.Contains(f.Name, "_"), name)
			assert.Check(t, !strings.ContainsAny(f.Usage, "\n\t"), "%s: %q", name, f.Usage)
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// A flag has the same letter and the same meaning in every command that has it.
func TestFlagsMeanTheSameEverywhere(t *testing.T) {
	dockerCLI, _, _ := docker(t)
	letters, kinds := map[string]string{}, map[string]string{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Shorthand != "" && f.Shorthand != "v" { // --version of the root, --verbose of commands
				if other, ok := letters[f.Shorthand]; ok {
					assert.Check(t, other == f.Name, "%s: -%s is --%s and --%s", cmd.CommandPath(), f.Shorthand, f.Name, other)
				}
				letters[f.Shorthand] = f.Name
			}
			if f.Name == "pull" { // docker's own: a switch of build, a word of run
				return
			}
			if other, ok := kinds[f.Name]; ok {
				assert.Check(t, other == f.Value.Type(), "%s --%s is a %s and a %s", cmd.CommandPath(), f.Name, f.Value.Type(), other)
			}
			kinds[f.Name] = f.Value.Type()
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(NewRoot(t.Context(), dockerCLI, false))
	assert.Assert(t, len(kinds) > 40, "%d flags", len(kinds))
}

// The flags that docker buildx build has are called the same here.
func TestFlagsOfBuildxAreHere(t *testing.T) {
	cmd := newCommand(t, "build")
	for flag, letter := range map[string]string{
		"tag": "t", "push": "", "load": "", "output": "o", "builder": "", "platform": "", "progress": "", "no-cache": "", "pull": "", "secret": "", "ssh": "",
		"cache-from": "", "cache-to": "", "label": "", "annotation": "", "network": "", "iidfile": "", "metadata-file": "", "sbom": "", "provenance": "", "quiet": "q", "allow": "", "file": "f",
	} {
		f := cmd.Flags().Lookup(flag)
		assert.Assert(t, f != nil, "there is no --%s", flag)
		assert.Equal(t, f.Shorthand, letter, flag)
	}
}
