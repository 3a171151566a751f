package cuda

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// Smoke is a proof that GPUs work. Its zero value is none: use NewSmoke.
type Smoke struct {
	// Limit is how long each stage may take.
	Limit time.Duration
	// Elements is the size of the buffer that kernels fill, in 64-bit elements; Side that
	// of the matrices, a multiple of 32.
	Elements, Side int
	// Emit gets each line as it is known, one at a time.
	Emit func(report.Line)
	// Start is when the program began.
	Start time.Time

	open func() (*Driver, error)
	mu   sync.Mutex
	bad  bool
	want references
}

// NewSmoke has the sizes of `docker gpu smoke`: 8 MiB and 512 x 512 give every
// multiprocessor of today's cards work, and are done in milliseconds.
func NewSmoke(emit func(report.Line)) *Smoke {
	return &Smoke{Limit: 30 * time.Second, Elements: 1 << 20, Side: 512, Emit: emit, Start: time.Now(), open: Open}
}

// Run makes all stages on all devices and says whether all is well. Devices are tested
// side by side, one thread each. Where a stage hung, its thread is left behind: the
// process should end with os.Exit.
func (s *Smoke) Run() bool {
	s.want = expect(s.Elements, s.Side)
	main := NewThread()
	defer main.Close()
	if devices, ok := s.begin(main); ok {
		s.all(main, devices)
	}
	return s.end()
}

// begin loads and starts CUDA.
func (s *Smoke) begin(t *Thread) (devices []Device, ok bool) {
	var driver *Driver
	if !s.stage(t, report.Line{Stage: report.Load}, func(l *report.Line) (err error) {
		if driver, err = s.open(); err == nil {
			l.Detail = driver.api.library
		}
		return err
	}) {
		return nil, false
	}
	ok = s.stage(t, report.Line{Stage: report.Init}, func(l *report.Line) (err error) {
		if err = driver.Init(); err != nil {
			return err
		}
		if l.CUDA, err = driver.Version(); err != nil {
			return err
		}
		if devices, err = driver.Devices(); err == nil && len(devices) == 0 {
			return errNoDevice
		}
		l.Detail = fmt.Sprintf("CUDA shows %d", len(devices))
		return err
	})
	if t.Hung() {
		return nil, false // they may yet be written to
	}
	return devices, ok
}

// end prints the verdict.
func (s *Smoke) end() bool {
	s.emit(report.Line{Stage: report.End, OK: !s.bad, Milliseconds: since(s.Start)})
	return !s.bad
}

// errNoDevice is cuInit that succeeds without a device; most drivers fail it instead, with
// CUDA_ERROR_NO_DEVICE.
var errNoDevice = errors.New("CUDA starts, but shows no device here")

// all tests each device, then each pair of those that work.
func (s *Smoke) all(main *Thread, devices []Device) {
	contexts := make([]*Context, len(devices))
	var wait sync.WaitGroup
	for i, d := range devices {
		s.emit(report.Line{Stage: report.Device, OK: true, GPU: d.UUID, Description: Describe(d)})
		wait.Go(func() { contexts[i] = s.device(d) })
	}
	wait.Wait()
	for i, to := range contexts {
		for j, from := range contexts {
			if i == j || to == nil || from == nil {
				continue
			}
			if !s.stage(main, report.Line{Stage: report.Peer, GPU: to.UUID, Peer: from.UUID}, func(l *report.Line) error {
				return s.peer(l, to, from)
			}) && main.Hung() {
				return // what comes after would wait for the same thread
			}
		}
	}
}

// device makes the stages of one device; nil unless all were right.
func (s *Smoke) device(d Device) *Context {
	t := NewThread()
	defer t.Close()
	var c *Context
	if !s.stage(t, report.Line{Stage: report.Context, GPU: d.UUID}, func(*report.Line) (err error) {
		c, err = d.Context()
		return err
	}) {
		return nil
	}
	if !s.stage(t, report.Line{Stage: report.Memory, GPU: d.UUID}, func(l *report.Line) error { return s.memory(l, c) }) ||
		!s.stage(t, report.Line{Stage: report.Kernel, GPU: d.UUID}, func(l *report.Line) error { return s.kernels(l, c) }) {
		return nil
	}
	right := true
	for _, f := range Formats() {
		right = s.stage(t, report.Line{Stage: report.GEMM, GPU: d.UUID, Format: f.Name}, func(l *report.Line) error {
			return s.gemm(l, c, f)
		}) && right
		if t.Hung() {
			return nil
		}
	}
	if !right {
		return nil
	}
	return c
}

// stage runs one stage on a thread and prints its line; it says whether all was well.
func (s *Smoke) stage(t *Thread, l report.Line, f func(*report.Line) error) bool {
	start := time.Now()
	name := l.Stage
	if l.Format != "" {
		name += " " + l.Format
	}
	// A stage that is given up may still write into its line, so it has one of its own.
	theirs := l
	err := t.Do(name, s.Limit, func() error { return f(&theirs) })
	var h *HungError
	if !errors.As(err, &h) {
		l = theirs
	}
	l.Milliseconds, l.OK, l.Error = since(start), err == nil, describe(err)
	s.emit(l)
	return err == nil
}

func (s *Smoke) emit(l report.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = s.bad || !l.OK
	s.Emit(l)
}

func since(start time.Time) float64 {
	return float64(time.Since(start).Microseconds()) / 1000
}

// describe is an error as a line tells it.
func describe(err error) *report.Error {
	if err == nil {
		return nil
	}
	e := &report.Error{Text: plain(err.Error())}
	var call *Error
	var wrong *WrongError
	var late *HungError
	var load *LoadError
	var symbol *SymbolError
	switch {
	case errors.As(err, &call):
		e.Kind, e.Call, e.Code, e.Name = "cuda", call.Call, call.Code, call.Name
	case errors.As(err, &wrong):
		e.Kind, e.Expected, e.Found = "wrong", wrong.Expected, wrong.Found
	case errors.As(err, &late):
		e.Kind = "hung"
	case errors.As(err, &load), errors.As(err, &symbol):
		e.Kind = "library"
	case errors.Is(err, errNoDevice):
		e.Kind = "none"
	}
	return e
}

// Describe is a device as a line tells it.
func Describe(d Device) *report.Description {
	return &report.Description{Index: d.Index, Name: plain(d.Name), PCI: plain(d.PCI), ComputeCapability: d.ComputeCapability(), Memory: d.Memory}
}
