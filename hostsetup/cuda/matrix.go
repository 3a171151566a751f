package cuda

import (
	"math"
	"runtime"
	"sync"
)

// bases is how many different rows the first matrix of a product has: every row is one of
// them times a power of two and a sign, which is exact, so one reference row serves many
// and every element can be checked without the processor doing the whole product.
const bases = 32

// product is a product of square matrices whose result is known.
type product struct {
	n    int
	a, b []float32 // row-major; b lies transposed
	base []int     // of each row of a
	by   []float64 // what its base row is multiplied by
	want []float64 // base rows of a times b
	size []float64 // the same of absolute values: |a||b|
}

// newProduct makes matrices of n x n. Their values have bits significant bits: as many as
// a format holds make it the format's exact input, so only sums are rounded.
func newProduct(n, bits int, seed uint64) *product {
	p := &product{n: n, a: make([]float32, n*n), b: make([]float32, n*n), base: make([]int, n), by: make([]float64, n)}
	count := min(bases, n)
	rows := values(count*n, bits, seed)
	copy(p.b, values(n*n, bits, seed+1))
	for i := range n {
		h := mix(seed + 2 + uint64(i)*golden)
		p.base[i] = int(h % uint64(count))
		p.by[i] = math.Ldexp(1, int(h>>32%4))
		if h>>40&1 == 1 {
			p.by[i] = -p.by[i]
		}
		for k := range n {
			p.a[i*n+k] = float32(float64(rows[p.base[i]*n+k]) * p.by[i])
		}
	}
	p.want, p.size = make([]float64, count*n), make([]float64, count*n)
	each(count, func(i int) { p.row(i, rows[i*n:(i+1)*n]) })
	return p
}

// row multiplies one base row in float64, where each product of two is exact.
func (p *product) row(i int, row []float32) {
	for j := range p.n {
		var sum, size float64
		column := p.b[j*p.n : (j+1)*p.n]
		for k, x := range row {
			t := float64(x) * float64(column[k])
			sum += t
			size += math.Abs(t)
		}
		p.want[i*p.n+j], p.size[i*p.n+j] = sum, size
	}
}

// values are numbers in (-1, 1) with so many significant bits.
func values(count, bits int, seed uint64) []float32 {
	v := make([]float32, count)
	one := int64(1) << bits
	for i := range v {
		r := int64(mix(seed+uint64(i+1)*golden)>>1) % (2*one - 1)
		v[i] = float32(float64(r-one+1) / float64(one))
	}
	return v
}

// verdict is how good a result is.
type verdict struct {
	worst    float64 // largest error relative to |a||b| of its element
	wrong    int     // elements over the tolerance, or no number
	row, col int     // of the first of them
	expected float64
	found    float32
}

// compare holds every element of a result against the reference.
func (p *product) compare(c []float32, tolerance float64) verdict {
	var v verdict
	for i := range p.n {
		at := p.base[i] * p.n
		for j := range p.n {
			want, size := p.by[i]*p.want[at+j], math.Abs(p.by[i])*p.size[at+j]
			found := c[i*p.n+j]
			err := math.Abs(float64(found)-want) / size
			// A NaN fails every comparison, so the passing side is the one that is asked for.
			if err <= tolerance {
				v.worst = max(v.worst, err)
				continue
			}
			if v.wrong == 0 {
				v.row, v.col, v.expected, v.found = i, j, want, found
			}
			v.wrong++
		}
	}
	return v
}

// each calls f for 0 to n-1 on all processors.
func each(n int, f func(int)) {
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}
