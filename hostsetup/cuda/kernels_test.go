package cuda

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// runner runs an embedded kernel on paper.
type runner struct {
	t       *testing.T
	program *ptxProgram
	memory  [][]byte
}

func newRunner(t *testing.T, name string) *runner {
	t.Helper()
	k, err := kernel(name)
	assert.NilError(t, err)
	p, err := readPTX(string(k.PTX))
	assert.NilError(t, err)
	assert.Equal(t, p.entry, name, "the entry has the file's name")
	assert.Equal(t, p.target, k.Target)
	return &runner{t: t, program: p}
}

// alloc is memory at an address that leaves nothing beside it.
func (r *runner) alloc(data []byte) uint64 {
	r.memory = append(r.memory, data)
	return uint64(len(r.memory)) << 32
}

func (r *runner) at(address uint64, size int) ([]byte, error) {
	i, offset := int(address>>32)-1, int(address&(1<<32-1))
	if i < 0 || i >= len(r.memory) || offset+size > len(r.memory[i]) {
		return nil, fmt.Errorf("no memory of %d bytes at %#x", size, address)
	}
	return r.memory[i][offset : offset+size], nil
}

func (r *runner) run(grid, block Size, backwards bool, arguments ...uint64) error {
	g := &ptxGrid{program: r.program, grid: grid, block: block, arguments: arguments, memory: r.at, backwards: backwards}
	return g.run()
}

// Every file is one kernel that the strict reader takes, says what it is for, and is
// used by a format or a stage.
func TestKernelsAreRead(t *testing.T) {
	files, err := sources.ReadDir("ptx")
	assert.NilError(t, err)
	used := map[string]bool{"fill": true, "checksum": true}
	for _, f := range Formats() {
		for _, k := range f.Kernels {
			used[k] = true
		}
	}
	assert.Equal(t, len(files), len(used))
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), path.Ext(file.Name()))
		t.Run(name, func(t *testing.T) {
			assert.Assert(t, used[name])
			r := newRunner(t, name)
			k, err := kernel(name)
			assert.NilError(t, err)
			assert.Assert(t, is.Regexp(`^// `+name+` `, string(k.PTX)))
			assert.Assert(t, is.Contains(string(k.PTX), "// Launch: "))
			assert.Assert(t, is.Regexp(`\n// For compute capability \d\.\d`, string(k.PTX)))
			for _, line := range strings.Split(string(k.PTX), "\n") {
				assert.Assert(t, len(line) <= 140, line)
			}
			for _, p := range r.program.params {
				assert.Assert(t, strings.HasPrefix(p.name, name+"_"))
			}
			// All registers that are declared are used: what is left over is a mistake somewhere.
			for register := range r.program.registers {
				if !strings.HasPrefix(register, "%p") && !strings.HasSuffix(register, "0") {
					assert.Assert(t, is.Regexp(register+`\b`, string(k.PTX)), "nothing uses it")
				}
			}
		})
	}
}

// The buffer is filled whatever the grid is, to its last element and not over it.
func TestFillAndChecksum(t *testing.T) {
	for _, c := range []struct {
		count       int
		grid, block uint32
	}{{1, 1, 1}, {31, 1, 32}, {1000, 3, 64}, {257, 4, 32}, {64, 8, 32}, {0, 1, 32}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := newRunner(t, "fill")
			buffer := r.alloc(make([]byte, 8*c.count))
			assert.NilError(t, r.run(Size{X: c.grid}, Size{X: c.block}, false, buffer, uint64(c.count), 77))
			want := make([]uint64, c.count)
			for i := range want {
				want[i] = Fill(i, 77)
				assert.Equal(t, binary.LittleEndian.Uint64(r.memory[0][8*i:]), want[i])
			}
			for _, backwards := range []bool{false, true} {
				s := newRunner(t, "checksum")
				buffer, sum := s.alloc(r.memory[0]), s.alloc(make([]byte, 8))
				assert.NilError(t, s.run(Size{X: c.grid}, Size{X: c.block}, backwards, sum, buffer, uint64(c.count)))
				assert.Equal(t, binary.LittleEndian.Uint64(s.memory[1]), Checksum(want))
			}
		})
	}
}

// Each product on paper against the reference, in both orders of threads: a missing
// barrier would show in one of them.
func TestProducts(t *testing.T) {
	for _, f := range Formats() {
		for _, name := range f.Kernels {
			for _, side := range []int{32, 96} {
				for _, backwards := range []bool{false, true} {
					t.Run(fmt.Sprint(name, side, backwards), func(t *testing.T) {
						p := newProduct(side, f.Bits, 5)
						r := newRunner(t, name)
						c := r.alloc(nan(side * side))
						a, b := r.alloc(encode(f, p.a)), r.alloc(encode(f, p.b))
						grid, block := f.shape(side)
						assert.NilError(t, r.run(grid, block, backwards, c, a, b, uint64(side)))
						v := p.compare(decode(r.memory[0]), f.Tolerance(side))
						assert.Equal(t, v.wrong, 0, "the first at %d,%d: %v instead of %v", v.row, v.col, v.found, v.expected)
					})
				}
			}
		}
	}
}

func nan(count int) []byte {
	b := make([]byte, 4*count)
	for i := range b {
		b[i] = 0xff
	}
	return b
}

func encode(f Format, values []float32) (b []byte) {
	for _, v := range values {
		if f.Encode != nil {
			b = binary.LittleEndian.AppendUint16(b, f.Encode(v))
		} else {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

func decode(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// The kernels that a card is tested with are one text, in the newest of their languages and
// for the newest of their targets; none that it cannot run is among them, nor two of a format.
func TestKernelsInOnePiece(t *testing.T) {
	old := []string{"checksum", "fill", "gemm_fp32"}
	tensor := []string{"checksum", "fill", "gemm_bf16", "gemm_fp16", "gemm_fp32", "gemm_tf32"}
	for capability, c := range map[[2]int]struct {
		version, target int
		names           []string
	}{
		{6, 0}: {43, 50, old}, {7, 0}: {43, 50, old}, {7, 5}: {65, 75, append([]string{"gemm_fp16_sm75"}, old...)},
		{8, 0}: {70, 80, tensor}, {9, 0}: {70, 80, tensor}, {12, 1}: {70, 80, tensor},
	} {
		text, err := program(Device{Major: capability[0], Minor: capability[1]})
		assert.NilError(t, err)
		all, err := readPTXModule(string(text))
		assert.NilError(t, err, "%v", capability)
		slices.Sort(c.names)
		assert.DeepEqual(t, slices.Sorted(maps.Keys(all)), c.names)
		for _, p := range all {
			assert.Equal(t, p.version, c.version)
			assert.Equal(t, p.target, c.target)
		}
		assert.Equal(t, strings.Count(string(text), ".version"), 1)
	}
}
