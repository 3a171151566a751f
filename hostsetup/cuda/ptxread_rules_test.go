package cuda

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// sound is a kernel that is right in every way; each case breaks it in one.
const sound = `.version 4.3
.target sm_50
.address_size 64

.visible .entry add(
	.param .u64 add_buffer,
	.param .u32 add_n
)
{
	.reg .pred %p<2>;
	.reg .b32 %r<4>;
	.reg .f32 %f<3>;
	.reg .b64 %rd<4>;
	.shared .align 4 .b8 tile[128];

	ld.param.u64 %rd1, [add_buffer];
	ld.param.u32 %r1, [add_n];
	mov.u32 %r2, %tid.x;
	mul.wide.u32 %rd2, %r2, 4;
	add.u64 %rd3, %rd1, %rd2;
	mov.u32 %r3, tile;
	shl.b32 %r2, %r2, 2;
	add.u32 %r3, %r3, %r2;
	ld.global.f32 %f1, [%rd3];
	st.shared.f32 [%r3], %f1;
	bar.sync 0;
	ld.shared.f32 %f2, [%r3];
	setp.lt.u32 %p1, %r2, %r1;
	@%p1 bra END;
	st.global.f32 [%rd3], %f2;
END:
	ret;
}
`

func TestTheReaderIsStrict(t *testing.T) {
	_, err := readPTX(sound)
	assert.NilError(t, err)
	for name, c := range map[string]struct{ old, new, want string }{
		"no version":            {".version 4.3\n", "", ".version comes first"},
		"no semicolon":          {"bar.sync 0;", "bar.sync 0", "one statement a line"},
		"unknown instruction":   {"bar.sync 0;", "bar.red 0;", "no instruction bar.red"},
		"unknown type":          {"mov.u32 %r2, %tid.x;", "mov.u16 %r2, %tid.x;", "no instruction mov.u16"},
		"not declared":          {"add.u32 %r3, %r3, %r2;", "add.u32 %r3, %r3, %r4;", "%r4 is not known"},
		"result not declared":   {"add.u32 %r3, %r3, %r2;", "add.u32 %r9, %r3, %r2;", "no register %r9"},
		"32 for 64 bits":        {"add.u64 %rd3, %rd1, %rd2;", "add.u64 %rd3, %rd1, %r2;", "%r2 is .b32, not .b64"},
		"64 for 32 bits":        {"add.u32 %r3, %r3, %r2;", "add.u32 %r3, %r3, %rd2;", "%rd2 is .b64, not .b32"},
		"float for integer":     {"add.u32 %r3, %r3, %r2;", "add.u32 %r3, %r3, %f2;", "%f2 is .f32, not .b32"},
		"32-bit global address": {"ld.global.f32 %f1, [%rd3];", "ld.global.f32 %f1, [%r3];", "%r3 is .b32, not .b64"},
		"too few operands":      {"shl.b32 %r2, %r2, 2;", "shl.b32 %r2, 2;", "has 3 operands, not 2"},
		"too many operands":     {"bar.sync 0;", "bar.sync 0, 32;", "has 1 operands, not 2"},
		"no address":            {"ld.shared.f32 %f2, [%r3];", "ld.shared.f32 %f2, %r3;", "is no address"},
		"unknown parameter":     {"[add_n]", "[add_m]", "no parameter add_m"},
		"unknown label":         {"bra END;", "bra EN;", "no label EN"},
		"label twice":           {"END:", "END:\nEND:", "the label is there twice"},
		"register twice":        {".reg .f32 %f<3>;", ".reg .f32 %f<3>;\n\t.reg .f32 %f<1>;", "%f0 is there twice"},
		"guard not declared":    {"@%p1 bra", "@%p2 bra", "no register %p2"},
		"not ended":             {"\tret;\n}\n", "}\n", "does not end with ret"},
		"cut":                   {"\tret;\n}\n", "\tret;\n", "the file ends in its body"},
		"something after":       {"\tret;\n}\n", "\tret;\n}\n}\n", "something after the end"},
		"too new for its PTX": {"bar.sync 0;", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, %f2, %f1, %f2}, {%r1, %r2, %r3, %r1}, {%r1, %r2}, {%f1, %f2, %f1, %f2};",
			"takes PTX 70 and sm_80"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Assert(t, is.Contains(sound, c.old))
			_, err := readPTX(strings.Replace(sound, c.old, c.new, 1))
			assert.Assert(t, is.ErrorContains(err, c.want))
		})
	}
}

