//go:build !linux || !cgo

package nvml

import (
	"testing"

	"gotest.tools/v3/assert"
)

// Whoever asks goes on to nvidia-smi: that takes an error and no GPUs.
func TestThisBuildHasNoNVML(t *testing.T) {
	_, gpus, err := Read(t.Context())
	assert.ErrorContains(t, err, "without NVML")
	assert.Equal(t, len(gpus), 0)
	_, gpus, err = Health(t.Context())
	assert.ErrorContains(t, err, "without NVML")
	assert.Equal(t, len(gpus), 0)
}
