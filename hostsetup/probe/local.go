// Package probe gathers the facts of a machine.
//
// Local reads everything, each source in a goroutine of its own with a limit of its
// own, from a root file system that may be any folder. GPUs reads the driver and the
// GPUs only. Record and Replay write and read a machine as a file. What comes from a
// machine may be hostile: files are read up to a size, texts are cut and freed of
// control characters.
package probe

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Local gathers everything that this machine, or the one below Options.Root, says of
// itself. Nothing that is missing is an error; Host.Unread says what could not be read
// and why. The engine's own account of itself is added by Merge.
func Local(ctx context.Context, o Options) host.Host {
	m := newMachine(o)
	h := gather(ctx, m, sources())
	h.SchemaVersion, h.Taken = host.SchemaVersion, time.Now().UTC().Truncate(time.Second)
	h.Arch = runtime.GOARCH // also below another root: programs of other processors do not run there
	if h.Name == "" && m.root == "/" {
		h.Name, _ = os.Hostname()
	}
	Clean(&h)
	return h
}

// sources are all places that facts come from. What waits for disks or programs has
// its own limit; all together take as long as the slowest.
func sources() []source {
	const files, programs = 2 * time.Second, 3 * time.Second
	return []source{
		{"os", "the operating system's description", files, readOS},
		{"kernel", "the kernel's description", files, readKernel},
		{"kernels", "/lib/modules", files, readInstalled},
		{"modinfo", "the NVIDIA modules on disk", programs, readModinfo},
		{"module", "the loaded kernel modules", files, readModules},
		{"klog", "the kernel log", programs, readLog},
		{"pci", "the PCI bus", files, readPCI},
		{"acs", "the PCI bridges' configuration", files, readACS},
		{"nodes", "/dev", files, readNodes},
		{"libraries", "the driver's libraries", files, readLibraries},
		{"packages", "the list of packages", programs, readPackages},
		{"toolkit", "the NVIDIA Container Toolkit", programs, readToolkit},
		{"repositories", "the package sources", files, readRepositories},
		{"cdi", "the CDI specs", files, readCDI},
		{"dockerd", "the Docker daemon's process", files, readDockerd},
		{"systemd", "systemd", programs, readUnits},
		{"disks", "the file systems", files, readDisks},
		{"stuck", "the processes", files, readStuck},
		{"nvml", "NVML", 2*patience + time.Second, readGPUs},
		{"cuda", "CUDA", programs, readCUDA},
	}
}
