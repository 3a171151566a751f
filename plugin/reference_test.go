package plugin

import (
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"

	docs "github.com/docker/cli-docs-tool"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
	"gotest.tools/v3/golden"
)

// TestReference compares the command reference with the commands. What is
// written below the generated part of a page is kept. With -update (make docs)
// it writes the reference; the flag is golden's, of which there can be one.
func TestReference(t *testing.T) {
	const reference = "../docs/reference"
	target := t.TempDir()
	if golden.FlagUpdate() {
		target = reference
		if err := os.MkdirAll(reference, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	log.SetOutput(io.Discard) // the tool tells of every page
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	root := documented(t)
	tool, err := docs.New(docs.Options{Root: root, SourceDir: reference, TargetDir: target, Plugin: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tool.GenMarkdownTree(root); err != nil {
		t.Fatal(err)
	}
	want := pages(t, target)
	got := pages(t, reference)
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("docs/reference/%s is of no command: delete it", name)
		}
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("docs/reference/%s is not what the command says: run `make docs`", name)
		}
	}
}

// documented is the tree as docker shows it, free of this machine's settings.
func documented(t *testing.T) *cobra.Command {
	t.Helper()
	t.Setenv("BUILDX_BUILDER", "")
	dockerCLI, err := command.NewDockerCli()
	if err != nil {
		t.Fatal(err)
	}
	root := &cobra.Command{Use: "docker", Annotations: map[string]string{"docs.code-delimiter": `"`}}
	root.AddCommand(NewRoot(t.Context(), dockerCLI, false))
	return root
}

func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(file)] = string(text)
	}
	return found
}
