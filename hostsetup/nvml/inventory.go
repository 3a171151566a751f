//go:build linux && cgo

package nvml

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// identity is what tells the GPU from others.
func (c *card) identity() {
	g := c.g
	name, _ := get(c, "GetName", c.d.GetName)
	uuid, _ := get(c, "GetUUID", c.d.GetUUID)
	serial, _ := get(c, "GetSerial", c.d.GetSerial)
	g.Name, g.UUID, g.Serial = Cut(name), Cut(uuid), Cut(serial)
	if p, ok := get(c, "GetPciInfo", c.d.GetPciInfo); ok {
		g.PCI = Address(chars(p.BusId[:]))
	}
	if n, ok := get(c, "GetMinorNumber", c.d.GetMinorNumber); ok && sane(c, "GetMinorNumber", policy.CountBounds(), n) {
		g.Minor = &n
	}
	if c.can("GetCudaComputeCapability") {
		major, minor, ret := c.d.GetCudaComputeCapability()
		if c.ok("GetCudaComputeCapability", ret) {
			g.ComputeCapability = fmt.Sprintf("%d.%d", major, minor)
		}
	}
	if a, ok := get(c, "GetArchitecture", c.d.GetArchitecture); ok {
		g.Architecture = policy.ArchitectureName(uint32(a))
	}
}

// chars is a text of C: up to the first zero.
func chars(text []int8) string {
	out := make([]byte, 0, len(text))
	for _, c := range text {
		if c == 0 {
			break
		}
		out = append(out, byte(c))
	}
	return string(out)
}

// board is what the board is set to.
func (c *card) board() {
	g := c.g
	vbios, _ := get(c, "GetVbiosVersion", c.d.GetVbiosVersion)
	g.VBIOS = Cut(vbios)
	if p, ok := get(c, "GetPersistenceMode", c.d.GetPersistenceMode); ok {
		on := p == nvml.FEATURE_ENABLED
		g.Persistence = &on
	}
	if m, ok := get(c, "GetComputeMode", c.d.GetComputeMode); ok {
		g.ComputeMode = map[nvml.ComputeMode]string{
			nvml.COMPUTEMODE_DEFAULT: "default", nvml.COMPUTEMODE_PROHIBITED: "prohibited",
			nvml.COMPUTEMODE_EXCLUSIVE_PROCESS: "exclusive-process", nvml.COMPUTEMODE_EXCLUSIVE_THREAD: "exclusive-process",
		}[m]
	}
	if c.can("GetGspFirmwareMode") {
		on, _, ret := c.d.GetGspFirmwareMode()
		if c.ok("GetGspFirmwareMode", ret) && on {
			v, _ := get(c, "GetGspFirmwareVersion", c.d.GetGspFirmwareVersion)
			g.GSP = Cut(v)
		}
	}
	if c.can("ValidateInforom") {
		switch ret := c.d.ValidateInforom(); {
		case ret == nvml.ERROR_CORRUPTED_INFOROM:
			g.InfoROM = "corrupted"
		case c.ok("ValidateInforom", ret):
			g.InfoROM = "ok"
		}
	}
}

// memory leaves out what the driver keeps for itself, as nvidia-smi does since R510.
func (c *card) memory() {
	total, used := uint64(0), uint64(0)
	if m, ok := get(c, "GetMemoryInfo_v2", c.d.GetMemoryInfo_v2); ok {
		total, used = m.Total, m.Used
	} else if m, ok := get(c, "GetMemoryInfo", c.d.GetMemoryInfo); ok {
		total, used = m.Total, m.Used
	}
	if !sane(c, "GetMemoryInfo", policy.MemoryBounds(), total) {
		return
	}
	c.g.Memory = total
	if used > total {
		c.wrong("GetMemoryInfo", fmt.Sprintf("answered %d bytes used of %d, which cannot be", used, total))
		return
	}
	c.g.MemoryUsed = used
}

// recovery is what the GPU needs; before R570 there were two flags for it.
func (c *card) recovery() {
	if v, ok := c.field(nvml.FI_DEV_GET_GPU_RECOVERY_ACTION, policy.CountBounds()); ok {
		c.g.RecoveryAction = policy.RecoveryWord(uint32(v))
		return
	}
	drain, said := c.field(nvml.FI_DEV_DRAIN_AND_RESET_STATUS, policy.CountBounds())
	reset, too := c.field(nvml.FI_DEV_RESET_STATUS, policy.CountBounds())
	switch {
	case reset != 0:
		c.g.RecoveryAction = "gpu-reset"
	case drain != 0:
		c.g.RecoveryAction = "drain-and-reset"
	case said && too:
		c.g.RecoveryAction = "none"
	}
}
