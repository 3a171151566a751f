package cuda

import (
	"errors"
	"math"
)

// ptxSpec is what is known of an instruction: the oldest PTX version and architecture
// that have it (PTX ISA, notes of each instruction), its operands, and what it does.
type ptxSpec struct {
	version, target int
	operands        string
	run             func(*ptxThread, []ptxOperand) error
	control         string
}

// ptxMMA are the shapes of mma: rows of registers as the PTX ISA lays them out.
type ptxMMA struct {
	k      int
	decode func(uint32) []float64 // the elements of a register
}

var ptxMMAs = map[string]ptxMMA{
	"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32":  {8, decodeTF32},
	"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": {16, decodeBF16},
	"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32":   {16, decodeFP16},
	"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32":    {8, decodeFP16},
}

var ptxOps map[string]ptxSpec

func init() {
	b64 := func(f func(a, b uint64) uint64) func(*ptxThread, []ptxOperand) error {
		return func(t *ptxThread, o []ptxOperand) error { return t.set(o[0], f(t.get(o[1]), t.get(o[2]))) }
	}
	b32 := func(f func(a, b uint32) uint32) func(*ptxThread, []ptxOperand) error {
		return func(t *ptxThread, o []ptxOperand) error {
			return t.set(o[0], uint64(f(uint32(t.get(o[1])), uint32(t.get(o[2])))))
		}
	}
	move := func(t *ptxThread, o []ptxOperand) error { return t.set(o[0], t.get(o[1])) }
	load := func(size int, shared bool) func(*ptxThread, []ptxOperand) error {
		return func(t *ptxThread, o []ptxOperand) error {
			v, err := t.load(t.address(o[1]), size, shared)
			return errors.Join(err, t.set(o[0], v))
		}
	}
	store := func(size int, shared bool) func(*ptxThread, []ptxOperand) error {
		return func(t *ptxThread, o []ptxOperand) error {
			return t.store(t.address(o[0]), size, t.get(o[1]), shared)
		}
	}
	param := func(size int) func(*ptxThread, []ptxOperand) error {
		return func(t *ptxThread, o []ptxOperand) error {
			if t.grid.program.params[o[1].number].size != size {
				return errors.New("the parameter has another size")
			}
			v := t.grid.arguments[o[1].number]
			if size == 4 {
				v = uint64(uint32(v))
			}
			return t.set(o[0], v)
		}
	}
	ptxOps = map[string]ptxSpec{
		"ld.param.u32":  {0, 0, "b32! [param]", param(4), ""},
		"ld.param.u64":  {0, 0, "b64! [param]", param(8), ""},
		"ld.global.b32": {0, 0, "b32! [b64]", load(4, false), ""},
		"ld.global.f32": {0, 0, "f32! [b64]", load(4, false), ""},
		"ld.global.u64": {0, 0, "b64! [b64]", load(8, false), ""},
		"ld.shared.f32": {0, 0, "f32! [b32]", load(4, true), ""},
		"st.global.f32": {0, 0, "[b64] f32", store(4, false), ""},
		"st.global.u64": {0, 0, "[b64] b64", store(8, false), ""},
		"st.shared.f32": {0, 0, "[b32] f32", store(4, true), ""},
		"red.global.add.u64": {12, 12, "[b64] b64", func(t *ptxThread, o []ptxOperand) error {
			v, err := t.load(t.address(o[0]), 8, false)
			return errors.Join(err, t.store(t.address(o[0]), 8, v+t.get(o[1]), false))
		}, ""},
		"cvta.to.global.u64": {20, 20, "b64! b64", move, ""},
		"mov.u32":            {0, 0, "b32! b32", move, ""},
		"mov.u64":            {0, 0, "b64! b64", move, ""},
		"mov.f32":            {0, 0, "f32! f32", move, ""},
		"cvt.u64.u32":        {0, 0, "b64! b32", move, ""},
		"mul.wide.u32": {0, 0, "b64! b32 b32", func(t *ptxThread, o []ptxOperand) error {
			return t.set(o[0], uint64(uint32(t.get(o[1])))*uint64(uint32(t.get(o[2]))))
		}, ""},
		"mul.lo.u64": {0, 0, "b64! b64 b64", b64(func(a, b uint64) uint64 { return a * b }), ""},
		"mul.lo.u32": {0, 0, "b32! b32 b32", b32(func(a, b uint32) uint32 { return a * b }), ""},
		"add.u64":    {0, 0, "b64! b64 b64", b64(func(a, b uint64) uint64 { return a + b }), ""},
		"add.u32":    {0, 0, "b32! b32 b32", b32(func(a, b uint32) uint32 { return a + b }), ""},
		"xor.b64":    {0, 0, "b64! b64 b64", b64(func(a, b uint64) uint64 { return a ^ b }), ""},
		"and.b32":    {0, 0, "b32! b32 b32", b32(func(a, b uint32) uint32 { return a & b }), ""},
		// The amount of a shift is 32 bits wide, whatever it shifts.
		"shl.b64": {0, 0, "b64! b64 b32", b64(func(a, b uint64) uint64 { return a << b }), ""},
		"shr.u64": {0, 0, "b64! b64 b32", b64(func(a, b uint64) uint64 { return a >> b }), ""},
		"shl.b32": {0, 0, "b32! b32 b32", b32(func(a, b uint32) uint32 { return a << b }), ""},
		"shr.u32": {0, 0, "b32! b32 b32", b32(func(a, b uint32) uint32 { return a >> b }), ""},
		"fma.rn.f32": {20, 20, "f32! f32 f32 f32", func(t *ptxThread, o []ptxOperand) error {
			f := func(i int) float64 { return float64(math.Float32frombits(uint32(t.get(o[i])))) }
			return t.set(o[0], uint64(math.Float32bits(float32(math.FMA(f(1), f(2), f(3))))))
		}, ""},
		"cvt.rna.tf32.f32": {70, 80, "b32! f32", func(t *ptxThread, o []ptxOperand) error {
			return t.set(o[0], (t.get(o[1])+1<<12)&^(1<<13-1)) // to nearest, ties away from zero
		}, ""},
		"setp.ge.u64": {0, 0, "pred! b64 b64", b64(func(a, b uint64) uint64 { return truth(a >= b) }), ""},
		"setp.lt.u32": {0, 0, "pred! b32 b32", b64(func(a, b uint64) uint64 { return truth(uint32(a) < uint32(b)) }), ""},
		"bra":         {0, 0, "label", nil, "bra"},
		"bar.sync":    {0, 0, "0", nil, "bar"},
		"ret":         {0, 0, "", nil, "ret"},
	}
	for name, m := range map[string]ptxSpec{
		"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32":  {70, 80, "f32*4! b32*4 b32*2 f32*4", nil, "mma"},
		"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": {70, 80, "f32*4! b32*4 b32*2 f32*4", nil, "mma"},
		"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32":   {70, 80, "f32*4! b32*4 b32*2 f32*4", nil, "mma"},
		"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32":    {65, 75, "f32*4! b32*2 b32*1 f32*4", nil, "mma"},
	} {
		ptxOps[name] = m
	}
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func decodeTF32(r uint32) []float64 {
	return []float64{float64(math.Float32frombits(r &^ (1<<13 - 1)))}
}

func decodeBF16(r uint32) []float64 {
	return []float64{float64(math.Float32frombits(r << 16)), float64(math.Float32frombits(r &^ 0xffff))}
}

func decodeFP16(r uint32) []float64 { return []float64{fromHalf(uint16(r)), fromHalf(uint16(r >> 16))} }

func fromHalf(h uint16) float64 {
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&1023)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		return math.NaN()
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// mma does one matrix multiplication of a warp. Where a thread's registers lie in the
// matrices is written from the figures of the PTX ISA ("Matrix Fragments for mma"), not
// from the kernels.
func (m ptxMMA) do(warp []*ptxThread, o []ptxOperand) error {
	a, b, c := matrixOf(16, m.k), matrixOf(m.k, 8), matrixOf(16, 8)
	for lane, t := range warp {
		group, member := lane/4, lane%4
		for i, r := range o[1].group {
			for j, v := range m.decode(uint32(t.register(r))) {
				row, col := group+8*(i%2), member+4*(i/2)
				if per := len(m.decode(0)); per == 2 {
					col = 2*member + j + 8*(i/2)
				}
				a[row][col] = v
			}
		}
		for i, r := range o[2].group {
			for j, v := range m.decode(uint32(t.register(r))) {
				row := member + 4*i
				if per := len(m.decode(0)); per == 2 {
					row = 2*member + j + 8*i
				}
				b[row][group] = v
			}
		}
		for i, r := range o[3].group {
			c[group+8*(i/2)][2*member+i%2] = float64(math.Float32frombits(uint32(t.register(r))))
		}
	}
	for i := range c {
		for j := range c[i] {
			for k := range m.k {
				c[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	for lane, t := range warp {
		for i, r := range o[0].group {
			v := float32(c[lane/4+8*(i/2)][2*(lane%4)+i%2])
			if err := t.set(ptxOperand{register: r}, uint64(math.Float32bits(v))); err != nil {
				return err
			}
		}
	}
	return nil
}

func matrixOf(rows, cols int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, cols)
		for j := range m[i] {
			m[i][j] = math.NaN() // what no register brings would show
		}
	}
	return m
}
