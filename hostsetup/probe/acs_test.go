package probe

import (
	"encoding/binary"
	"fmt"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// port is the configuration space of a PCI Express port with an ACS capability behind
// another extended one.
func port(kind, control int) []byte {
	c := make([]byte, 4096)
	c[pciStatus] = 1 << 4
	c[pciCapabilities] = 0x50
	c[0x50], c[0x51] = 0x01, 0x70 // power management, and the next
	c[0x70], c[0x72] = pciExpress, byte(kind<<4|2)
	binary.LittleEndian.PutUint32(c[0x100:], 0x0001|1<<16|0x148<<20) // errors, and the next
	binary.LittleEndian.PutUint32(c[0x148:], pciACS|1<<16)
	binary.LittleEndian.PutUint16(c[0x148+acsControl:], uint16(control))
	return c
}

func TestACSBits(t *testing.T) {
	loop := port(downstreamPort, 0x1f)
	binary.LittleEndian.PutUint32(loop[0x148:], 0x0002|0x100<<20)
	capabilities := port(downstreamPort, 0x1f)
	capabilities[0x51], capabilities[0x70], capabilities[0x71] = 0x70, 9, 0x50
	gone := port(downstreamPort, 0x1f)
	binary.LittleEndian.PutUint32(gone[0x148:], 1<<32-1)
	backwards := port(downstreamPort, 0x1f)
	binary.LittleEndian.PutUint32(backwards[0x100:], 0x0001|0x50<<20)
	atEnd := port(downstreamPort, 0)
	binary.LittleEndian.PutUint32(atEnd[0x100:], 0x0001|0xffc<<20)
	binary.LittleEndian.PutUint32(atEnd[0xffc:], pciACS)
	none := port(downstreamPort, 0x1f)
	binary.LittleEndian.PutUint32(none[0x100:], 0)
	noList := port(downstreamPort, 0x1f)
	noList[pciStatus] = 0
	for name, c := range map[string]struct {
		config           []byte
		redirects, known bool
	}{
		"off":                 {port(downstreamPort, 0), false, true},
		"requests":            {port(downstreamPort, 1<<2), true, true},
		"completions":         {port(downstreamPort, 1<<3), true, true},
		"what Linux sets":     {port(downstreamPort, 0x1d), true, true},
		"validation alone":    {port(downstreamPort, 1|1<<4), false, true},
		"a root port":         {port(4, 0x1d), false, true},
		"an upstream port":    {port(5, 0x1d), false, true},
		"no capabilities":     {noList, false, true},
		"no ACS":              {none, false, true},
		"64 bytes":            {port(downstreamPort, 0x1d)[:64], false, false},
		"256 bytes":           {port(downstreamPort, 0x1d)[:256], false, false},
		"a root port, cut":    {port(4, 0x1d)[:256], false, true},
		"less":                {make([]byte, 63), false, false},
		"nothing":             {nil, false, false},
		"capabilities circle": {capabilities, false, true},
		"extended ones too":   {loop, false, true},
		"off the bus":         {gone, false, true},
		"back into the head":  {backwards, false, true},
		"at the very end":     {atEnd, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			redirects, known := acs(c.config)
			assert.Equal(t, redirects, c.redirects)
			assert.Equal(t, known, c.known)
		})
	}
}

// switched is a machine of GPUs in pairs below switches: root port, upstream port, downstream port, GPU.
func switched(gpus int, config func(bridge string, kind int) []byte) files {
	const bus = "sys/bus/pci/devices/"
	tree := files{}
	device := func(at, name string, content files) {
		tree[bus+name] = "→../../../devices/" + at
		for file, text := range content {
			tree["sys/devices/"+at+"/"+file] = text
		}
	}
	bridge := func(at, name string, kind int) {
		device(at, name, files{"vendor": "0x1000\n", "class": "0x060400\n", "config": string(config(name, kind))})
	}
	for i := range gpus {
		pair := i / 2
		rootPort, up := fmt.Sprintf("0000:%02x:01.0", 0x10+pair), fmt.Sprintf("0000:%02x:00.0", 0x20+pair)
		down, gpu := fmt.Sprintf("0000:%02x:%02x.0", 0x30+pair, i%2), fmt.Sprintf("0000:%02x:00.0", 0x40+i)
		at := fmt.Sprintf("pci0000:%02x/%s", 0x10+pair, rootPort)
		bridge(at, rootPort, 4)
		bridge(at+"/"+up, up, 5)
		bridge(at+"/"+up+"/"+down, down, downstreamPort)
		device(at+"/"+up+"/"+down+"/"+gpu, gpu, files{"vendor": "0x10de\n", "class": "0x030200\n", "device": "0x2330\n"})
	}
	return tree
}

