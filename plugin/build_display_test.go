package plugin

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/solve"
)

// displaying is a run of build whose talk goes to a file, as a process's does.
func displaying(t *testing.T, args ...string) (r *buildRun, said func() string) {
	t.Helper()
	r, _, _ = building(t, args...)
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	assert.NilError(t, err)
	t.Cleanup(func() { file.Close() })
	r.cli, err = command.NewDockerCli(command.WithOutputStream(&bytes.Buffer{}), command.WithErrorStream(file))
	assert.NilError(t, err)
	return r, func() string {
		data, err := os.ReadFile(file.Name())
		assert.NilError(t, err)
		return string(data)
	}
}

// statuses are what a builder tells of one step, from its beginning to its end.
func statuses(title, log string, failed string) <-chan *bkclient.SolveStatus {
	ch := make(chan *bkclient.SolveStatus, 3)
	id, began := digest.FromString(title), time.Unix(1700000000, 0)
	ended := began.Add(2 * time.Second)
	ch <- &bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{{Digest: id, Name: title, Started: &began}}}
	ch <- &bkclient.SolveStatus{Logs: []*bkclient.VertexLog{{Vertex: id, Stream: 1, Data: []byte(log), Timestamp: began}}}
	ch <- &bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{{Digest: id, Name: title, Started: &began, Completed: &ended, Error: failed}}}
	close(ch)
	return ch
}

func TestProgressOfABuild(t *testing.T) {
	for mode, says := range map[string][]string{
		"plain":   {"[wheel] torch 2.14.0 (912MB)", "unpacking\n", "DONE 2.0s"},
		"auto":    {"[wheel] torch 2.14.0 (912MB)", "DONE 2.0s"}, // a file is no terminal
		"rawjson": {`"name":"[wheel] torch 2.14.0 (912MB)"`, `"data":"dW5wYWNraW5nCg=="`},
	} {
		r, said := displaying(t, "--progress="+mode)
		assert.NilError(t, r.display(&solve.Builder{Name: "mine"})(statuses("[wheel] torch 2.14.0 (912MB)", "unpacking\n", "")))
		for _, s := range says {
			assert.Assert(t, strings.Contains(said(), s), "%s: %q is not in\n%s", mode, s, said())
		}
	}
	for _, args := range []string{"--progress=quiet", "--progress=none", "-q"} {
		r, said := displaying(t, args)
		assert.NilError(t, r.display(&solve.Builder{Name: "mine"})(statuses("[wheel] torch", "unpacking\n", "")))
		assert.Equal(t, said(), "", args)
	}
}

func TestProgressOfAFailedStep(t *testing.T) {
	r, said := displaying(t, "--progress=plain")
	assert.NilError(t, r.display(&solve.Builder{Name: "mine"})(statuses("[apt] nosuch", "E: Unable to locate package\n", "exit code: 100")))
	assert.Assert(t, strings.Contains(said(), "ERROR: exit code: 100") && strings.Contains(said(), "E: Unable to locate package"), said())
}

// A build goes on while nobody looks: what it tells must be taken, or it would stand still.
func TestADisplayThatCannotBeTakesAllTheSame(t *testing.T) {
	r, _ := displaying(t, "--progress=tty") // a file is no terminal
	ch := statuses("[wheel] torch", "unpacking\n", "")
	err := r.display(&solve.Builder{Name: "mine"})(ch)
	assert.ErrorContains(t, err, "failed to get console")
	_, open := <-ch
	assert.Assert(t, !open, "something was left")
	_, err = r.progress("mine")
	assert.Assert(t, err != nil)
	r.opts.progress = string(progressui.PlainMode)
	_, err = r.progress("mine")
	assert.NilError(t, err)
}
