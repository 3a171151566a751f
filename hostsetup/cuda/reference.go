package cuda

import "sync"

// seeds of what is computed; any would do.
const (
	fillSeed   = 20261124
	memorySeed = 20261125
	matrixSeed = 20261126
)

// references are the right answers. They are worked out on the processor while the
// driver makes its contexts, which takes longer.
type references struct {
	fill     func() filled
	products map[int]func() *product // by significant bits of the inputs
}

type filled struct {
	buffer []uint64
	sum    uint64
}

// expect begins to work them out.
func expect(elements, side int) references {
	r := references{
		fill: sync.OnceValue(func() filled {
			buffer := make([]uint64, elements)
			for i := range buffer {
				buffer[i] = Fill(i, fillSeed)
			}
			return filled{buffer, Checksum(buffer)}
		}),
		products: map[int]func() *product{},
	}
	for _, f := range Formats() {
		if r.products[f.Bits] == nil {
			r.products[f.Bits] = sync.OnceValue(func() *product { return newProduct(side, f.Bits, matrixSeed) })
			go r.products[f.Bits]()
		}
	}
	go r.fill()
	return r
}
