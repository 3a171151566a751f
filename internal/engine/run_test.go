package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"gotest.tools/v3/assert"
)

const removed = "DELETE /containers/c1?force=1&v=1"

var worker = Worker{For: "verification", Image: "img", Command: []string{"python3", "-c", "code"}, Env: []string{"A=b"}}

func TestRunReturnsWhatWasWritten(t *testing.T) {
	d := &daemon{stdout: "{}\n", stderr: "a warning\n"}
	out, err := d.engine(t).Output(t.Context(), worker)
	assert.NilError(t, err)
	assert.Equal(t, string(out), "{}\n")
	// Attached and waited for before it starts: a short worker is over at once.
	assert.DeepEqual(t, d.calls, []string{
		"POST /containers/create",
		"POST /containers/c1/attach?stderr=1&stdout=1&stream=1",
		"POST /containers/c1/wait?condition=next-exit",
		"POST /containers/c1/start",
		removed,
	})
}

func TestRunGivesAWorkerNothing(t *testing.T) {
	d := &daemon{}
	_, err := d.engine(t).Output(t.Context(), worker)
	assert.NilError(t, err)
	c, h := d.created.Config, d.created.HostConfig
	assert.Equal(t, c.Image, "img")
	// The image's own entrypoint must not run.
	assert.DeepEqual(t, c.Entrypoint, []string{"python3"})
	assert.DeepEqual(t, c.Cmd, []string{"-c", "code"})
	assert.DeepEqual(t, c.Env, []string{"A=b"})
	assert.DeepEqual(t, c.Labels, map[string]string{Label: "verification"})
	assert.Equal(t, h.NetworkMode, container.NetworkMode("none"))
	assert.Assert(t, h.ReadonlyRootfs)
	assert.Assert(t, !h.Privileged)
	assert.DeepEqual(t, h.CapDrop, []string{"ALL"})
	assert.DeepEqual(t, h.SecurityOpt, []string{"no-new-privileges"})
	assert.Equal(t, len(h.Binds)+len(h.Mounts)+len(h.DeviceRequests), 0)
	// PyTorch wants a place for its temporary files and shared memory.
	assert.Assert(t, h.Tmpfs["/tmp"] != "")
	assert.Assert(t, h.ShmSize >= 1<<30)
}

func TestRunWithGPUs(t *testing.T) {
	d := &daemon{}
	w := worker
	w.Devices = (&Route{CDI: []string{"nvidia.com/gpu=all"}}).Requests()
	_, err := d.engine(t).Output(t.Context(), w)
	assert.NilError(t, err)
	assert.DeepEqual(t, d.created.HostConfig.DeviceRequests, []container.DeviceRequest{{Driver: "cdi", DeviceIDs: []string{"nvidia.com/gpu=all"}}})
}

func TestRunLeavesNoContainer(t *testing.T) {
	for name, c := range map[string]struct {
		daemon *daemon
		says   []string
	}{
		"non-zero exit":     {&daemon{code: 3, stderr: "Traceback\nOSError: no such library\n"}, []string{"exited with code 3: OSError: no such library"}},
		"cannot start":      {&daemon{answers: map[string]string{"POST /containers/c1/start": `500 {"message":"no runtime nvidia"}`}}, []string{"cannot be started", "no runtime nvidia"}},
		"cannot attach":     {&daemon{answers: map[string]string{"POST /containers/c1/attach": `500 {"message":"broken"}`}}, []string{"500"}},
		"cannot wait":       {&daemon{answers: map[string]string{"POST /containers/c1/wait": `500 {"message":"lost"}`}}, []string{"lost"}},
		"cannot be removed": {&daemon{answers: map[string]string{"DELETE /containers/c1": `500 {"message":"in use"}`}}, []string{"in use"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.daemon.engine(t).Output(t.Context(), worker)
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
			assert.Equal(t, c.daemon.asked(removed), 1)
		})
	}
}

// A connection that breaks while a container is removed does not leave it there.
func TestRemovalIsTriedAgain(t *testing.T) {
	d := &daemon{stdout: "fine", answers: map[string]string{"DELETE /containers/c1": "die once"}}
	_, err := d.engine(t).Output(t.Context(), worker)
	assert.NilError(t, err)
	assert.Equal(t, d.asked(removed), 2)
	d = &daemon{answers: map[string]string{"DELETE /containers/c1": "die"}}
	_, err = d.engine(t).Output(t.Context(), worker)
	assert.ErrorContains(t, err, "EOF")
	assert.Equal(t, d.asked(removed), 2)
}

func TestRunCancelledLeavesNoContainer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &daemon{hangs: true, onStart: cancel}
	_, err := d.engine(t).Output(ctx, worker)
	assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
	assert.Equal(t, d.asked(removed), 1)
}

// The engine makes what it was asked for, and only then learns that nobody wants it.
func TestRunCancelledWhileItIsCreated(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &daemon{onCreate: func() { cancel(); time.Sleep(50 * time.Millisecond) }}
	_, err := d.engine(t).Output(ctx, worker)
	assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
	assert.Equal(t, d.asked(removed), 1)
	assert.Equal(t, d.asked("POST /containers/c1/start"), 0)
}

func TestRunThatCannotCreate(t *testing.T) {
	d := &daemon{answers: map[string]string{"POST /containers/create": `404 {"message":"No such image: img"}`}}
	_, err := d.engine(t).Output(t.Context(), worker)
	assert.ErrorContains(t, err, "cannot be created")
	assert.ErrorContains(t, err, "No such image: img")
	assert.Equal(t, d.asked(removed), 0)
}
