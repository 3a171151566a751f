package plugin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

const clientConfig = `{
	"auths": {
		"registry.example.com": {
			"auth": "c2VjcmV0OnNlY3JldA=="
		}
	},
	"aKeyOfTheFuture": {"deep": [1, 2.50, "x"]},
	"credsStore": "pass"
}`

// hooking is a run on a client's configuration file; an empty text is no file.
func hooking(t *testing.T, text, version string, terminal bool, typed string) (screen, *hooksRun, string) {
	t.Helper()
	s := newScreen(t, terminal, typed)
	file := filepath.Join(config.Dir(), "config.json")
	if text != "" {
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o640))
	}
	assert.NilError(t, s.cli.Initialize(cliflags.NewClientOptions()))
	return s, &hooksRun{cli: s.cli, client: func(context.Context) string { return version }, enabled: true}, file
}

func content(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	return string(data)
}

func TestEnableHooks(t *testing.T) {
	for version, both := range map[string]bool{"29.9.3": false, "29.3.0": false, "30.0.0": false, "29.2.1": true, "28.2.2": true, "": true, "dev": true} {
		s, r, file := hooking(t, clientConfig, version, true, "y\n")
		assert.NilError(t, r.change(t.Context()))
		text := content(t, file)
		assert.Assert(t, strings.HasPrefix(text, strings.TrimSuffix(clientConfig, "\n}")), "all else stays: %s", text)
		c, err := config.Load(config.Dir())
		assert.NilError(t, err)
		failed, _ := c.PluginConfig("gpu", "error-hooks")
		always, _ := c.PluginConfig("gpu", "hooks")
		assert.Equal(t, failed, hookCommands)
		assert.Equal(t, always == hookCommands, both, version)
		assert.Equal(t, c.Features["hooks"], "true")
		info, err := os.Stat(file)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o640))
		assert.Equal(t, s.out.String(), "")
		assert.Assert(t, !strings.Contains(s.err.String(), "c2VjcmV0"), "credentials are not shown")

		// Again there is nothing to do; and back it is what it was.
		s.err.Reset()
		assert.NilError(t, r.change(t.Context()))
		assert.Assert(t, strings.Contains(s.err.String(), "enabled already"), s.err)
		r.enabled, r.yes = false, true
		assert.NilError(t, r.change(t.Context()))
		assert.Equal(t, content(t, file), clientConfig)
	}
}

func TestEnableHooksShowsAndAsks(t *testing.T) {
	s, r, file := hooking(t, clientConfig, "29.9.3", true, "n\n")
	assert.NilError(t, r.change(t.Context()))
	assert.Equal(t, content(t, file), clientConfig)
	golden.Assert(t, strings.ReplaceAll(s.err.String(), file, "FILE"), "hooks-asks.txt")

	s, r, file = hooking(t, clientConfig, "28.2.2", false, "")
	r.dryRun = true
	assert.NilError(t, r.change(t.Context()))
	assert.Equal(t, content(t, file), clientConfig)
	golden.Assert(t, strings.ReplaceAll(s.out.String(), file, "FILE"), "hooks-dry-run.txt")

	_, r, file = hooking(t, clientConfig, "29.9.3", false, "y\n")
	assert.ErrorContains(t, r.change(t.Context()), "say -y (--yes)")
	assert.Equal(t, content(t, file), clientConfig)
}

func TestHooksWhereThereIsNoFile(t *testing.T) {
	_, r, file := hooking(t, "", "29.9.3", false, "")
	r.yes = true
	assert.NilError(t, r.change(t.Context()))
	assert.Assert(t, strings.Contains(content(t, file), `"error-hooks": "run,`))
	info, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
}

func TestHooksInALinkedFile(t *testing.T) {
	_, r, file := hooking(t, clientConfig, "29.9.3", false, "")
	r.yes = true
	real := filepath.Join(t.TempDir(), "dotfiles.json")
	assert.NilError(t, os.Rename(file, real))
	assert.NilError(t, os.Symlink(real, file))
	assert.NilError(t, r.change(t.Context()))
	info, err := os.Lstat(file)
	assert.NilError(t, err)
	assert.Assert(t, info.Mode()&os.ModeSymlink != 0, "the link stays one")
	assert.Assert(t, strings.Contains(content(t, real), "error-hooks"))
}

func TestHooksInABrokenFile(t *testing.T) {
	_, r, file := hooking(t, clientConfig, "29.9.3", false, "")
	r.yes = true
	for _, text := range []string{`{"plugins": {"gpu": "text"}}`, `{"plugins": `, "[1]"} {
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
		assert.ErrorContains(t, r.change(t.Context()), file+": ")
		assert.Equal(t, content(t, file), text)
	}
}

// features.hooks is everybody's: where another plugin has hooks, it stays.
func TestDisableLeavesOthersTheirHooks(t *testing.T) {
	const others = "{\n\t\"plugins\": {\n\t\t\"scout\": {\n\t\t\t\"hooks\": \"pull\"\n\t\t},\n\t\t\"gpu\": {\n\t\t\t\"hooks\": \"run\"\n\t\t}\n\t},\n\t\"features\": {\n\t\t\"hooks\": \"true\"\n\t}\n}"
	_, r, file := hooking(t, others, "29.9.3", false, "")
	r.enabled, r.yes = false, true
	assert.NilError(t, r.change(t.Context()))
	assert.Equal(t, content(t, file), "{\n\t\"plugins\": {\n\t\t\"scout\": {\n\t\t\t\"hooks\": \"pull\"\n\t\t}\n\t},\n\t\"features\": {\n\t\t\"hooks\": \"true\"\n\t}\n}")
}

func TestStatusOfHooks(t *testing.T) {
	for name, c := range map[string]struct {
		text, version string
		says          []string
	}{
		"none":           {`{}`, "29.9.3", []string{"hooks          disabled", "`docker gpu hooks enable`", "29.9.3"}},
		"enabled":        {`{"plugins":{"gpu":{"error-hooks":"run"}},"features":{"hooks":"true"}}`, "29.9.3", []string{"hooks           enabled", "after failures  run"}},
		"features off":   {`{"plugins":{"gpu":{"error-hooks":"run"}}}`, "29.9.3", []string{"disabled", "features.hooks is not"}},
		"an old client":  {`{"plugins":{"gpu":{"error-hooks":"run"}},"features":{"hooks":"true"}}`, "28.2.2", []string{"disabled", "older than 29.3"}},
		"both":           {`{"plugins":{"gpu":{"error-hooks":"run","hooks":"run"}},"features":{"hooks":"true"}}`, "28.2.2", []string{"enabled", "after all"}},
		"unknown client": {`{"plugins":{"gpu":{"error-hooks":"run"}},"features":{"hooks":"true"}}`, "", []string{"enabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, file := hooking(t, c.text, c.version, false, "")
			assert.NilError(t, r.status(t.Context()))
			for _, says := range append(c.says, file) {
				assert.Assert(t, strings.Contains(s.out.String(), says), "%q is not in %s", says, s.out)
			}
		})
	}
}
