package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/mount"
	"gotest.tools/v3/assert"
)

func TestRunTellsHowItEnded(t *testing.T) {
	d := &daemon{stdout: "half a line", stderr: "Traceback\n", code: 137}
	res, err := d.engine(t).Run(t.Context(), worker)
	assert.NilError(t, err) // how a program ends is the caller's matter
	assert.DeepEqual(t, res, Result{Exit: 137, Stdout: []byte("half a line"), Stderr: []byte("Traceback\n")})
}

func TestRefusedNamesTheStep(t *testing.T) {
	for call, step := range map[string]string{
		"POST /containers/create":    "created",
		"PUT /containers/c1/archive": "filled",
		"POST /containers/c1/start":  "started",
	} {
		t.Run(step, func(t *testing.T) {
			d := &daemon{answers: map[string]string{call: `500 {"message":"could not select device driver \"\" with capabilities: [[gpu]]"}`}}
			w := worker
			w.Files = []byte("a tar")
			_, err := d.engine(t).Run(t.Context(), w)
			var refused *RefusedError
			assert.Assert(t, errors.As(err, &refused), "%v", err)
			assert.Equal(t, refused.Step, step)
			assert.ErrorContains(t, refused.Err, "could not select device driver")
			assert.Equal(t, d.asked(removed), map[bool]int{true: 0, false: 1}[step == "created"])
		})
	}
}

// A worker's files go into a volume of its own: the root stays read-only.
func TestRunWithFilesBindsAndRuntime(t *testing.T) {
	d := &daemon{}
	w := worker
	w.Files, w.Binds, w.Runtime = []byte("a tar"), map[string]string{"/host": "/"}, "nvidia"
	_, err := d.engine(t).Run(t.Context(), w)
	assert.NilError(t, err)
	h := d.created.HostConfig
	assert.Assert(t, h.ReadonlyRootfs)
	assert.Equal(t, h.Runtime, "nvidia")
	assert.DeepEqual(t, h.SecurityOpt, []string{"no-new-privileges", "label=disable"})
	assert.DeepEqual(t, h.Mounts, []mount.Mount{
		{Type: mount.TypeBind, Source: "/", Target: "/host", ReadOnly: true},
		{Type: mount.TypeVolume, Target: FilesDir},
	})
	assert.Equal(t, string(d.files), "a tar")
	assert.Equal(t, d.asked("PUT /containers/c1/archive?noOverwriteDirNonDir=true&path=%2F.docker-gpu"), 1)
	// A volume without a name is removed with its container.
	assert.Equal(t, d.asked(removed), 1)
}

func TestExec(t *testing.T) {
	d := &daemon{stdout: "inside\n", stderr: "but\n", code: 1}
	e := d.engine(t)
	r, err := e.Start(t.Context(), worker)
	assert.NilError(t, err)
	res, err := r.Exec(t.Context(), "/gpu-worker", "smoke")
	assert.NilError(t, err)
	assert.DeepEqual(t, res, Result{Exit: 1, Stdout: []byte("inside\n"), Stderr: []byte("but\n")})
	assert.DeepEqual(t, d.exec.Cmd, []string{"/gpu-worker", "smoke"})
	assert.Assert(t, d.exec.AttachStdout && d.exec.AttachStderr && !d.exec.Tty)
	assert.Equal(t, d.asked(removed), 0)
	assert.NilError(t, r.Remove(t.Context()))
	assert.Equal(t, d.asked(removed), 1)
}

func TestExecThatCannotBe(t *testing.T) {
	for call, says := range map[string]string{
		"POST /containers/c1/exec": "is not running",
		"POST /exec/e1/start":      "500",
		"GET /exec/e1/json":        "is not running",
	} {
		t.Run(call, func(t *testing.T) {
			d := &daemon{answers: map[string]string{call: `500 {"message":"container c1 is not running"}`}}
			r, err := d.engine(t).Start(t.Context(), worker)
			assert.NilError(t, err)
			_, err = r.Exec(t.Context(), "ls")
			assert.ErrorContains(t, err, says)
		})
	}
}

// What a worker wrote before its time was up tells how far it came.
func TestWaitKeepsWhatWasWritten(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	d := &daemon{stdout: "one\n", never: true}
	r, err := d.engine(t).Start(ctx, worker)
	assert.NilError(t, err)
	res, err := r.Wait(ctx)
	assert.Assert(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
	assert.Equal(t, string(res.Stdout), "one\n")
	assert.NilError(t, r.Remove(ctx))
	assert.Equal(t, d.asked(removed), 1)
}

func TestOutputIsBounded(t *testing.T) {
	d := &daemon{stderr: strings.Repeat("x", mostStderr+10)}
	res, err := d.engine(t).Run(t.Context(), worker)
	assert.NilError(t, err)
	assert.Equal(t, len(res.Stderr), mostStderr)
}

func TestPull(t *testing.T) {
	d := &daemon{answers: map[string]string{"POST /images/create": `200 {"status":"Pulling from team/image"}`}}
	var said strings.Builder
	assert.NilError(t, d.engine(t).Pull(t.Context(), "registry.example.com/team/image", &said))
	assert.Equal(t, d.asked("POST /images/create?fromImage=registry.example.com%2Fteam%2Fimage&tag=latest"), 1)
	assert.Assert(t, d.header.Get("X-Registry-Auth") != "")
	assert.Equal(t, said.String(), "Pulling from team/image\n")
}

func TestPullThatFails(t *testing.T) {
	for name, c := range map[string]struct{ image, answer, says string }{
		"no name":    {"Not A Name", "", `"Not A Name" is no image name`},
		"refused":    {"img", `404 {"message":"pull access denied for img"}`, "docker.io/library/img:latest cannot be pulled: Error response from daemon: pull access denied"},
		"breaks off": {"img", `200 {"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}`, "cannot be pulled: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &daemon{answers: map[string]string{"POST /images/create": c.answer}}
			assert.ErrorContains(t, d.engine(t).Pull(t.Context(), c.image, &strings.Builder{}), c.says)
		})
	}
}
