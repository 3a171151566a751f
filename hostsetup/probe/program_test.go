package probe

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// standIn puts a script in front of all programs of a name.
func standIn(t *testing.T, name, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// Programs are run for real: one that fails, one that writes without end, one that hangs.
func TestRunningAProgram(t *testing.T) {
	standIn(t, "it", `echo "$@ $LC_ALL"; echo talk >&2; exit 9`)
	out, err := output(t.Context(), "it", "-q", "-x")
	assert.Equal(t, string(out), "-q -x C\n")
	assert.ErrorContains(t, err, "exit status 9")

	standIn(t, "it", "exec yes '<a></a>'")
	out, err = output(t.Context(), "it")
	assert.Equal(t, len(out), mostOutput+1)
	assert.ErrorIs(t, err, errLarge)
	assert.ErrorContains(t, err, "more than 16 MiB")

	_, err = output(t.Context(), "docker-gpu-has-no-such-program")
	assert.Assert(t, isMissing(err), "%v", err)
}

func TestAProgramThatHangsIsEnded(t *testing.T) {
	for name, script := range map[string]string{
		"it hangs":          "sleep 60",
		"its child hangs":   "sleep 60 & wait",
		"its child is left": "sleep 60 & exit 0",
	} {
		t.Run(name, func(t *testing.T) {
			standIn(t, "it", script)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := output(ctx, "it")
			assert.Assert(t, err != nil)
			assert.Assert(t, time.Since(begin) < 30*time.Second, "it waits for a child")
		})
	}
}

func TestNvidiaSMIIsAskedForWhatIsParsed(t *testing.T) {
	standIn(t, "nvidia-smi", `
case "$*" in
"-q -x") echo "<nvidia_smi_log><driver_version>580.65.06</driver_version><gpu><product_name>by XML</product_name></gpu></nvidia_smi_log>" ;;
--query-gpu=index,uuid,name,compute_cap,memory.total,driver_version*) echo "0, GPU-a, by table, 9.0, 1, 580.65.06" ;;
*) echo "what is $*?"; exit 2 ;;
esac`)
	driver, gpus, err := smiHealth(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, driver.Version+" "+gpus[0].Name, "580.65.06 by XML")
	driver, gpus, err = smiList(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, driver.Version+" "+gpus[0].Name, "580.65.06 by table")

	standIn(t, "nvidia-smi", "exec yes '<a></a>'")
	_, _, err = smiHealth(t.Context())
	assert.ErrorContains(t, err, "more than 16 MiB")
}

// Below another root nothing is run: its programs are of another machine. rpm is told of the root.
func TestProgramsOfAnotherMachine(t *testing.T) {
	standIn(t, "systemctl", "echo ran")
	standIn(t, "rpm", `echo "$@"`)
	m := newMachine(Options{Root: t.TempDir()})
	_, err := m.program(t.Context(), "systemctl")
	assert.ErrorIs(t, err, exec.ErrNotFound)
	out, err := m.program(t.Context(), "rpm", "--root", "/x")
	assert.NilError(t, err)
	assert.Equal(t, strings.TrimSpace(string(out)), "--root /x")
}
