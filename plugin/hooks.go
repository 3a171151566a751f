package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/docker/cli/cli/command"
	"github.com/moby/sys/atomicwriter"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/policy"
	"github.com/dockergpu/docker-gpu/internal/splice"
)

// hookCommands are the docker commands after which the CLI calls us, as it names them:
// `docker build` runs buildx, of which it tells `buildx build`.
const hookCommands = "run,create,start,container run,container create,container start,compose,build,buildx build,buildx bake"

// hooksRun is one run of enable, disable or status.
type hooksRun struct {
	cli     command.Cli
	client  func(context.Context) string // the CLI's version
	yes     bool
	dryRun  bool
	enabled bool // what is wished
}

// setting is a member of the CLI's configuration: its path and its value, "" for none.
type setting struct {
	path  []string
	value string
}

func plugins(key, value string) setting {
	return setting{[]string{"plugins", engine.Plugin, key}, value}
}

// settings are what the configuration has to be. A CLI from 29.3 on knows hooks that are
// called after failures only (docker/cli#6794); an older one, and one that cannot be
// asked, needs those that are called after every command, and they are silent then.
// features.hooks stays where another plugin has hooks.
func (r *hooksRun) settings(ctx context.Context) []setting {
	if !r.enabled {
		out := []setting{plugins("hooks", ""), plugins("error-hooks", "")}
		if !r.othersHook() {
			out = append(out, setting{[]string{"features", "hooks"}, ""})
		}
		return out
	}
	always := hookCommands
	if policy.Compare(r.client(ctx), policy.ErrorHooks) >= 0 {
		always = ""
	}
	return []setting{plugins("error-hooks", hookCommands), plugins("hooks", always), {[]string{"features", "hooks"}, "true"}}
}

func (r *hooksRun) othersHook() bool {
	for name, options := range r.cli.ConfigFile().Plugins {
		if name != engine.Plugin && (options["hooks"] != "" || options["error-hooks"] != "") {
			return true
		}
	}
	return false
}

// edit is the text of a configuration with the settings that are wished.
func (r *hooksRun) edit(ctx context.Context, text []byte) (_ []byte, err error) {
	for _, s := range r.settings(ctx) {
		if s.value == "" {
			text, err = splice.Unset(text, s.path, 0)
		} else {
			var value []byte
			if value, err = json.Marshal(s.value); err == nil {
				text, err = splice.Set(text, s.path, value, "\t") // as the client itself indents
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return text, nil
}

// change enables or disables the hooks.
func (r *hooksRun) change(ctx context.Context) error {
	file := r.cli.ConfigFile().GetFilename()
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real // the link stays one
	}
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the Docker client's configuration cannot be read: %w", err)
	}
	after, err := r.edit(ctx, before)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	word := map[bool]string{true: "enabled", false: "disabled"}[r.enabled]
	if bytes.Equal(before, after) {
		fmt.Fprintf(r.cli.Err(), "The hooks of docker gpu are %s already in %s.\n", word, file)
		return nil
	}
	if r.dryRun {
		fmt.Fprint(r.cli.Out(), lineDiff(file, before, after, 0))
		return nil
	}
	fmt.Fprint(r.cli.Err(), lineDiff(file, before, after, 0))
	ok, err := confirm(ctx, r.cli, r.yes, fmt.Sprintf("Change %s?", file))
	if err != nil || !ok {
		return err
	}
	if now, err := os.ReadFile(file); !bytes.Equal(now, before) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was changed in the meantime, and was left alone: run this again", file)
	}
	mode := os.FileMode(0o600) // it may hold credentials
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := atomicwriter.WriteFile(file, after, mode); err != nil {
		return fmt.Errorf("%s cannot be written: %w", file, err)
	}
	fmt.Fprintf(r.cli.Err(), "The hooks of docker gpu are %s.\n", word)
	return nil
}

// status says how the configuration stands; it reads nothing but that.
func (r *hooksRun) status(ctx context.Context) error {
	config := r.cli.ConfigFile()
	always, _ := config.PluginConfig(engine.Plugin, "hooks")
	failed, _ := config.PluginConfig(engine.Plugin, "error-hooks")
	version := r.client(ctx)
	state, why := "disabled", "`docker gpu hooks enable` sets them up"
	switch on := config.Features["hooks"]; {
	case always == "" && failed == "":
	case on != "true":
		why = "features.hooks is not \"true\"; `docker gpu hooks enable` sets it"
	case always == "" && version != "" && policy.Compare(version, policy.ErrorHooks) < 0:
		why = "this Docker client is older than " + policy.ErrorHooks + " and does not know error-hooks; `docker gpu hooks enable` adds hooks"
	default:
		state, why = "enabled", ""
	}
	w := tabwriter.NewWriter(r.cli.Out(), 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	row("hooks", state)
	row("because", why)
	row("after failures", clean(failed, 200))
	row("after all", clean(always, 200))
	row("Docker client", version)
	row("configuration", config.GetFilename())
	return w.Flush()
}

func newHooksCmd(cli command.Cli) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "hooks",
		Short: "Have a failing docker command followed by its cause on this host",
		Long: `Have a failing docker run, compose or build followed by one line that names
the cause on this host. The Docker client calls docker gpu after these commands
on a terminal only; docker gpu says nothing where it is not sure.`,
	})
	sub := func(use, short, long string, enabled bool) *cobra.Command {
		r := &hooksRun{cli: cli, client: engine.ClientVersion, enabled: enabled}
		c := &cobra.Command{Use: use + " [OPTIONS]", Short: short, Long: long, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return r.change(cmd.Context())
		}}
		c.Flags().BoolVarP(&r.yes, "yes", "y", false, "Do not ask")
		c.Flags().BoolVar(&r.dryRun, "dry-run", false, "Show the change to the Docker client's config.json, and make none")
		return c
	}
	cmd.AddCommand(
		sub("enable", "Let the Docker client call docker gpu after failures", strings.TrimSpace(`
Let the Docker client call docker gpu after failures: error-hooks (from Docker
29.3 on) or hooks (before) of the plugin gpu, and features.hooks, in the
client's config.json. All else in the file stays as it is.`), true),
		sub("disable", "Take out what enable has put in", "", false),
		&cobra.Command{Use: "status", Short: "Say whether the hooks are enabled", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return (&hooksRun{cli: cli, client: engine.ClientVersion}).status(cmd.Context())
		}},
	)
	return cmd
}
