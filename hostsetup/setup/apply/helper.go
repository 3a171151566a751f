package apply

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// Helper is the Party of root: this binary, started once as root by whatever the machine
// has for that, at the first thing that is asked of it.
type Helper struct {
	// Start starts it.
	Start func(context.Context) (Pipe, error)
	Tell  func(Event)
	Ask   func(ctx context.Context, question string) (bool, error)

	pipe  Pipe
	lines *bufio.Scanner
	mu    sync.Mutex // of pipe, and of writes to it
}

// Pipe leads to a process: what is written is its standard input. Close ends its input and
// waits until it has ended.
type Pipe interface {
	io.ReadWriteCloser
}

// Close lets the helper end.
func (h *Helper) Close() error {
	if h.pipe == nil {
		return nil
	}
	h.mu.Lock()
	pipe := h.pipe
	h.pipe = nil
	h.mu.Unlock()
	return pipe.Close()
}

func (h *Helper) open(ctx context.Context) error {
	if h.pipe != nil {
		return nil
	}
	pipe, err := h.Start(ctx)
	if err != nil {
		return err
	}
	h.pipe, h.lines = pipe, bufio.NewScanner(pipe)
	h.lines.Buffer(nil, mostLine)
	r, err := h.next()
	if err == nil && r.Hello != format {
		err = fmt.Errorf("it speaks format %d instead of %d: are there two docker-gpu on this machine?", r.Hello, format)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("root's helper did not start: %w", err), h.Close())
	}
	return nil
}

func (h *Helper) next() (r reply, err error) {
	if !h.lines.Scan() {
		if err := h.lines.Err(); err != nil {
			return r, err
		}
		return r, errors.New("it ended without an answer")
	}
	return r, json.Unmarshal(h.lines.Bytes(), &r)
}

func (h *Helper) write(r request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pipe == nil { // a late stop: it has ended
		return io.ErrClosedPipe
	}
	return json.NewEncoder(h.pipe).Encode(r)
}

// call asks and waits for the result; what comes in between is told. When ctx ends, the
// helper is told to stop after its present step.
func (h *Helper) call(ctx context.Context, r request) (*result, error) {
	if err := h.open(ctx); err != nil {
		return nil, err
	}
	r.Proxies = map[string]string{}
	for _, name := range proxies() {
		r.Proxies[name] = os.Getenv(name)
	}
	if err := h.write(r); err != nil {
		return nil, fmt.Errorf("root's helper: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = h.write(request{Do: "stop"}) })()
	for {
		r, err := h.next()
		switch {
		case err != nil:
			return nil, fmt.Errorf("root's helper was cut off: %w. `docker-gpu setup --resume` goes on, `docker-gpu setup rollback` goes back", err)
		case r.Event != nil && h.Tell != nil:
			h.Tell(*r.Event)
		case r.Ask != "":
			yes := false
			if h.Ask != nil {
				if yes, err = h.Ask(ctx, r.Ask); err != nil {
					yes = false
				}
			}
			if err := h.write(request{Do: "answer", Yes: yes}); err != nil {
				return nil, err
			}
		case r.Result != nil:
			if r.Result.Fault != nil {
				return r.Result, r.Result.Fault
			}
			return r.Result, nil
		}
	}
}

// Apply implements Party.
func (h *Helper) Apply(ctx context.Context, id string, plan *setup.Plan) (bool, error) {
	r, err := h.call(ctx, request{Do: "apply", ID: id, Plan: plan})
	return r == nil || r.Ran, err // of one that was cut off nobody knows
}

// Resume implements Party.
func (h *Helper) Resume(ctx context.Context, id string) error {
	_, err := h.call(ctx, request{Do: "resume", ID: id})
	return err
}

// Keep implements Party.
func (h *Helper) Keep(ctx context.Context, id string) error {
	_, err := h.call(ctx, request{Do: "keep", ID: id})
	return err
}

// Rollback implements Party.
func (h *Helper) Rollback(ctx context.Context, id string, b Back) error {
	_, err := h.call(ctx, request{Do: "rollback", ID: id, Back: &b})
	return err
}

// Runs implements Party.
func (h *Helper) Runs(ctx context.Context) ([]Run, error) {
	r, err := h.call(ctx, request{Do: "runs"})
	if err != nil {
		return nil, err
	}
	return r.Runs, nil
}
