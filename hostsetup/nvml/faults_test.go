//go:build linux && cgo

package nvml

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// A GPU that fell off the bus stays in the list, and is not asked over and over.
func TestALostGPU(t *testing.T) {
	s := machine(3)
	handle := s.DeviceGetHandleByIndexFunc
	s.DeviceGetHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i == 0 {
			return nil, nvml.ERROR_GPU_IS_LOST
		}
		return handle(i)
	}
	late := device(s, 1)
	full(late)
	late.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 0, nvml.ERROR_GPU_IS_LOST }
	late.GetPowerUsageFunc = func() (uint32, nvml.Return) { t.Error("a lost GPU is asked on"); return 0, nvml.ERROR_GPU_IS_LOST }
	_, found, err := health(t.Context(), nowhere, s)
	assert.NilError(t, err)
	assert.DeepEqual(t, found[0], host.GPU{Lost: true, Errors: map[string]string{"GetHandleByIndex": "ERROR_GPU_IS_LOST"}})
	assert.Equal(t, found[1].UUID, "GPU-b")
	assert.Equal(t, found[1].PCI, "0000:65:00.0")
	assert.Assert(t, found[1].Lost)
	assert.DeepEqual(t, found[1].Errors, map[string]string{"GetTemperature": "ERROR_GPU_IS_LOST"})
	assert.Assert(t, !found[2].Lost)
	assert.Equal(t, len(found[2].Errors), 0)
}

// The driver remembers who a lost GPU is, though other questions of identity fail.
func TestALostGPUIsStillNamed(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	d.GetNameFunc = func() (string, nvml.Return) { return "", nvml.ERROR_GPU_IS_LOST }
	g := only(t, s)
	assert.Assert(t, g.Lost)
	assert.Equal(t, g.UUID, "GPU-a")
	assert.Equal(t, g.ComputeCapability, "9.0")
}

func TestEveryCallFails(t *testing.T) {
	for _, ret := range []nvml.Return{nvml.ERROR_UNKNOWN, nvml.ERROR_NO_PERMISSION, nvml.ERROR_RESET_REQUIRED, nvml.ERROR_IRQ_ISSUE, nvml.Return(4711)} {
		s := machine(1)
		breaking(&device(s, 0).Device, ret)
		s.LookupSymbolFunc = func(name string) error {
			if name == "nvmlDeviceGetGpuFabricInfoV" {
				return errors.New("see ready")
			}
			return nil
		}
		g := only(t, s)
		assert.Assert(t, len(g.Errors) >= 30, "%d calls: %v", len(g.Errors), g.Errors)
		for call, text := range g.Errors {
			assert.Equal(t, text, ret.Error(), call)
		}
		g.Errors = nil
		assert.DeepEqual(t, g, host.GPU{})
	}
}

// What a card or a driver just cannot do is no error.
func TestWhatIsNotSupportedIsNoError(t *testing.T) {
	for _, ret := range []nvml.Return{nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_DEPRECATED, nvml.ERROR_ARGUMENT_VERSION_MISMATCH} {
		s := machine(1)
		breaking(&device(s, 0).Device, ret)
		assert.DeepEqual(t, only(t, s), host.GPU{})
	}
}

// Calling a function that the library does not have ends the process.
func TestFunctionsThatAnOldDriverLacksAreNotCalled(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	full(d)
	called := func(name string) { t.Errorf("%s is called and not there", name) }
	d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { called("v2"); return nvml.Memory_v2{}, nvml.SUCCESS }
	d.GetMarginTemperatureFunc = func() (nvml.MarginTemperature, nvml.Return) {
		called("margin")
		return nvml.MarginTemperature{}, nvml.SUCCESS
	}
	d.GetCurrentClocksEventReasonsFunc = func() (uint64, nvml.Return) { called("reasons"); return 0, nvml.SUCCESS }
	d.GetSramEccErrorStatusFunc = func() (nvml.EccSramErrorStatus, nvml.Return) {
		called("sram")
		return nvml.EccSramErrorStatus{}, nvml.SUCCESS
	}
	d.GetGspFirmwareModeFunc = func() (bool, bool, nvml.Return) { called("gsp"); return false, false, nvml.SUCCESS }
	d.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nvml.Return) { return 8 | 128, nvml.SUCCESS }
	d.GetTemperatureThresholdFunc = func(k nvml.TemperatureThresholds) (uint32, nvml.Return) {
		return map[nvml.TemperatureThresholds]uint32{nvml.TEMPERATURE_THRESHOLD_SLOWDOWN: 89, nvml.TEMPERATURE_THRESHOLD_SHUTDOWN: 92}[k], nvml.SUCCESS
	}
	without(s, "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMarginTemperature", "nvmlDeviceGetCurrentClocksEventReasons",
		"nvmlDeviceGetSramEccErrorStatus", "nvmlDeviceGetGspFirmwareMode", "nvmlDeviceGetGpuFabricInfo")
	g := only(t, s)
	assert.Equal(t, len(g.Errors), 0, "%v", g.Errors)
	assert.Assert(t, g.Memory > 0)
	assert.DeepEqual(t, g.Clocks.Reasons, []string{"hw_slowdown", "hw_power_brake"})
	assert.DeepEqual(t, g.Temperature, &host.Temperature{GPU: 34, Memory: ptr(41), Slowdown: ptr(89), Shutdown: ptr(92), Margin: ptr(55)})
	assert.Assert(t, g.Fabric == nil)
}

