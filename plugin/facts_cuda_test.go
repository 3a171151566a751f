package plugin

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCuInitsAnswer(t *testing.T) {
	const start = `{"stage":"start","ok":true,"schemaVersion":1}` + "\n" + `{"stage":"load","ok":true}` + "\n"
	for name, c := range map[string]struct {
		out    string
		failed error
		want   string
		err    string
	}{
		"it starts":            {start + `{"stage":"init","ok":true,"cuda":"13.0"}` + "\n", nil, "", ""},
		"unified memory":       {start + `{"stage":"init","ok":false,"error":{"kind":"cuda","call":"cuInit","code":999,"name":"CUDA_ERROR_UNKNOWN","text":"x"}}` + "\n", errors.New("exit status 1"), "999 CUDA_ERROR_UNKNOWN", ""},
		"no device":            {start + `{"stage":"init","ok":false,"error":{"kind":"none","text":"x"}}` + "\n", errors.New("exit status 1"), "", ""},
		"no library":           {`{"stage":"load","ok":false,"error":{"kind":"library","text":"x"}}` + "\n", errors.New("exit status 1"), "", ""},
		"brought down":         {start, errors.New("signal: segmentation fault"), "", "CUDA cannot be tried: signal: segmentation fault"},
		"another worker":       {`{"stage":"start","ok":true,"schemaVersion":7}` + "\n", nil, "", "CUDA cannot be tried: the worker writes lines of version 7, this docker gpu reads 1: use the worker that came with it"},
		"a GPU after its init": {start + `{"stage":"init","ok":true}` + "\n" + `{"stage":"end","ok":false}`, errors.New("exit status 1"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cuInit([]byte(c.out), c.failed)
			assert.Equal(t, got, c.want)
			if c.err != "" {
				assert.Error(t, err, c.err)
				return
			}
			assert.NilError(t, err)
		})
	}
}

// A program runs out of memory, with its arguments, and its failure is told.
func TestRunProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux")
	}
	echo, err := os.ReadFile("/bin/echo")
	if err != nil {
		t.Skip("needs /bin/echo")
	}
	out, err := runProgram(t.Context(), echo, "list", "a b")
	assert.NilError(t, err)
	assert.Equal(t, string(out), "list a b\n")
	_, err = runProgram(t.Context(), []byte("no program"))
	assert.ErrorContains(t, err, "exec format error")
}
