//go:build linux && cgo

package nvml

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/gpus"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// answering gives every function of a mock that has none an answer; a mock panics without.
func answering(mock any, ret nvml.Return) { answer(reflect.ValueOf(mock).Elem(), ret, false) }

// breaking gives every function an answer, also those that had one.
func breaking(mock any, ret nvml.Return) { answer(reflect.ValueOf(mock).Elem(), ret, true) }

func answer(v reflect.Value, ret nvml.Return, all bool) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() != reflect.Func || !strings.HasSuffix(v.Type().Field(i).Name, "Func") || !f.IsNil() && !all {
			continue
		}
		t := f.Type()
		f.Set(reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
			out := make([]reflect.Value, t.NumOut())
			for i := range out {
				out[i] = reflect.Zero(t.Out(i))
				if t.Out(i) == reflect.TypeFor[nvml.Return]() {
					out[i] = reflect.ValueOf(ret)
				}
			}
			return out
		}))
	}
}

// machine is NVIDIA's stand-in for a machine, where each function has an answer: what
// is not set says that it is not supported.
func machine(n int) *server.Server {
	return ready(dgxh200.NewWithGPUs(gpus.Multiple(n, gpus.H200_SXM5_141GB)...))
}

func ready(s *server.Server) *server.Server {
	answering(&s.Interface, nvml.ERROR_NOT_SUPPORTED)
	for i := range s.Devices {
		d := device(s, i)
		d.UUID = "GPU-" + string(rune('a'+i))
		answering(&d.Device, nvml.ERROR_NOT_SUPPORTED)
	}
	// The form in use is a method of the library's own type, which no mock can stand for.
	without(s, "nvmlDeviceGetGpuFabricInfoV")
	return s
}

func device(s *server.Server, i int) *server.Device { return s.Devices[i].(*server.Device) }

// without is a driver that lacks functions.
func without(s *server.Server, functions ...string) {
	before := s.LookupSymbolFunc
	s.LookupSymbolFunc = func(name string) error {
		for _, f := range functions {
			if f == name {
				return nvml.ERROR_FUNCTION_NOT_FOUND
			}
		}
		return before(name)
	}
}

func nowhere(int) string { return "" }

// only reads a machine of one GPU.
func only(t *testing.T, s *server.Server) host.GPU {
	t.Helper()
	_, found, err := health(t.Context(), nowhere, s)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
	return found[0]
}

// value is a field as NVML fills it.
func value(kind nvml.ValueType, v any) nvml.FieldValue {
	f := nvml.FieldValue{ValueType: uint32(kind)}
	switch v := v.(type) {
	case uint64:
		binary.NativeEndian.PutUint64(f.Value[:], v)
	case int64:
		binary.NativeEndian.PutUint64(f.Value[:], uint64(v))
	case float64:
		binary.NativeEndian.PutUint64(f.Value[:], math.Float64bits(v))
	case uint32:
		binary.NativeEndian.PutUint32(f.Value[:], v)
	case int32:
		binary.NativeEndian.PutUint32(f.Value[:], uint32(v))
	case uint16:
		binary.NativeEndian.PutUint16(f.Value[:], v)
	}
	return f
}

// telling lets a GPU know fields; the others it does not touch.
func telling(d *server.Device, known map[uint32]nvml.FieldValue) {
	d.GetFieldValuesFunc = func(values []nvml.FieldValue) nvml.Return {
		for i, v := range values {
			if k, ok := known[v.FieldId]; ok {
				k.FieldId = v.FieldId
				values[i] = k
			}
		}
		return nvml.SUCCESS
	}
}
