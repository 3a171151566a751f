package setup

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// edge is a recorded host with something else about it, and what comes of that: the ids of
// steps that have to be there, or not ("-docker/packages"), and words that have to be said.
type edge struct {
	host   string
	change func(*host.Host)
	wishes Wishes
	steps  []string
	says   []string
	// adds and drops are what a step of packages is about: "driver/packages" → names.
	adds, drops []string
}

func (e edge) run(t *testing.T) {
	t.Helper()
	h := recorded(t, e.host)
	if e.change != nil {
		e.change(h)
	}
	plan, err := Make(h, e.wishes, plannedAt())
	assert.NilError(t, err)
	ids := map[string]Step{}
	for _, s := range plan.Steps {
		ids[s.ID] = s
	}
	for _, id := range e.steps {
		name, absent := strings.CutPrefix(id, "-")
		_, there := ids[name]
		assert.Equal(t, there, !absent, "%s among %v", id, plan.Steps)
	}
	for _, want := range e.says {
		said := false
		for _, n := range append(plan.Left, plan.Right...) {
			said = said || strings.Contains(n.Text, want)
		}
		for _, s := range plan.Steps {
			said = said || strings.Contains(s.Title+"\n"+s.Why, want)
		}
		assert.Assert(t, said, "nobody says %q: %+v %+v", want, plan.Left, plan.Right)
	}
	for _, list := range []struct {
		want []string
		of   func(*Packages) []string
	}{
		{e.adds, func(p *Packages) (names []string) {
			for _, q := range p.Install {
				names = append(names, strings.TrimSuffix(q.Name+"="+q.Version, "="))
			}
			return names
		}},
		{e.drops, func(p *Packages) []string { return p.Remove }},
	} {
		if list.want != nil {
			s, ok := ids[e.steps[0]]
			assert.Assert(t, ok && s.Op.Packages != nil, e.steps[0])
			assert.DeepEqual(t, list.of(s.Op.Packages), list.want)
		}
	}
}

func packages(names ...string) (out []host.Package) {
	for _, n := range names {
		name, version, _ := strings.Cut(n, "=")
		out = append(out, host.Package{Name: name, Version: version})
	}
	return out
}

