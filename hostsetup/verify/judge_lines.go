package verify

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dockergpu/docker-gpu/internal/policy"
	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// lines holds if no route has a line of the stage that is not right, and one has one.
func (c climb) lines(s Stage) Rung {
	r := Rung{Skipped: "no container came this far"}
	for _, t := range c.tries {
		for _, l := range t.stage(s.Lines, s.Format) {
			switch {
			case !l.OK:
				return Rung{Detail: fmt.Sprintf("with %s%s: %s", flag(t.Route), on(l), said(l)), See: see(l), Seconds: l.Milliseconds / 1000}
			case l.Skipped != "":
				if !r.OK {
					r.Skipped = l.Skipped
				}
			default:
				r = Rung{OK: true, Detail: l.Detail, Seconds: max(r.Seconds, l.Milliseconds/1000)}
			}
		}
		// A run that breaks off breaks the rung that should have come next.
		if t.broken != "" && t.next() == s.Name {
			return Rung{Detail: fmt.Sprintf("with %s: %s", flag(t.Route), t.broken)}
		}
	}
	if s.Name == "peers" && r.Skipped != "" {
		for _, t := range c.tries {
			if len(t.uuids()) == 1 {
				r.Skipped = "there is one GPU"
			}
		}
	}
	return r
}

// next is the rung that a run which broke off was on: the first one after its
// last line, or the highest.
func (t tried) next() string {
	if len(t.stage(report.Load, "")) == 0 {
		return "" // its route's own rung tells it
	}
	next := "peers"
	for _, s := range slices.Backward(Ladder()) {
		if s.Lines == "" {
			continue
		}
		if len(t.stage(s.Lines, s.Format)) > 0 {
			break
		}
		next = s.Name
	}
	return next
}

func (c climb) reload(r *Reload) Rung {
	if r == nil {
		return Rung{Skipped: "not asked for"}
	}
	if r.Skipped != "" {
		return Rung{Skipped: r.Skipped}
	}
	t := readTry(r.After)
	for _, l := range t.lines {
		if !l.OK && l.Error != nil {
			return Rung{Detail: "after the reload " + said(l), See: "C010", Seconds: r.After.Seconds}
		}
	}
	if t.broken != "" || len(t.uuids()) == 0 {
		return Rung{Detail: "after the reload " + cmp.Or(t.broken, "no GPU is there"), See: "C010", Seconds: r.After.Seconds}
	}
	return Rung{OK: true, Seconds: r.After.Seconds}
}

// said is a line's error in words.
func said(l report.Line) string {
	if l.Error == nil {
		return l.Stage + " failed without a reason"
	}
	return l.Error.Text
}

// see is the row of the catalogue for a line's error.
func see(l report.Line) string {
	switch {
	case l.Error == nil:
		return ""
	case l.Error.Kind == "hung":
		return "G019"
	case l.Error.Kind == "cuda":
		return policy.CUDAFailure(l.Error.Call, l.Error.Code)
	}
	return ""
}

// on is the device of a line.
func on(l report.Line) string {
	switch {
	case l.Peer != "":
		return fmt.Sprintf(", %s reading from %s", l.GPU, l.Peer)
	case l.GPU != "":
		return ", on " + l.GPU
	}
	return ""
}
