package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/internal/nearest"
)

// groups are the groups of checks, in the order of reports.
var groups = []doctor.Group{doctor.Driver, doctor.Health, doctor.Toolkit, doctor.Engine, doctor.Version}

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	images                        []string
	format, ignoreFile            string
	only, skip, groups, contexts  []string
	list, strict, verbose         bool
	record, replay                string
	noRedact                      bool
	fix, yes, dryRun, allContexts bool
	ignoreFileSet, engineOnly     bool
}

func (o *doctorOptions) install(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&o.verbose, "verbose", "v", false, "Show evidence, all fixes, how to undo them, links, and checks that passed")
	f.StringVar(&o.format, "format", "text", "Format of the report: text, json, junit, markdown; of --list: text, json")
	f.StringSliceVar(&o.only, "only", nil, "Report these codes only, and causes that hide them")
	f.StringSliceVar(&o.skip, "skip", nil, "Leave out the checks of these codes")
	f.StringSliceVar(&o.groups, "group", nil, "Report these groups only: driver, health, toolkit, engine, version")
	f.BoolVar(&o.list, "list", false, "List the checks instead of making them")
	f.StringVar(&o.ignoreFile, "ignore-file", "", "File of findings to ignore")
	f.BoolVar(&o.strict, "strict", false, "Exit with code 2 if there are warnings only")
	f.StringVar(&o.record, "record", "", `Write the facts of the host to a file ("-": standard output, in place of the report)`)
	f.BoolVar(&o.noRedact, "no-redact", false, "Record also serial numbers, UUIDs, names and addresses")
	f.StringVar(&o.replay, "replay", "", "Judge recorded facts instead of a host's")
	f.BoolVar(&o.fix, "fix", false, "Make the fixes that take no restart and no reboot, then examine again")
	f.BoolVarP(&o.yes, "yes", "y", false, "Do not ask before --fix")
	f.BoolVar(&o.dryRun, "dry-run", false, "Show what --fix would do, and do nothing")
	f.StringSliceVar(&o.contexts, "contexts", nil, "Examine the hosts of these contexts")
	f.BoolVar(&o.allContexts, "all-contexts", false, "Examine the hosts of all contexts")
	f.BoolVar(&o.engineOnly, "engine-only", false, engineOnlyUsage)
	fixed := func(flag string, values ...string) {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("format", "text", "json", "junit", "markdown")
	fixed("group", groupNames()...)
	codes := func(*cobra.Command, []string, string) (out []string, _ cobra.ShellCompDirective) {
		for _, c := range doctor.All() {
			out = append(out, c.Code+"\t"+c.Title)
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	_ = cmd.RegisterFlagCompletionFunc("only", codes)
	_ = cmd.RegisterFlagCompletionFunc("skip", codes)
}

func groupNames() (names []string) {
	for _, g := range groups {
		names = append(names, string(g))
	}
	return names
}

// check refuses values and combinations before anything is asked of anyone.
func (o *doctorOptions) check(flags *pflag.FlagSet) error {
	formats := []string{"text", "json", "junit", "markdown"}
	if o.list {
		formats = formats[:2]
	}
	if !slices.Contains(formats, o.format) {
		return flagError("--format %q is not one of %s", o.format, strings.Join(formats, ", "))
	}
	for _, g := range o.groups {
		if !slices.Contains(groupNames(), g) {
			return flagError("--group %q is not one of %s%s", g, strings.Join(groupNames(), ", "), didYouMean(g, groupNames()))
		}
	}
	o.ignoreFileSet = flags.Changed("ignore-file")
	if flags.Changed("contexts") && len(o.contexts) == 0 {
		return flagError("--contexts names no context")
	}
	for _, pair := range []struct {
		a, b string
		why  string
	}{
		{"contexts", "all-contexts", "all contexts have those among them"},
		{"replay", "contexts", "a recording is one host"}, {"replay", "all-contexts", "a recording is one host"},
		{"replay", "fix", "a recording cannot be mended"},
		{"record", "contexts", "record each context by itself: docker --context NAME gpu doctor --record FILE"},
		{"record", "all-contexts", "record each context by itself: docker --context NAME gpu doctor --record FILE"},
		{"fix", "contexts", "--fix mends this machine"}, {"fix", "all-contexts", "--fix mends this machine"},
		{"record", "fix", "record before or after"},
		{"replay", "engine-only", "a recording asks nobody"},
		{"list", "engine-only", "nothing is examined"}, {"list", "fix", "nothing is examined"}, {"list", "record", "nothing is examined"}, {"list", "replay", "nothing is examined"},
	} {
		if flags.Changed(pair.a) && flags.Changed(pair.b) {
			return flagError("--%s and --%s exclude each other: %s", pair.a, pair.b, pair.why)
		}
	}
	for flag, needs := range map[string]string{"no-redact": "record", "yes": "fix", "dry-run": "fix"} {
		if flags.Changed(flag) && !flags.Changed(needs) {
			return flagError("--%s goes with --%s only", flag, needs)
		}
	}
	if len(o.images) > 0 && (o.list || flags.Changed("contexts") || o.allContexts || o.replay != "") {
		return flagError("images are judged for the host of one context, from what its engine says of them: leave out --list, --contexts, --all-contexts and --replay")
	}
	return notEmpty(flags, "ignore-file", "contexts") // no file at all; told above
}

// didYouMean suggests the known word that is meant, if there is one near.
func didYouMean(word string, known []string) string {
	if best := nearest.Word(word, known, strings.ToUpper); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}
