//go:build linux && cgo

package nvml

import (
	"math"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// mig reads the instances of a GPU that is divided.
func (c *card) mig() {
	if !c.can("GetMigMode") {
		return
	}
	now, next, ret := c.d.GetMigMode()
	if !c.ok("GetMigMode", ret) {
		return
	}
	m := &host.MIG{On: now == nvml.DEVICE_MIG_ENABLE, Pending: next == nvml.DEVICE_MIG_ENABLE}
	c.g.MIG = m
	if !m.On {
		return
	}
	n, _ := reading(c, "GetMaxMigDeviceCount", policy.PercentBounds(), c.d.GetMaxMigDeviceCount)
	for i := range n {
		if !c.can("GetMigDeviceHandleByIndex") {
			return
		}
		d, ret := c.d.GetMigDeviceHandleByIndex(i)
		if ret == nvml.ERROR_NOT_FOUND || !c.ok("GetMigDeviceHandleByIndex", ret) {
			continue // places that are empty
		}
		c.parts = append(c.parts, d)
		m.Devices = append(m.Devices, c.instance(i, d))
	}
}

// instance is one MIG device. Its name is "NVIDIA H200 MIG 1g.18gb".
func (c *card) instance(i int, d nvml.Device) host.MIGDevice {
	out := host.MIGDevice{Index: i}
	uuid, _ := get(c, "GetUUID", d.GetUUID)
	out.UUID = Cut(uuid)
	if name, ok := get(c, "GetName", d.GetName); ok {
		if _, profile, found := strings.Cut(name, " MIG "); found {
			out.Profile = Cut(profile)
		}
	}
	out.GI, _ = reading(c, "GetGpuInstanceId", policy.CountBounds(), d.GetGpuInstanceId)
	out.CI, _ = reading(c, "GetComputeInstanceId", policy.CountBounds(), d.GetComputeInstanceId)
	if m, ok := get(c, "GetMemoryInfo", d.GetMemoryInfo); ok && sane(c, "GetMemoryInfo", policy.MemoryBounds(), m.Total) && m.Used <= m.Total {
		out.Memory, out.MemoryUsed = m.Total, m.Used
	}
	return out
}

// none is NVML's "not available" in 32 bits; in 64 bits it is all ones, too.
const none = math.MaxUint32

// processes lists who uses the GPU, each process once: most that draw also compute.
func (c *card) processes() {
	type user struct {
		pid    uint32
		gi, ci uint32
	}
	seen := map[user]bool{}
	for _, kind := range []struct {
		word, call string
		f          func(nvml.Device) ([]nvml.ProcessInfo, nvml.Return)
	}{
		{"compute", "GetComputeRunningProcesses", nvml.Device.GetComputeRunningProcesses},
		{"mps", "GetMPSComputeRunningProcesses", nvml.Device.GetMPSComputeRunningProcesses},
		{"graphics", "GetGraphicsRunningProcesses", nvml.Device.GetGraphicsRunningProcesses},
	} {
		for _, p := range c.users(kind.call, kind.f) {
			u := user{p.Pid, p.GpuInstanceId, p.ComputeInstanceId}
			if seen[u] || p.Pid == 0 {
				continue
			}
			seen[u] = true
			c.g.Processes = append(c.g.Processes, c.process(p, kind.word, kind.call))
		}
	}
}

// users makes a call for processes. Of a divided GPU as a whole only root is told; each
// instance tells everybody.
func (c *card) users(call string, f func(nvml.Device) ([]nvml.ProcessInfo, nvml.Return)) []nvml.ProcessInfo {
	if !c.can(call) {
		return nil
	}
	list, ret := f(c.d)
	if ret == nvml.ERROR_NO_PERMISSION && len(c.parts) > 0 {
		for _, d := range c.parts {
			more, _ := get(c, call, of(f, d))
			list = append(list, more...)
		}
		return list
	}
	if !c.ok(call, ret) {
		return nil
	}
	return list
}

func (c *card) process(p nvml.ProcessInfo, kind, call string) host.Process {
	out := host.Process{PID: int(p.Pid), Kind: kind, Container: ContainerOf(c.cgroup(int(p.Pid)))}
	if p.UsedGpuMemory != math.MaxUint64 && sane(c, call, policy.MemoryBounds(), p.UsedGpuMemory) {
		out.Memory = p.UsedGpuMemory
	}
	// A process may have ended since: no fault of the GPU's.
	if c.has("nvmlSystemGetProcessName") {
		if name, ret := c.lib.SystemGetProcessName(int(p.Pid)); ret == nvml.SUCCESS {
			out.Name = Cut(name)
		}
	}
	if c.g.MIG != nil && c.g.MIG.On && p.GpuInstanceId != none {
		for _, d := range c.g.MIG.Devices {
			if uint32(d.GI) == p.GpuInstanceId && (uint32(d.CI) == p.ComputeInstanceId || p.ComputeInstanceId == none) {
				out.MIG = &d.Index
				break
			}
		}
	}
	return out
}
