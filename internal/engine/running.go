package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// Running is a worker that was started. It has to be removed.
type Running struct {
	engine *Engine
	id     string
	wait   client.ContainerWaitResult
	output *output
}

// Start starts a worker. After an error nothing is left of it.
func (e *Engine) Start(ctx context.Context, w Worker) (_ *Running, err error) {
	r, err := e.create(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Remove(ctx))
		}
	}()
	if w.Files != nil {
		if _, err := e.API.CopyToContainer(ctx, r.id, client.CopyToContainerOptions{DestinationPath: FilesDir, Content: bytes.NewReader(w.Files)}); err != nil {
			return nil, &RefusedError{w.For, "filled", err}
		}
	}
	// Attached and waited for before it starts: a short worker is over at once.
	attached, err := e.API.ContainerAttach(ctx, r.id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, err
	}
	r.output = follow(attached.HijackedResponse)
	r.wait = e.API.ContainerWait(ctx, r.id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := e.API.ContainerStart(ctx, r.id, client.ContainerStartOptions{}); err != nil {
		return nil, &RefusedError{w.For, "started", err}
	}
	return r, nil
}

// create makes a container. An engine that was asked for one makes it, whoever goes away
// meanwhile: where ctx ends before the answer, that is waited for and the container removed.
func (e *Engine) create(ctx context.Context, w Worker) (*Running, error) {
	type answer struct {
		id  string
		err error
	}
	done := make(chan answer, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		created, err := e.API.ContainerCreate(ctx, w.options())
		done <- answer{created.ID, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return nil, &RefusedError{w.For, "created", a.err}
		}
		return &Running{engine: e, id: a.id}, nil
	case <-ctx.Done():
	}
	undone := make(chan error, 1)
	go func() {
		a := <-done
		if a.err == nil {
			a.err = (&Running{engine: e, id: a.id}).Remove(ctx)
		}
		undone <- a.err
	}()
	select {
	case <-undone:
	case <-time.After(10 * time.Second): // it goes on without us
	}
	return nil, ctx.Err()
}

// Wait waits for the program's end. Where ctx ends before, what was written so far comes
// back beside ctx's error.
func (r *Running) Wait(ctx context.Context) (Result, error) {
	select {
	case err := <-r.wait.Error:
		return r.output.sofar(), err
	case status := <-r.wait.Result:
		res, err := r.output.all(ctx)
		res.Exit = int(status.StatusCode)
		return res, err
	}
}

// Exec runs a program in the worker's container to its end.
func (r *Running) Exec(ctx context.Context, command ...string) (Result, error) {
	api := r.engine.API
	created, err := api.ExecCreate(ctx, r.id, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return Result{}, err
	}
	attached, err := api.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return Result{}, err
	}
	o := follow(attached.HijackedResponse)
	defer o.close()
	res, err := o.all(ctx)
	if err != nil {
		return res, err
	}
	ended, err := api.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	res.Exit = ended.ExitCode
	return res, err
}

// Remove ends the program and removes the container, also where ctx is cancelled. Where
// no answer comes it is asked for once more: a connection that broke may be none of the
// engine's, and what the first time did is gone.
func (r *Running) Remove(ctx context.Context) error {
	if r.output != nil {
		r.output.close()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	remove := func() error {
		_, err := r.engine.API.ContainerRemove(ctx, r.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err
	}
	err := remove()
	if err != nil && !strings.HasPrefix(err.Error(), "Error response from daemon") {
		if err = remove(); errdefs.IsNotFound(err) {
			return nil
		}
	}
	return err
}

// output gathers both streams of a program while it runs.
type output struct {
	conn           client.HijackedResponse
	stdout, stderr bounded.Writer
	done           chan error
}

func follow(conn client.HijackedResponse) *output {
	o := &output{conn: conn, stdout: bounded.Writer{Most: mostStdout}, stderr: bounded.Writer{Most: mostStderr}, done: make(chan error, 1)}
	go func() {
		_, err := stdcopy.StdCopy(&o.stdout, &o.stderr, conn.Reader)
		o.done <- err
	}()
	return o
}

func (o *output) close() { o.conn.Close() }

// all waits for the end of both streams.
func (o *output) all(ctx context.Context) (Result, error) {
	select {
	case err := <-o.done:
		return Result{Stdout: o.stdout.Bytes(), Stderr: o.stderr.Bytes()}, err
	case <-ctx.Done():
		return o.sofar(), ctx.Err()
	}
}

// sofar ends the streams and takes what came.
func (o *output) sofar() Result {
	o.close()
	<-o.done
	return Result{Stdout: o.stdout.Bytes(), Stderr: o.stderr.Bytes()}
}

// last is the last line of a text that is not empty.
func last(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
