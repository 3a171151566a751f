package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/internal/version"
	"github.com/dockergpu/docker-gpu/internal/worker/report"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing": nil, "unknown": {"burn"}, "too much": {"smoke", "now"}, "no flag": {"smoke", "--speed"},
		"no duration": {"list", "--limit", "soon"}, "no time": {"smoke", "--limit", "0s"}, "before the command": {"--limit", "1s", "smoke"},
		"less than no time": {"wait", "--limit", "-1s"}, "help": {"--help"}, "help of a command": {"smoke", "-h"}, "nothing meant": {""},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, run(args, &stdout, &stderr), 2)
			assert.Equal(t, stdout.String(), "", "data only where there is some")
			assert.Assert(t, is.Contains(stderr.String(), "usage: gpu-worker smoke"))
		})
	}
}

func TestVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, run([]string{"version"}, &stdout, &stderr), 0)
	assert.Equal(t, stdout.String(), version.String()+"\n")
}

func TestWait(t *testing.T) {
	begin := time.Now()
	assert.Equal(t, run([]string{"wait", "--limit", "30ms"}, &bytes.Buffer{}, &bytes.Buffer{}), 0)
	assert.Assert(t, time.Since(begin) >= 30*time.Millisecond)
}

// Without a driver both say so in lines, and with code 1; with one both must hold.
func TestLines(t *testing.T) {
	for _, command := range []string{"smoke", "list"} {
		t.Run(command, func(t *testing.T) {
			t.Setenv("NVIDIA_VISIBLE_DEVICES", "void")
			var stdout, stderr bytes.Buffer
			code := run([]string{command}, &stdout, &stderr)
			lines, noise, err := report.Read(bytes.NewReader(stdout.Bytes()))
			assert.NilError(t, err)
			assert.Equal(t, len(noise), 0)
			assert.Equal(t, lines[0].Stage, report.Start)
			assert.Equal(t, *lines[0].Visible, "void")
			assert.Equal(t, lines[1].Stage, report.Load)
			end := lines[len(lines)-1]
			assert.Equal(t, end.Stage, report.End)
			assert.Equal(t, end.OK, code == 0)
			if !lines[1].OK {
				assert.Equal(t, code, 1)
				assert.Equal(t, lines[1].Error.Kind, "library")
				assert.Assert(t, is.Contains(lines[1].Error.Text, "libcuda.so.1 cannot be loaded"))
			}
			for line := range strings.Lines(stdout.String()) {
				assert.Assert(t, json.Valid([]byte(line)))
			}
		})
	}
}

func TestStart(t *testing.T) {
	t.Setenv("NVIDIA_VISIBLE_DEVICES", strings.Repeat("x", 5000))
	assert.Equal(t, len(*start().Visible), 1000)
	os.Unsetenv("NVIDIA_VISIBLE_DEVICES")
	assert.Assert(t, start().Visible == nil, "not set is not the same as empty")
}

// gone is a reader that went away.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Whoever started it may die first; then the worker still comes to its end, and its code says it.
func TestAReaderThatWentAway(t *testing.T) {
	var whole, stderr bytes.Buffer
	want := run([]string{"list"}, &whole, &stderr)
	assert.Equal(t, run([]string{"list"}, gone{}, &stderr), want)
	assert.Equal(t, stderr.String(), "")
}
