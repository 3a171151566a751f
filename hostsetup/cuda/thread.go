package cuda

import (
	"fmt"
	"runtime"
	"time"
)

// Thread is a thread of the operating system. A call that hangs in the driver hangs it
// alone: whoever waits for it goes on when the time is over.
type Thread struct {
	work chan func()
	hung bool
}

// NewThread starts a thread; Close ends it.
func NewThread() *Thread {
	t := &Thread{work: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this
		for f := range t.work {
			f()
		}
	}()
	return t
}

// Do runs f on the thread and waits for it, at most for limit; its error is then a
// *HungError. A thread that hung takes no more work. Only one goroutine calls Do.
func (t *Thread) Do(stage string, limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	if t.hung {
		return &HungError{Stage: stage}
	}
	run := func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("%s: this program has a fault: %v", stage, r)
			}
		}()
		done <- f()
	}
	t.work <- run // at once: what was there before has ended
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		t.hung = true
		return &HungError{Stage: stage, After: limit}
	}
}

// Hung says whether something on the thread did not end.
func (t *Thread) Hung() bool { return t.hung }

// Close ends the thread when it is idle again.
func (t *Thread) Close() { close(t.work) }
