package cuda

import (
	"math"
	"testing"

	"gotest.tools/v3/assert"
)

// The reference is the product of the matrices, worked out the plain way.
func TestProductReference(t *testing.T) {
	for _, bits := range []int{8, 24} {
		p := newProduct(64, bits, 9)
		for i := range p.n {
			for j := range p.n {
				var sum, size float64
				for k := range p.n {
					x := float64(p.a[i*p.n+k]) * float64(p.b[j*p.n+k])
					sum += x
					size += math.Abs(x)
				}
				at := p.base[i]*p.n + j
				assert.Equal(t, p.by[i]*p.want[at], sum, "scaling by powers of two is exact")
				assert.Equal(t, math.Abs(p.by[i])*p.size[at], size)
			}
		}
	}
}

// Inputs have the significant bits that a format holds, and use them.
func TestValues(t *testing.T) {
	for _, bits := range []int{8, 24} {
		low := 0
		for _, v := range values(5000, bits, 3) {
			assert.Assert(t, v > -1 && v < 1)
			scaled := math.Ldexp(float64(v), bits)
			assert.Equal(t, scaled, math.Trunc(scaled), "more than %d bits", bits)
			if int64(scaled)%2 != 0 {
				low++
			}
		}
		assert.Assert(t, low > 2000, "the last of %d bits is hardly used: %d", bits, low)
	}
}

// Inputs stand in each format as they are: nothing is rounded before the product.
func TestEncodings(t *testing.T) {
	p := newProduct(128, 8, 4)
	for _, v := range append(p.a, p.b...) {
		assert.Equal(t, decodeBF16(uint32(brain(v)))[0], float64(v))
		assert.Equal(t, fromHalf(half(v)), float64(v))
		assert.Equal(t, decodeTF32(math.Float32bits(v))[0], float64(v))
	}
	for v, want := range map[float32]uint16{0: 0, 1: 0x3c00, -2: 0xc000, 0.5: 0x3800, 65504: 0x7bff} {
		assert.Equal(t, half(v), want)
	}
	for v, want := range map[float32]uint16{0: 0, 1: 0x3f80, -2: 0xc000, 0.5: 0x3f00} {
		assert.Equal(t, brain(v), want)
	}
}

func TestCompare(t *testing.T) {
	p := newProduct(32, 24, 6)
	right := make([]float32, p.n*p.n)
	for i := range right {
		right[i] = float32(p.by[i/p.n] * p.want[p.base[i/p.n]*p.n+i%p.n])
	}
	tolerance := Formats()[0].Tolerance(p.n)
	v := p.compare(right, tolerance)
	assert.Equal(t, v.wrong, 0)
	assert.Assert(t, v.worst < tolerance)
	for name, bad := range map[string]float32{
		"NaN": float32(math.NaN()), "infinite": float32(math.Inf(-1)), "zero": 0, "off": right[5*p.n+7] * 1.01,
	} {
		t.Run(name, func(t *testing.T) {
			c := append([]float32(nil), right...)
			c[5*p.n+7] = bad
			v := p.compare(c, tolerance)
			assert.Equal(t, v.wrong, 1)
			assert.Equal(t, v.row, 5)
			assert.Equal(t, v.col, 7)
		})
	}
	rows := append(append([]float32(nil), right[p.n:]...), right[:p.n]...) // every row one too high
	assert.Assert(t, p.compare(rows, tolerance).wrong > p.n*p.n/2)
}

// What the tolerances are for the sizes that smoke uses, and that they are tight enough
// to see a lost bit of a format's sums.
func TestTolerance(t *testing.T) {
	for _, f := range Formats() {
		at := f.Tolerance(1024)
		assert.Assert(t, at > 1e-6 && at < 2e-5, "%s: %g", f.Name, at)
		assert.Assert(t, f.Tolerance(4096) > at)
	}
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		done := make([]int, n)
		each(n, func(i int) { done[i]++ })
		for _, d := range done {
			assert.Equal(t, d, 1)
		}
	}
}

func TestChecksumKnowsPlaces(t *testing.T) {
	a := []uint64{1, 2, 3, 4}
	assert.Assert(t, Checksum(a) != Checksum([]uint64{1, 2, 4, 3}))
	assert.Assert(t, Checksum(a) != Checksum([]uint64{1, 2, 3}))
	assert.Assert(t, Checksum(nil) == 0)
	// The first numbers of splitmix64 with seed 0, which others publish as its test vector.
	assert.Equal(t, Fill(0, 0), uint64(0xe220a8397b1dcdaf))
	assert.Equal(t, Fill(1, 0), uint64(0x6e789e6aa1b965f4))
}
