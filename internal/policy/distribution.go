package policy

import "strings"

// Distribution is a release of a distribution and what is packaged for it.
type Distribution struct {
	// ID and Version are os-release's. A version without a dot stands for all that begin so.
	ID, Version string
	// Codename is the suite of its repositories, "" where they have none.
	Codename string
	// CUDA is its folder in NVIDIA's repositories of drivers, "" where it has none.
	CUDA string
	// Docker is its folder in Docker's own repository, "" where it has none.
	Docker string
	// Own are its own packages of Docker, and OwnVersion what they are, "" if unknown.
	Own        []string
	OwnVersion string
	// Kernel is the kernel that Ubuntu released it with: later ones have modules by other names.
	Kernel string
	Source string
	Date   string
}

// Distributions lists those that setup knows how to install on.
func Distributions() []Distribution {
	const (
		apt  = "docs.docker.com/engine/install; R620 driver installation guide; packages.ubuntu.com, packages.debian.org"
		rpm  = "docs.docker.com/engine/install; R620 driver installation guide"
		suse = "R620 driver installation guide; Docker has no packages for SUSE on amd64"
		date = "2026-11-27"
	)
	var (
		ubuntu = []string{"docker.io", "docker-buildx", "docker-compose-v2"}
		moby   = []string{"moby-engine", "docker-cli", "docker-buildx", "docker-compose"}
		docker = []string{"docker"}
	)
	return []Distribution{
		{"ubuntu", "22.04", "jammy", "ubuntu2204", "ubuntu", ubuntu, "", "5.15", apt, date},
		{"ubuntu", "24.04", "noble", "ubuntu2404", "ubuntu", ubuntu, "", "6.8", apt, date},
		{"ubuntu", "25.10", "questing", "", "ubuntu", ubuntu, "", "6.17", apt, date},
		{"ubuntu", "26.04", "resolute", "ubuntu2604", "ubuntu", ubuntu, "", "7.0", apt, date},
		{"debian", "12", "bookworm", "debian12", "debian", []string{"docker.io"}, "20.10", "", apt, date},
		{"debian", "13", "trixie", "debian13", "debian", []string{"docker.io", "docker-cli", "docker-buildx"}, "26.1", "", apt, date},
		{"rhel", "8", "", "rhel8", "rhel", nil, "", "", rpm, date},
		{"rhel", "9", "", "rhel9", "rhel", nil, "", "", rpm, date},
		{"rhel", "10", "", "rhel10", "rhel", nil, "", "", rpm, date},
		{"centos", "9", "", "rhel9", "centos", nil, "", "", rpm, date},
		{"centos", "10", "", "rhel10", "centos", nil, "", "", rpm, date},
		{"rocky", "8", "", "rhel8", "rhel", nil, "", "", rpm, date},
		{"rocky", "9", "", "rhel9", "rhel", nil, "", "", rpm, date},
		{"rocky", "10", "", "rhel10", "rhel", nil, "", "", rpm, date},
		{"almalinux", "8", "", "rhel8", "rhel", nil, "", "", rpm, date},
		{"almalinux", "9", "", "rhel9", "rhel", nil, "", "", rpm, date},
		{"almalinux", "10", "", "rhel10", "rhel", nil, "", "", rpm, date},
		{"ol", "8", "", "rhel8", "rhel", nil, "", "", rpm, date},
		{"ol", "9", "", "rhel9", "rhel", nil, "", "", rpm, date},
		{"fedora", "43", "", "", "fedora", moby, "", "", rpm, date},
		{"fedora", "44", "", "fedora44", "fedora", moby, "", "", rpm, date},
		{"amzn", "2023", "", "amzn2023", "", docker, "25.0", "", rpm, date},
		{"sles", "15", "", "sles15", "", docker, "", "", suse, date},
		{"sles", "16", "", "suse16", "", docker, "", "", suse, date},
		{"opensuse-leap", "15", "", "opensuse15", "", docker, "", "", suse, date},
		{"opensuse-leap", "16", "", "suse16", "", docker, "", "", suse, date},
		{"opensuse-tumbleweed", "", "", "", "", docker, "", "", suse, date},
	}
}

// DistributionOf is what is known of a release.
func DistributionOf(id, version string) (Distribution, bool) {
	for _, d := range Distributions() {
		if d.ID == id && (d.Version == "" || d.Version == version || strings.HasPrefix(version, d.Version+".")) {
			return d, true
		}
	}
	return Distribution{}, false
}

// Manager is the package manager of a distribution by its ID and ID_LIKE: "apt", "dnf",
// "zypper", or "" for one not known.
func Manager(id, like string) string {
	for _, name := range append([]string{id}, strings.Fields(like)...) {
		switch name {
		case "debian", "ubuntu":
			return "apt"
		case "rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn", "azurelinux":
			return "dnf"
		case "suse", "sles", "opensuse", "opensuse-leap", "opensuse-tumbleweed":
			return "zypper"
		}
	}
	return ""
}

// CUDAArch is a processor as NVIDIA's repositories of drivers name it, "" for one without any.
func CUDAArch(arch string) string {
	return map[string]string{"amd64": "x86_64", "arm64": "sbsa"}[arch]
}

// UbuntuBranches are the driver branches in Ubuntu's archive, the newest first; each is there
// for servers and for desktops, with signed modules. Source: packages.ubuntu.com, sources
// nvidia-graphics-drivers-580, -595 and their -server twins, jammy to resolute; older names
// are transitional packages of them. Date: 2026-11-27.
func UbuntuBranches() []int { return []int{595, 580} }

// UbuntuFlavours are the kernels of Ubuntu for which its archive has signed NVIDIA modules.
// Source: packages.ubuntu.com, linux-restricted-modules and its likes; 2026-11-27.
func UbuntuFlavours() []string {
	return []string{"generic", "generic-64k", "lowlatency", "lowlatency-64k", "aws", "azure", "gcp", "oracle", "oem", "nvidia", "nvidia-64k", "nvidia-lowlatency"}
}

// DockerPackages are Docker's own, and DockerConflicts those of distributions that hold the
// same files. Source: docs.docker.com/engine/install; 2026-11-23.
func DockerPackages() []string {
	return []string{"docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"}
}

// DockerConflicts are the packages that Docker's own cannot stand beside.
func DockerConflicts() []string {
	return []string{"docker.io", "docker-cli", "docker-buildx", "docker-compose", "docker-compose-v2", "docker-doc", "podman-docker", "containerd", "runc",
		"moby-engine", "docker", "docker-client", "docker-engine"}
}

// ToolkitRefresh is the toolkit from which on systemd writes the CDI spec anew at boot and
// after changes. Source: release notes of 1.18.0; 2026-11-23.
const ToolkitRefresh = "1.18.0"