func TestACSAboveGPUs(t *testing.T) {
	all := func(_ string, kind int) []byte { return port(kind, 0x1d) }
	cutTo := func(n int) func(string, int) []byte {
		return func(_ string, kind int) []byte { return port(kind, 0x1d)[:n] }
	}
	const sudo = "the ACS bits of PCI bridges cannot be read: run with sudo"
	for name, c := range map[string]struct {
		tree files
		want []string
		why  string
	}{
		"four GPUs": {switched(4, all), []string{"0000:30:00.0", "0000:30:01.0", "0000:31:00.0", "0000:31:01.0"}, ""},
		"one port": {switched(4, func(name string, kind int) []byte {
			if name == "0000:31:01.0" {
				return port(kind, 1<<2)
			}
			return port(kind, 0)
		}), []string{"0000:31:01.0"}, ""},
		"one GPU":       {switched(1, all), nil, ""},
		"no GPU":        {files{"sys/bus/pci/devices/": ""}, nil, ""},
		"no bus":        {nil, nil, ""},
		"without root":  {switched(2, cutTo(64)), nil, sudo},
		"no access":     {switched(2, cutTo(0)), nil, sudo},
		"a switch only": {with(switched(2, all), files{"sys/devices/pci0000:10/0000:10:01.0/0000:20:00.0/0000:30:00.0/0000:40:00.0/class": "0x068000\n"}), nil, ""},
		"not below anything": {files{
			"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de", "sys/bus/pci/devices/0000:01:00.0/class": "0x030000",
			"sys/bus/pci/devices/0000:02:00.0/vendor": "0x10de", "sys/bus/pci/devices/0000:02:00.0/class": "0x030000",
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t, fake(t, c.tree), readACS)
			assert.DeepEqual(t, h.Kernel.ACS, c.want)
			assert.Equal(t, h.Unread["it"], c.why)
		})
	}
}

// Links in a circle end, and what else is on the bus counts all the same.
func TestAHostileBus(t *testing.T) {
	tree := switched(2, func(_ string, kind int) []byte { return port(kind, 0x1d) })
	tree["sys/bus/pci/devices/0000:99:00.0"] = "→0000:98:00.0"
	tree["sys/bus/pci/devices/0000:98:00.0"] = "→0000:99:00.0"
	h := one(t, fake(t, tree), readACS)
	assert.Equal(t, len(h.Kernel.ACS), 2)
}

func FuzzACS(f *testing.F) {
	f.Add(port(downstreamPort, 0x1d))
	f.Add(port(4, 0)[:300])
	f.Fuzz(func(t *testing.T, config []byte) {
		if redirects, known := acs(config); redirects && !known {
			t.Fatal("it redirects, and nobody knows")
		}
	})
}

func TestIOMMU(t *testing.T) {
	unit := files{"sys/class/iommu/dmar0/": ""}
	gpu := func(kinds ...string) []host.PCI {
		var out []host.PCI
		for _, k := range kinds {
			out = append(out, host.PCI{Class: "0302", IOMMU: k})
		}
		return out
	}
	for name, c := range map[string]struct {
		files   files
		devices []host.PCI
		want    string
	}{
		"hidden":                    {nil, gpu("DMA"), ""},
		"none":                      {files{"sys/class/iommu/": ""}, gpu(""), "off"},
		"passes through":            {unit, gpu("identity", "identity"), "passthrough"},
		"translates":                {unit, gpu("DMA"), "translate"},
		"lazily":                    {unit, gpu("DMA-FQ"), "translate"},
		"one of them":               {unit, gpu("identity", "DMA-FQ", "identity"), "translate"},
		"a switch's does not count": {unit, append(gpu("identity"), host.PCI{Class: "0680", IOMMU: "DMA"}), "passthrough"},
		"held by vfio":              {unit, gpu("unmanaged"), "on"},
		"an old kernel":             {unit, gpu(""), "on"},
		"told to pass":              {with(unit, files{"proc/cmdline": "quiet iommu=pt\n"}), gpu(""), "passthrough"},
		"told in the new way":       {with(unit, files{"proc/cmdline": "iommu.passthrough=1"}), gpu(""), "passthrough"},
		"the last word counts":      {with(unit, files{"proc/cmdline": "iommu=pt iommu.passthrough=0"}), gpu(""), "translate"},
		"the group's word is best":  {with(unit, files{"proc/cmdline": "iommu=pt"}), gpu("DMA"), "translate"},
		"other words":               {with(unit, files{"proc/cmdline": "intel_iommu=on xiommu=pt iommu=pty"}), gpu(""), "on"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, iommu(folder(t, c.files), c.devices), c.want) })
	}
	h := one(t, fake(t, with(unit, files{
		"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n", "sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
		"sys/bus/pci/devices/0000:01:00.0/iommu_group": "→../../../../kernel/iommu_groups/17", "sys/kernel/iommu_groups/17/type": "DMA-FQ\n",
	})), readPCI)
	assert.Equal(t, h.PCI[0].IOMMU, "DMA-FQ")
	assert.Equal(t, h.Kernel.IOMMU, "translate")
}
