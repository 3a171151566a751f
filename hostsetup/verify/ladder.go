package verify

import (
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// Route is a way to hand a host's GPUs to a container, as smoke asks for it.
type Route struct {
	Name string `json:"name"` // "gpus", "cdi", "runtime"
	// Flags are those of `docker run` that ask for it.
	Flags []string `json:"flags"`
	// Driver, Devices and Runtime are the same for the API: a device request's driver and
	// device IDs, or a count of all without them, and the runtime's name.
	Driver  string   `json:"-"`
	Devices []string `json:"-"`
	Runtime string   `json:"-"`
	Env     []string `json:"-"`
}

// Names of routes.
const (
	GPUs    = "gpus"
	CDI     = "cdi"
	Runtime = "runtime"
)

// SMI is the rung of nvidia-smi in the user's own image.
const SMI = "nvidia-smi"

// Routes are the ways that a host's engine knows. `--gpus all` is always tried: that an
// engine knows none is what it then says.
func Routes(h *host.Host) []Route {
	routes := []Route{{Name: GPUs, Flags: []string{"--gpus", "all"}}}
	if d := cdiDevice(h.Engine.CDIDevices); d != "" {
		routes = append(routes, Route{Name: CDI, Flags: []string{"--device", d}, Driver: "cdi", Devices: []string{d}})
	}
	if _, ok := h.Engine.Runtimes["nvidia"]; ok {
		routes = append(routes, Route{Name: Runtime, Flags: []string{"--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=all"},
			Runtime: "nvidia", Env: []string{"NVIDIA_VISIBLE_DEVICES=all"}})
	}
	return routes
}

// cdiDevice is the CDI name of all GPUs, or of the first one where no name means all.
func cdiDevice(devices []string) string {
	const kind = "nvidia.com/gpu="
	if slices.Contains(devices, kind+"all") {
		return kind + "all"
	}
	for _, d := range devices {
		if strings.HasPrefix(d, kind) {
			return d
		}
	}
	return ""
}

// Stage is a rung of the ladder, lowest first: what holds when it holds, and whose work
// that is. Reference: host.md section 8.
type Stage struct {
	Name  string
	Title string
	Layer string
	// Route is set for the rung that one route is; Lines is the worker's stage that a rung is
	// made of, and Format narrows it.
	Route  string
	Lines  string
	Format string
}

// Ladder is what smoke climbs.
func Ladder() []Stage {
	const (
		toolkit = "NVIDIA Container Toolkit"
		driver  = "NVIDIA driver"
		gpu     = "GPU hardware"
	)
	return []Stage{
		{Name: "engine", Title: "the engine answers", Layer: "Docker Engine"},
		{Name: "host", Title: "the host sees its GPUs", Layer: driver},
		{Name: GPUs, Title: "--gpus all brings the driver into a container", Layer: "Docker Engine and " + toolkit, Route: GPUs},
		{Name: CDI, Title: "a CDI device brings the driver into a container", Layer: "CDI spec", Route: CDI},
		{Name: Runtime, Title: "--runtime=nvidia brings the driver into a container", Layer: toolkit, Route: Runtime},
		{Name: SMI, Title: "nvidia-smi of the image names the GPUs", Layer: toolkit},
		{Name: "init", Title: "CUDA starts in a container", Layer: "device nodes and unified memory (nvidia-uvm)", Lines: report.Init},
		{Name: "uuids", Title: "a container has the GPUs that the host has", Layer: toolkit},
		{Name: "context", Title: "each GPU gives a context", Layer: driver, Lines: report.Context},
		{Name: "memory", Title: "memory holds what is written", Layer: gpu, Lines: report.Memory},
		{Name: "kernel", Title: "a kernel computes the right checksum", Layer: gpu, Lines: report.Kernel},
		{Name: "fp32", Title: "an fp32 product is right", Layer: gpu, Lines: report.GEMM, Format: "fp32"},
		{Name: "tf32", Title: "a TF32 product is right", Layer: gpu, Lines: report.GEMM, Format: "tf32"},
		{Name: "fp16", Title: "an fp16 product is right", Layer: gpu, Lines: report.GEMM, Format: "fp16"},
		{Name: "bf16", Title: "a bf16 product is right", Layer: gpu, Lines: report.GEMM, Format: "bf16"},
		{Name: "peers", Title: "each GPU reads what another one wrote", Layer: "PCIe, NVLink and the IOMMU", Lines: report.Peer},
		{Name: "reload", Title: "a container keeps its GPUs over systemctl daemon-reload", Layer: "systemd and cgroups"},
	}
}
