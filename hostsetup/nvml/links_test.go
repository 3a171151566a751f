//go:build linux && cgo

package nvml

import (
	"fmt"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestFabric(t *testing.T) {
	for name, c := range map[string]struct {
		info nvml.GpuFabricInfo_v3
		ret  nvml.Return
		want *host.Fabric
	}{
		"no NVSwitch":    {nvml.GpuFabricInfo_v3{}, nvml.SUCCESS, &host.Fabric{State: "not-supported"}},
		"no manager":     {nvml.GpuFabricInfo_v3{State: 1}, nvml.SUCCESS, &host.Fabric{State: "not-started"}},
		"under way":      {nvml.GpuFabricInfo_v3{State: 2, Status: 999}, nvml.SUCCESS, &host.Fabric{State: "in-progress"}},
		"well":           {nvml.GpuFabricInfo_v3{State: 3, HealthMask: 2 | 2<<2 | 2<<4 | 2<<6 | 1<<8, HealthSummary: 1}, nvml.SUCCESS, &host.Fabric{State: "completed"}},
		"failed":         {nvml.GpuFabricInfo_v3{State: 3, Status: uint32(nvml.ERROR_NOT_READY)}, nvml.SUCCESS, &host.Fabric{State: "completed", Status: "ERROR_NOT_READY"}},
		"slow":           {nvml.GpuFabricInfo_v3{State: 3, HealthMask: 1 | 1<<4}, nvml.SUCCESS, &host.Fabric{State: "completed", Health: "degraded bandwidth, route unhealthy"}},
		"set up wrongly": {nvml.GpuFabricInfo_v3{State: 3, HealthMask: 5 << 8}, nvml.SUCCESS, &host.Fabric{State: "completed", Health: "incorrect configuration: too few NVLinks"}},
		"in a new way":   {nvml.GpuFabricInfo_v3{State: 3, HealthMask: 14 << 8}, nvml.SUCCESS, &host.Fabric{State: "completed", Health: "incorrect configuration: code 14"}},
		"only summed up": {nvml.GpuFabricInfo_v3{State: 3, HealthSummary: 2}, nvml.SUCCESS, &host.Fabric{State: "completed", Health: "unhealthy"}},
		"less of it":     {nvml.GpuFabricInfo_v3{State: 3, HealthSummary: 3}, nvml.SUCCESS, &host.Fabric{State: "completed", Health: "limited capacity"}},
		"not known":      {nvml.GpuFabricInfo_v3{}, nvml.ERROR_NOT_SUPPORTED, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := machine(1)
			s.LookupSymbolFunc = func(string) error { return nil }
			session := &session{ctx: t.Context(), lib: s, part: func(c *card) { c.cgroup = nowhere; c.all() }, knows: map[string]bool{},
				fabric: func(nvml.Device) (nvml.GpuFabricInfo_v3, nvml.Return) { return c.info, c.ret }}
			_, found, err := session.read()
			assert.NilError(t, err)
			assert.DeepEqual(t, found[0].Fabric, c.want)
		})
	}
}

func TestNVLinks(t *testing.T) {
	on := func(int) (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	for name, c := range map[string]struct {
		state func(int) (nvml.EnableState, nvml.Return)
		links int
		fails int
	}{
		"all":  {on, nvml.NVLINK_MAX_LINKS, 0},
		"none": {func(int) (nvml.EnableState, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }, 0, 0},
		"a gap": {func(i int) (nvml.EnableState, nvml.Return) {
			return nvml.FEATURE_ENABLED, map[int]nvml.Return{1: nvml.ERROR_NOT_SUPPORTED, 4: nvml.ERROR_INVALID_ARGUMENT}[i]
		}, 3, 0},
		"one fails": {func(i int) (nvml.EnableState, nvml.Return) {
			return nvml.FEATURE_ENABLED, map[int]nvml.Return{0: nvml.ERROR_UNKNOWN, 2: nvml.ERROR_INVALID_ARGUMENT}[i]
		}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := machine(1)
			device(s, 0).GetNvLinkStateFunc = c.state
			g := only(t, s)
			assert.Equal(t, len(g.NVLinks), c.links)
			assert.Equal(t, len(g.Errors), c.fails, "%v", g.Errors)
		})
	}
}

