package report

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// The lines are a contract between two programs that may be of different releases.
func TestLineAsJSON(t *testing.T) {
	void := "void"
	for name, c := range map[string]struct {
		line Line
		want string
	}{
		"start":  {Line{Stage: Start, OK: true, SchemaVersion: 1, Version: "v1", Visible: &void}, `{"stage":"start","ok":true,"schemaVersion":1,"version":"v1","visible":"void"}`},
		"device": {Line{Stage: Device, OK: true, GPU: "GPU-a", Description: &Description{Name: "NVIDIA H200", PCI: "0000:65:00.0", ComputeCapability: "9.0", Memory: 1}}, `{"stage":"device","ok":true,"gpu":"GPU-a","device":{"index":0,"name":"NVIDIA H200","pci":"0000:65:00.0","computeCapability":"9.0","memory":1}}`},
		"failed": {Line{Stage: GEMM, Milliseconds: 1.5, GPU: "GPU-a", Format: "bf16", Error: &Error{Kind: "wrong", Text: "t", Expected: "1", Found: "NaN"}}, `{"stage":"gemm","ok":false,"ms":1.5,"gpu":"GPU-a","format":"bf16","error":{"kind":"wrong","text":"t","expected":"1","found":"NaN"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(c.line)
			assert.NilError(t, err)
			assert.Equal(t, string(data), c.want)
			lines, noise, err := Read(strings.NewReader(c.want + "\n"))
			assert.NilError(t, err)
			assert.Equal(t, len(noise), 0)
			assert.DeepEqual(t, lines, []Line{c.line})
		})
	}
}

func TestRead(t *testing.T) {
	start := `{"stage":"start","ok":true,"schemaVersion":1}` + "\n"
	for name, c := range map[string]struct {
		text         string
		lines, noise int
		err          string
	}{
		"nothing":           {"", 0, 0, ""},
		"lines":             {start + `{"stage":"end","ok":true}`, 2, 0, ""},
		"cut in the middle": {start + `{"stage":"con`, 1, 1, ""},
		"a loader's words":  {"/gpu-worker: error while loading shared libraries: libdl.so.2\n", 0, 1, ""},
		"other JSON":        {`{"level":"warn"}` + "\n[1]\n\n" + start, 1, 2, ""},
		"much noise":        {strings.Repeat("x\n", 5000), 0, 20, ""},
		"another version":   {`{"stage":"start","ok":true,"schemaVersion":9}`, 1, 0, "the worker writes lines of version 9, this docker gpu reads 1: use the worker that came with it"},
		"an endless line":   {start + strings.Repeat("x", 2<<20), 1, 0, "the worker's output cannot be read: bufio.Scanner: token too long"},
		"too many lines":    {strings.Repeat(start, 100_001), 100_001, 0, "the worker wrote more than 100000 lines"},
	} {
		t.Run(name, func(t *testing.T) {
			lines, noise, err := Read(strings.NewReader(c.text))
			if c.err != "" {
				assert.Error(t, err, c.err)
			} else {
				assert.NilError(t, err)
			}
			assert.Equal(t, len(lines), c.lines)
			assert.Equal(t, len(noise), c.noise)
		})
	}
	lines, _, err := Read(io.MultiReader(strings.NewReader(start), iotest.ErrReader(errors.New("gone"))))
	assert.Assert(t, is.ErrorContains(err, "gone"))
	assert.Equal(t, len(lines), 1)
}
