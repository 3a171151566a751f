package doctor

import (
	"fmt"
	"testing"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func major(n int) *int { return &n }

func TestEdgesOfSpecsAndReality(t *testing.T) {
	edges(t, "C019", "docker29-cdi",
		edge{"of an older driver", spec(func(s *host.CDISpec) { s.DriverVersion = "580.82.07" }), `
error C019: /var/run/cdi/nvidia.yaml was written for driver 580.82.07; loaded is 580.95.05
  seen: /var/run/cdi/nvidia.yaml: libraries of 580.82.07
  seen: /proc/driver/nvidia/version: 580.95.05
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"in /etc, where the toolkit does not renew it", spec(func(s *host.CDISpec) { s.Path, s.DriverVersion = "/etc/cdi/nvidia.yaml", "535.161.07" }), `
error C019: /etc/cdi/nvidia.yaml was written for driver 535.161.07; loaded is 580.95.05
  seen: /etc/cdi/nvidia.yaml: libraries of 535.161.07
  seen: /proc/driver/nvidia/version: 580.95.05
  fix: write /etc/cdi/nvidia.yaml anew [none, root, safe]
    run: cp -a -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.before
    run: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml
    undo: mv -- /etc/cdi/nvidia.yaml.before /etc/cdi/nvidia.yaml
  fix: take /etc/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.aside
    undo: mv -- /etc/cdi/nvidia.yaml.aside /etc/cdi/nvidia.yaml
`},
		edge{"beside the one that counts", another(func(s *host.CDISpec) { s.Path, s.DriverVersion = "/etc/cdi/nvidia.yaml", "535.161.07" }), `
warning C019: /etc/cdi/nvidia.yaml was written for driver 535.161.07; loaded is 580.95.05
  seen: /etc/cdi/nvidia.yaml: libraries of 535.161.07
  seen: /proc/driver/nvidia/version: 580.95.05
  fix: take /etc/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.aside
    undo: mv -- /etc/cdi/nvidia.yaml.aside /etc/cdi/nvidia.yaml
`},
		edge{"where the engine does not look", spec(func(s *host.CDISpec) { s.Path, s.DriverVersion = "/opt/cdi/nvidia.yaml", "535.161.07" }), `
note C019: /opt/cdi/nvidia.yaml was written for driver 535.161.07; loaded is 580.95.05
  seen: /opt/cdi/nvidia.yaml: libraries of 535.161.07
  seen: /proc/driver/nvidia/version: 580.95.05
  fix: take /opt/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /opt/cdi/nvidia.yaml /opt/cdi/nvidia.yaml.aside
    undo: mv -- /opt/cdi/nvidia.yaml.aside /opt/cdi/nvidia.yaml
`},
		edge{"a file is gone", spec(func(s *host.CDISpec) { s.Paths[0].Missing = true }), `
error C019: /var/run/cdi/nvidia.yaml wants 1 file that this host does not have
  seen: /var/run/cdi/nvidia.yaml: not on this host: /usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"a hook is gone, as the toolkit is, which C001 tells", func(h *host.Host) { h.Toolkit.Version, h.CDI.Specs[0].Paths[1].Missing = "", true }, ""},
		edge{"a hook is gone, and the toolkit is there", spec(func(s *host.CDISpec) { s.Paths[1].Missing = true }), `
error C019: /var/run/cdi/nvidia.yaml wants 1 file that this host does not have
  seen: /var/run/cdi/nvidia.yaml: not on this host: /usr/bin/nvidia-cdi-hook
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"many files are gone, of another driver", spec(func(s *host.CDISpec) {
			s.DriverVersion = "535.161.07"
			for i := range 9 {
				s.Paths = append(s.Paths, host.CDIPath{Path: fmt.Sprintf("/usr/lib/libnvidia-%d.so.535.161.07", i), Use: "mount", Missing: true})
			}
		}), `
error C019: /var/run/cdi/nvidia.yaml was written for driver 535.161.07; loaded is 580.95.05
  seen: /var/run/cdi/nvidia.yaml: libraries of 535.161.07
  seen: /proc/driver/nvidia/version: 580.95.05
  seen: /var/run/cdi/nvidia.yaml: not on this host: /usr/lib/libnvidia-0.so.535.161.07, /usr/lib/libnvidia-1.so.535.161.07, /usr/lib/libnvidia-2.so.535.161.07, /usr/lib/libnvidia-3.so.535.161.07, and 5 others
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"hostile", spec(func(s *host.CDISpec) { s.DriverVersion = "535\x1b[2J\n161" }), `
error C019: /var/run/cdi/nvidia.yaml was written for driver 535[2J 161; loaded is 580.95.05
  seen: /var/run/cdi/nvidia.yaml: libraries of 535[2J 161
  seen: /proc/driver/nvidia/version: 580.95.05
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"it names no version", spec(func(s *host.CDISpec) { s.DriverVersion = "" }), ""},
		edge{"no driver is loaded", func(h *host.Host) { h.Driver.Version, h.CDI.Specs[0].DriverVersion = "", "535.161.07" }, ""},
		edge{"of another kind", spec(func(s *host.CDISpec) { s.Kind, s.DriverVersion = "example.com/net", "1.0" }), ""},
		edge{"it cannot be read, which C051 tells", spec(func(s *host.CDISpec) { s.DriverVersion, s.Error = "535.161.07", "EOF" }), ""},
	)
	edges(t, "C016", "docker29-cdi",
		edge{"a spec of the last boot", spec(func(s *host.CDISpec) { s.Nodes[1].Major = major(235) }), `
error C016: /var/run/cdi/nvidia.yaml gives /dev/nvidia-uvm the major 235; the kernel's is 511
  seen: /var/run/cdi/nvidia.yaml: /dev/nvidia-uvm: major 235
  seen: /proc/devices: 511 nvidia-uvm
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"a spec in /etc", spec(func(s *host.CDISpec) { s.Path, s.Nodes[1].Major = "/etc/cdi/nvidia.yaml", major(235) }), `
error C016: /etc/cdi/nvidia.yaml gives /dev/nvidia-uvm the major 235; the kernel's is 511
  seen: /etc/cdi/nvidia.yaml: /dev/nvidia-uvm: major 235
  seen: /proc/devices: 511 nvidia-uvm
  fix: write /etc/cdi/nvidia.yaml anew [none, root, safe]
    run: cp -a -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.before
    run: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml
    undo: mv -- /etc/cdi/nvidia.yaml.before /etc/cdi/nvidia.yaml
  fix: take /etc/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.aside
    undo: mv -- /etc/cdi/nvidia.yaml.aside /etc/cdi/nvidia.yaml
`},
		edge{"two nodes, told once", spec(func(s *host.CDISpec) {
			s.Nodes[1].Major = major(235)
			s.Nodes = append(s.Nodes, host.CDINode{Path: "/dev/nvidia-uvm-tools", Major: major(235)})
		}), `
error C016: /var/run/cdi/nvidia.yaml gives /dev/nvidia-uvm the major 235; the kernel's is 511
  seen: /var/run/cdi/nvidia.yaml: /dev/nvidia-uvm: major 235
  seen: /proc/devices: 511 nvidia-uvm
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"zero", spec(func(s *host.CDISpec) { s.Nodes[1].Major = major(0) }), `
error C016: /var/run/cdi/nvidia.yaml gives /dev/nvidia-uvm the major 0; the kernel's is 511
  seen: /var/run/cdi/nvidia.yaml: /dev/nvidia-uvm: major 0
  seen: /proc/devices: 511 nvidia-uvm
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"the spec leaves it to the host", spec(func(s *host.CDISpec) { s.Nodes[1].Major = nil }), ""},
		edge{"the kernel does not tell", func(h *host.Host) { h.Kernel.DeviceMajors = nil }, ""},
		edge{"another node", spec(func(s *host.CDISpec) { s.Nodes[0].Major = major(235) }), ""},
		edge{"WSL", func(h *host.Host) { h.OS.WSL, h.CDI.Specs[0].Nodes[1].Major = 2, major(235) }, ""},
		edge{"no spec", func(h *host.Host) { h.CDI.Specs = nil }, ""},
	)
	edges(t, "C054", "docker29-cdi",
		edge{"a node is missing", spec(func(s *host.CDISpec) { s.Nodes[2].Missing = true }), `
error C054: /var/run/cdi/nvidia.yaml hands over device nodes that this host does not have: /dev/nvidiactl
  seen: /dev: not there: /dev/nvidiactl
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"a card's number", spec(func(s *host.CDISpec) { s.Nodes[0].Minor = major(3) }), `
error C054: /var/run/cdi/nvidia.yaml gives device nodes other numbers than the host: /dev/nvidia0
  seen: /var/run/cdi/nvidia.yaml: other numbers than in /dev: /dev/nvidia0
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"a major number", spec(func(s *host.CDISpec) { s.Nodes[0].Major = major(236) }), `
error C054: /var/run/cdi/nvidia.yaml gives device nodes other numbers than the host: /dev/nvidia0
  seen: /var/run/cdi/nvidia.yaml: other numbers than in /dev: /dev/nvidia0
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"both, of several", spec(func(s *host.CDISpec) {
			s.Nodes[0].Minor = major(3)
			for i := range 6 {
				s.Nodes = append(s.Nodes, host.CDINode{Path: fmt.Sprintf("/dev/nvidia%d", i+4), Missing: true})
			}
		}), `
error C054: /var/run/cdi/nvidia.yaml hands over device nodes that this host does not have: /dev/nvidia4, /dev/nvidia5, /dev/nvidia6, /dev/nvidia7, and 2 others
  seen: /dev: not there: /dev/nvidia4, /dev/nvidia5, /dev/nvidia6, /dev/nvidia7, and 2 others
  seen: /var/run/cdi/nvidia.yaml: other numbers than in /dev: /dev/nvidia0
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"one node of several devices", spec(func(s *host.CDISpec) {
			s.Nodes = append(s.Nodes, host.CDINode{Path: "/dev/nvidia-modeset", Device: "0", Missing: true}, host.CDINode{Path: "/dev/nvidia-modeset", Device: "1", Missing: true})
		}), `
error C054: /var/run/cdi/nvidia.yaml hands over device nodes that this host does not have: /dev/nvidia-modeset
  seen: /dev: not there: /dev/nvidia-modeset
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"a node that was not looked at", spec(func(s *host.CDISpec) {
			s.Nodes = append(s.Nodes, host.CDINode{Path: "/dev/dri/card0", Major: major(226), Minor: major(0)})
		}), ""},
		edge{"uvm's number, which C016 tells", spec(func(s *host.CDISpec) { s.Nodes[1].Major = major(235) }), ""},
		edge{"no number", spec(func(s *host.CDISpec) { s.Nodes[0].Major, s.Nodes[0].Minor = nil, nil }), ""},
	)
	hides(t, "docker29-cdi", "C019", spec(func(s *host.CDISpec) { s.DriverVersion, s.Nodes[1].Major = "535.161.07", major(235) }), "C016", "C054", "C021", "C055", "C067")
	hides(t, "docker29-cdi", "G021", both(func(h *host.Host) { without(h, "/dev/nvidia-uvm") }, spec(func(s *host.CDISpec) { s.Nodes[1].Missing = true })), "C016", "C054", "C041")
}

func TestEdgesOfSpecsAndGPUs(t *testing.T) {
	second := func(h *host.Host) {
		g := h.GPUs[0]
		g.Index, g.UUID, g.PCI = 1, "GPU-44444444-0000-0000-0000-000000000000", "0000:66:00.0"
		h.GPUs = append(h.GPUs, g)
	}
	edges(t, "C055", "docker29-cdi",
		edge{"replaced", gpu(0, func(g *host.GPU) { g.UUID = "GPU-99999999-0000-0000-0000-000000000000" }), `
error C055: /var/run/cdi/nvidia.yaml names GPUs that this host does not have: GPU-11111111-0000-0000-0000-000000000000
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: NVML: 1 GPU
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"added", second, `
error C055: /var/run/cdi/nvidia.yaml does not name GPU 1
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  seen: NVML: 2 GPUs
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"taken out", func(h *host.Host) {
			h.CDI.Specs[0].Devices = append(h.CDI.Specs[0].Devices, "1", "GPU-44444444-0000-0000-0000-000000000000")
		}, `
error C055: /var/run/cdi/nvidia.yaml names GPUs that this host does not have: 1, GPU-44444444-0000-0000-0000-000000000000
  seen: /var/run/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all, 1, and 1 other
  seen: NVML: 1 GPU
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"named by index alone", both(second, spec(func(s *host.CDISpec) { s.Devices = []string{"0", "all"} })), `
error C055: /var/run/cdi/nvidia.yaml does not name GPU 1
  seen: /var/run/cdi/nvidia.yaml: 0, all
  seen: NVML: 2 GPUs
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"shadowed", another(func(s *host.CDISpec) { s.Path, s.Devices = "/etc/cdi/nvidia.yaml", []string{"0", "GPU-99999999"} }), `
error C055: /etc/cdi/nvidia.yaml names GPUs that this host does not have: GPU-99999999
  seen: /etc/cdi/nvidia.yaml: 0, GPU-99999999
  seen: NVML: 1 GPU
  fix: write /etc/cdi/nvidia.yaml anew [none, root, safe]
    run: cp -a -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.before
    run: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml
    undo: mv -- /etc/cdi/nvidia.yaml.before /etc/cdi/nvidia.yaml
  fix: take /etc/cdi/nvidia.yaml out of the way, keeping a copy [none, root, safe]
    run: mv -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.aside
    undo: mv -- /etc/cdi/nvidia.yaml.aside /etc/cdi/nvidia.yaml
`},
		edge{"for all alone", both(second, spec(func(s *host.CDISpec) { s.Devices = []string{"all"} })), ""},
		edge{"a lost one", both(second, func(h *host.Host) { h.GPUs[1].Lost = true }), ""},
		edge{"cut into MIG devices", both(second, func(h *host.Host) { h.GPUs[1].MIG = &host.MIG{On: true, Pending: true} }), ""},
		edge{"one without a UUID", both(second, func(h *host.Host) { h.GPUs[1].UUID = "" }), ""},
		edge{"names of somebody's own", spec(func(s *host.CDISpec) { s.Devices = append(s.Devices, "gpu0", "mine", "") }), ""},
	)
	edges(t, "C021", "mig",
		edge{"one instance fewer", gpu(0, func(g *host.GPU) { g.MIG.Devices = g.MIG.Devices[1:] }), `
error C021: /var/run/cdi/nvidia.yaml names MIG devices that are no longer there: 0:0, MIG-00000000-0000-0000-0000-000000000000
  seen: /var/run/cdi/nvidia.yaml: 0:0, 0:1, MIG-00000000-0000-0000-0000-000000000000, MIG-10000000-0000-0000-0000-000000000000, and 1 other
  seen: NVML: 1 MIG device
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"one more", gpu(0, func(g *host.GPU) {
			g.MIG.Devices = append(g.MIG.Devices, host.MIGDevice{Index: 2, UUID: "MIG-20000000"})
		}), `
error C021: /var/run/cdi/nvidia.yaml lacks 1 of 3 MIG devices
  seen: /var/run/cdi/nvidia.yaml: 0:0, 0:1, MIG-00000000-0000-0000-0000-000000000000, MIG-10000000-0000-0000-0000-000000000000, and 1 other
  seen: NVML: 3 MIG devices
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"MIG switched off", gpu(0, func(g *host.GPU) { g.MIG.On, g.MIG.Devices = false, nil }), `
error C021: /var/run/cdi/nvidia.yaml names MIG devices that are no longer there: 0:0, 0:1, MIG-00000000-0000-0000-0000-000000000000, MIG-10000000-0000-0000-0000-000000000000
  seen: /var/run/cdi/nvidia.yaml: 0:0, 0:1, MIG-00000000-0000-0000-0000-000000000000, MIG-10000000-0000-0000-0000-000000000000, and 1 other
  seen: NVML: 0 MIG devices
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"made anew with other UUIDs", gpu(0, func(g *host.GPU) { g.MIG.Devices[0].UUID, g.MIG.Devices[1].UUID = "MIG-a", "MIG-b" }), `
error C021: /var/run/cdi/nvidia.yaml names MIG devices that are no longer there: MIG-00000000-0000-0000-0000-000000000000, MIG-10000000-0000-0000-0000-000000000000
  seen: /var/run/cdi/nvidia.yaml: 0:0, 0:1, MIG-00000000-0000-0000-0000-000000000000, MIG-10000000-0000-0000-0000-000000000000, and 1 other
  seen: NVML: 2 MIG devices
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
`},
		edge{"no instance, which H017 tells", gpu(0, func(g *host.GPU) { g.MIG.Devices = nil }), ""},
		edge{"names by index alone", spec(func(s *host.CDISpec) { s.Devices = []string{"0:0", "0:1", "all"} }), ""},
		edge{"names of type and index", spec(func(s *host.CDISpec) { s.Devices = []string{"mig0:0", "mig0:1", "all"} }), ""},
		edge{"nothing known of MIG", func(h *host.Host) { h.GPUs[0].MIG, h.CDI.Specs[0].Devices = nil, []string{"all"} }, ""},
	)
	noSpec := func(h *host.Host) { h.CDI.Specs, h.Engine.CDIDevices = nil, nil }
	edges(t, "C018", "docker29-cdi",
		edge{"no spec", noSpec, `
error C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
		edge{"no spec, and only the hook is used", both(noSpec, engine(func(e *host.Engine) { e.Containers = nil })), `
warning C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
		edge{"no spec, and 28 takes the hook anyhow", both(noSpec, version("28.5.2"), engine(func(e *host.Engine) { e.Containers = nil })), `
note C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
		edge{"no spec on 27 with CDI on", both(noSpec, version("27.5.1")), `
error C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
		edge{"where the engine does not look", both(spec(func(s *host.CDISpec) { s.Path = "/usr/local/etc/cdi/nvidia.yaml" }), engine(func(e *host.Engine) { e.CDIDevices = nil })), `
error C018: /usr/local/etc/cdi/nvidia.yaml is not in a directory that the engine reads
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi; no nvidia.com/gpu among its devices
  seen: /usr/local/etc/cdi/nvidia.yaml: 0, GPU-11111111-0000-0000-0000-000000000000, all
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
		edge{"a directory of the engine's own", both(noSpec, engine(func(e *host.Engine) { e.CDIDirs = []string{"/srv/cdi"} })), `
error C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /srv/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /srv/cdi
    run: nvidia-ctk cdi generate --output=/srv/cdi/nvidia.yaml
    undo: rm -- /srv/cdi/nvidia.yaml
`},
		edge{"a spec that the engine does not see", engine(func(e *host.Engine) {
			e.CDIDevices, e.Warnings = nil, []string{"WARNING: CDI: \x1b[1mcannot watch\x1b[0m", "WARNING: No swap limit support"}
		}), `
error C018: the engine does not see the GPUs of /var/run/cdi/nvidia.yaml
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi; no nvidia.com/gpu among its devices
  seen: docker info: WARNING: CDI: [1mcannot watch[0m
  fix: write /var/run/cdi/nvidia.yaml anew [none, root, safe]
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
  fix: restart Docker (1 running container stops and starts again only by its restart policy) [restart, root]
    run: systemctl restart docker
`},
		edge{"devices of another vendor", both(noSpec, engine(func(e *host.Engine) { e.CDIDevices = []string{"example.com/net=0"} })), `
error C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
		edge{"27 does not tell what it found", both(version("27.5.1"), engine(func(e *host.Engine) { e.CDIDevices = nil })), ""},
		edge{"CDI is off, which C017 tells", both(noSpec, engine(func(e *host.Engine) { e.CDIDirs = nil })), ""},
		edge{"a broken spec, which C051 tells", both(spec(func(s *host.CDISpec) { s.Error = "EOF" }), another(func(s *host.CDISpec) { s.Error = "" }), engine(func(e *host.Engine) { e.CDIDevices = nil })), ""},
		edge{"nobody could look", both(noSpec, func(h *host.Host) { h.Unread = map[string]string{"cdi /var/run/cdi": "permission denied"} }), ""},
	)
	edges(t, "C018", "rootless",
		edge{"the user's own directory", both(noSpec, engine(func(e *host.Engine) { e.CDIDirs = e.CDIDirs[2:] })), `
error C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /home/user/.config/cdi, /run/user/1000/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, safe]
    run: mkdir -p /run/user/1000/cdi
    run: nvidia-ctk cdi generate --output=/run/user/1000/cdi/nvidia.yaml
    undo: rm -- /run/user/1000/cdi/nvidia.yaml
`},
		edge{"all directories", noSpec, `
error C018: there is no CDI spec of this host's GPUs
  seen: docker info: CDI spec directories: /etc/cdi, /var/run/cdi, /home/user/.config/cdi, /run/user/1000/cdi; no nvidia.com/gpu among its devices
  fix: write a spec of this host's GPUs [none, root, safe]
    run: mkdir -p /var/run/cdi
    run: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml
    undo: rm -- /var/run/cdi/nvidia.yaml
`},
	)
	jit := func(h *host.Host) { h.Engine.Runtimes["nvidia"] = "nvidia-container-runtime" }
	edges(t, "C041", "docker29-cdi",
		edge{"a card's node", both(jit, func(h *host.Host) { without(h, "/dev/nvidia0") }), `
error C041: the nvidia runtime cannot make a spec without /dev/nvidia0
  seen: /dev: not there: /dev/nvidia0
  seen: toolkit: version 1.20.1
  fix: make the device nodes [none, root, safe]
    run: nvidia-modprobe -c 0
  fix: see what the toolkit says [none, root]
    run: nvidia-ctk --debug cdi generate --output=/dev/null
`},
		edge{"nvidiactl, before the toolkit says why", both(jit, func(h *host.Host) { without(h, "/dev/nvidiactl"); h.Toolkit.Version = "1.18.1" }), `
error C041: the nvidia runtime cannot make a spec without /dev/nvidiactl; this toolkit does not say so itself
  seen: /dev: not there: /dev/nvidiactl
  seen: toolkit: version 1.18.1
  fix: make the device nodes [none, root, safe]
    run: nvidia-modprobe -c 255
  fix: see what the toolkit says [none, root]
    run: nvidia-ctk --debug cdi generate --output=/dev/null
`},
		edge{"a mode that is set", both(jit, func(h *host.Host) {
			without(h, "/dev/nvidiactl")
			h.Toolkit.Version, h.Toolkit.Config["nvidia-container-runtime.mode"] = "1.17.8", "jit-cdi"
		}), `
error C041: the nvidia runtime cannot make a spec without /dev/nvidiactl; this toolkit does not say so itself
  seen: /dev: not there: /dev/nvidiactl
  seen: toolkit: version 1.17.8
  fix: make the device nodes [none, root, safe]
    run: nvidia-modprobe -c 255
  fix: see what the toolkit says [none, root]
    run: nvidia-ctk --debug cdi generate --output=/dev/null
`},
		edge{"the legacy mode", both(jit, func(h *host.Host) {
			without(h, "/dev/nvidia0")
			h.Toolkit.Config["nvidia-container-runtime.mode"] = "legacy"
		}), ""},
		edge{"before JIT", both(jit, func(h *host.Host) { without(h, "/dev/nvidia0"); h.Toolkit.Version = "1.17.8" }), ""},
		edge{"no runtime", func(h *host.Host) { without(h, "/dev/nvidia0") }, ""},
		edge{"unified memory alone", both(jit, func(h *host.Host) { without(h, "/dev/nvidia-uvm") }), ""},
		edge{"no nodes at all: a container", both(jit, func(h *host.Host) { h.Nodes = nil }), ""},
	)
	unit := func(i int, active, enabled string) func(h *host.Host) {
		return func(h *host.Host) { h.Units[i].Active, h.Units[i].Enabled = active, enabled }
	}
	edges(t, "C068", "docker29-cdi",
		edge{"failed", unit(3, "failed", "enabled"), `
warning C068: nvidia-cdi-refresh.service failed: the CDI spec grows stale with the next driver
  seen: systemd: nvidia-cdi-refresh.service: failed, enabled
  fix: have it run [none, root, safe]
    run: systemctl restart nvidia-cdi-refresh.service
`},
		edge{"the path is off", unit(2, "inactive", "disabled"), `
warning C068: nvidia-cdi-refresh.path is disabled: the CDI spec grows stale with the next driver
  seen: systemd: nvidia-cdi-refresh.path: inactive, disabled
  fix: have it run [none, root, safe]
    run: systemctl enable --now nvidia-cdi-refresh.path nvidia-cdi-refresh.service
    undo: systemctl disable --now nvidia-cdi-refresh.path nvidia-cdi-refresh.service
`},
		edge{"masked", unit(3, "inactive", "masked"), `
warning C068: nvidia-cdi-refresh.service is masked: the CDI spec grows stale with the next driver
  seen: systemd: nvidia-cdi-refresh.service: inactive, masked
  fix: have it run [none, root]
    run: systemctl unmask nvidia-cdi-refresh.path nvidia-cdi-refresh.service
    run: systemctl enable --now nvidia-cdi-refresh.path nvidia-cdi-refresh.service
    undo: systemctl disable --now nvidia-cdi-refresh.path nvidia-cdi-refresh.service
    undo: systemctl mask nvidia-cdi-refresh.service
`},
		edge{"runs when it is needed", unit(3, "inactive", "enabled"), ""},
		edge{"static", unit(3, "inactive", "static"), ""},
		edge{"a toolkit without it", func(h *host.Host) { h.Units = h.Units[:2] }, ""},
	)
}