// What goes wrong when a kernel runs is found too.
func TestTheRunnerIsStrict(t *testing.T) {
	run := func(text string, threads uint32) error {
		p, err := readPTX(text)
		assert.NilError(t, err)
		r := &runner{t: t, program: p}
		return r.run(Size{X: 1}, Size{X: threads}, false, r.alloc(make([]byte, 128)), 1)
	}
	assert.NilError(t, run(sound, 32))
	for name, c := range map[string]struct {
		old, new string
		threads  uint32
		want     string
	}{
		"over the memory":        {"", "", 33, "thread 32, line 24: no memory of 4 bytes"},
		"not aligned":            {"mul.wide.u32 %rd2, %r2, 4;", "mul.wide.u32 %rd2, %r2, 2;", 32, "is not a multiple of 4"},
		"never written":          {"mov.u32 %r3, tile;", "", 32, "a register is read before it is written: add.u32 %r3, %r3, %r2"},
		"shared, never written":  {"st.shared.f32 [%r3], %f1;", "", 32, "shared address 0 is read before it is written"},
		"over the shared memory": {"tile[128]", "tile[64]", 32, "shared address 64 is over the 64 bytes there are"},
		"a barrier for some":     {"bar.sync 0;", "setp.lt.u32 %p1, %r2, 8;\n\t@%p1 bra END;\n\tbar.sync 0;", 32, "30 of 32 threads wait at a barrier"},
		"an endless loop":        {"bar.sync 0;", "bra LOOP;\nLOOP:\n\tbra LOOP;", 1, "the thread does not end"},
		"another parameter size": {"ld.param.u32 %r1, [add_n];", "ld.param.u64 %rd1, [add_n];", 32, "the parameter has another size"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Assert(t, is.Contains(sound, c.old))
			assert.Assert(t, is.ErrorContains(run(strings.Replace(sound, c.old, c.new, 1), c.threads), c.want))
		})
	}
}

// A kernel with a fault in it gives a wrong product on paper: the runner proves something.
func TestFaultyKernels(t *testing.T) {
	for _, c := range []struct{ format, old, new string }{
		{"fp32", "bar.sync 0;\n\n", "\n"},
		{"fp32", "\tbar.sync 0;\n\tadd.u64", "\tadd.u64"},
		{"fp32", "[%r18+24]", "[%r18+20]"},
		{"tf32", "%f1, [%rd9]", "%f1, [%rd8]"},
		{"tf32", "{%b0, %b1}", "{%b1, %b0}"},
		{"bf16", "%a1, [%rd9]", "%a1, [%rd8+16]"},
		{"bf16", "[%rd15+4], %d1", "[%rd15+4], %d2"},
		{"fp16", "and.b32 %r7, %r3, 3", "and.b32 %r7, %r3, 1"},
	} {
		t.Run(c.format+" "+c.new, func(t *testing.T) {
			for _, f := range Formats() {
				if f.Name != c.format {
					continue
				}
				k, err := kernel(f.Kernels[0])
				assert.NilError(t, err)
				assert.Assert(t, is.Contains(string(k.PTX), c.old))
				program, err := readPTX(strings.Replace(string(k.PTX), c.old, c.new, 1))
				assert.NilError(t, err)
				p := newProduct(32, f.Bits, 5)
				bad := false
				for _, backwards := range []bool{false, true} {
					r := &runner{t: t, program: program}
					out, a, b := r.alloc(nan(32*32)), r.alloc(encode(f, p.a)), r.alloc(encode(f, p.b))
					grid, block := f.shape(32)
					err := r.run(grid, block, backwards, out, a, b, 32)
					bad = bad || err != nil || p.compare(decode(r.memory[0]), f.Tolerance(32)).wrong > 0
				}
				assert.Assert(t, bad, "a faulty kernel passes")
			}
		})
	}
}
