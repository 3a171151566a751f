package cuda

import (
	"time"

	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// List prints a line for each device and says whether all could be described. It makes no
// context, so it takes no memory of a device.
func List(emit func(report.Line), limit time.Duration) bool {
	return list(emit, limit, Open)
}

func list(emit func(report.Line), limit time.Duration, open func() (*Driver, error)) bool {
	s := &Smoke{Limit: limit, Emit: emit, Start: time.Now(), open: open}
	t := NewThread()
	defer t.Close()
	devices, _ := s.begin(t) // with an error come those before it
	for _, d := range devices {
		s.emit(report.Line{Stage: report.Device, OK: true, GPU: d.UUID, Description: Describe(d)})
	}
	return s.end()
}
