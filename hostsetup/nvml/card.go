//go:build linux && cgo

package nvml

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// card is one GPU while it is read.
type card struct {
	*session
	d nvml.Device
	g *host.GPU
	// insist asks a GPU that is lost all the same.
	insist bool
	cgroup func(pid int) string
	values map[uint32]nvml.FieldValue
	parts  []nvml.Device // its MIG devices
}

// can says whether a call of nvmlDevice… makes sense: each call to a lost GPU may take long.
// What a call's name has in brackets is its argument.
func (c *card) can(call string) bool {
	function, _, _ := strings.Cut(call, "(")
	return (c.insist || !c.g.Lost) && c.ctx.Err() == nil && c.has("nvmlDevice"+function)
}

// get makes a call; ok says that its answer holds.
func get[T any](c *card, call string, f func() (T, nvml.Return)) (value T, ok bool) {
	if !c.can(call) {
		return value, false
	}
	v, ret := f()
	if !c.ok(call, ret) {
		return value, false
	}
	return v, true
}

// of gives a call its argument.
func of[A, T any](f func(A) (T, nvml.Return), a A) func() (T, nvml.Return) {
	return func() (T, nvml.Return) { return f(a) }
}

// ok takes note of a call that failed, unless the GPU or the driver just cannot do it.
func (c *card) ok(call string, ret nvml.Return) bool {
	switch ret {
	case nvml.SUCCESS:
		return true
	case nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_VGPU_ECC_NOT_SUPPORTED,
		nvml.ERROR_DEPRECATED,                // what newer drivers say of what is gone
		nvml.ERROR_ARGUMENT_VERSION_MISMATCH: // older drivers, of a newer structure
		return false
	case nvml.ERROR_GPU_IS_LOST:
		c.g.Lost = true
	}
	c.wrong(call, ret.Error())
	return false
}

// wrong keeps the first that a call failed with.
func (c *card) wrong(call, text string) {
	if c.g.Errors == nil {
		c.g.Errors = map[string]string{}
	}
	if c.g.Errors[call] == "" {
		c.g.Errors[call] = Cut(text)
	}
}

type number interface {
	~int | ~int32 | ~int64 | ~uint8 | ~uint32 | ~uint64 | ~float64
}

// sane says whether a number can be true; if not, the call has failed.
func sane[T number](c *card, call string, b policy.Bounds, v T) bool {
	if b.Hold(float64(v)) {
		return true
	}
	c.wrong(call, fmt.Sprintf("answered %v %s, which cannot be", v, b.Unit))
	return false
}

// reading makes a call for a number; it is 0 where ok is false.
func reading[T number](c *card, call string, b policy.Bounds, f func() (T, nvml.Return)) (value T, ok bool) {
	v, ok := get(c, call, f)
	if !ok || !sane(c, call, b, v) {
		return 0, false
	}
	return v, true
}

// fields are read with one call: what the driver does not know stays unsupported.
func (c *card) fields() map[uint32]nvml.FieldValue {
	if c.values != nil {
		return c.values
	}
	c.values = map[uint32]nvml.FieldValue{}
	ids := []uint32{nvml.FI_DEV_MEMORY_TEMP, nvml.FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT, nvml.FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT,
		nvml.FI_DEV_RESET_STATUS, nvml.FI_DEV_DRAIN_AND_RESET_STATUS, nvml.FI_DEV_GET_GPU_RECOVERY_ACTION, nvml.FI_DEV_PERF_POLICY_THERMAL}
	for _, r := range policy.ClockReasons() {
		if r.Field != 0 {
			ids = append(ids, r.Field)
		}
	}
	if !c.can("GetFieldValues") {
		return c.values
	}
	values := make([]nvml.FieldValue, len(ids))
	for i, id := range ids {
		values[i] = nvml.FieldValue{FieldId: id, NvmlReturn: uint32(nvml.ERROR_NOT_SUPPORTED)}
	}
	if c.ok("GetFieldValues", c.d.GetFieldValues(values)) {
		for _, v := range values {
			c.values[v.FieldId] = v
		}
	}
	return c.values
}

// field is the value of one field.
func (c *card) field(id uint32, b policy.Bounds) (value float64, ok bool) {
	v, ok := c.fields()[id]
	call := fmt.Sprintf("GetFieldValues(%d)", id)
	// A field that is newer than the driver is an invalid argument to it.
	if !ok || nvml.Return(v.NvmlReturn) == nvml.ERROR_INVALID_ARGUMENT || !c.ok(call, nvml.Return(v.NvmlReturn)) {
		return 0, false
	}
	value, ok = decode(v)
	if !ok {
		c.wrong(call, fmt.Sprintf("answered in type %d, which is not known", v.ValueType))
		return 0, false
	}
	if !sane(c, call, b, value) {
		return 0, false
	}
	return value, true
}

// decode is the number in NVML's union of types.
func decode(v nvml.FieldValue) (float64, bool) {
	whole := binary.NativeEndian.Uint64(v.Value[:])
	half := binary.NativeEndian.Uint32(v.Value[:4])
	switch nvml.ValueType(v.ValueType) {
	case nvml.VALUE_TYPE_DOUBLE:
		return math.Float64frombits(whole), true
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return float64(half), true
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG: // long has 64 bits on Linux
		return float64(whole), true
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		return float64(int64(whole)), true
	case nvml.VALUE_TYPE_SIGNED_INT:
		return float64(int32(half)), true
	case nvml.VALUE_TYPE_UNSIGNED_SHORT:
		return float64(binary.NativeEndian.Uint16(v.Value[:2])), true
	}
	return 0, false
}
