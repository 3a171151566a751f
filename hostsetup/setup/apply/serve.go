package apply

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// mostLine is the longest request: a plan.
const mostLine = 16 << 20

// server is root's side: it takes requests as lines of JSON and answers in lines of JSON.
type server struct {
	m       *Machine
	lines   chan request
	answers chan bool
	mu      sync.Mutex // of out and stop
	out     *json.Encoder
	stop    context.CancelFunc // of what is under way
}

// Serve makes root's steps for a Helper at the other end of a pipe until that closes it.
// Every plan is examined again: who calls is not trusted with more than the closed list of
// operations, in the closed list of places.
func Serve(ctx context.Context, in io.Reader, out io.Writer, m Machine) error {
	s := &server{lines: make(chan request), answers: make(chan bool), out: json.NewEncoder(out)}
	m.Whose, m.Tell, m.Ask = Root, func(e Event) { _ = s.send(reply{Event: &e}) }, s.ask
	s.m = &m
	if err := s.send(reply{Hello: format}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.read(ctx, in) }()
	for r := range s.lines {
		if err := s.send(reply{Result: s.make(ctx, r)}); err != nil {
			return err
		}
	}
	return <-ended
}

func (s *server) send(r reply) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Encode(r)
}

// read takes lines. When the other end is gone, what is under way stops after its present
// step, as with Ctrl-C.
func (s *server) read(ctx context.Context, in io.Reader) error {
	defer close(s.lines)
	defer s.halt()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, mostLine)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("a request that is no JSON: %w", err)
		}
		switch r.Do {
		case "stop":
			s.halt()
		case "answer":
			select {
			case s.answers <- r.Yes:
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			select {
			case s.lines <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return lines.Err()
}

func (s *server) halt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
}

func (s *server) ask(ctx context.Context, question string) (bool, error) {
	if err := s.send(reply{Ask: question}); err != nil {
		return false, err
	}
	select {
	case yes := <-s.answers:
		return yes, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (s *server) make(ctx context.Context, r request) *result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.stop = cancel
	s.mu.Unlock()
	var res result
	err := takeProxies(r.Proxies)
	if err != nil {
		return &result{Fault: faultOf(err)}
	}
	switch r.Do {
	case "apply":
		if err = examine(r.Plan); err == nil {
			res.Ran, err = s.m.Apply(ctx, r.ID, r.Plan)
		}
	case "resume":
		err = s.m.Resume(ctx, r.ID)
	case "keep":
		err = s.m.Keep(ctx, r.ID)
	case "rollback":
		if r.Back == nil {
			r.Back = &Back{}
		}
		err = s.m.Rollback(ctx, r.ID, *r.Back)
	case "runs":
		res.Runs, err = s.m.Runs(ctx)
	default:
		err = errors.New("root's helper was asked for " + r.Do)
	}
	res.Fault = faultOf(err)
	return &res
}
