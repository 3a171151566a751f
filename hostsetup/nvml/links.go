//go:build linux && cgo

package nvml

import (
	"fmt"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// pcie takes as most what card and slot can do together, not the card alone.
func (c *card) pcie() {
	gen, width := policy.GenBounds(), policy.WidthBounds()
	var p host.PCIe
	var a, b bool
	p.Gen, a = reading(c, "GetCurrPcieLinkGeneration", gen, c.d.GetCurrPcieLinkGeneration)
	p.Width, b = reading(c, "GetCurrPcieLinkWidth", width, c.d.GetCurrPcieLinkWidth)
	p.MaxGen, _ = reading(c, "GetMaxPcieLinkGeneration", gen, c.d.GetMaxPcieLinkGeneration)
	p.MaxWidth, _ = reading(c, "GetMaxPcieLinkWidth", width, c.d.GetMaxPcieLinkWidth)
	replays, _ := reading(c, "GetPcieReplayCounter", policy.CountBounds(), c.d.GetPcieReplayCounter)
	p.Replays = uint64(replays)
	if a || b {
		c.g.PCIe = &p
	}
}

// nvlinks asks link after link until there is none.
func (c *card) nvlinks() {
	for link := range nvml.NVLINK_MAX_LINKS {
		if !c.can("GetNvLinkState") {
			return
		}
		state, ret := c.d.GetNvLinkState(link)
		if ret == nvml.ERROR_INVALID_ARGUMENT || ret == nvml.ERROR_NOT_SUPPORTED && link == 0 {
			return
		}
		if !c.ok(fmt.Sprintf("GetNvLinkState(%d)", link), ret) {
			continue
		}
		l := host.NVLink{Link: link, Active: state == nvml.FEATURE_ENABLED}
		if l.Active {
			version, _ := reading(c, fmt.Sprintf("GetNvLinkVersion(%d)", link), policy.PercentBounds(), of(c.d.GetNvLinkVersion, link))
			l.Version = int(version)
			for _, kind := range []nvml.NvLinkErrorCounter{nvml.NVLINK_ERROR_DL_REPLAY, nvml.NVLINK_ERROR_DL_RECOVERY,
				nvml.NVLINK_ERROR_DL_CRC_FLIT, nvml.NVLINK_ERROR_DL_CRC_DATA} {
				n, _ := reading(c, fmt.Sprintf("GetNvLinkErrorCounter(%d,%d)", link, kind), policy.CountBounds(),
					func() (uint64, nvml.Return) { return c.d.GetNvLinkErrorCounter(link, kind) })
				l.Errors += n
			}
		}
		c.g.NVLinks = append(c.g.NVLinks, l)
	}
}

// fabricInfo asks in the newest form that the driver knows.
func fabricInfo(d nvml.Device) (nvml.GpuFabricInfo_v3, nvml.Return) {
	info := d.GetGpuFabricInfoV()
	v3, ret := info.V3()
	if ret != nvml.ERROR_ARGUMENT_VERSION_MISMATCH {
		return v3, ret
	}
	v2, ret := info.V2()
	return nvml.GpuFabricInfo_v3{State: v2.State, Status: v2.Status, HealthMask: v2.HealthMask}, ret
}

func (c *card) fabricState() {
	info, ok := get(c, "GetGpuFabricInfoV", func() (nvml.GpuFabricInfo_v3, nvml.Return) { return c.fabric(c.d) })
	if !ok {
		old, told := get(c, "GetGpuFabricInfo", c.d.GetGpuFabricInfo)
		if !told {
			return
		}
		info = nvml.GpuFabricInfo_v3{State: old.State, Status: old.Status}
	}
	states := []string{"not-supported", "not-started", "in-progress", "completed"}
	if int(info.State) >= len(states) {
		c.wrong("GetGpuFabricInfoV", fmt.Sprintf("answered state %d, which is not known", info.State))
		return
	}
	f := &host.Fabric{State: states[info.State], Health: fabricHealth(info)}
	if ret := nvml.Return(info.Status); ret != nvml.SUCCESS && info.State == nvml.GPU_FABRIC_STATE_COMPLETED {
		f.Status = Cut(ret.Error())
	}
	c.g.Fabric = f
}

// fabricHealth is what NVML complains of. In each place of the mask 1 is yes, 2 no, 0 unknown.
func fabricHealth(info nvml.GpuFabricInfo_v3) string {
	var bad []string
	for _, p := range []struct {
		shift int
		text  string
	}{
		{nvml.GPU_FABRIC_HEALTH_MASK_SHIFT_DEGRADED_BW, "degraded bandwidth"},
		{nvml.GPU_FABRIC_HEALTH_MASK_SHIFT_ROUTE_RECOVERY, "route recovery in progress"},
		{nvml.GPU_FABRIC_HEALTH_MASK_SHIFT_ROUTE_UNHEALTHY, "route unhealthy"},
		{nvml.GPU_FABRIC_HEALTH_MASK_SHIFT_ACCESS_TIMEOUT_RECOVERY, "access timeout recovery in progress"},
	} {
		if info.HealthMask>>p.shift&3 == 1 {
			bad = append(bad, p.text)
		}
	}
	config := info.HealthMask >> nvml.GPU_FABRIC_HEALTH_MASK_SHIFT_INCORRECT_CONFIGURATION & nvml.GPU_FABRIC_HEALTH_MASK_WIDTH_INCORRECT_CONFIGURATION
	if config > nvml.GPU_FABRIC_HEALTH_MASK_INCORRECT_CONFIGURATION_NONE {
		bad = append(bad, "incorrect configuration: "+misconfigured(config))
	}
	if len(bad) == 0 {
		switch info.HealthSummary {
		case nvml.GPU_FABRIC_HEALTH_SUMMARY_UNHEALTHY:
			return "unhealthy"
		case nvml.GPU_FABRIC_HEALTH_SUMMARY_LIMITED_CAPACITY:
			return "limited capacity"
		}
	}
	return strings.Join(bad, ", ")
}

func misconfigured(code uint32) string {
	texts := []string{"", "", "wrong system GUID", "wrong chassis serial number", "no partition", "too few NVLinks",
		"incompatible GPU firmware", "invalid location", "invalid GPU state"}
	if int(code) < len(texts) {
		return texts[code]
	}
	return fmt.Sprintf("code %d", code)
}
