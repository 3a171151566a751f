//go:build linux && cgo

package nvml

import (
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// The tables have NVML's numbers as numbers, since only this package may know the library:
// here they are held against it. A new go-nvml that names more fails the test.
func TestClockReasonsAreNVMLs(t *testing.T) {
	type row struct {
		bit   uint64
		field uint32
	}
	want := map[string]row{
		"gpu_idle": {nvml.ClocksEventReasonGpuIdle, 0}, "applications": {nvml.ClocksEventReasonApplicationsClocksSetting, 0},
		"sw_power_cap": {nvml.ClocksEventReasonSwPowerCap, nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP}, "hw_slowdown": {nvml.ClocksThrottleReasonHwSlowdown, 0},
		"sync_boost": {nvml.ClocksEventReasonSyncBoost, nvml.FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST}, "sw_thermal": {nvml.ClocksEventReasonSwThermalSlowdown, nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN},
		"hw_thermal":     {nvml.ClocksThrottleReasonHwThermalSlowdown, nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN},
		"hw_power_brake": {nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN}, "display": {nvml.ClocksEventReasonDisplayClockSetting, 0},
		"board_limit": {nvml.ClocksEventReasonBoardLimit, nvml.FI_DEV_PERF_POLICY_BOARD_LIMIT}, "reliability": {nvml.ClocksEventReasonReliability, nvml.FI_DEV_PERF_POLICY_RELIABILITY},
	}
	all := uint64(0)
	for _, r := range policy.ClockReasons() {
		w, ok := want[r.Word]
		assert.Assert(t, ok, r.Word)
		assert.Equal(t, r.Bit, w.bit, r.Word)
		assert.Equal(t, r.Field, w.field, r.Word)
		all |= r.Bit
	}
	assert.Equal(t, all, uint64(nvml.ClocksEventReasonAll), "NVML has more reasons, or fewer")
}

func TestArchitecturesAreNVMLs(t *testing.T) {
	want := map[uint32]string{
		nvml.DEVICE_ARCH_KEPLER: "Kepler", nvml.DEVICE_ARCH_MAXWELL: "Maxwell", nvml.DEVICE_ARCH_PASCAL: "Pascal", nvml.DEVICE_ARCH_VOLTA: "Volta", nvml.DEVICE_ARCH_TURING: "Turing", nvml.DEVICE_ARCH_AMPERE: "Ampere",
		nvml.DEVICE_ARCH_ADA: "Ada", nvml.DEVICE_ARCH_HOPPER: "Hopper", nvml.DEVICE_ARCH_BLACKWELL: "Blackwell", nvml.DEVICE_ARCH_RUBIN: "Rubin",
		nvml.DEVICE_ARCH_DLA: "", nvml.DEVICE_ARCH_DLA2: "", nvml.DEVICE_ARCH_UNKNOWN: "",
	}
	for code, name := range want {
		assert.Equal(t, policy.ArchitectureName(code), name, "%d", code)
	}
	for _, a := range policy.Architectures() {
		assert.Equal(t, want[a.Code], a.Name)
	}
}

func TestRecoveryActionsAreNVMLs(t *testing.T) {
	for code, want := range map[uint32]string{
		uint32(nvml.GPU_RECOVERY_ACTION_NONE): "none", uint32(nvml.GPU_RECOVERY_ACTION_GPU_RESET): "gpu-reset", uint32(nvml.GPU_RECOVERY_ACTION_NODE_REBOOT): "node-reboot",
		uint32(nvml.GPU_RECOVERY_ACTION_DRAIN_P2P): "drain-p2p", uint32(nvml.GPU_RECOVERY_ACTION_DRAIN_AND_RESET): "drain-and-reset",
		uint32(nvml.GPU_RECOVERY_ACTION_RECOVER_IMEX_DOMAIN): "recover-imex-domain", uint32(nvml.GPU_RECOVERY_ACTION_BUS_RESET): "bus-reset", uint32(nvml.GPU_RECOVERY_ACTION_SYSTEM_REBOOT): "system-reboot",
	} {
		assert.Equal(t, policy.RecoveryWord(code), want)
	}
	assert.Equal(t, uint32(nvml.FI_DEV_GET_GPU_RECOVERY_ACTION), uint32(230))
}

// What is asked of a GPU's fields is what is read of them.
func TestFieldsAreAskedOnce(t *testing.T) {
	s, d := everything()
	calls, asked := 0, map[uint32]int{}
	before := d.GetFieldValuesFunc
	d.GetFieldValuesFunc = func(values []nvml.FieldValue) nvml.Return {
		calls++
		for _, v := range values {
			asked[v.FieldId]++
		}
		return before(values)
	}
	only(t, s)
	assert.Equal(t, calls, 1)
	for id, n := range asked {
		assert.Equal(t, n, 1, "field %d", id)
	}
	for _, r := range policy.ClockReasons() {
		assert.Equal(t, asked[r.Field] == 1, r.Field != 0, r.Word)
	}
}