func TestDriverEdges(t *testing.T) {
	for name, e := range map[string]edge{
		"WSL 1": {host: "wsl2-ubuntu2404", change: func(h *host.Host) { h.OS.WSL = 1 }, says: []string{"this is WSL 1, which has no GPU"}, steps: []string{"-driver/packages"}},
		"WSL without a GPU": {host: "wsl2-ubuntu2404", change: func(h *host.Host) { h.Nodes = nil }, steps: []string{"-driver/packages", "-toolkit/packages"},
			says: []string{"Windows lends WSL no NVIDIA GPU", "never a Linux driver in WSL"}},
		"in part": {host: "ubuntu2404-server-h100", change: func(h *host.Host) { h.Packages = packages("nvidia-settings=510.47.03-0ubuntu4") }, steps: []string{"driver/packages"},
			says: []string{"the driver is installed in part only"}},
		"Pascal under a new driver": {host: "ubuntu2404-docker294-running", change: func(h *host.Host) {
			h.PCI[0].Device, h.Driver.Version = "1b38", "595.71.05"
			h.Packages = packages("docker-ce=5:29.4.0-1", "nvidia-utils-595-server=595.71.05-0ubuntu0.24.04.1", "linux-modules-nvidia-595-server-open-generic=6.8.0-87.88")
		}, steps: []string{"driver/packages", "driver/reboot"}, says: []string{"driver 595.71.05 does not drive Pascal GPUs", "branch 580, proprietary kernel modules"},
			adds:  []string{"linux-modules-nvidia-580-server-6.8.0-87-generic", "linux-modules-nvidia-580-server-generic", "nvidia-headless-no-dkms-580-server", "nvidia-utils-580-server"},
			drops: []string{"nvidia-utils-595-server", "linux-modules-nvidia-595-server-open-generic"}},
		"Pascal under open modules": {host: "ubuntu2404-docker294-running", change: func(h *host.Host) { h.PCI[0].Device = "1b38" }, steps: []string{"driver/packages"},
			says:  []string{"Pascal GPUs take the proprietary kernel modules, and the open ones are installed"},
			drops: []string{"linux-modules-nvidia-580-server-open-6.8.0-87-generic", "nvidia-headless-no-dkms-580-server-open"}},
		"a chosen branch stays with the other modules": {host: "ubuntu2404-b200-proprietary", change: func(h *host.Host) {
			h.Driver.Version = "595.71.05"
			h.Packages = packages("docker-ce=5:29.4.0-1", "nvidia-utils-595-server=595.71.05-0ubuntu0.24.04.1", "linux-modules-nvidia-595-server-generic=6.8.0-87.88")
		}, steps: []string{"driver/packages"}, says: []string{"branch 595, open kernel modules"}, drops: []string{"linux-modules-nvidia-595-server-generic"}},
		"an ended branch goes with the other modules": {host: "ubuntu2404-b200-proprietary", change: func(h *host.Host) {
			h.Driver.Version = "570.86.15"
			h.Packages = packages("docker-ce=5:29.4.0-1", "nvidia-utils-570-server=570.86.15-0ubuntu0.24.04.1", "linux-modules-nvidia-570-server-generic=6.8.0-87.88")
		}, steps: []string{"driver/packages"}, says: []string{"branch 580, open kernel modules"}, drops: []string{"nvidia-utils-570-server", "linux-modules-nvidia-570-server-generic"}},
		"NVIDIA's packages on Ubuntu": {host: "ubuntu2404-b200-proprietary", change: func(h *host.Host) {
			h.Packages = packages("libnvidia-compute=580.95.05-1ubuntu1", "nvidia-dkms=580.95.05-1ubuntu1", "dkms=3.0.11")
		}, steps: []string{"driver/packages", "driver/source", "driver/branch"}, adds: []string{"linux-headers-6.8.0-87-generic", "libnvidia-compute=580.*", "nvidia-dkms-open"}, drops: []string{"nvidia-dkms"}},
		"NVIDIA's packages on a desktop": {host: "ubuntu2404-desktop-nouveau-secureboot", change: func(h *host.Host) {
			h.Packages = packages("nvidia-driver-pinning-580=580-1")
		}, steps: []string{"driver/packages", "driver/source", "-driver/branch"}, adds: []string{"linux-headers-6.14.0-37-generic", "nvidia-open"}, says: []string{"mokutil --import /var/lib/shim-signed/mok/MOK.der"}},
		"EPEL where it is a package": {host: "rhel9-server", change: func(h *host.Host) { h.OS.ID, h.OS.Like = "rocky", "rhel centos fedora" }, steps: []string{"driver/epel", "driver/packages"}},
		"EPEL that is there": {host: "rhel9-server", change: func(h *host.Host) {
			h.OS.ID, h.OS.Like, h.Packages = "almalinux", "rhel centos fedora", packages("dkms=3.2.1-1.el9")
		}, steps: []string{"-driver/epel", "driver/packages"}},
		"EL 8 has no package of matching headers": {host: "rhel9-server", change: func(h *host.Host) {
			h.OS.Version, h.Kernel.Release, h.Kernel.NextBoot = "8.10", "4.18.0-553.el8_10.x86_64", ""
		}, steps: []string{"driver/packages"},
			adds: []string{"kernel-devel-4.18.0-553.el8_10.x86_64", "kernel-headers", "nvidia-driver-cuda", "kmod-nvidia-open-dkms"}},
		"a repository that is there": {host: "debian12-server-secureboot", change: func(h *host.Host) {
			h.Toolkit.Repositories = []host.Repository{{File: "/etc/apt/sources.list.d/cuda-debian12-x86_64.list", URI: "https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/", SignedBy: "/usr/share/keyrings/cuda-archive-keyring.gpg"}}
		}, steps: []string{"driver/packages", "-driver/source", "-driver/key"}},
		"a module that nobody built": {host: "ubuntu2404-next-kernel-without-module", change: func(h *host.Host) {
			h.Packages = packages("nvidia-utils-580-server=580.95.05-0ubuntu0.24.04.1")
		}, steps: []string{"-driver/modules"}, says: []string{"kernel 6.8.0-90-generic has no NVIDIA module: install or build one as the driver was installed"}},
		"a module that DKMS builds": {host: "ubuntu2404-next-kernel-without-module", change: func(h *host.Host) {
			h.Packages = packages("nvidia-dkms-580-server-open=580.95.05-0ubuntu0.24.04.1", "dkms=3.0.11")
		}, steps: []string{"driver/modules"}, adds: []string{"linux-headers-6.8.0-90-generic"}},
		"a driver on disk without a module": {host: "ubuntu2404-driver-not-loaded", change: func(h *host.Host) {
			h.Kernel.Installed[0].NVIDIA = ""
			h.Packages = packages("docker-ce=5:29.4.0-1", "nvidia-utils-580-server=580.95.05-0ubuntu0.24.04.1")
		}, steps: []string{"-driver/load", "-driver/nodes"}, says: []string{"kernel 6.8.0-87-generic has no NVIDIA module", "when the driver is loaded: run this again then"}},
		"a module that is missing and comes": {host: "ubuntu2404-driver-not-loaded", change: func(h *host.Host) { h.Kernel.Installed[0].NVIDIA = "" }, steps: []string{"driver/modules", "driver/load", "driver/nodes"},
			adds: []string{"linux-modules-nvidia-580-server-open-6.8.0-87-generic"}},
		"unsigned, elsewhere": {host: "ubuntu2404-secureboot-unsigned", change: func(h *host.Host) {
			h.OS = host.OS{ID: "debian", Version: "12", SecureBoot: "on"}
		}, steps: []string{"-driver/signed", "driver/reboot", "-driver/load"}, says: []string{"mokutil --import /var/lib/dkms/mok.pub"}},
		"unsigned for the next start": {host: "ubuntu2404-next-kernel-without-module", change: func(h *host.Host) {
			h.OS.SecureBoot = "on"
			h.Kernel.Installed[1].NVIDIA, h.Kernel.Installed[1].Unsigned = "/lib/modules/6.8.0-90-generic/updates/dkms/nvidia.ko", true
		}, steps: []string{"driver/signed"}, adds: []string{"linux-modules-nvidia-580-server-open-6.8.0-90-generic"}, says: []string{"for kernel 6.8.0-90-generic"}},
		"no fabric manager of this system": {host: "ubuntu2204-hgx-fabric-mismatch", change: func(h *host.Host) { h.OS.ID, h.OS.Like = "arch", "" }, steps: []string{"-driver/fabric"},
			says: []string{"install the fabric manager 580.95.05, the driver's version, and start it"}},
		"a fabric that is a host's":                 {host: "debian13-b200-fabric-waits", change: func(h *host.Host) { h.OS.Virtual = "kvm" }, steps: []string{"-driver/fabric", "-driver/fabric-service"}},
		"a GPU for virtual machines and one for us": {host: "ubuntu2404-all-vfio", change: func(h *host.Host) { h.PCI[0].Driver = "" }, steps: []string{"driver/packages", "driver/load"}},
		"the device nodes are missing":              {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.Nodes = nil }, steps: []string{"driver/nodes", "-driver/load"}},
		"a driver without a GPU on the bus":         {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.PCI = nil }, says: []string{"driver 580.95.05 is loaded"}, steps: []string{"-driver/packages"}},
		"offline, no streams":                       {host: "rhel9-server", wishes: Wishes{Offline: "/media"}, steps: []string{"driver/packages", "-driver/source", "-driver/key", "-docker/source", "-toolkit/source"}},
	} {
		t.Run(name, e.run)
	}
	plan, err := Make(recorded(t, "rhel9-server"), Wishes{Offline: "/media"}, plannedAt())
	assert.NilError(t, err)
	for _, s := range plan.Steps {
		if p := s.Op.Packages; p != nil {
			assert.Equal(t, p.Dir, "/media", s.ID)
			assert.Equal(t, len(p.Modules), 0, s.ID)
		}
	}
}

