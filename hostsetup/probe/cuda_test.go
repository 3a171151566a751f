package probe

import (
	"context"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCUDAIsAskedWhereADriverIs(t *testing.T) {
	const loaded = "sys/module/nvidia/version"
	for name, c := range map[string]struct {
		files  files
		answer string
		err    error
		want   string
		unread string
	}{
		"it starts":      {files{loaded: "580.65.06"}, "", nil, "", ""},
		"it does not":    {files{loaded: "580.65.06"}, "999 CUDA_ERROR_UNKNOWN", nil, "999 CUDA_ERROR_UNKNOWN", ""},
		"it hangs":       {files{loaded: "580.65.06"}, "", errors.New("CUDA does not come back from its start"), "", "CUDA does not come back from its start"},
		"without driver": {nil, "3 CUDA_ERROR_NOT_INITIALIZED", nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, c.files)
			m.cuda = func(context.Context) (string, error) { return c.answer, c.err }
			h := one(t, m, readCUDA)
			assert.Equal(t, h.Driver.CUDAError, c.want)
			assert.Equal(t, h.Unread["it"], c.unread)
		})
	}
	m := fake(t, files{loaded: "580.65.06"}) // whoever hands in no way to ask, is not asked for one
	assert.Equal(t, one(t, m, readCUDA).Driver.CUDAError, "")
}
