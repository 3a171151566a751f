package cuda

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/internal/worker/report"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// smoke runs a small proof on a fake driver.
func smoke(f *fakeCUDA, limit time.Duration) (lines []report.Line, ok bool) {
	s := NewSmoke(func(l report.Line) { lines = append(lines, l) })
	s.Elements, s.Side, s.Limit, s.open = 1000, 64, limit, f.open
	return lines, s.Run()
}

// brief is a line in a word or two: "gemm bf16 ok".
func brief(l report.Line) string {
	text := l.Stage
	if l.Format != "" {
		text += " " + l.Format
	}
	switch {
	case l.Skipped != "":
		return text + " skipped"
	case l.OK:
		return text + " ok"
	case l.Error == nil:
		return text + " failed"
	}
	return text + " " + l.Error.Kind
}

func briefs(lines []report.Line) (all []string) {
	for _, l := range lines {
		all = append(all, brief(l))
	}
	return all
}

var oneGood = []string{"load ok", "init ok", "device ok", "context ok", "memory ok", "kernel ok",
	"gemm fp32 ok", "gemm tf32 ok", "gemm fp16 ok", "gemm bf16 ok", "end ok"}

// Every stage on a card that can everything, with the kernels as they are.
func TestSmoke(t *testing.T) {
	f := newFake(fakeH200())
	lines, ok := smoke(f, time.Minute)
	assert.DeepEqual(t, briefs(lines), oneGood)
	assert.Assert(t, ok)
	assert.Equal(t, lines[1].CUDA, "13.1")
	assert.DeepEqual(t, *lines[2].Description, report.Description{Name: "NVIDIA H200", PCI: "0000:0a:00.0", ComputeCapability: "9.0", Memory: 8 << 30})
	assert.Equal(t, lines[2].GPU, "GPU-ab000000-0000-0000-0000-000000000000")
	for _, l := range lines[3:10] {
		assert.Equal(t, l.GPU, lines[2].GPU)
	}
	assert.Equal(t, f.devices[0].live, 0, "memory was left behind")
	assert.Equal(t, len(f.modules), 1, "the kernels are compiled in one piece")
	assert.Equal(t, len(f.events), 0, "events were left behind")
}

// What a card cannot do is left out, with the reason.
func TestSmokeOnOlderCards(t *testing.T) {
	for capability, want := range map[[2]int32][]string{
		{5, 0}:  {"gemm fp32 ok", "gemm tf32 skipped", "gemm fp16 skipped", "gemm bf16 skipped"},
		{7, 0}:  {"gemm fp32 ok", "gemm tf32 skipped", "gemm fp16 skipped", "gemm bf16 skipped"},
		{7, 5}:  {"gemm fp32 ok", "gemm tf32 skipped", "gemm fp16 ok", "gemm bf16 skipped"},
		{8, 0}:  {"gemm fp32 ok", "gemm tf32 ok", "gemm fp16 ok", "gemm bf16 ok"},
		{12, 0}: {"gemm fp32 ok", "gemm tf32 ok", "gemm fp16 ok", "gemm bf16 ok"},
	} {
		t.Run(fmt.Sprint(capability), func(t *testing.T) {
			lines, ok := smoke(newFake(&fakeDevice{name: "old", major: capability[0], minor: capability[1]}), time.Minute)
			assert.Assert(t, ok)
			assert.DeepEqual(t, briefs(lines)[6:10], want)
			for _, l := range lines {
				if l.Skipped != "" {
					assert.Assert(t, is.Regexp(`^needs compute capability \d\.\d, this GPU has \d\.\d$`, l.Skipped))
				}
			}
		})
	}
}