func TestDockerEdges(t *testing.T) {
	for name, e := range map[string]edge{
		"Docker Desktop in WSL": {host: "wsl2-ubuntu2404", change: func(h *host.Host) { h.Engine.Kind = "desktop" }, steps: []string{"-docker/packages"}, says: []string{"brings its own way to the GPU"}},
		"only a package":        {host: "ubuntu2404-docker-stopped", change: func(h *host.Host) { h.Engine.Binary = "" }, steps: []string{"docker/service"}, says: []string{"its service is disabled and inactive"}},
		"a dockerd of nobody's": {host: "ubuntu2404-docker-stopped", change: func(h *host.Host) {
			h.Packages, h.Units, h.Engine.Client = nil, nil, ""
		}, steps: []string{"-docker/packages", "-docker/service"}, says: []string{"Docker is there", "what Docker needs depends on its version"}},
		"it would not start": {host: "ubuntu2404-docker-stopped", change: func(h *host.Host) {
			h.Engine.ConfigFile, h.Engine.ConfigError = "/etc/docker/daemon.json", "it ends in the middle"
		}, steps: []string{"-docker/service"}, says: []string{"would not start with its /etc/docker/daemon.json (it ends in the middle)"}},
		"a unit of unknown state": {host: "ubuntu2404-docker-stopped", change: func(h *host.Host) {
			for i := range h.Units {
				if h.Units[i].Name == "docker.service" {
					h.Units[i].Enabled = ""
				}
			}
		}, steps: []string{"docker/service"}, says: []string{"its service is unknown and inactive"}},
		"conflicts by name": {host: "ubuntu2404-server-h100", change: func(h *host.Host) { h.Packages = packages("podman-docker=4.9.3", "runc=1.2.5") }, steps: []string{"docker/packages"},
			drops: []string{"podman-docker", "runc"}, says: []string{"in place of podman-docker and runc"}},
		"beside Kubernetes": {host: "ubuntu2404-kubernetes-node", wishes: Wishes{DockerFrom: "distro"}, steps: []string{"docker/packages", "-docker/source"}, adds: []string{"docker.io", "docker-buildx", "docker-compose-v2"}},
		"of an unknown processor": {host: "ubuntu2404-server-h100", change: func(h *host.Host) { h.Arch = "" }, steps: []string{"-docker/packages", "-toolkit/packages"},
			says: []string{"what processor this machine has is not known", "NVIDIA has no packages of the toolkit"}},
		"Oracle's": {host: "rhel9-server", change: func(h *host.Host) { h.OS.ID = "ol" }, steps: []string{"docker/packages", "docker/source"}},
	} {
		t.Run(name, e.run)
	}
}

