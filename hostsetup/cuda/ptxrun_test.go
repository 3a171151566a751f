package cuda

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// This file runs what ptxread_test.go read, one thread after the other up to the points
// where they wait for each other.

type ptxGrid struct {
	program   *ptxProgram
	grid      Size
	block     Size
	arguments []uint64
	memory    func(address uint64, size int) ([]byte, error)
	backwards bool // the last thread first: another order, the same result
	shared    []byte
	written   []bool // of shared
}

type ptxThread struct {
	grid    *ptxGrid
	id      int // within the block
	ctaX    uint32
	ctaY    uint32
	values  []uint64
	defined []bool
	pc      int
	state   string // "run", "bar", "mma", "done"
	fault   error
}

func (g *ptxGrid) run() error {
	for y := range max(g.grid.Y, 1) {
		for x := range g.grid.X {
			if err := g.runBlock(x, y); err != nil {
				return fmt.Errorf("block %d,%d: %w", x, y, err)
			}
		}
	}
	return nil
}

func (g *ptxGrid) runBlock(x, y uint32) error {
	g.shared, g.written = make([]byte, g.program.sharedSize), make([]bool, g.program.sharedSize)
	count := int(g.block.X * max(g.block.Y, 1))
	threads := make([]*ptxThread, count)
	for i := range threads {
		threads[i] = &ptxThread{grid: g, id: i, ctaX: x, ctaY: y, state: "run",
			values: make([]uint64, len(g.program.classes)), defined: make([]bool, len(g.program.classes))}
	}
	order := slices.Clone(threads)
	if g.backwards {
		slices.Reverse(order)
	}
	for {
		moved := false
		for _, t := range order {
			if t.state == "run" {
				moved = true
				if err := t.step(); err != nil {
					return fmt.Errorf("thread %d, line %d: %w", t.id, g.program.code[t.pc].line, err)
				}
			}
		}
		for warp := range slices.Chunk(threads, 32) {
			done, err := multiply(warp)
			if err != nil {
				return err
			}
			moved = moved || done
		}
		if moved {
			continue
		}
		waiting := 0
		for _, t := range threads {
			if t.state == "bar" {
				waiting++
			}
		}
		if waiting == 0 {
			return nil
		}
		if waiting != count {
			return fmt.Errorf("%d of %d threads wait at a barrier and the others never come", waiting, count)
		}
		for _, t := range threads {
			t.state, t.pc = "run", t.pc+1
		}
	}
}

// multiply does the mma that a warp waits for; all of it must wait for the same one.
func multiply(warp []*ptxThread) (bool, error) {
	waiting := 0
	for _, t := range warp {
		if t.state == "mma" && t.pc == warp[0].pc {
			waiting++
		}
	}
	if waiting == 0 {
		return false, nil
	}
	if waiting != 32 {
		return false, fmt.Errorf("%d threads of a warp are at mma: it takes all 32", waiting)
	}
	in := warp[0].grid.program.code[warp[0].pc]
	if err := ptxMMAs[in.op].do(warp, in.operands); err != nil {
		return false, err
	}
	for _, t := range warp {
		if t.fault != nil {
			return false, t.fault
		}
		t.state, t.pc = "run", t.pc+1
	}
	return true, nil
}

// step runs a thread to where it waits or ends.
func (t *ptxThread) step() error {
	for range 10_000_000 {
		in := &t.grid.program.code[t.pc]
		if in.guard >= 0 && t.register(in.guard) == 0 {
			if t.fault != nil {
				return t.fault
			}
			t.pc++
			continue
		}
		switch in.control {
		case "ret":
			t.state = "done"
			return t.fault
		case "bar", "mma":
			t.state = in.control
			return t.fault
		case "bra":
			t.pc = in.to
			continue
		}
		if err := in.run(t, in.operands); err != nil {
			return err
		}
		if t.fault != nil {
			return t.fault
		}
		t.pc++
	}
	return fmt.Errorf("the thread does not end")
}

func (t *ptxThread) register(place int) uint64 {
	if !t.defined[place] && t.fault == nil {
		t.fault = fmt.Errorf("a register is read before it is written: %s", t.grid.program.code[t.pc].text)
	}
	return t.values[place]
}

func (t *ptxThread) get(o ptxOperand) uint64 {
	switch o.kind {
	case "number":
		return o.number
	case "special":
		return uint64(t.special(o.name))
	}
	return t.register(o.register)
}

func (t *ptxThread) special(name string) uint32 {
	switch name {
	case "%tid.x":
		return uint32(t.id) % t.grid.block.X
	case "%tid.y":
		return uint32(t.id) / t.grid.block.X
	case "%ntid.x":
		return t.grid.block.X
	case "%ctaid.x":
		return t.ctaX
	case "%ctaid.y":
		return t.ctaY
	case "%nctaid.x":
		return t.grid.grid.X
	case "%laneid":
		return uint32(t.id) % 32
	}
	panic(name)
}

func (t *ptxThread) set(o ptxOperand, v uint64) error {
	t.values[o.register], t.defined[o.register] = v, true
	return nil
}

func (t *ptxThread) address(o ptxOperand) uint64 { return t.register(o.register) + o.number }

// place is the bytes behind an address, which must be a multiple of their number.
func (t *ptxThread) place(address uint64, size int, shared bool) ([]byte, error) {
	if address%uint64(size) != 0 {
		return nil, fmt.Errorf("address %#x is not a multiple of %d", address, size)
	}
	if !shared {
		return t.grid.memory(address, size)
	}
	if address+uint64(size) > uint64(len(t.grid.shared)) {
		return nil, fmt.Errorf("shared address %d is over the %d bytes there are", address, len(t.grid.shared))
	}
	return t.grid.shared[address : address+uint64(size)], nil
}

func (t *ptxThread) load(address uint64, size int, shared bool) (uint64, error) {
	b, err := t.place(address, size, shared)
	if err != nil {
		return 0, err
	}
	if shared && !t.grid.written[address] {
		return 0, fmt.Errorf("shared address %d is read before it is written", address)
	}
	if size == 4 {
		return uint64(binary.LittleEndian.Uint32(b)), nil
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (t *ptxThread) store(address uint64, size int, v uint64, shared bool) error {
	b, err := t.place(address, size, shared)
	if err != nil {
		return err
	}
	if shared {
		t.grid.written[address] = true
	}
	if size == 4 {
		binary.LittleEndian.PutUint32(b, uint32(v))
	} else {
		binary.LittleEndian.PutUint64(b, v)
	}
	return nil
}
