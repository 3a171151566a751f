package find

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestFinding(t *testing.T) {
	h := &host.Host{
		Units: []host.Unit{{Name: "docker.socket"}, {Name: "docker.service", Active: "active"}},
		PCI: []host.PCI{
			{Address: "vga", Class: "0300"}, {Address: "audio", Class: "0403"}, {Address: "3D", Class: "0302"},
			{Address: "switch", Class: "0680", Vendor: "10de"}, {Address: "another's", Class: "0680", Vendor: "8086"}, {Address: "unsaid", Class: "0680"},
		},
	}
	addresses := func(all []host.PCI) (out []string) {
		for _, p := range all {
			out = append(out, p.Address)
		}
		return out
	}
	assert.DeepEqual(t, addresses(GPUs(h)), []string{"vga", "3D"})
	assert.DeepEqual(t, addresses(NVSwitches(h)), []string{"switch", "unsaid"})
	for _, name := range []string{"docker", "docker.service"} {
		u, ok := Unit(h, name)
		assert.Assert(t, ok && u == h.Units[1], name)
	}
	_, ok := Unit(h, "dock")
	assert.Assert(t, !ok)
}
