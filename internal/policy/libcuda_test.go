package policy

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestLibcudaNeeds(t *testing.T) {
	needs := LibcudaNeeds()
	assert.Assert(t, slices.IsSorted(needs), "sorted, so that an image made of them is the same each time")
	assert.Equal(t, len(slices.Compact(slices.Clone(needs))), len(needs))
	for _, n := range needs {
		assert.Assert(t, is.Regexp(`^lib[a-z]+\.so\.\d$`, n))
	}
}

func TestCUDAFailure(t *testing.T) {
	for _, c := range []struct {
		call   string
		result int
		want   string
	}{
		{"cuInit", 999, "C016"}, {"cuMemAlloc", 999, ""}, {"cuInit", 3, "G009"}, {"cuCtxSynchronize", 3, ""},
		{"cuDevicePrimaryCtxRetain", 802, "G010"}, {"cuModuleLoadDataEx", 222, "C015"}, {"cuInit", 803, "G002"}, {"cuInit", 0, ""}, {"", -1, ""},
	} {
		assert.Equal(t, CUDAFailure(c.call, c.result), c.want, "%s %d", c.call, c.result)
	}
}
