package probe

import (
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// iommu is what the IOMMU does for GPUs. The type of a GPU's group is the kernel's own
// word; kernels before 5.11 have none, and there the command line may say it.
func iommu(r root, devices []host.PCI) string {
	units, err := r.list("/sys/class/iommu", "*")
	switch {
	case err != nil:
		return ""
	case len(units) == 0:
		return "off"
	}
	mode := ""
	for _, d := range devices {
		switch {
		case !isGPU(d):
		case strings.HasPrefix(d.IOMMU, "DMA"):
			return "translate" // one is enough to slow the others down
		case d.IOMMU == "identity":
			mode = "passthrough"
		}
	}
	if mode != "" {
		return mode
	}
	mode = "on"
	for _, word := range strings.Fields(r.text("/proc/cmdline")) { // the last one counts
		switch word {
		case "iommu=pt", "iommu.passthrough=1", "iommu.passthrough=on", "iommu.passthrough=y":
			mode = "passthrough"
		case "iommu=nopt", "iommu.passthrough=0", "iommu.passthrough=off", "iommu.passthrough=n":
			mode = "translate"
		}
	}
	return mode
}