func TestToolkitEdges(t *testing.T) {
	for name, e := range map[string]edge{
		"too old": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Toolkit.Version = "1.17.4"
			for i, p := range h.Packages {
				h.Packages[i].Version = strings.Replace(p.Version, "1.20.1", "1.17.4", 1)
			}
		}, steps: []string{"toolkit/packages", "-toolkit/source"}, says: []string{"1.17.4 has CVE-"}},
		"with a fault": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Toolkit.Version = "1.20.0"
			for i, p := range h.Packages {
				h.Packages[i].Version = strings.Replace(p.Version, "1.20.1", "1.20.0", 1)
			}
		}, steps: []string{"toolkit/packages"}, says: []string{"1.20.0 has a fault that 1.20.1 has no more"}},
		"older and right": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Toolkit.Version = "1.19.1"
			for i, p := range h.Packages {
				h.Packages[i].Version = strings.Replace(p.Version, "1.20.1", "1.19.1", 1)
			}
		}, steps: []string{"-toolkit/packages"}, says: []string{"NVIDIA Container Toolkit 1.19.1 is installed"}},
		"another was asked for": {host: "ubuntu2404-all-right", wishes: Wishes{ToolkitVersion: "1.19.1"}, steps: []string{"toolkit/packages"}, says: []string{"it is 1.20.1, and 1.19.1 was asked for"},
			adds: []string{"nvidia-container-toolkit=1.19.1-1", "nvidia-container-toolkit-base=1.19.1-1", "libnvidia-container-tools=1.19.1-1", "libnvidia-container1=1.19.1-1"}},
		"without packages": {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.Packages = packages("docker-ce=5:29.4.0-1") }, steps: []string{"-toolkit/packages"}, says: []string{"NVIDIA Container Toolkit 1.20.1 is installed"}},
		"without packages, and old": {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.Packages, h.Toolkit.Version = packages("docker-ce=5:29.4.0-1"), "1.16.0" }, steps: []string{"-toolkit/packages"},
			says: []string{"the toolkit 1.16.0 is there without packages (/usr/bin/nvidia-ctk)"}},
		"CDI only is not enough for an older engine": {host: "ubuntu2404-cdi-only", change: func(h *host.Host) { h.Engine.Version = "29.1.5" }, steps: []string{"toolkit/packages"}, says: []string{"--gpus of Docker 29.1.5 needs the hook"}},
		"nvidia-docker": {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.Packages = append(h.Packages, packages("nvidia-docker2=2.13.0-1")...) }, steps: []string{"-toolkit/packages"},
			says: []string{"nvidia-docker2 is left of the days before --gpus"}},
		"Amazon Linux 2": {host: "amzn2023-docker25", change: func(h *host.Host) { h.OS.Version = "2" }, steps: []string{"-toolkit/packages", "-driver/packages"}, says: []string{"setup has no packages of the toolkit for amzn 2"}},
		"nvidia-ctk where nobody looks": {host: "ubuntu2404-all-right", change: func(h *host.Host) { delete(h.Toolkit.Binaries, "nvidia-ctk"); h.CDI.Specs = nil }, steps: []string{"-runtime/spec"},
			says: []string{"is written by nvidia-ctk, which is not on the engine's PATH"}},
		"the programs are there": {host: "container-h200-private-engine", change: func(h *host.Host) {
			h.Toolkit.Version, h.Toolkit.Binaries = "1.20.1", map[string]string{ctk: "/opt/engine/nvidia-ctk", cdiHook: "/opt/engine/nvidia-cdi-hook"}
		}, wishes: Wishes{ToolkitPath: "/opt/toolkit", ToolkitSums: map[string]string{ctk: strings.Repeat("a", 64), cdiHook: strings.Repeat("b", 64)}}, steps: []string{"-toolkit/programs"}, says: []string{"the toolkit's programs are in /opt/engine"}},
		"with a runtime": {host: "container-h200-private-engine", wishes: Wishes{ToolkitPath: "/opt/toolkit", NvidiaRuntime: true, ToolkitSums: map[string]string{ctk: strings.Repeat("a", 64), cdiHook: strings.Repeat("b", 64), "nvidia-container-runtime": strings.Repeat("c", 64)}},
			steps: []string{"toolkit/programs", "runtime/edit"}, says: []string{"copy nvidia-ctk, nvidia-cdi-hook and nvidia-container-runtime"}},
		"without a runtime": {host: "container-h200-private-engine", wishes: Wishes{ToolkitPath: "/opt/toolkit", NvidiaRuntime: true, ToolkitSums: map[string]string{ctk: strings.Repeat("a", 64), cdiHook: strings.Repeat("b", 64)}},
			steps: []string{"toolkit/programs", "-runtime/edit"}, says: []string{"which is not among the toolkit's programs here"}},
		"one source, twice the same": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			r := h.Toolkit.Repositories[0]
			r.File = "/etc/apt/sources.list.d/nvidia-again.list"
			h.Toolkit.Repositories = append(h.Toolkit.Repositories, r)
		}, steps: []string{"-toolkit/old-source-1"}},
		"two sources, the other unsigned": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Toolkit.Repositories = append([]host.Repository{{File: "/etc/apt/sources.list.d/nvidia-old.list", URI: "https://nvidia.github.io/libnvidia-container/stable/deb/amd64"}}, h.Toolkit.Repositories...)
		}, steps: []string{"toolkit/old-source-1", "-toolkit/source"}, says: []string{"take /etc/apt/sources.list.d/nvidia-old.list away"}},
		"an old key of CUDA's": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Toolkit.Repositories = append(h.Toolkit.Repositories, host.Repository{File: "/etc/apt/sources.list.d/cuda.list", URI: "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/", SignedBy: "/usr/share/keyrings/7fa2af80.gpg"})
		}, steps: []string{"toolkit/old-source-1"}, says: []string{"without the key that signs it today"}},
	} {
		t.Run(name, e.run)
	}
}