// Each function that may be called is looked up first, by the name that the library has.
func TestEveryCallIsLookedUp(t *testing.T) {
	s := machine(1)
	full(device(s, 0))
	s.LookupSymbolFunc = func(name string) error {
		if !strings.HasPrefix(name, "nvml") || strings.ContainsAny(name, "() ") {
			t.Errorf("%q is no function", name)
		}
		return nvml.ERROR_FUNCTION_NOT_FOUND
	}
	breaking(&device(s, 0).Device, nvml.ERROR_UNKNOWN) // each call would leave an error
	assert.DeepEqual(t, only(t, s), host.GPU{})
}

func TestNonsenseIsDroppedAndNamed(t *testing.T) {
	const huge = math.MaxUint32
	for name, c := range map[string]struct {
		set  func(*server.Device)
		call string
		gone func(host.GPU) bool
	}{
		"degrees": {func(d *server.Device) {
			d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return huge, nvml.SUCCESS }
		}, "GetTemperature", func(g host.GPU) bool { return g.Temperature == nil }},
		"201 degrees": {func(d *server.Device) {
			d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 201, nvml.SUCCESS }
		}, "GetTemperature", func(g host.GPU) bool { return g.Temperature == nil }},
		"memory's degrees": {func(d *server.Device) {
			telling(d, map[uint32]nvml.FieldValue{82: value(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, uint64(math.MaxUint64))})
		}, "GetFieldValues(82)", func(g host.GPU) bool { return g.Temperature.Memory == nil }},
		"a limit": {func(d *server.Device) {
			d.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return huge, nvml.SUCCESS }
		}, "GetTemperatureThreshold(1)", func(g host.GPU) bool { return *g.Temperature.Slowdown == 88 }},
		"a negative power": {func(d *server.Device) {
			d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 1<<32 - 5000, nvml.SUCCESS }
		}, "GetPowerUsage", func(g host.GPU) bool { return g.Power.Draw == 0 && g.Power.Limit == 700 }},
		"power limits": {func(d *server.Device) {
			d.GetPowerManagementLimitConstraintsFunc = func() (uint32, uint32, nvml.Return) { return 0, huge, nvml.SUCCESS }
		}, "GetPowerManagementLimitConstraints", func(g host.GPU) bool { return g.Power.Max == 0 }},
		"a clock": {func(d *server.Device) {
			d.GetClockInfoFunc = func(nvml.ClockType) (uint32, nvml.Return) { return huge, nvml.SUCCESS }
		}, "GetClockInfo(1)", func(g host.GPU) bool { return g.Clocks.SM == 0 && g.Clocks.SMMax == 1980 }},
		"time held": {func(d *server.Device) {
			telling(d, map[uint32]nvml.FieldValue{74: value(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, uint64(math.MaxUint64))})
		}, "GetFieldValues(74)", func(g host.GPU) bool { return g.Clocks.Held == nil }},
		"a field of no type": {func(d *server.Device) {
			telling(d, map[uint32]nvml.FieldValue{230: value(77, uint32(1))})
		}, "GetFieldValues(230)", func(g host.GPU) bool { return g.RecoveryAction == "" }},
		"a field that is no number": {func(d *server.Device) {
			telling(d, map[uint32]nvml.FieldValue{82: value(nvml.VALUE_TYPE_DOUBLE, math.NaN())})
		}, "GetFieldValues(82)", func(g host.GPU) bool { return g.Temperature.Memory == nil }},
		"more than all": {func(d *server.Device) {
			d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 101}, nvml.SUCCESS }
		}, "GetUtilizationRates", func(g host.GPU) bool { return g.Utilization == nil }},
		"memory": {func(d *server.Device) {
			d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { return nvml.Memory_v2{Total: math.MaxUint64}, nvml.SUCCESS }
		}, "GetMemoryInfo", func(g host.GPU) bool { return g.Memory == 0 }},
		"more used than there is": {func(d *server.Device) {
			d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { return nvml.Memory_v2{Total: 10, Used: 11}, nvml.SUCCESS }
		}, "GetMemoryInfo", func(g host.GPU) bool { return g.Memory == 10 && g.MemoryUsed == 0 }},
		"ECC errors": {func(d *server.Device) {
			d.GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) {
				return math.MaxUint64, nvml.SUCCESS
			}
		}, "GetTotalEccErrors(1,0)", func(g host.GPU) bool { return g.ECC.VolatileUncorrected == 0 }},
		"remapped rows": {func(d *server.Device) {
			d.GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return -1, 0, false, false, nvml.SUCCESS }
		}, "GetRemappedRows", func(g host.GPU) bool { return g.RemappedRows == nil }},
		"a PCIe link": {func(d *server.Device) {
			d.GetCurrPcieLinkWidthFunc = func() (int, nvml.Return) { return huge, nvml.SUCCESS }
		}, "GetCurrPcieLinkWidth", func(g host.GPU) bool { return g.PCIe.Width == 0 && g.PCIe.Gen == 4 }},
		"an NVLink": {func(d *server.Device) {
			d.GetNvLinkErrorCounterFunc = func(int, nvml.NvLinkErrorCounter) (uint64, nvml.Return) { return math.MaxUint64, nvml.SUCCESS }
		}, "GetNvLinkErrorCounter(2,3)", func(g host.GPU) bool { return g.NVLinks[2].Errors == 0 }},
		"a fan": {func(d *server.Device) {
			d.GetNumFansFunc = func() (int, nvml.Return) { return 1, nvml.SUCCESS }
			d.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return huge, nvml.SUCCESS }
		}, "GetFanSpeed_v2", func(g host.GPU) bool { return len(g.Fans) == 0 }},
		"many fans": {func(d *server.Device) {
			d.GetNumFansFunc = func() (int, nvml.Return) { return math.MaxInt32, nvml.SUCCESS }
		}, "GetNumFans", func(g host.GPU) bool { return len(g.Fans) == 0 }},
		"a fabric": {func(d *server.Device) {
			d.GetGpuFabricInfoFunc = func() (nvml.GpuFabricInfo, nvml.Return) { return nvml.GpuFabricInfo{State: 200}, nvml.SUCCESS }
		}, "GetGpuFabricInfoV", func(g host.GPU) bool { return g.Fabric == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			s := machine(1)
			full(device(s, 0))
			c.set(device(s, 0))
			g := only(t, s)
			assert.Assert(t, g.Errors[c.call] != "", "%v", g.Errors)
			assert.Assert(t, c.gone(g), "%+v", g)
		})
	}
}

