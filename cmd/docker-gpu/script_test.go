package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into the scripts (make docs)")

// TestMain lets the test binary be docker-gpu, for the scripts and for docker.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"docker-gpu": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setup,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": code},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	})
}

// setup gives each script a Docker configuration where docker finds the plugin.
func setup(env *testscript.Env) error {
	binary, err := exec.LookPath("docker-gpu")
	if err != nil {
		return err
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	plugins := filepath.Join(env.WorkDir, "config", "cli-plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return err
	}
	env.Setenv("DOCKER_CONFIG", filepath.Dir(plugins))
	env.Setenv("ROOT", root)
	env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's second at each exit
	return os.Symlink(binary, filepath.Join(plugins, "docker-gpu"))
}

// code runs a program and compares its exit code: code N PROGRAM [ARGS...].
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
