package policy

import "strings"

// Package is a beginning of the names of packages that matter to a GPU host.
type Package struct {
	// Prefix begins their names; where Whole is set it is a name.
	Prefix string
	Whole  bool
	// Of is what they belong to: "driver", "toolkit", "docker".
	Of     string
	Source string
	Date   string
}

// Packages lists them, as distributions and vendors name theirs.
func Packages() []Package {
	const (
		ubuntu = "packages.ubuntu.com, sources linux-restricted-modules, nvidia-graphics-drivers-580-server and fabric-manager-580"
		debian = "packages.debian.org, source nvidia-graphics-drivers"
		fusion = "rpmfusion.org/Howto/NVIDIA"
		cuda   = "developer.download.nvidia.com/compute/cuda/repos; docs.nvidia.com/datacenter/tesla/driver-installation-guide"
		nvidia = ubuntu + "; " + cuda + "; build.opensuse.org, nvidia-open-driver-G06-signed; CHANGELOG of NVIDIA/nvidia-container-toolkit"
		docker = "docs.docker.com/engine/install"
		distro = "packages.debian.org bookworm: docker.io, containerd, runc, podman-docker, dkms"
		azure  = "packages.microsoft.com: moby-engine, moby-cli, moby-containerd"
		date   = "2026-11-27"
	)
	return []Package{
		{"akmod-nvidia", false, "driver", fusion, date},
		{"containerd", false, "docker", docker + "; " + distro, date},
		{"cuda-compat", false, "driver", cuda, date},
		{"cuda-drivers", false, "driver", cuda + "; NVIDIA/yum-packaging-fabric-manager", date},
		{"cuda-keyring", false, "driver", cuda, date},
		{"dkms", true, "driver", distro, date},
		{"docker", false, "docker", docker + "; " + distro, date},
		{"kmod-nvidia", false, "driver", fusion + "; " + cuda, date},
		{"libcuda1", false, "driver", debian, date},
		{"libnvidia", false, "driver", nvidia, date},
		{"linux-modules-nvidia", false, "driver", ubuntu, date},
		{"linux-objects-nvidia", false, "driver", ubuntu, date},
		{"linux-signatures-nvidia", false, "driver", ubuntu, date},
		{"moby", false, "docker", azure, date},
		{"nvidia", false, "driver", nvidia, date},
		{"podman-docker", true, "docker", distro, date},
		{"runc", true, "docker", distro, date},
		{"xorg-x11-drv-nvidia", false, "driver", fusion, date},
	}
}

// PackageMatters says whether a package is of the driver, Docker or the toolkit.
func PackageMatters(name string) bool {
	for _, p := range Packages() {
		if name == p.Prefix || !p.Whole && strings.HasPrefix(name, p.Prefix) {
			return true
		}
	}
	return false
}

// IsFabricManager says whether a package is the fabric manager: "nvidia-fabricmanager-580"
// of Ubuntu and SUSE, "nvidia-fabric-manager" of the repositories for dnf; the same with
// "-dev" or "-devel" are for programs that talk to it.
// Source: packages.ubuntu.com, nvidia-fabricmanager-580; NVIDIA/yum-packaging-fabric-manager;
// docs.aws.amazon.com, NVIDIA drivers for Amazon Linux 2023 (dnf install
// nvidia-fabric-manager). Date: 2026-11-27.
func IsFabricManager(name string) bool {
	rest, ok := strings.CutPrefix(name, "nvidia-fabricmanager")
	if !ok {
		rest, ok = strings.CutPrefix(name, "nvidia-fabric-manager")
	}
	return ok && !strings.HasPrefix(rest, "-dev")
}

// ProgramDirs are the folders where a driver's programs lie that no distribution's package
// brought, nvidia-smi among them: before the usual ones on the path of what looks for them.
//
// Source: NVIDIA/gpu-operator's driver container (/run/nvidia/driver), Container-Optimized OS
// (/home/kubernetes/bin/nvidia), GKE's and rented machines' mount (/usr/local/nvidia, seen with
// driver 580.159 on 2026-11-27), NixOS (/run/current-system/sw); 2026-11-27.
func ProgramDirs() []string {
	return []string{"/usr/local/nvidia/bin", "/run/nvidia/driver/usr/bin", "/home/kubernetes/bin/nvidia/bin", "/run/current-system/sw/bin"}
}
