package host

import "time"

// SchemaVersion is the form of a Host's JSON. A file of another version is refused.
const SchemaVersion = 1

// Host is a machine as far as it could be seen.
type Host struct {
	SchemaVersion int       `json:"schemaVersion,omitempty"`
	Taken         time.Time `json:"taken,omitzero"`
	// Context is the Docker context that was looked at; Local says that its engine
	// runs on the machine that looked.
	Context string `json:"context,omitempty"`
	Local   bool   `json:"local,omitempty"`
	Name    string `json:"name,omitempty"` // host name; redacted in recordings
	// Arch is the processor's, as Go and OCI name it: "amd64", "arm64"; empty if unknown.
	Arch     string    `json:"arch,omitempty"`
	OS       OS        `json:"os,omitzero"`
	Kernel   Kernel    `json:"kernel,omitzero"`
	PCI      []PCI     `json:"pci,omitempty"`
	Driver   Driver    `json:"driver,omitzero"`
	GPUs     []GPU     `json:"gpus,omitempty"`
	Xids     []Xid     `json:"xids,omitempty"`
	Nodes    []Node    `json:"nodes,omitempty"`
	Toolkit  Toolkit   `json:"toolkit,omitzero"`
	CDI      CDI       `json:"cdi,omitzero"`
	Engine   Engine    `json:"engine,omitzero"`
	Limits   Limits    `json:"limits,omitzero"`
	Disks    []Disk    `json:"disks,omitempty"`
	Units    []Unit    `json:"units,omitempty"`
	Packages []Package `json:"packages,omitempty"` // of the driver, Docker and the toolkit
	// Stuck are processes that stay in uninterruptible sleep (state D) with an NVIDIA
	// name or in the driver: a wedged driver. From /proc/PID/stat, looked at twice.
	Stuck []Process `json:"stuck,omitempty"`
	// Unread says of each source that could not be read why: "nvml" → "NVML did not
	// answer within 5s". A source that is simply not there is not in it.
	Unread map[string]string `json:"unread,omitempty"`
}

// OS is the operating system.
type OS struct {
	ID      string `json:"id,omitempty"`      // of os-release: "ubuntu"
	Like    string `json:"like,omitempty"`    // ID_LIKE: "debian"
	Version string `json:"version,omitempty"` // VERSION_ID: "24.04"
	Pretty  string `json:"pretty,omitempty"`
	// WSL is 1 or 2 in Windows' Linux, else 0.
	WSL int `json:"wsl,omitempty"`
	// Container is the kind of container that the probe itself ran in, "" on a host.
	Container string `json:"container,omitempty"`
	// Virtual is the hypervisor as systemd-detect-virt names it, "" on bare metal or unknown.
	Virtual string `json:"virtual,omitempty"`
	// SELinux is "enforcing", "permissive" or "".
	SELinux string `json:"selinux,omitempty"`
	// SecureBoot is "on", "off" or "" for unknown.
	SecureBoot string `json:"secureBoot,omitempty"`
}

// Kernel is the running kernel and what the next boot brings.
type Kernel struct {
	Release string `json:"release,omitempty"` // uname -r
	Cmdline string `json:"cmdline,omitempty"`
	// NextBoot is the release that the boot loader starts next, as far as is known:
	// the newest installed one.
	NextBoot string `json:"nextBoot,omitempty"`
	// Installed are the kernels under /lib/modules and their NVIDIA modules.
	Installed []InstalledKernel `json:"installed,omitempty"`
	// Modules are the loaded ones that matter here: nvidia*, nouveau, nova*, vfio_pci, nvidia_uvm.
	Modules []Module `json:"modules,omitempty"`
	// Blacklisted are modules that /etc/modprobe.d keeps from loading, "nouveau".
	Blacklisted []string `json:"blacklisted,omitempty"`
	// DeviceMajors are /proc/devices: "nvidia-uvm" → 511.
	DeviceMajors map[string]int `json:"deviceMajors,omitempty"`
	// Log are lines of the kernel log that catalogue checks look for, in order, less Xids.
	Log []LogLine `json:"log,omitempty"`
	// Booted is when the machine started.
	Booted time.Time `json:"booted,omitzero"`
	// ACS are addresses of switches' PCI bridges above GPUs whose Access Control Services
	// send traffic between GPUs through the root complex (ReqRedir or CmpltRedir is set).
	ACS []string `json:"acs,omitempty"`
	// IOMMU is what the IOMMU does for GPUs: "off" where there is none, "passthrough",
	// "translate", "on" where it cannot be told which; empty if unknown.
	IOMMU string `json:"iommu,omitempty"`
}

// InstalledKernel is one directory of /lib/modules.
type InstalledKernel struct {
	Release string `json:"release"`
	// NVIDIA is the path of its nvidia module, "" if it has none.
	NVIDIA string `json:"nvidia,omitempty"`
	// NVIDIAVersion is that module's version, "" if unknown. Modules are read of the
	// kernel that starts next and, where no driver is loaded, of the running one.
	NVIDIAVersion string `json:"nvidiaVersion,omitempty"`
	// Unsigned says that it was read and carries no signature: Secure Boot refuses it.
	Unsigned bool `json:"unsigned,omitempty"`
	// Signer is who signed it, as modinfo says it: the common name of the key's
	// certificate, or the key's id in hex. "" if unknown or unsigned, and of a packed
	// module that is loaded, since the kernel has taken it.
	Signer string `json:"signer,omitempty"`
	// Enrolled says whether the machine's firmware or kernel knows the signer's key; nil
	// if that could not be found out, which takes root.
	Enrolled *bool `json:"enrolled,omitempty"`
	// Headers says that /lib/modules/RELEASE/build leads somewhere, so DKMS can build.
	Headers bool `json:"headers,omitempty"`
}

// Module is a loaded kernel module.
type Module struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// Parameters are those under /sys/module/NAME/parameters that matter.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// LogLine is a line of the kernel log.
type LogLine struct {
	// Since is the time since boot.
	Since time.Duration `json:"since"`
	Text  string        `json:"text"`
}

// Xid is an error that the driver wrote to the kernel log.
type Xid struct {
	// Since is the time since boot.
	Since time.Duration `json:"since"`
	// PCI is "0000:65:00.0", empty where the line names none.
	PCI  string `json:"pci,omitempty"`
	Code int    `json:"code"`
	Text string `json:"text"`
}

// Unit is a systemd unit that matters here.
type Unit struct {
	Name string `json:"name"` // "nvidia-persistenced.service"
	// Active is systemd's ActiveState, "active", "failed", "inactive"; Enabled its UnitFileState.
	Active  string `json:"active,omitempty"`
	Enabled string `json:"enabled,omitempty"`
}

// Package is an installed package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Held says that upgrades leave it alone.
	Held bool `json:"held,omitempty"`
}

// Limits are what containers of this host get by default.
type Limits struct {
	// Shm is the size of /dev/shm that the engine gives, 0 if unknown; 64 MiB is Docker's own.
	Shm int64 `json:"shm,omitempty"`
	// Memlock is the engine's default locked-memory limit, -1 for unlimited, 0 if not set.
	Memlock int64 `json:"memlock,omitempty"`
}

// Disk is a file system that matters here.
type Disk struct {
	Path string `json:"path"` // "/var/lib/docker"
	Size uint64 `json:"size"`
	Free uint64 `json:"free"`
}
