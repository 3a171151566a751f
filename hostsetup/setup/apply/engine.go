package apply

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// engine says whether a unit is one whose engine is waited for.
func (u unitOp) engine(j *job) bool {
	name := strings.TrimSuffix(path.Base(u.Name), ".service")
	return j.Engine != nil && (u.PID > 0 || name == "docker" || name == "snap.docker.dockerd" || name == "containerd")
}

// Gone is an engine that does not come back.
type Gone struct{ err error }

// Error implements error.
func (g *Gone) Error() string { return fmt.Sprintf("the engine does not come back: %v", g.err) }

// Unwrap implements errors.Unwrap.
func (g *Gone) Unwrap() error { return g.err }

const usualPatience = 2 * time.Minute

// awaitEngine waits until the engine answers.
func (j *job) awaitEngine(ctx context.Context) (*Engine, error) {
	if j.Engine == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(j.Patience, usualPatience))
	defer cancel()
	for said := false; ; {
		one, stop := context.WithTimeout(ctx, 10*time.Second)
		e, err := j.Engine(one)
		stop()
		if err == nil {
			return e, nil
		}
		if !said {
			j.say(Waiting, "for the engine")
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, &Gone{err}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// compare says what an engine has lost. Containers that ended are told: after a restart that
// was consented to they may; what else is missing fails.
func (j *job) compare(before, after *Engine) error {
	if before == nil || after == nil {
		return nil
	}
	if before.Store != after.Store {
		return fmt.Errorf("the engine has another image store than before, %q instead of %q: its images would be gone", after.Store, before.Store)
	}
	for _, r := range before.Runtimes {
		// Those with such names nobody registered, and a reload of 20.10 forgets them.
		if !strings.HasPrefix(r, "io.containerd.") && !slices.Contains(after.Runtimes, r) {
			return fmt.Errorf("the engine has lost the runtime %q", r)
		}
	}
	var lost []string
	for _, c := range before.Running {
		if !slices.Contains(after.Running, c) {
			lost = append(lost, c)
		}
	}
	if len(lost) > 0 {
		j.say(Note, "no longer running: %s", strings.Join(lost, ", "))
	}
	return nil
}
