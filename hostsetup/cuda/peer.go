package cuda

import (
	"cmp"

	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// peer copies a buffer from one device to another and, where the hardware can, has the
// second read the first's memory itself. Copies work between all devices, through the
// host if need be; without access that is not wrong.
func (s *Smoke) peer(l *report.Line, to, from *Context) (err error) {
	want := s.want.fill()
	if err := from.Use(); err != nil {
		return err
	}
	source, drop, err := from.take(uint64(s.Elements) * 8)
	defer func() { err = cmp.Or(err, from.Use(), drop()) }()
	if err != nil {
		return err
	}
	if err := cmp.Or(from.fill(source, fillSeed), to.Use()); err != nil {
		return err
	}
	target, drop2, err := to.take(source.Size)
	defer func() { err = cmp.Or(err, to.Use(), drop2()) }()
	if err != nil {
		return err
	}
	can, err := to.CanAccess(from.Device)
	if err != nil {
		return err
	}
	if can {
		if err := to.EnablePeer(from); err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, to.Use(), to.DisablePeer(from)) }()
		sum, err := to.checksum(source)
		if err != nil {
			return err
		}
		if sum != want.sum {
			return &WrongError{What: "the checksum of the other GPU's memory, read over the link between them", Expected: hexadecimal(want.sum), Found: hexadecimal(sum)}
		}
	}
	if err := cmp.Or(to.Set(target, 0), to.CopyFrom(target, from, source), to.Synchronize()); err != nil {
		return err
	}
	sum, err := to.checksum(target)
	if err != nil {
		return err
	}
	if sum != want.sum {
		return &WrongError{What: "the checksum of a copy from the other GPU", Expected: hexadecimal(want.sum), Found: hexadecimal(sum)}
	}
	l.Detail = "copied through the host: no peer access between these two"
	if can {
		l.Detail = "read and copied by peer access"
	}
	return nil
}