func TestSmokeOnTwo(t *testing.T) {
	for name, c := range map[string]struct {
		noPeers bool
		detail  string
	}{
		"with peer access": {false, "read and copied by peer access"},
		"without":          {true, "copied through the host: no peer access between these two"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(fakeH200(), fakeH200())
			f.noPeers = c.noPeers
			lines, ok := smoke(f, time.Minute)
			assert.Assert(t, ok)
			peers := slices.DeleteFunc(slices.Clone(lines), func(l report.Line) bool { return l.Stage != report.Peer })
			assert.Equal(t, len(peers), 2)
			assert.Equal(t, peers[0].Detail, c.detail)
			assert.Assert(t, peers[0].GPU != peers[0].Peer)
			assert.Equal(t, peers[0].GPU, peers[1].Peer)
			assert.Equal(t, f.devices[0].live+f.devices[1].live, 0)
			assert.Equal(t, len(f.peers), 0)
			if c.noPeers {
				assert.Assert(t, !slices.Contains(f.calls, "cuCtxEnablePeerAccess"))
			}
		})
	}
}

// Each call that fails is named, and what depends on it is not tried.
func TestSmokeWhenACallFails(t *testing.T) {
	for call, c := range map[string]struct {
		code int32
		want string // the last line before the end
		text string
	}{
		"cuInit":                   {999, "init cuda", "cuInit: CUDA_ERROR_UNKNOWN (999): what 999 means"},
		"cuDeviceGetCount":         {100, "init cuda", "cuDeviceGetCount: CUDA_ERROR_NO_DEVICE (100): what 100 means"},
		"cuDeviceGetName":          {12345, "init cuda", "GPU 0: cuDeviceGetName: unknown CUDA error (12345)"},
		"cuDevicePrimaryCtxRetain": {2, "context cuda", "cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY (2): what 2 means"},
		"cuCtxSetCurrent":          {201, "context cuda", "cuCtxSetCurrent: CUDA_ERROR_INVALID_CONTEXT (201): what 201 means"},
		"cuMemAlloc":               {2, "memory cuda", "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2): what 2 means"},
		"cuMemcpyDtoH":             {700, "memory cuda", "cuMemcpyDtoH: CUDA_ERROR_ILLEGAL_ADDRESS (700): what 700 means"},
		"cuLaunchKernel":           {700, "kernel cuda", "cuLaunchKernel: CUDA_ERROR_ILLEGAL_ADDRESS (700): what 700 means"},
		"cuModuleLoadDataEx":       {209, "kernel cuda", "cuModuleLoadDataEx: CUDA_ERROR_NO_BINARY_FOR_GPU (209): what 209 means"},
		"cuEventRecord":            {999, "gemm bf16 cuda", "cuEventRecord: CUDA_ERROR_UNKNOWN (999): what 999 means"},
	} {
		t.Run(call, func(t *testing.T) {
			f := newFake(fakeH200())
			f.fail[call] = c.code
			lines, ok := smoke(f, time.Minute)
			assert.Assert(t, !ok)
			last := lines[len(lines)-2]
			assert.Equal(t, brief(last), c.want)
			assert.Equal(t, last.Error.Text, c.text)
			assert.Equal(t, last.Error.Call, call)
			assert.Equal(t, last.Error.Code, int(c.code))
			assert.Equal(t, brief(lines[len(lines)-1]), "end failed")
			assert.Equal(t, f.devices[0].live, 0)
		})
	}
}

func TestSmokeWithoutADevice(t *testing.T) {
	lines, ok := smoke(newFake(), time.Minute)
	assert.Assert(t, !ok)
	assert.DeepEqual(t, briefs(lines)[:2], []string{"load ok", "init none"})
	s := NewSmoke(func(l report.Line) { lines = append(lines, l) })
	s.open = func() (*Driver, error) {
		return nil, &LoadError{Tried: []string{"libcuda.so.1"}, Text: "no such file\x1b[31m"}
	}
	lines = nil
	assert.Assert(t, !s.Run())
	assert.DeepEqual(t, briefs(lines)[:1], []string{"load library"})
	assert.Assert(t, is.Contains(lines[0].Error.Text, "no NVIDIA driver: no such file [31m"))
}