func TestRuntimeEdges(t *testing.T) {
	for name, e := range map[string]edge{
		"no Docker, no toolkit": {host: "ubuntu2404-no-gpu", wishes: Wishes{Only: []Part{RuntimePart}}, says: []string{"there is no NVIDIA GPU here that containers could use"}},
		"no toolkit":            {host: "ubuntu2404-docker294-running", wishes: Wishes{Only: []Part{RuntimePart}}, says: []string{"which is not installed"}, steps: []string{"-runtime/spec"}},
		"an engine of no known version": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Engine.Version, h.Packages = "", packages("nvidia-container-toolkit=1.20.1-1", "nvidia-container-toolkit-base=1.20.1-1")
		}, wishes: Wishes{Only: []Part{RuntimePart}}, says: []string{"what Docker needs depends on its version"}, steps: []string{"-runtime/restart"}},
		"Desktop, without its part": {host: "ubuntu2404-desktop", wishes: Wishes{Skip: []Part{DockerPart}}, says: []string{"is left alone"}},
		"programs alone for an old engine": {host: "debian12-docker2010-running", wishes: Wishes{ToolkitPath: "/opt/toolkit", ToolkitSums: map[string]string{ctk: strings.Repeat("a", 64), cdiHook: strings.Repeat("b", 64)}},
			steps: []string{"toolkit/programs", "-runtime/restart", "-runtime/spec"}, says: []string{"gives GPUs by nvidia-container-runtime-hook only"}},
		"programs alone before 29.2": {host: "ubuntu2404-docker283-idle", wishes: Wishes{ToolkitPath: "/opt/toolkit", ToolkitSums: map[string]string{ctk: strings.Repeat("a", 64), cdiHook: strings.Repeat("b", 64)}},
			steps: []string{"toolkit/programs", "runtime/spec", "-runtime/restart"}, says: []string{"`--device nvidia.com/gpu=all` works without"}},
		"CDI that waits for a restart": {host: "ubuntu2404-docker27-hook-running", change: func(h *host.Host) {
			h.Engine.Config, h.Engine.Running = `{"features":{"cdi":true}}`, 0
		}, steps: []string{"runtime/restart", "-runtime/edit"}},
		"CDI on, hook late": {host: "ubuntu2404-docker27-hook-running", change: func(h *host.Host) {
			h.Engine.Config, h.Engine.CDIDirs = `{"features":{"cdi":true}}`, []string{"/etc/cdi", "/var/run/cdi"}
			h.Toolkit.Installed = h.Engine.Started.Add(time.Hour)
		}, steps: []string{"-runtime/restart", "-runtime/keep"}, says: []string{"until Docker is restarted", "use `docker run --device nvidia.com/gpu=all`"}},
		"CDI on, hook known": {host: "ubuntu2404-docker27-hook-running", change: func(h *host.Host) {
			h.Engine.Config, h.Engine.CDIDirs = `{"features":{"cdi":true}}`, []string{"/etc/cdi", "/var/run/cdi"}
		}, steps: []string{"-runtime/restart", "-runtime/edit"}, says: []string{"CDI is switched on in Docker 27.5.1"}},
		"CDI off in the daemon, on in the file": {host: "ubuntu2404-docker294-cdi-off", change: func(h *host.Host) { h.Engine.Config = "{}" }, steps: []string{"runtime/restart", "-runtime/edit", "runtime/keep"}},
		"the runtime is registered": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Engine.ConfigFile, h.Engine.Config = "/etc/docker/daemon.json", `{"runtimes":{"nvidia":{"path":"/usr/bin/nvidia-container-runtime"}}}`
			h.Engine.Runtimes["nvidia"] = "/usr/bin/nvidia-container-runtime"
		}, wishes: Wishes{NvidiaRuntime: true}, steps: []string{"-runtime/edit", "-runtime/reload"}, says: []string{"the runtime nvidia is registered"}},
		"the runtime is a flag": {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.Engine.Runtimes["nvidia"] = "/usr/bin/nvidia-container-runtime" }, wishes: Wishes{NvidiaRuntime: true},
			steps: []string{"-runtime/edit", "-runtime/reload"}, says: []string{"registered on dockerd's command line"}},
		"the runtime waits for a reload": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Engine.ConfigFile, h.Engine.Config = "/etc/docker/daemon.json", `{"runtimes":{"nvidia":{"path":"/usr/bin/nvidia-container-runtime"}}}`
		}, wishes: Wishes{NvidiaRuntime: true}, steps: []string{"-runtime/edit", "runtime/reload"}},
		"a rootless engine without a file": {host: "ubuntu2404-rootless-27", change: func(h *host.Host) { h.Engine.ConfigFile, h.Engine.Config = "", "" }, steps: []string{"-runtime/edit", "-runtime/restart"},
			says: []string{"where this Docker has its daemon.json is not known: set features.cdi there, and restart it"}},
		"a rootless engine that may restart": {host: "ubuntu2404-rootless-27", wishes: Wishes{AllowRestart: true}, steps: []string{"runtime/edit", "runtime/restart", "-runtime/keep"},
			says: []string{"running containers stop, and start again by their restart policies only"}},
		"a file nobody would write to": {host: "ubuntu2204-docker25-idle", change: func(h *host.Host) { h.Engine.ConfigFile = "/etc/../root/x y.json" }, steps: []string{"-runtime/edit"}, says: []string{"is not known"}},
		"live-restore is forbidden": {host: "rocky9-docker24-running", change: func(h *host.Host) { h.Engine.Args = append(h.Engine.Args, "--live-restore=false") }, steps: []string{"-runtime/keep", "-runtime/restart"},
			says: []string{"dockerd's command line forbids live-restore"}},
		"Docker does not say what runs": {host: "rocky9-docker24-running", change: func(h *host.Host) { h.Engine.Version, h.Engine.Error = "", "permission denied" }, steps: []string{"-runtime/keep", "-runtime/restart"},
			says: []string{"Docker does not say what runs"}},
		"a swarm that is pending": {host: "rocky9-docker24-running", change: func(h *host.Host) { h.Engine.Swarm.State = "pending" }, steps: []string{"-runtime/keep"}, says: []string{"live-restore does not go together with Swarm"}},
		"live-restore is on":      {host: "rocky9-docker24-running", change: func(h *host.Host) { h.Engine.LiveRestore = true }, steps: []string{"-runtime/keep", "runtime/restart"}, says: []string{"running containers stay up (live-restore)"}},
		"systemd was not asked":   {host: "ubuntu2404-docker294-running", change: func(h *host.Host) { h.Unread = map[string]string{"systemd": "systemd did not answer within 3s"} }, steps: []string{"-runtime/spec", "-runtime/restart"}, says: []string{"systemd did not answer within 3s"}},
		"CDI's folders were not read": {host: "ubuntu2404-docker294-running", change: func(h *host.Host) { h.Unread = map[string]string{"cdi": "/etc/cdi: permission denied"} }, steps: []string{"-runtime/spec", "-runtime/nvidia-cdi-refresh.service"},
			says: []string{"/etc/cdi: permission denied"}},
		"hooks without a client": {host: "ubuntu2404-docker283-running", change: func(h *host.Host) { h.Engine.Client = "" }, wishes: Wishes{ClientConfig: "/home/user-1/.docker/config.json"}, steps: []string{"-hooks/enable"}, says: []string{"no Docker client here"}},
		"hooks that are off":     {host: "ubuntu2404-all-right", change: func(h *host.Host) { h.Engine.Hooks["features.hooks"] = "false" }, wishes: Wishes{ClientConfig: "/home/user-1/.docker/config.json"}, steps: []string{"hooks/enable"}},
		"a service without a path": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.Units = []host.Unit{{Name: "docker.service", Active: "active", Enabled: "enabled"}, {Name: refreshUnit, Active: "inactive", Enabled: "enabled"}}
		}, steps: []string{"-runtime/nvidia-cdi-refresh.path"}},
		"a spec that cannot be read": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.CDI.Specs[0].Path, h.CDI.Specs[0].Error = "/etc/cdi/nvidia.yaml", "it ends in the middle"
		}, steps: []string{"runtime/old-spec-1", "runtime/spec"}, says: []string{"it cannot be read, and /var/run/cdi/nvidia.yaml takes its place"}},
		"somebody else's spec that cannot be read": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			h.CDI.Specs = append(h.CDI.Specs, host.CDISpec{Path: "/etc/cdi/other.yaml", Error: "it ends in the middle"})
		}, steps: []string{"-runtime/old-spec-1"}},
		"a right spec elsewhere": {host: "ubuntu2404-all-right", change: func(h *host.Host) {
			s := h.CDI.Specs[0]
			s.Path = "/etc/cdi/nvidia.yaml"
			h.CDI.Specs = append(h.CDI.Specs, s)
		}, steps: []string{"-runtime/old-spec-1"}},
	} {
		t.Run(name, e.run)
	}
}

