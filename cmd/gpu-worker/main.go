// Command gpu-worker runs beside a GPU, in a container or on a host, and proves that it
// works. It prints one JSON object per line, of package internal/worker/report.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/cuda"
	"github.com/dockergpu/docker-gpu/internal/version"
	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

const usage = `usage: gpu-worker smoke [--limit DURATION]   prove that the GPUs work
       gpu-worker list [--limit DURATION]    name the GPUs
       gpu-worker wait [--limit DURATION]    do nothing that long, for others to start a worker beside it
       gpu-worker version
Lines of JSON on standard output. Exit code 0: all is well, 1: something is wrong, 2: bad usage.
`

// os.Exit also where a thread hangs in the driver.
func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	flags := flag.NewFlagSet("gpu-worker", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	limit := flags.Duration("limit", 30*time.Second, "")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	if flags.NArg() > 0 || *limit <= 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	lines := json.NewEncoder(stdout)
	emit := func(l report.Line) { lines.Encode(l) } // a reader that went away is told by its end
	var ok bool
	switch args[0] {
	case "smoke":
		smoke := cuda.NewSmoke(emit)
		smoke.Limit = *limit
		emit(start())
		ok = smoke.Run()
	case "list":
		emit(start())
		ok = cuda.List(emit, *limit)
	case "wait": // holds a container open while the host's systemd is reloaded
		time.Sleep(*limit)
		ok = true
	case "version":
		fmt.Fprintln(stdout, version.String())
		ok = true
	default:
		fmt.Fprint(stderr, usage)
		return 2
	}
	if !ok {
		return 1
	}
	return 0
}

// start is the first line: who speaks, and what the container was told of its GPUs.
func start() report.Line {
	l := report.Line{Stage: report.Start, OK: true, SchemaVersion: report.SchemaVersion, Version: version.String()}
	if v, set := os.LookupEnv("NVIDIA_VISIBLE_DEVICES"); set {
		const most = 1000
		v = v[:min(len(v), most)]
		l.Visible = &v
	}
	return l
}