// A device that computes wrongly is found, wherever it errs, with both values.
func TestSmokeWithAWrongDevice(t *testing.T) {
	flip := func(kernel string, memory, at int, b byte) func(*fakeCUDA) {
		return func(f *fakeCUDA) {
			f.lie = func(device int, p *ptxProgram) {
				if p.entry != kernel {
					return
				}
				var starts []uint64
				for a := range f.devices[device].memory {
					starts = append(starts, a)
				}
				slices.Sort(starts)
				f.devices[device].memory[starts[memory]][at] ^= b
			}
		}
	}
	nan := func(f *fakeCUDA) {
		f.lie = func(device int, p *ptxProgram) {
			if p.entry == "gemm_bf16" {
				for _, m := range f.devices[device].memory {
					if len(m) == 64*64*4 {
						binary.LittleEndian.PutUint32(m[4*70:], math.Float32bits(float32(math.NaN())))
					}
				}
			}
		}
	}
	for name, c := range map[string]struct {
		with func(*fakeCUDA)
		want string
		text string
	}{
		"one bit of a filled buffer": {flip("fill", 0, 8*500, 1), "kernel wrong", "element 500 of 1000 that the device wrote: expected 0x"},
		"the sum":                    {flip("checksum", 1, 7, 0x80), "kernel wrong", "the device's checksum of what it wrote: expected 0x"},
		"a high bit of fp32":         {flip("gemm_fp32", 2, 4*(3*64+9)+3, 0x40), "gemm fp32 wrong", "1 of 4096 elements of a product in fp32 are wrong, the first at row 3, column 9: expected "},
		"a low bit of tf32":          {flip("gemm_tf32", 2, 4*(3*64+9)+2, 0x10), "gemm tf32 wrong", "row 3, column 9: expected "},
		"no number":                  {nan, "gemm bf16 wrong", "row 1, column 6: expected "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(fakeH200())
			c.with(f)
			lines, ok := smoke(f, time.Minute)
			assert.Assert(t, !ok)
			i := slices.IndexFunc(lines, func(l report.Line) bool { return !l.OK })
			assert.Equal(t, brief(lines[i]), c.want)
			assert.Assert(t, is.Contains(lines[i].Error.Text, c.text))
			assert.Assert(t, lines[i].Error.Expected != lines[i].Error.Found)
			assert.Assert(t, lines[i].Error.Found != "")
		})
	}
}

// A call that hangs ends its own GPU's proof only, and is named.
func TestSmokeWhenACallHangs(t *testing.T) {
	for call, want := range map[string]string{"cuInit": "init hung", "cuDevicePrimaryCtxRetain": "context hung", "cuLaunchKernel": "kernel hung", "cuMemcpyPeer": "peer hung"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel() // they wait
			f := newFake(fakeH200(), fakeH200())
			until := make(chan struct{})
			f.hang[call] = until
			defer close(until)
			lines, ok := smoke(f, 5*time.Second)
			assert.Assert(t, !ok)
			i := slices.IndexFunc(lines, func(l report.Line) bool { return !l.OK })
			assert.Equal(t, brief(lines[i]), want)
			assert.Assert(t, is.Contains(lines[i].Error.Text, "did not end within 5s"))
			assert.Equal(t, brief(lines[len(lines)-1]), "end failed")
		})
	}
}

func TestList(t *testing.T) {
	f := newFake(fakeH200(), &fakeDevice{name: "NVIDIA H200 MIG 1g.18gb", major: 9})
	var lines []report.Line
	assert.Assert(t, list(func(l report.Line) { lines = append(lines, l) }, time.Minute, f.open))
	assert.DeepEqual(t, briefs(lines), []string{"load ok", "init ok", "device ok", "device ok", "end ok"})
	assert.Equal(t, lines[2].GPU, "GPU-ab000000-0000-0000-0000-000000000000")
	assert.Equal(t, lines[3].GPU, "MIG-ab000000-0000-0000-0000-000000000001")
	assert.Assert(t, !slices.ContainsFunc(f.calls, func(c string) bool { return strings.HasPrefix(c, "cuDevicePrimary") }))
}
