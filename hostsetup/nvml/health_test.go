//go:build linux && cgo

package nvml

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxb200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func ptr[T any](v T) *T { return &v }

func TestHealthOfNVIDIAsMachines(t *testing.T) {
	for name, c := range map[string]struct {
		server             *server.Server
		arch, cc, cuda, in string
	}{
		"DGX A100": {dgxa100.New(), "Ampere", "8.0", "12.4", "A100"},
		"DGX H100": {dgxh100.New(), "Hopper", "9.0", "12.4", "H100"},
		"DGX H200": {dgxh200.New(), "Hopper", "9.0", "12.4", "H200"},
		"DGX B200": {dgxb200.New(), "Blackwell", "10.0", "12.4", "B200"},
	} {
		t.Run(name, func(t *testing.T) {
			ended := 0
			c.server.ShutdownFunc = func() nvml.Return { ended++; return nvml.SUCCESS }
			driver, found, err := health(t.Context(), nowhere, ready(c.server))
			assert.NilError(t, err)
			assert.Equal(t, ended, 1, "the library stays open")
			assert.Assert(t, driver.Version != "" && driver.NVML != "", "%+v", driver)
			assert.Assert(t, strings.HasPrefix(driver.CUDA, "12."), driver.CUDA)
			assert.Equal(t, len(found), 8)
			for i, g := range found {
				assert.Equal(t, g.Index, i)
				assert.Equal(t, *g.Minor, i)
				assert.Equal(t, g.Architecture, c.arch)
				assert.Equal(t, g.ComputeCapability, c.cc)
				assert.Assert(t, strings.Contains(g.Name, c.in), g.Name)
				assert.DeepEqual(t, g.MIG, &host.MIG{})
				assert.Equal(t, len(g.Errors), 0, "%v", g.Errors)
				assert.Assert(t, !g.Lost && g.Temperature == nil && g.Power == nil && g.ECC == nil && g.PCIe == nil && g.Fabric == nil)
			}
		})
	}
}

