package plugin

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that SIGINT or SIGTERM ends. Commands clean up
// after that, which takes a while, so further signals are held back; the third
// ends the process at once, as docker itself and docker buildx do.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for left := 3; left > 0; left-- {
			select {
			case <-signals:
				cancel()
			case <-done:
				return
			}
		}
		os.Exit(exitInterrupted)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
