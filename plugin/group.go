package plugin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// group gives a command that only holds others what cobra leaves out: help when
// called alone, and an error with a suggestion for a sub-command it does not have.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.TraverseChildren = true
	cmd.SuggestionsMinimumDistance = 2 // two letters swapped
	cmd.Flags().SetInterspersed(false) // what follows an unknown command is no flag of the group
	cmd.Args = unknownCommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("%q is not a command of %q.", args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(" Did you mean %q?", strings.Join(near, `" or "`))
	}
	return seeHelp(cmd, text)
}

// noArgs is cobra.NoArgs in our words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return seeHelp(cmd, fmt.Sprintf("%q takes no arguments, but was given %q.", cmd.CommandPath(), args[0]))
}

// onePath is cobra.MaximumNArgs(1) in our words.
func onePath(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return nil
	}
	return seeHelp(cmd, fmt.Sprintf("%q takes one PATH, but was given %q.", cmd.CommandPath(), args))
}

// seeHelp adds the second line of an error about how a command was called.
func seeHelp(cmd *cobra.Command, text string) error {
	return fmt.Errorf("%s\nSee '%s --help'", text, cmd.CommandPath())
}
