package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
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
	lines, noise, err := Read(strings.NewReader("first\r\n" + strings.TrimSuffix(start, "\n") + "\r\n" + strings.Repeat("x\n", 30) + start))
	assert.NilError(t, err)
	assert.Equal(t, len(lines), 2, "lines behind noise count, with any line end")
	assert.Equal(t, noise[0], "first", "the first words of a loader tell more than its last")
	lines, _, err = Read(io.MultiReader(strings.NewReader(start), iotest.ErrReader(errors.New("gone"))))
	assert.Assert(t, is.ErrorContains(err, "gone"))
	assert.Equal(t, len(lines), 1)
}

// What another program could say in the worker's place is noise, not a line.
func TestReadOfWhatIsNoLine(t *testing.T) {
	for _, text := range []string{
		"null", "true", `"start"`, "{}", `{"ok":true}`, `{"stage":""}`, `{"stage":1}`, `{"stage":"end","ok":"yes"}`, `{"stage":"start","schemaVersion":"1"}`,
		`{"stage":"device","device":[]}`, `{"stage":"device","device":{"memory":-1}}`, `{"stage":"device","device":{"memory":1e30}}`, `{"stage":"gemm","error":"bad"}`,
		`{"stage":"end"} {"stage":"end"}`, `{"stage":"end"`, "\xef\xbb\xbf{\"stage\":\"end\"}", "\x1b[2J", "\x00", strings.Repeat(`{"stage":`, 20_000),
	} {
		lines, noise, err := Read(strings.NewReader(text + "\n"))
		assert.NilError(t, err, text)
		assert.Equal(t, len(lines), 0, "%.80q", text)
		assert.Equal(t, len(noise), 1, "%.80q", text)
	}
}

// A worker of another release may say more; that is no reason not to understand it.
func TestReadOfANewerWorker(t *testing.T) {
	lines, noise, err := Read(strings.NewReader(`{"stage":"start","ok":true,"schemaVersion":1,"new":{"a":[1]}}` + "\n" + `{"stage":"nvlink","ok":true}` + "\n"))
	assert.NilError(t, err)
	assert.Equal(t, len(noise), 0)
	assert.DeepEqual(t, lines, []Line{{Stage: Start, OK: true, SchemaVersion: 1}, {Stage: "nvlink", OK: true}})
	// One without a version is older than the first.
	_, _, err = Read(strings.NewReader(`{"stage":"start","ok":true}`))
	assert.ErrorContains(t, err, "lines of version 0, this docker gpu reads 1")
	// A run whose beginning is lost has no version to compare.
	lines, _, err = Read(strings.NewReader(`{"stage":"end","ok":true}`))
	assert.NilError(t, err)
	assert.Equal(t, len(lines), 1)
}

// Every field has its own name in the JSON, comes back, and is left out where it is empty.
func TestEveryFieldComesBack(t *testing.T) {
	var full Line
	fill(reflect.ValueOf(&full).Elem(), new(int))
	data, err := json.Marshal(full)
	assert.NilError(t, err)
	lines, noise, err := Read(strings.NewReader(strings.Replace(string(data), full.Stage, "x", 1) + "\n"))
	assert.NilError(t, err, string(data))
	assert.Equal(t, len(noise), 0, "%v", noise)
	full.Stage = "x"
	assert.DeepEqual(t, lines, []Line{full})
	empty, err := json.Marshal(Line{Stage: "x"})
	assert.NilError(t, err)
	assert.Equal(t, string(empty), `{"stage":"x","ok":false}`)
}

// fill gives every field a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.String:
		v.SetString(fmt.Sprint("word", *n))
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Bool:
		v.SetBool(true)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"stage":"start","ok":true,"schemaVersion":1}` + "\nx\n"))
	f.Add([]byte("{\r\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, noise, err := Read(bytes.NewReader(data))
		if len(noise) > 20 {
			t.Fatalf("%d lines of noise", len(noise))
		}
		for _, l := range lines {
			if l.Stage == "" {
				t.Fatal("a line of no stage")
			}
		}
		if text := fmt.Sprint(err); strings.ContainsAny(text, "\x00\x1b\n") {
			t.Fatalf("%q", text)
		}
	})
}
