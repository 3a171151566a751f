package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// fill writes what a source found into a host. A source hands one over instead of
// writing itself: one that is left behind may go on, and must not write to what
// others read.
type fill func(*host.Host)

// source is one place that facts come from.
type source struct {
	name    string // the key in Host.Unread; doctor's checks name what they need by it
	what    string // in words, for a message: "the kernel log"
	timeout time.Duration
	// read finds facts. It may return some and an error that says what is missing.
	read func(context.Context, *machine) (fill, error)
}

// gather asks all sources side by side and merges what they found, in their order.
func gather(ctx context.Context, m *machine, sources []source) host.Host {
	type answer struct {
		fill fill
		err  error
	}
	answers := make([]chan answer, len(sources))
	for i, s := range sources {
		answers[i] = make(chan answer, 1)
		go func() {
			ctx, cancel := context.WithTimeout(ctx, s.timeout)
			defer cancel()
			done := make(chan answer, 1)
			go func() {
				f, err := s.safely(ctx, m)
				done <- answer{f, err}
			}()
			select {
			case a := <-done:
				answers[i] <- a
			case <-ctx.Done():
				answers[i] <- answer{nil, s.late(ctx)}
			}
		}()
	}
	var h host.Host
	for i, s := range sources {
		a := <-answers[i]
		if a.fill != nil {
			a.fill(&h)
		}
		if a.err != nil {
			note(&h, s.name, a.err)
		}
	}
	return h
}

// safely reads a source; hostile data that brings a parser down costs that source only.
func (s source) safely(ctx context.Context, m *machine) (f fill, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("%s cannot be understood: %v", s.what, p)
		}
	}()
	return s.read(ctx, m)
}

func (s source) late(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %s", s.what, s.timeout)
	}
	return fmt.Errorf("%s: interrupted", s.what)
}

// note says in a host why a source could not be read.
func note(h *host.Host, name string, err error) {
	if err == nil {
		return
	}
	if h.Unread == nil {
		h.Unread = map[string]string{}
	}
	h.Unread[name] = strings.ReplaceAll(err.Error(), "\n", "; ") // errors.Join's
}

// notes adds many.
func notes(h *host.Host, why map[string]string) {
	if len(why) > 0 && h.Unread == nil {
		h.Unread = map[string]string{}
	}
	maps.Copy(h.Unread, why)
}
