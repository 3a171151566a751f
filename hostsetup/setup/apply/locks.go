package apply

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Locked is a package manager that somebody else is at.
type Locked struct {
	Path   string
	PID    int
	Holder string
}

// Error implements error.
func (l *Locked) Error() string {
	return fmt.Sprintf("packages are being changed by %s, which did not end: try again when it has", l.holder())
}

func (l *Locked) holder() string {
	return fmt.Sprintf("%s (process %d, %s)", cmp.Or(l.Holder, "another program"), l.PID, l.Path)
}

// awaitLocks waits until nobody else is at the packages.
func (j *job) awaitLocks(ctx context.Context, names []string) error {
	deadline := time.Now().Add(cmp.Or(j.Patience, 10*time.Minute))
	for said := ""; ; {
		l, err := j.locked(names)
		if err != nil || l == nil {
			return err
		}
		if who := l.holder(); who != said {
			j.say(Waiting, "for %s", who)
			said = who
		}
		if time.Now().After(deadline) {
			return l
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// locked is the first lock that somebody holds, nil if none.
func (j *job) locked(names []string) (*Locked, error) {
	for _, name := range names {
		pid := 0
		if path.Ext(name) == ".pid" {
			data, n, err := j.tree().Read(name)
			if err != nil || !n.There {
				continue
			}
			pid, _ = strconv.Atoi(strings.TrimSpace(string(data)))
		} else {
			holder, err := j.tree().Holder(name)
			if err != nil {
				return nil, err
			}
			pid = holder
		}
		if pid <= 0 {
			continue
		}
		comm, n, err := j.tree().Read(fmt.Sprintf("/proc/%d/comm", pid))
		if path.Ext(name) == ".pid" && (err != nil || !n.There) {
			continue // it ended without taking its file away
		}
		return &Locked{Path: name, PID: pid, Holder: strings.TrimSpace(string(comm))}, nil
	}
	return nil, nil
}