func TestAHostileNameIsCut(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	d.GetNameFunc = func() (string, nvml.Return) { return strings.Repeat("x", 1<<20), nvml.SUCCESS }
	d.GetVbiosVersionFunc = func() (string, nvml.Return) { return "\xff\xfe96", nvml.SUCCESS }
	g := only(t, s)
	assert.Equal(t, len(g.Name), longest)
	assert.Equal(t, g.VBIOS, "96")
}

func TestTypesOfFields(t *testing.T) {
	for _, c := range []struct {
		in   nvml.FieldValue
		want float64
		ok   bool
	}{
		{value(nvml.VALUE_TYPE_DOUBLE, 2.5), 2.5, true},
		{value(nvml.VALUE_TYPE_UNSIGNED_INT, uint32(7)), 7, true},
		{value(nvml.VALUE_TYPE_UNSIGNED_LONG, uint64(1<<40)), 1 << 40, true},
		{value(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, uint64(9)), 9, true},
		{value(nvml.VALUE_TYPE_SIGNED_LONG_LONG, int64(-9)), -9, true},
		{value(nvml.VALUE_TYPE_SIGNED_INT, int32(-2)), -2, true},
		{value(nvml.VALUE_TYPE_UNSIGNED_SHORT, uint16(65535)), 65535, true},
		{value(99, uint32(1)), 0, false},
	} {
		got, ok := decode(c.in)
		assert.Assert(t, ok == c.ok && reflect.DeepEqual(got, c.want), "type %d: %v", c.in.ValueType, got)
	}
}

