package policy

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// The catalogue's column "Immediate Action", code by code.
func TestXidsOfTheCatalogue(t *testing.T) {
	run := func(from, to int) (codes []int) {
		for c := from; c <= to; c++ {
			codes = append(codes, c)
		}
		return codes
	}
	catalogue := map[string][]int{
		ActionRestartApp: slices.Concat([]int{8, 11, 13, 25, 31, 32, 39, 40, 41, 60, 68, 69, 70, 71, 72, 75, 76, 77, 80, 82, 83, 84, 85, 86, 88, 89, 94}, run(96, 105), run(126, 135), []int{139}),
		ActionIgnore:     {37, 38, 43, 44, 63, 66, 67, 92, 93, 106, 107, 108, 121, 137, 141, 152, 153, 157, 160, 161},
		ActionResetGPU:   {46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158},
		ActionNVLink5:    run(144, 150),
		ActionCleanup:    {45},
		ActionECC:        {48},
		ActionMechanical: {54},
		ActionNVLink:     {74},
		ActionUpdate:     {78},
		ActionReboot:     {79},
		ActionSupport:    {142},
		ActionRestartVM:  {151},
		ActionRecovery:   {154},
		ActionUVM:        {159},
		"":               run(162, 172),
	}
	seen := 0
	for action, codes := range catalogue {
		for _, code := range codes {
			x, ok := LookupXid(code)
			assert.Assert(t, ok, "%d is missing", code)
			assert.Equal(t, x.Code, code)
			assert.Equal(t, x.Action, action, "%d", code)
			seen++
		}
	}
	assert.Equal(t, len(Xids()), seen, "a code is in the table and not in the catalogue")
	for _, unused := range slices.Concat(run(0, 7), []int{9, 10, 12}, run(14, 24), run(26, 30), run(33, 36), []int{42, 47}, run(49, 53), run(55, 59), []int{61, 65, 73, 81, 87, 90, 91}, run(111, 118), run(122, 125), []int{138}, run(173, 200), []int{-1, 1 << 30}) {
		_, ok := LookupXid(unused)
		assert.Assert(t, !ok, "%d is called unused", unused)
	}
}

// What is behind a code, as an administrator asks.
func TestXidsInWords(t *testing.T) {
	for code, want := range map[int]struct{ fault, says, severity string }{
		13:  {FaultApplication, "illegal access", "note"},
		31:  {FaultApplication, "page fault", "note"},
		48:  {FaultMemory, "double-bit", "error"},
		54:  {FaultPower, "power", "error"},
		62:  {FaultHardware, "micro-controller", "error"},
		63:  {FaultMemory, "remapped", "note"},
		64:  {FaultMemory, "failed", "error"},
		74:  {FaultNVLink, "NVLink", "error"},
		79:  {FaultHardware, "fallen off the bus", "error"},
		92:  {FaultMemory, "single-bit", "warning"},
		94:  {FaultMemory, "contained", "warning"},
		95:  {FaultMemory, "uncontained", "error"},
		109: {FaultHardware, "timed out", "error"},
		119: {FaultDriver, "GSP", "error"},
		120: {FaultDriver, "GSP", "error"},
		143: {FaultHardware, "initialised", "error"},
		149: {FaultNVLink, "sub-code", "error"},
		154: {FaultNone, "recovery", "note"},
	} {
		x, ok := LookupXid(code)
		assert.Assert(t, ok, "%d", code)
		assert.Equal(t, x.Fault, want.fault, "%d", code)
		assert.Equal(t, x.Severity, want.severity, "%d", code)
		assert.Assert(t, strings.Contains(x.Meaning, want.says), "%d: %s", code, x.Meaning)
	}
	// The same list each time, and nobody can change it for others.
	all := Xids()
	all[0].Meaning = "changed"
	assert.Assert(t, Xids()[0].Meaning != "changed")
	assert.Assert(t, slices.IsSortedFunc(Xids(), func(a, b Xid) int { return a.Code - b.Code }))
}

// CUresult numbers that have a row in the catalogue, by the call that gave them.
func TestFailuresOfCUDA(t *testing.T) {
	codes := map[int]string{}
	for result := range 1000 {
		for _, call := range []string{"cuInit", "cuCtxCreate"} {
			if code := CUDAFailure(call, result); code != "" {
				codes[result] = code
				assert.Assert(t, len(code) >= 3 && strings.Contains("CGH", code[:1]), code)
			}
		}
	}
	// CUDA_ERROR_NOT_INITIALIZED, DEVICE_UNAVAILABLE, NO_BINARY_FOR_GPU, ECC_UNCORRECTABLE, UNSUPPORTED_PTX_VERSION, SYSTEM_NOT_READY, SYSTEM_DRIVER_MISMATCH, UNKNOWN
	for _, result := range []int{3, 46, 209, 214, 222, 802, 803, 999} {
		assert.Assert(t, codes[result] != "", "%d", result)
		delete(codes, result)
	}
	assert.Equal(t, len(codes), 0, "%v", codes)
	// These two say something only where CUDA starts.
	for _, result := range []int{3, 999} {
		assert.Equal(t, CUDAFailure("cuCtxCreate", result), "")
	}
	for _, result := range []int{0, 1, 2, 100, -1, 1 << 30} {
		assert.Equal(t, CUDAFailure("cuInit", result), "")
	}
}