const full64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestProcessesAndTheirContainers(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	of := func(list ...nvml.ProcessInfo) func() ([]nvml.ProcessInfo, nvml.Return) {
		return func() ([]nvml.ProcessInfo, nvml.Return) { return list, nvml.SUCCESS }
	}
	const all = 1<<64 - 1
	d.GetComputeRunningProcessesFunc = of(nvml.ProcessInfo{Pid: 11, UsedGpuMemory: 1 << 30, GpuInstanceId: none, ComputeInstanceId: none},
		nvml.ProcessInfo{Pid: 12, UsedGpuMemory: all, GpuInstanceId: none, ComputeInstanceId: none}, nvml.ProcessInfo{})
	d.GetMPSComputeRunningProcessesFunc = of(nvml.ProcessInfo{Pid: 13, UsedGpuMemory: 1 << 62, GpuInstanceId: none, ComputeInstanceId: none})
	d.GetGraphicsRunningProcessesFunc = of(nvml.ProcessInfo{Pid: 11, UsedGpuMemory: 5, GpuInstanceId: none, ComputeInstanceId: none},
		nvml.ProcessInfo{Pid: 14, UsedGpuMemory: 5, GpuInstanceId: none, ComputeInstanceId: none})
	s.SystemGetProcessNameFunc = func(pid int) (string, nvml.Return) {
		if pid == 14 {
			return "", nvml.ERROR_NOT_FOUND // it has ended
		}
		return fmt.Sprint("/usr/bin/p", pid), nvml.SUCCESS
	}
	cgroup := func(pid int) string {
		return map[int]string{11: "0::/system.slice/docker-" + full64 + ".scope\n", 12: "0::/user.slice\n"}[pid]
	}
	_, found, err := health(t.Context(), cgroup, s)
	assert.NilError(t, err)
	assert.DeepEqual(t, found[0].Processes, []host.Process{
		{PID: 11, Name: "/usr/bin/p11", Kind: "compute", Memory: 1 << 30, Container: full64},
		{PID: 12, Name: "/usr/bin/p12", Kind: "compute"},
		{PID: 13, Name: "/usr/bin/p13", Kind: "mps"},
		{PID: 14, Kind: "graphics", Memory: 5},
	})
	assert.DeepEqual(t, found[0].Errors, map[string]string{"GetMPSComputeRunningProcesses": "answered 4611686018427387904 bytes, which cannot be"})
}

// instance is one MIG device.
func instance(gi, ci int, profile string) *mock.Device {
	d := &mock.Device{}
	d.GetUUIDFunc = func() (string, nvml.Return) { return fmt.Sprintf("MIG-%d%d", gi, ci), nvml.SUCCESS }
	d.GetNameFunc = func() (string, nvml.Return) { return "NVIDIA H200 MIG " + profile, nvml.SUCCESS }
	d.GetGpuInstanceIdFunc = func() (int, nvml.Return) { return gi, nvml.SUCCESS }
	d.GetComputeInstanceIdFunc = func() (int, nvml.Return) { return ci, nvml.SUCCESS }
	d.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{Total: 18 << 30, Used: 12 << 20}, nvml.SUCCESS }
	answering(d, nvml.ERROR_NOT_SUPPORTED)
	return d
}

func TestMIG(t *testing.T) {
	s := machine(1)
	d := device(s, 0)
	d.MigMode = nvml.DEVICE_MIG_ENABLE
	one, two := instance(7, 0, "1g.18gb"), instance(9, 1, "1c.2g.35gb")
	d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	d.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		switch i {
		case 0:
			return one, nvml.SUCCESS
		case 3:
			return two, nvml.SUCCESS
		case 5:
			return nil, nvml.ERROR_UNKNOWN
		}
		return nil, nvml.ERROR_NOT_FOUND
	}
	process := nvml.ProcessInfo{Pid: 21, GpuInstanceId: 9, ComputeInstanceId: 1}
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{process, {Pid: 22, GpuInstanceId: 4}}, nvml.SUCCESS
	}
	want := &host.MIG{On: true, Pending: true, Devices: []host.MIGDevice{
		{Index: 0, UUID: "MIG-70", Profile: "1g.18gb", Memory: 18 << 30, MemoryUsed: 12 << 20, GI: 7},
		{Index: 3, UUID: "MIG-91", Profile: "1c.2g.35gb", Memory: 18 << 30, MemoryUsed: 12 << 20, GI: 9, CI: 1},
	}}
	g := only(t, s)
	assert.DeepEqual(t, g.MIG, want)
	assert.DeepEqual(t, g.Processes, []host.Process{{PID: 21, Kind: "compute", MIG: ptr(3)}, {PID: 22, Kind: "compute"}})
	assert.DeepEqual(t, g.Errors, map[string]string{"GetMigDeviceHandleByIndex": "ERROR_UNKNOWN"})

	// Without root the GPU as a whole tells of no process, its instances do.
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NO_PERMISSION }
	two.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return []nvml.ProcessInfo{process}, nvml.SUCCESS }
	g = only(t, s)
	assert.DeepEqual(t, g.Processes, []host.Process{{PID: 21, Kind: "compute", MIG: ptr(3)}})
	assert.Equal(t, len(g.Errors), 1, "%v", g.Errors)
}

func TestMIGThatComesWithTheNextReset(t *testing.T) {
	s := machine(1)
	device(s, 0).GetMigModeFunc = func() (int, int, nvml.Return) { return 0, nvml.DEVICE_MIG_ENABLE, nvml.SUCCESS }
	assert.DeepEqual(t, only(t, s).MIG, &host.MIG{Pending: true})
}
