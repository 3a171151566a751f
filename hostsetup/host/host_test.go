package host

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
)

// The JSON is public: scripts read it, so a name that changes here breaks them.
func TestJSONOfAHost(t *testing.T) {
	for name, c := range map[string]struct {
		host Host
		want string
	}{
		"nothing known": {Host{}, `{}`},
		"no GPU":        {Host{Arch: "arm64", Driver: Driver{Version: "580.65.06"}}, `{"arch":"arm64","driver":{"version":"580.65.06"}}`},
		"one": {Host{Arch: "amd64", Driver: Driver{Version: "580.65.06"}, GPUs: []GPU{{UUID: "GPU-a", Name: "NVIDIA H200", ComputeCapability: "9.0", Memory: 150754820096}}},
			`{"arch":"amd64","driver":{"version":"580.65.06"},"gpus":[{"index":0,"uuid":"GPU-a","name":"NVIDIA H200","computeCapability":"9.0","memory":150754820096}]}`},
		// The first GPU's index is 0 and must be there all the same.
		"hardly known": {Host{GPUs: []GPU{{Name: "NVIDIA H200"}}}, `{"gpus":[{"index":0,"name":"NVIDIA H200"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(c.host)
			assert.NilError(t, err)
			assert.Equal(t, string(data), c.want)
			var back Host
			assert.NilError(t, json.Unmarshal(data, &back))
			assert.DeepEqual(t, back, c.host)
		})
	}
}
