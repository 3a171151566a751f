package probe

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const pciDevices = "/sys/bus/pci/devices"

// nvidiaVendor is NVIDIA's number with the PCI-SIG.
const nvidiaVendor = "10de"

// readPCI lists NVIDIA's devices on the bus.
func readPCI(ctx context.Context, m *machine) (fill, error) {
	names, err := m.root.list(pciDevices, "*")
	if err != nil {
		return nil, unreadable("the PCI bus", err)
	}
	var devices []host.PCI
	for _, name := range names {
		dir := path.Join(pciDevices, name)
		if ctx.Err() != nil || bareHex(m.root.text(dir+"/vendor")) != nvidiaVendor {
			continue
		}
		class := bareHex(m.root.text(dir + "/class"))
		devices = append(devices, host.PCI{
			Address: name, Vendor: nvidiaVendor, Device: bareHex(m.root.text(dir + "/device")), Class: class[:min(4, len(class))],
			Driver:  m.root.link(dir + "/driver"),
			LinkGen: generation(m.root.text(dir + "/current_link_speed")), LinkWidth: lanes(m.root.text(dir + "/current_link_width")),
			MaxGen: generation(m.root.text(dir + "/max_link_speed")), MaxWidth: lanes(m.root.text(dir + "/max_link_width")),
			NUMA: numa(m.root.text(dir + "/numa_node")), IOMMU: m.root.text(dir + "/iommu_group/type"),
		})
	}
	mode := iommu(m.root, devices)
	return func(h *host.Host) { h.PCI, h.Kernel.IOMMU = devices, mode }, nil
}

// isGPU says whether a device is a display or 3D controller.
func isGPU(d host.PCI) bool { return strings.HasPrefix(d.Class, "03") }

func bareHex(text string) string { return strings.TrimPrefix(strings.ToLower(text), "0x") }

// generation is that of a speed such as "16.0 GT/s PCIe", by the PCI Express base
// specifications 1 to 7; 0 for "Unknown".
func generation(speed string) int {
	rate, _, _ := strings.Cut(speed, " ")
	switch strings.TrimSuffix(rate, ".0") {
	case "2.5":
		return 1
	case "5":
		return 2
	case "8":
		return 3
	case "16":
		return 4
	case "32":
		return 5
	case "64":
		return 6
	case "128":
		return 7
	}
	return 0
}

// lanes is a link's width; a device that is gone reads as all ones: 63, or 255 in older kernels.
func lanes(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 32 {
		return 0
	}
	return n
}

func numa(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