func TestRecoveryActions(t *testing.T) {
	u := func(v uint32) nvml.FieldValue { return value(nvml.VALUE_TYPE_UNSIGNED_INT, v) }
	failed := u(0)
	failed.NvmlReturn = uint32(nvml.ERROR_UNKNOWN)
	newer := u(0)
	newer.NvmlReturn = uint32(nvml.ERROR_INVALID_ARGUMENT)
	for name, c := range map[string]struct {
		fields map[uint32]nvml.FieldValue
		want   string
		errors int
	}{
		"none":              {map[uint32]nvml.FieldValue{230: u(0)}, "none", 0},
		"reboot":            {map[uint32]nvml.FieldValue{230: u(2), 226: u(1)}, "node-reboot", 0},
		"not known":         {map[uint32]nvml.FieldValue{230: u(99)}, "", 0},
		"older: reset":      {map[uint32]nvml.FieldValue{226: u(1), 227: u(0), 230: newer}, "gpu-reset", 0},
		"older: drain":      {map[uint32]nvml.FieldValue{226: u(0), 227: u(1)}, "drain-and-reset", 0},
		"older: none":       {map[uint32]nvml.FieldValue{226: u(0), 227: u(0)}, "none", 0},
		"older: half known": {map[uint32]nvml.FieldValue{226: u(0)}, "", 0},
		"nothing told":      {nil, "", 0},
		"it fails":          {map[uint32]nvml.FieldValue{230: failed}, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := machine(1)
			telling(device(s, 0), c.fields)
			g := only(t, s)
			assert.Equal(t, g.RecoveryAction, c.want)
			assert.Equal(t, len(g.Errors), c.errors, "%v", g.Errors)
		})
	}
}

func TestInfoROM(t *testing.T) {
	for ret, want := range map[nvml.Return]string{nvml.SUCCESS: "ok", nvml.ERROR_CORRUPTED_INFOROM: "corrupted", nvml.ERROR_NOT_SUPPORTED: "", nvml.ERROR_UNKNOWN: ""} {
		s := machine(1)
		device(s, 0).ValidateInforomFunc = func() nvml.Return { return ret }
		g := only(t, s)
		assert.Equal(t, g.InfoROM, want)
		assert.Equal(t, g.Errors["ValidateInforom"] != "", ret == nvml.ERROR_UNKNOWN)
	}
}

func TestRetiredPagesOfAnOlderCard(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	d.GetEccModeFunc = func() (nvml.EnableState, nvml.EnableState, nvml.Return) {
		return nvml.FEATURE_ENABLED, nvml.FEATURE_ENABLED, nvml.SUCCESS
	}
	d.GetRetiredPagesFunc = func(c nvml.PageRetirementCause) ([]uint64, nvml.Return) {
		return make([]uint64, 5-3*int(c)), nvml.SUCCESS
	}
	d.GetRetiredPagesPendingStatusFunc = func() (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	assert.DeepEqual(t, only(t, s).ECC, &host.ECC{On: true, Pending: true, RetiredPages: 7, RetiredPagesDoubleBits: 2, RetiredPagesPending: true})
}

func TestFans(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	d.GetNumFansFunc = func() (int, nvml.Return) { return 2, nvml.SUCCESS }
	d.GetFanSpeed_v2Func = func(i int) (uint32, nvml.Return) { return uint32(30 + i), nvml.SUCCESS }
	d.GetFanSpeedRPMFunc = func() (nvml.FanSpeedInfo, nvml.Return) { return nvml.FanSpeedInfo{Speed: 1200}, nvml.SUCCESS }
	assert.DeepEqual(t, only(t, s).Fans, []host.Fan{{Percent: 30, RPM: 1200}, {Percent: 31}})
}

// Older drivers count all heat in one field.
func TestTimeHeldByHeat(t *testing.T) {
	s := machine(1)
	full(device(s, 0))
	telling(device(s, 0), map[uint32]nvml.FieldValue{75: value(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, uint64(time.Minute))})
	assert.DeepEqual(t, only(t, s).Clocks.Held, map[string]time.Duration{"sw_thermal": time.Minute})
}
