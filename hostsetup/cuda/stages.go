package cuda

import (
	"cmp"
	"fmt"
	"math"
	"strconv"

	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// grid of the kernels that fill and add up: enough threads for any card.
var grid, block = Size{X: 512}, Size{X: 256}

// memory takes memory, writes into it from the host and on the device, and reads it back.
func (s *Smoke) memory(l *report.Line, c *Context) (err error) {
	free, err := c.Free()
	if err != nil {
		return err
	}
	const words = 64 << 10
	a, drop, err := c.take(words * 4)
	defer func() { err = cmp.Or(err, drop()) }()
	if err != nil {
		return err
	}
	b, drop2, err := c.take(words * 4)
	defer func() { err = cmp.Or(err, drop2()) }()
	if err != nil {
		return err
	}
	sent, got := make([]uint32, words), make([]uint32, words)
	for i := range sent {
		sent[i] = uint32(Fill(i, memorySeed))
	}
	if err := cmp.Or(Upload(c, a, sent), c.Set(b, 0xA5A5A5A5), c.Copy(b, Memory{a.Address, a.Size / 2}), c.Synchronize(), Download(c, got, b)); err != nil {
		return err
	}
	for i, v := range got {
		want := uint32(0xA5A5A5A5)
		if i < words/2 {
			want = sent[i]
		}
		if v != want {
			return &WrongError{What: fmt.Sprintf("word %d of %d copied to the device and back", i, words), Expected: hexadecimal(uint64(want)), Found: hexadecimal(uint64(v))}
		}
	}
	l.Detail = fmt.Sprintf("%d MiB free", free>>20)
	return nil
}

// kernels fills a buffer on the device, adds it up there, and reads it back.
func (s *Smoke) kernels(l *report.Line, c *Context) (err error) {
	want := s.want.fill()
	buffer, drop, err := c.take(uint64(s.Elements) * 8)
	defer func() { err = cmp.Or(err, drop()) }()
	if err != nil {
		return err
	}
	if err := c.fill(buffer, fillSeed); err != nil {
		return err
	}
	sum, err := c.checksum(buffer)
	if err != nil {
		return err
	}
	got := make([]uint64, s.Elements)
	if err := Download(c, got, buffer); err != nil {
		return err
	}
	for i, v := range got {
		if v != want.buffer[i] {
			return &WrongError{What: fmt.Sprintf("element %d of %d that the device wrote", i, len(got)), Expected: hexadecimal(want.buffer[i]), Found: hexadecimal(v)}
		}
	}
	if sum != want.sum {
		return &WrongError{What: "the device's checksum of what it wrote", Expected: hexadecimal(want.sum), Found: hexadecimal(sum)}
	}
	l.Detail = fmt.Sprintf("%d MiB, checksum %s", buffer.Size>>20, hexadecimal(sum))
	return nil
}

func (c *Context) fill(buffer Memory, seed uint64) error {
	f, err := c.kernel("fill")
	if err != nil {
		return err
	}
	return cmp.Or(f.Launch(grid, block, Stream{}, buffer.Address, buffer.Size/8, seed), c.Synchronize())
}

// checksum adds up a buffer, which may be a peer's, on this context's device.
func (c *Context) checksum(buffer Memory) (total uint64, err error) {
	f, err := c.kernel("checksum")
	if err != nil {
		return 0, err
	}
	sum, drop, err := c.take(8)
	defer func() { err = cmp.Or(err, drop()) }()
	if err != nil {
		return 0, err
	}
	var got [1]uint64
	err = cmp.Or(c.Set(sum, 0), f.Launch(grid, block, Stream{}, sum.Address, buffer.Address, buffer.Size/8), c.Synchronize(), Download(c, got[:], sum))
	return got[0], err
}

// gemm multiplies two matrices in a format and compares every element.
func (s *Smoke) gemm(l *report.Line, c *Context, f Format) (err error) {
	name, needs, err := f.on(c.Device)
	if err != nil {
		return err
	}
	if name == "" {
		l.Skipped = fmt.Sprintf("needs compute capability %d.%d, this GPU has %s", needs/10, needs%10, c.ComputeCapability())
		return nil
	}
	p := s.want.products[f.Bits]()
	kernel, err := c.kernel(name)
	if err != nil {
		return err
	}
	a, drop, err := c.matrix(p.a, f)
	defer func() { err = cmp.Or(err, drop()) }()
	if err != nil {
		return err
	}
	b, drop2, err := c.matrix(p.b, f)
	defer func() { err = cmp.Or(err, drop2()) }()
	if err != nil {
		return err
	}
	out, drop3, err := c.take(uint64(p.n*p.n) * 4)
	defer func() { err = cmp.Or(err, drop3()) }()
	if err != nil {
		return err
	}
	// What no thread writes stays a NaN.
	if err := c.Set(out, 0xFFFFFFFF); err != nil {
		return err
	}
	tiles, threads := f.shape(p.n)
	took, err := c.Timed(Stream{}, func() error {
		return kernel.Launch(tiles, threads, Stream{}, out.Address, a.Address, b.Address, uint64(p.n))
	})
	got := make([]float32, p.n*p.n)
	if err := cmp.Or(err, c.Synchronize(), Download(c, got, out)); err != nil {
		return err
	}
	allowed := f.Tolerance(p.n)
	v := p.compare(got, allowed)
	if v.wrong > 0 {
		return &WrongError{
			What:     fmt.Sprintf("%d of %d elements of a product in %s are wrong, the first at row %d, column %d", v.wrong, len(got), f.Name, v.row, v.col),
			Expected: number(v.expected), Found: number(float64(v.found)),
		}
	}
	l.Detail = fmt.Sprintf("%d x %d in %.2f ms, error %.1e of |A||B| (allowed %.1e)", p.n, p.n, took, v.worst, allowed)
	return nil
}

// on chooses the kernel for a device, "" where it can run none; needs is then what the
// least of them takes.
func (f Format) on(d Device) (name string, needs int, err error) {
	for _, name := range f.Kernels {
		k, err := kernel(name)
		if err != nil || k.RunsOn(d) {
			return name, 0, err
		}
		needs = k.Target
	}
	return "", needs, nil
}

// shape is the launch of a format's kernel for matrices of a side, as its file says.
func (f Format) shape(side int) (grid, block Size) {
	n := uint32(side)
	if f.Name == "fp32" {
		return Size{X: n / 16, Y: n / 16}, Size{X: 16, Y: 16}
	}
	return Size{X: n / 32, Y: n / 16}, Size{X: 128}
}

// matrix brings a matrix to the device in a format.
func (c *Context) matrix(values []float32, f Format) (Memory, func() error, error) {
	if f.Encode == nil {
		m, drop, err := c.take(uint64(len(values)) * 4)
		if err == nil {
			err = Upload(c, m, values)
		}
		return m, drop, err
	}
	encoded := make([]uint16, len(values))
	for i, v := range values {
		encoded[i] = f.Encode(v)
	}
	m, drop, err := c.take(uint64(len(values)) * 2)
	if err == nil {
		err = Upload(c, m, encoded)
	}
	return m, drop, err
}

// take takes memory; drop gives it back and is never nil.
func (c *Context) take(size uint64) (m Memory, drop func() error, err error) {
	if m, err = c.Alloc(size); err != nil {
		return m, func() error { return nil }, err
	}
	return m, func() error { return c.Release(m) }, nil
}

func hexadecimal(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

func number(v float64) string {
	if math.IsNaN(v) {
		return "no number (NaN)"
	}
	return strconv.FormatFloat(v, 'g', 9, 64)
}
