// Command gpu-probe looks at a machine from within a container that has its files below a
// folder, for the plugin on another machine. It is linked statically: its image holds
// nothing else. It writes one document to standard output, and in one line to standard
// error why there is none.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/version"
	"github.com/dockergpu/docker-gpu/internal/worker/image"
)

const usage = `usage: gpu-probe facts --root DIR [--data-root DIR]               the facts of the machine, as JSON
       gpu-probe image --root DIR --worker FILE [--have NAME]...   the image of the worker and the machine's C library, as a tar
       gpu-probe version
The image of a NAME that is there already is named, and not made. --data-root says which of several dockerd is meant.
Exit code 0: it is written, 1: it cannot be made, 2: bad usage.
`

// os.Exit also where a thread hangs in a file system that is gone.
func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// names is a flag that may come often.
type names []string

func (n *names) String() string     { return strings.Join(*n, ",") }
func (n *names) Set(s string) error { *n = append(*n, s); return nil }

func run(args []string, stdout, stderr io.Writer) int {
	misused := func() int {
		fmt.Fprint(stderr, usage)
		return 2
	}
	if len(args) == 0 {
		return misused()
	}
	flags := flag.NewFlagSet("gpu-probe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { misused() }
	var have names
	root, data, worker := flags.String("root", "", ""), flags.String("data-root", "", ""), flags.String("worker", "", "")
	flags.Var(&have, "have", "")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	var err error
	switch {
	case flags.NArg() > 0:
		return misused()
	case args[0] == "facts" && *root != "" && *worker == "" && have == nil:
		h := probe.Local(context.Background(), probe.Options{Root: *root, DataRoot: *data})
		err = probe.Record(stdout, h, false)
	case args[0] == "image" && *root != "" && *worker != "" && *data == "":
		err = writeImage(stdout, *root, *worker, have)
	case args[0] == "version" && flags.NFlag() == 0:
		fmt.Fprintln(stdout, version.String())
	default:
		return misused()
	}
	if err != nil {
		fmt.Fprintln(stderr, strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	return 0
}

func writeImage(w io.Writer, root, worker string, have []string) error {
	program, err := os.ReadFile(worker)
	if err != nil {
		return err
	}
	made, err := image.Worker(root, runtime.GOARCH, program)
	if err != nil {
		return err
	}
	data := made.Archive
	if slices.Contains(have, made.Name) {
		if data, err = made.Told(); err != nil {
			return err
		}
	}
	_, err = w.Write(data)
	return err
}