// full gives a GPU everything that an H200 tells.
func full(d *server.Device) {
	d.GetSerialFunc = func() (string, nvml.Return) { return "1654924012345", nvml.SUCCESS }
	d.GetVbiosVersionFunc = func() (string, nvml.Return) { return "96.00.BC.00.01", nvml.SUCCESS }
	d.GetPciInfoFunc = func() (p nvml.PciInfo, _ nvml.Return) {
		for i, c := range "00000000:65:00.0" {
			p.BusId[i] = int8(c)
		}
		return p, nvml.SUCCESS
	}
	d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
		return nvml.Memory_v2{Total: 150754820096, Used: 4 << 30, Reserved: 600 << 20}, nvml.SUCCESS
	}
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 34, nvml.SUCCESS }
	d.GetMarginTemperatureFunc = func() (nvml.MarginTemperature, nvml.Return) {
		return nvml.MarginTemperature{MarginTemperature: 52}, nvml.SUCCESS
	}
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 75_321, nvml.SUCCESS }
	d.GetEnforcedPowerLimitFunc = func() (uint32, nvml.Return) { return 700_000, nvml.SUCCESS }
	d.GetPowerManagementDefaultLimitFunc = d.GetEnforcedPowerLimitFunc
	d.GetPowerManagementLimitConstraintsFunc = func() (uint32, uint32, nvml.Return) { return 200_000, 700_000, nvml.SUCCESS }
	d.GetClockInfoFunc = func(k nvml.ClockType) (uint32, nvml.Return) {
		return map[nvml.ClockType]uint32{nvml.CLOCK_SM: 345, nvml.CLOCK_MEM: 3201}[k], nvml.SUCCESS
	}
	d.GetMaxClockInfoFunc = func(k nvml.ClockType) (uint32, nvml.Return) {
		return map[nvml.ClockType]uint32{nvml.CLOCK_SM: 1980, nvml.CLOCK_MEM: 3201}[k], nvml.SUCCESS
	}
	d.GetCurrentClocksEventReasonsFunc = func() (uint64, nvml.Return) { return 1 | 32 | 1<<11, nvml.SUCCESS }
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 97, Memory: 40}, nvml.SUCCESS }
	d.GetEccModeFunc = func() (nvml.EnableState, nvml.EnableState, nvml.Return) {
		return nvml.FEATURE_ENABLED, nvml.FEATURE_DISABLED, nvml.SUCCESS
	}
	d.GetTotalEccErrorsFunc = func(k nvml.MemoryErrorType, c nvml.EccCounterType) (uint64, nvml.Return) {
		return uint64(1 + int(k) + 10*int(c)), nvml.SUCCESS
	}
	d.GetSramEccErrorStatusFunc = func() (nvml.EccSramErrorStatus, nvml.Return) {
		return nvml.EccSramErrorStatus{BThresholdExceeded: 1}, nvml.SUCCESS
	}
	d.GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 3, 1, true, false, nvml.SUCCESS }
	d.GetCurrPcieLinkGenerationFunc = func() (int, nvml.Return) { return 4, nvml.SUCCESS }
	d.GetMaxPcieLinkGenerationFunc = func() (int, nvml.Return) { return 5, nvml.SUCCESS }
	d.GetCurrPcieLinkWidthFunc = func() (int, nvml.Return) { return 8, nvml.SUCCESS }
	d.GetMaxPcieLinkWidthFunc = func() (int, nvml.Return) { return 16, nvml.SUCCESS }
	d.GetPcieReplayCounterFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	d.GetNvLinkStateFunc = func(link int) (nvml.EnableState, nvml.Return) {
		if link > 2 {
			return 0, nvml.ERROR_INVALID_ARGUMENT
		}
		return map[bool]nvml.EnableState{true: nvml.FEATURE_ENABLED}[link != 1], nvml.SUCCESS
	}
	d.GetNvLinkVersionFunc = func(int) (uint32, nvml.Return) { return 4, nvml.SUCCESS }
	d.GetNvLinkErrorCounterFunc = func(link int, k nvml.NvLinkErrorCounter) (uint64, nvml.Return) {
		return uint64(link) * uint64(1+k), nvml.SUCCESS
	}
	d.GetGpuFabricInfoFunc = func() (nvml.GpuFabricInfo, nvml.Return) {
		return nvml.GpuFabricInfo{State: nvml.GPU_FABRIC_STATE_COMPLETED}, nvml.SUCCESS
	}
	d.GetPersistenceModeFunc = func() (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	d.GetComputeModeFunc = func() (nvml.ComputeMode, nvml.Return) { return nvml.COMPUTEMODE_EXCLUSIVE_PROCESS, nvml.SUCCESS }
	d.GetGspFirmwareModeFunc = func() (bool, bool, nvml.Return) { return true, true, nvml.SUCCESS }
	d.GetGspFirmwareVersionFunc = func() (string, nvml.Return) { return "580.159", nvml.SUCCESS }
	d.ValidateInforomFunc = func() nvml.Return { return nvml.SUCCESS }
	telling(d, map[uint32]nvml.FieldValue{
		82:  value(nvml.VALUE_TYPE_UNSIGNED_INT, uint32(41)),
		193: value(nvml.VALUE_TYPE_SIGNED_INT, int32(-8)),
		194: value(nvml.VALUE_TYPE_SIGNED_INT, int32(-2)),
		230: value(nvml.VALUE_TYPE_UNSIGNED_INT, uint32(4)),
		74:  value(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, uint64(90*time.Second)),
		270: value(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, uint64(0)),
	})
}

func TestHealthOfAnH200(t *testing.T) {
	s := machine(1)
	full(device(s, 0))
	driver, found, err := health(t.Context(), nowhere, s)
	assert.NilError(t, err)
	assert.DeepEqual(t, driver, host.Driver{Version: "550.54.15", NVML: "12.550.54.15", CUDA: "12.4"})
	assert.DeepEqual(t, found, []host.GPU{{
		UUID: "GPU-a", Name: "NVIDIA H200 141GB HBM3e", Serial: "1654924012345", PCI: "0000:65:00.0", Minor: ptr(0),
		ComputeCapability: "9.0", Architecture: "Hopper", VBIOS: "96.00.BC.00.01", Memory: 150754820096, MemoryUsed: 4 << 30,
		// 34 °C now, 52 to the card's own limit; the slowdown is 2 beyond that, the shutdown 8.
		Temperature: &host.Temperature{GPU: 34, Memory: ptr(41), Slowdown: ptr(88), Shutdown: ptr(94), Margin: ptr(54)},
		Power:       &host.Power{Draw: 75.321, Limit: 700, Default: 700, Min: 200, Max: 700},
		Clocks: &host.Clocks{SM: 345, SMMax: 1980, Memory: 3201, MemoryMax: 3201, Reasons: []string{"gpu_idle", "sw_thermal", "0x800"},
			Held: map[string]time.Duration{"sw_power_cap": 90 * time.Second}},
		Utilization:  &host.Utilization{GPU: 97, Memory: 40},
		ECC:          &host.ECC{On: true, VolatileCorrected: 1, VolatileUncorrected: 2, AggregateCorrected: 11, AggregateUncorrected: 12, SRAMThresholdExceeded: true},
		RemappedRows: &host.Remap{Corrected: 3, Uncorrected: 1, Pending: true},
		PCIe:         &host.PCIe{Gen: 4, Width: 8, MaxGen: 5, MaxWidth: 16, Replays: 7},
		NVLinks:      []host.NVLink{{Link: 0, Active: true, Version: 4}, {Link: 1}, {Link: 2, Active: true, Version: 4, Errors: 20}},
		Fabric:       &host.Fabric{State: "completed"},
		MIG:          &host.MIG{},
		Persistence:  ptr(true), ComputeMode: "exclusive-process", GSP: "580.159", RecoveryAction: "drain-and-reset", InfoROM: "ok",
	}})
}

