//go:build linux && cgo

package nvml

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// facts are the members of a GPU's JSON, each as text: what differs is what a call tells.
func facts(t *testing.T, g host.GPU) map[string]string {
	t.Helper()
	data, err := json.Marshal(g)
	assert.NilError(t, err)
	var tree map[string]json.RawMessage
	assert.NilError(t, json.Unmarshal(data, &tree))
	out := map[string]string{}
	for name, value := range tree {
		out[name] = string(value)
	}
	return out
}

// everything is a machine of one GPU that tells all that one can.
func everything() (*server.Server, *server.Device) {
	s := machine(1)
	d := device(s, 0)
	full(d)
	d.GetNumFansFunc = func() (int, nvml.Return) { return 1, nvml.SUCCESS }
	d.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return 40, nvml.SUCCESS }
	d.GetFanSpeedRPMFunc = func() (nvml.FanSpeedInfo, nvml.Return) { return nvml.FanSpeedInfo{Speed: 1500}, nvml.SUCCESS }
	d.MigMode = nvml.DEVICE_MIG_ENABLE
	d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 1, nvml.SUCCESS }
	d.GetMigDeviceHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return instance(1, 0, "1g.18gb"), nvml.SUCCESS }
	d.GetRetiredPagesFunc = func(nvml.PageRetirementCause) ([]uint64, nvml.Return) { return []uint64{1}, nvml.SUCCESS }
	d.GetRetiredPagesPendingStatusFunc = func() (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	for _, f := range []*func() ([]nvml.ProcessInfo, nvml.Return){&d.GetComputeRunningProcessesFunc, &d.GetMPSComputeRunningProcessesFunc, &d.GetGraphicsRunningProcessesFunc} {
		*f = func() ([]nvml.ProcessInfo, nvml.Return) {
			return []nvml.ProcessInfo{{Pid: 7, GpuInstanceId: none, ComputeInstanceId: none}}, nvml.SUCCESS
		}
	}
	return s, d
}

// Each call may fail alone. It is then named with its error, what it tells is missing, and
// nothing else is: the facts of one part do not hang on another.
func TestACallThatFailsAlone(t *testing.T) {
	told := map[string][]string{ // by call, the facts that may go or change with it
		"GetName": {"name"}, "GetUUID": {"uuid"}, "GetSerial": {"serial"}, "GetPciInfo": {"pci"}, "GetMinorNumber": {"minor"}, "GetCudaComputeCapability": {"computeCapability"},
		"GetArchitecture": {"architecture"}, "GetVbiosVersion": {"vbios"}, "GetPersistenceMode": {"persistence"}, "GetComputeMode": {"computeMode"},
		"GetGspFirmwareMode": {"gsp"}, "GetGspFirmwareVersion": {"gsp"}, "ValidateInforom": {"inforom"}, "GetMemoryInfo_v2": {"memory", "memoryUsed"},
		"GetTemperature": {"temperature"}, "GetMarginTemperature": {"temperature"}, "GetPowerUsage": {"power"}, "GetEnforcedPowerLimit": {"power"}, "GetPowerManagementDefaultLimit": {"power"},
		"GetPowerManagementLimitConstraints": {"power"}, "GetClockInfo": {"clocks"}, "GetMaxClockInfo": {"clocks"}, "GetCurrentClocksEventReasons": {"clocks"}, "GetFieldValues": {"temperature", "clocks", "recoveryAction"},
		"GetNumFans": {"fans"}, "GetFanSpeed_v2": {"fans"}, "GetFanSpeedRPM": {"fans"}, "GetUtilizationRates": {"utilization"}, "GetEccMode": {"ecc"}, "GetTotalEccErrors": {"ecc"}, "GetSramEccErrorStatus": {"ecc"},
		"GetRetiredPages": {"ecc"}, "GetRetiredPagesPendingStatus": {"ecc"}, "GetRemappedRows": {"remappedRows"}, "GetCurrPcieLinkGeneration": {"pcie"}, "GetCurrPcieLinkWidth": {"pcie"}, "GetMaxPcieLinkGeneration": {"pcie"},
		"GetMaxPcieLinkWidth": {"pcie"}, "GetPcieReplayCounter": {"pcie"}, "GetNvLinkState": {"nvlinks"}, "GetNvLinkVersion": {"nvlinks"}, "GetNvLinkErrorCounter": {"nvlinks"}, "GetGpuFabricInfo": {"fabric"},
		"GetMigMode": {"mig"}, "GetMaxMigDeviceCount": {"mig"}, "GetMigDeviceHandleByIndex": {"mig"}, "GetComputeRunningProcesses": {"processes"}, "GetMPSComputeRunningProcesses": {"processes"}, "GetGraphicsRunningProcesses": {"processes"},
	}
	s, _ := everything()
	well := facts(t, only(t, s))
	assert.Assert(t, well["errors"] == "", "%s", well["errors"])
	for call, may := range told {
		t.Run(call, func(t *testing.T) {
			s, d := everything()
			f := reflect.ValueOf(&d.Device).Elem().FieldByName(call + "Func")
			assert.Assert(t, f.IsValid() && !f.IsNil(), "no such call")
			ret := nvml.ERROR_UNKNOWN
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value {
				out := make([]reflect.Value, f.Type().NumOut())
				for i := range out {
					if out[i] = reflect.Zero(f.Type().Out(i)); f.Type().Out(i) == reflect.TypeFor[nvml.Return]() {
						out[i] = reflect.ValueOf(ret)
					}
				}
				return out
			}))
			g := only(t, s)
			assert.Assert(t, len(g.Errors) > 0)
			for name, text := range g.Errors {
				function, _, _ := strings.Cut(name, "(")
				assert.Equal(t, function, call)
				assert.Equal(t, text, "ERROR_UNKNOWN")
			}
			g.Errors = nil
			got := facts(t, g)
			for name, value := range well {
				assert.Assert(t, got[name] == value || slices.Contains(may, name), "%s went with it", name)
			}
			assert.Assert(t, !g.Lost)

			// The same where the card just cannot do it, without a word about it.
			ret = nvml.ERROR_NOT_SUPPORTED
			assert.Equal(t, len(only(t, s).Errors), 0)
		})
	}
}