// An upgraded toolkit is known where it was used, and is not known for sure where it was not.
func TestToolkitThatWasUsed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*host.Host)
		known  bool
	}{
		"never":             {func(*host.Host) {}, false},
		"by the runtime":    {func(h *host.Host) { h.Engine.Runtimes["nvidia"] = "nvidia-container-runtime" }, true},
		"by the hook":       {func(h *host.Host) { h.Engine.Containers = []host.Container{{Route: "hook", GPUs: []string{"all"}}} }, true},
		"by --gpus and CDI": {func(h *host.Host) { h.Engine.Containers = []host.Container{{Route: "cdi", GPUs: []string{"all"}}} }, true},
		"by a CDI device": {func(h *host.Host) {
			h.Engine.Containers = []host.Container{{Route: "cdi", GPUs: []string{"nvidia.com/gpu=all"}}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := recorded(t, "ubuntu2404-docker291-late-toolkit")
			h.Engine.Running = 0
			c.change(h)
			plan, err := Make(h, Wishes{Only: []Part{RuntimePart}}, plannedAt())
			assert.NilError(t, err)
			assert.Equal(t, len(plan.Steps) == 0, c.known, "%+v", plan.Steps)
		})
	}
}

// Hooks explain why containers got no GPU: without one they come only if they are asked for.
func TestHooksWithoutAGPU(t *testing.T) {
	for name, c := range map[string]struct {
		host  string
		only  []Part
		steps int
	}{
		"a GPU":            {"ubuntu2404-cdi-only", nil, 1},
		"none":             {"ubuntu2404-no-gpu", nil, 0},
		"none, asked for":  {"ubuntu2404-no-gpu", []Part{HooksPart}, 1},
		"none, not at all": {"ubuntu2404-no-gpu", []Part{RuntimePart}, 0},
	} {
		h := recorded(t, c.host)
		h.Engine.Hooks = nil
		plan, err := Make(h, Wishes{ClientConfig: "/home/me/.docker/config.json", Only: c.only}, plannedAt())
		assert.NilError(t, err)
		assert.Equal(t, len(plan.Steps), c.steps, name)
	}
}