func TestHealthSaysWhatFails(t *testing.T) {
	for says, broken := range map[string]func(*server.Server){
		"does not start": func(s *server.Server) { s.InitFunc = func() nvml.Return { return nvml.ERROR_DRIVER_NOT_LOADED } },
		"counts no GPUs": func(s *server.Server) {
			s.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
		},
		"counts -1 GPUs": func(s *server.Server) { s.DeviceGetCountFunc = func() (int, nvml.Return) { return -1, nvml.SUCCESS } },
		"counts 99999999 GPUs": func(s *server.Server) {
			s.DeviceGetCountFunc = func() (int, nvml.Return) { return 99999999, nvml.SUCCESS }
		},
	} {
		t.Run(says, func(t *testing.T) {
			s := machine(1)
			broken(s)
			_, found, err := health(t.Context(), nowhere, s)
			assert.ErrorContains(t, err, says)
			assert.Equal(t, len(found), 0)
		})
	}
}

// Calling a library that did not start ends the process: nothing at all may be called.
func TestNothingIsCalledAfterAFailedStart(t *testing.T) {
	s := &server.Server{} // each function that is called panics
	s.InitFunc = func() nvml.Return { return nvml.ERROR_DRIVER_NOT_LOADED }
	_, _, err := health(t.Context(), nowhere, s)
	assert.ErrorContains(t, err, "does not start")
	_, _, err = read(t.Context(), s)
	assert.ErrorContains(t, err, "does not start")
}

func TestTheLibraryOfWSLIsTriedSecond(t *testing.T) {
	missing := &server.Server{}
	missing.InitFunc = func() nvml.Return { return nvml.ERROR_LIBRARY_NOT_FOUND }
	_, found, err := health(t.Context(), nowhere, missing, machine(1))
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
	// One that is there but fails is not covered up by another.
	failing := &server.Server{}
	failing.InitFunc = func() nvml.Return { return nvml.ERROR_LIB_RM_VERSION_MISMATCH }
	_, _, err = health(t.Context(), nowhere, failing, machine(1))
	assert.ErrorContains(t, err, "MISMATCH")
	_, _, err = health(t.Context(), nowhere, missing, missing)
	assert.ErrorContains(t, err, "LIBRARY_NOT_FOUND")
}

// This machine may have the library or not: either way an answer comes and no crash.
func TestHealthHere(t *testing.T) {
	_, found, err := Health(t.Context())
	assert.Assert(t, err != nil || len(found) > 0, "neither GPUs nor an error")
}

func TestADriverWithoutAVersionStillHasGPUs(t *testing.T) {
	s := machine(1)
	s.SystemGetDriverVersionFunc = func() (string, nvml.Return) { return "", nvml.ERROR_UNKNOWN }
	s.SystemGetCudaDriverVersionFunc = func() (int, nvml.Return) { return -1, nvml.SUCCESS }
	driver, found, err := health(t.Context(), nowhere, s)
	assert.ErrorContains(t, err, "no driver version")
	assert.Equal(t, len(found), 1)
	assert.Equal(t, driver.CUDA, "")
}

func TestCUDAVersions(t *testing.T) {
	for v, want := range map[int]string{13000: "13.0", 12080: "12.8", 11040: "11.4", 0: "", -1: "", 1 << 30: ""} {
		s := machine(0)
		s.SystemGetCudaDriverVersionFunc = func() (int, nvml.Return) { return v, nvml.SUCCESS }
		driver, _, err := health(t.Context(), nowhere, s)
		assert.NilError(t, err)
		assert.Equal(t, driver.CUDA, want, fmt.Sprint(v))
	}
}

func TestNoCallIsMadeAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := machine(1)
	d := device(s, 0)
	d.GetNameFunc = func() (string, nvml.Return) { cancel(); return "NVIDIA H200", nvml.SUCCESS }
	d.GetUUIDFunc = func() (string, nvml.Return) { t.Error("called after the end"); return "", nvml.SUCCESS }
	_, found, err := health(ctx, nowhere, s)
	assert.ErrorIs(t, err, context.Canceled)
	assert.DeepEqual(t, found, []host.GPU{{Name: "NVIDIA H200"}})
}