// One GPU's failures stay its own.
func TestFailuresStayWithTheirGPU(t *testing.T) {
	s := machine(4)
	for i := range 4 {
		full(device(s, i))
	}
	breaking(&device(s, 2).Device, nvml.ERROR_UNKNOWN)
	_, found, err := health(t.Context(), nowhere, s)
	assert.NilError(t, err)
	for i, g := range found {
		assert.Equal(t, g.Index, i)
		assert.Equal(t, len(g.Errors) > 0, i == 2)
		assert.Equal(t, g.Temperature != nil, i != 2)
	}
}

// Errors are kept once per call, however often it fails: 18 links with four counters each.
func TestErrorsAreBounded(t *testing.T) {
	s, d := everything()
	d.GetNvLinkStateFunc = func(int) (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	d.GetNvLinkErrorCounterFunc = func(int, nvml.NvLinkErrorCounter) (uint64, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
	g := only(t, s)
	assert.Equal(t, len(g.NVLinks), nvml.NVLINK_MAX_LINKS)
	assert.Equal(t, len(g.Errors), 4*nvml.NVLINK_MAX_LINKS)
}

func TestReadHere(t *testing.T) {
	_, found, err := Read(t.Context())
	assert.Assert(t, err != nil || len(found) > 0, "neither GPUs nor an error")
}

// What cannot be reached is told and left out; the rest is read.
func TestReadLeavesOutWhatCannotBeReached(t *testing.T) {
	s := machine(3)
	handle := s.DeviceGetHandleByIndexFunc
	s.DeviceGetHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i == 1 {
			return nil, nvml.ERROR_NO_PERMISSION
		}
		return handle(i)
	}
	s.SystemGetDriverVersionFunc = func() (string, nvml.Return) { return "", nvml.ERROR_UNKNOWN }
	driver, found, err := read(t.Context(), s)
	assert.Equal(t, driver.Version, "")
	assert.ErrorContains(t, err, "no driver version")
	assert.ErrorContains(t, err, "GPU 1: ERROR_NO_PERMISSION")
	var at []int
	for _, g := range found {
		at = append(at, g.Index)
	}
	assert.DeepEqual(t, at, []int{0, 2})
}

func TestCgroupOfAProcess(t *testing.T) {
	_, err := os.Stat("/proc/self/cgroup")
	assert.Equal(t, cgroupOf(os.Getpid()) != "", err == nil)
	assert.Equal(t, cgroupOf(-1), "")
}

func TestLibrariesInOrder(t *testing.T) {
	assert.Equal(t, len(libraries()), 2)
	_, err := start()
	assert.Assert(t, errors.Is(err, nvml.ERROR_LIBRARY_NOT_FOUND))
}
