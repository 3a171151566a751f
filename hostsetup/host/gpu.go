package host

import "time"

// PCI is an NVIDIA device on the bus, whether a driver knows it or not.
type PCI struct {
	Address string `json:"address"` // "0000:65:00.0"
	Vendor  string `json:"vendor"`  // "10de"
	Device  string `json:"device"`  // "2335"
	Class   string `json:"class"`   // "0302": 3D controller; "0300": VGA; "0680": bridge, such as an NVSwitch
	// Driver is the kernel driver bound to it: "nvidia", "nouveau", "vfio-pci", "".
	Driver string `json:"driver,omitempty"`
	// LinkGen and LinkWidth are what the link runs at, MaxGen and MaxWidth what it can;
	// 0 if unknown. An idle GPU lowers its generation.
	LinkGen   int `json:"linkGen,omitempty"`
	LinkWidth int `json:"linkWidth,omitempty"`
	MaxGen    int `json:"maxGen,omitempty"`
	MaxWidth  int `json:"maxWidth,omitempty"`
	NUMA      int `json:"numa,omitempty"` // node; -1 where the platform has none
	// IOMMU is the type of the device's IOMMU group: "identity" passes addresses through,
	// "DMA" and "DMA-FQ" translate them; empty where there is no group.
	IOMMU string `json:"iommu,omitempty"`
}

// Driver is NVIDIA's kernel driver and the libraries that go with it.
type Driver struct {
	// Version is the loaded kernel module's, "580.65.06"; empty where none is loaded.
	Version string `json:"version,omitempty"`
	// Flavour is "open" or "proprietary", empty if unknown.
	Flavour string `json:"flavour,omitempty"`
	// CUDA is the newest CUDA version that it supports, "13.0".
	CUDA string `json:"cuda,omitempty"`
	// CUDAError is what cuInit answered on the host where it was tried and failed:
	// the number first, "3 CUDA_ERROR_NOT_INITIALIZED".
	CUDAError string `json:"cudaError,omitempty"`
	// NVML is the version of the library that answered.
	NVML string `json:"nvml,omitempty"`
	// Libraries are libcuda, libnvidia-ml and their like, by path.
	Libraries []Library `json:"libraries,omitempty"`
	// Runfile says that a .run installer put it there (/usr/bin/nvidia-uninstall).
	Runfile bool `json:"runfile,omitempty"`
	// FabricManager is the installed fabric manager's version, "" if there is none.
	FabricManager string `json:"fabricManager,omitempty"`
}

// Library is a shared library of the driver.
type Library struct {
	Path string `json:"path"` // of the file behind all links
	// Version is the one in its name, "580.65.06".
	Version string `json:"version,omitempty"`
	// Changed is when it came onto the disk (its inode's change time): containers that
	// started before it hold another one.
	Changed time.Time `json:"changed,omitzero"`
}

// GPU is one NVIDIA GPU. What it does not support is nil or empty.
type GPU struct {
	Index int    `json:"index"`
	UUID  string `json:"uuid,omitempty"`
	// Name is NVML's, "NVIDIA H200".
	Name   string `json:"name"`
	Serial string `json:"serial,omitempty"`
	// PCI is its address, "0000:65:00.0".
	PCI string `json:"pci,omitempty"`
	// Minor is the number in /dev/nvidiaN; nil if unknown.
	Minor *int `json:"minor,omitempty"`
	// ComputeCapability is "9.0"; empty if unknown.
	ComputeCapability string `json:"computeCapability,omitempty"`
	Architecture      string `json:"architecture,omitempty"` // "Hopper"
	VBIOS             string `json:"vbios,omitempty"`
	Memory            uint64 `json:"memory,omitempty"` // bytes
	MemoryUsed        uint64 `json:"memoryUsed,omitempty"`
	// Errors are NVML calls that failed though the GPU should support them: call → text.
	Errors map[string]string `json:"errors,omitempty"`
	// Lost says that NVML lists the GPU but cannot reach it.
	Lost bool `json:"lost,omitempty"`

	Temperature  *Temperature `json:"temperature,omitempty"`
	Power        *Power       `json:"power,omitempty"`
	Clocks       *Clocks      `json:"clocks,omitempty"`
	Fans         []Fan        `json:"fans,omitempty"`
	Utilization  *Utilization `json:"utilization,omitempty"`
	ECC          *ECC         `json:"ecc,omitempty"`
	RemappedRows *Remap       `json:"remappedRows,omitempty"`
	PCIe         *PCIe        `json:"pcie,omitempty"`
	NVLinks      []NVLink     `json:"nvlinks,omitempty"`
	Fabric       *Fabric      `json:"fabric,omitempty"`
	MIG          *MIG         `json:"mig,omitempty"`
	// Persistence is nil if unknown.
	Persistence *bool `json:"persistence,omitempty"`
	// ComputeMode is "default", "exclusive-process" or "prohibited".
	ComputeMode string `json:"computeMode,omitempty"`
	// GSP is the firmware's version, "" where it is off.
	GSP string `json:"gsp,omitempty"`
	// RecoveryAction is what NVML (field 230) says the GPU needs: "none", "gpu-reset",
	// "node-reboot", "drain-p2p", "drain-and-reset", "recover-imex-domain", "bus-reset",
	// "system-reboot"; empty if unknown.
	RecoveryAction string `json:"recoveryAction,omitempty"`
	// InfoROM is "ok", "corrupted" or "".
	InfoROM   string    `json:"inforom,omitempty"`
	Processes []Process `json:"processes,omitempty"`
}

// Temperature is in degrees Celsius. Limits are absolute; where a card gives margins
// only (Hopper and newer), they are computed from the current temperature.
type Temperature struct {
	GPU      int  `json:"gpu"`
	Memory   *int `json:"memory,omitempty"`
	Slowdown *int `json:"slowdown,omitempty"`
	Shutdown *int `json:"shutdown,omitempty"`
	// Margin is what is left to the slowdown.
	Margin *int `json:"margin,omitempty"`
}

// Power is in watts.
type Power struct {
	Draw    float64 `json:"draw"`
	Limit   float64 `json:"limit,omitempty"`
	Default float64 `json:"default,omitempty"`
	Min     float64 `json:"min,omitempty"`
	Max     float64 `json:"max,omitempty"`
}

// Clocks are in MHz. Reasons are what holds them down, in NVML's words without the
// prefix: "gpu_idle", "sw_power_cap", "hw_slowdown", "sw_thermal", "hw_thermal",
// "hw_power_brake", "applications", "sync_boost", "display", "board_limit",
// "reliability"; a bit that has no word is "0x800".
type Clocks struct {
	SM        int      `json:"sm"`
	SMMax     int      `json:"smMax,omitempty"`
	Memory    int      `json:"memory,omitempty"`
	MemoryMax int      `json:"memoryMax,omitempty"`
	Reasons   []string `json:"reasons,omitempty"`
	// Held is how long each reason has held them down since the driver was loaded, by
	// the words of Reasons. Two readings apart tell what happened in between.
	Held map[string]time.Duration `json:"held,omitempty"`
}

// Fan is one fan; a passive card has none.
type Fan struct {
	Percent int `json:"percent"`
	RPM     int `json:"rpm,omitempty"`
}

// Utilization is in percent.
type Utilization struct {
	GPU    int `json:"gpu"`
	Memory int `json:"memory"`
}

// ECC counts memory errors: volatile since the driver was loaded, aggregate over the card's life.
type ECC struct {
	On                     bool   `json:"on"`
	Pending                bool   `json:"pending"` // after the next reset
	VolatileCorrected      uint64 `json:"volatileCorrected,omitempty"`
	VolatileUncorrected    uint64 `json:"volatileUncorrected,omitempty"`
	AggregateCorrected     uint64 `json:"aggregateCorrected,omitempty"`
	AggregateUncorrected   uint64 `json:"aggregateUncorrected,omitempty"`
	SRAMThresholdExceeded  bool   `json:"sramThresholdExceeded,omitempty"`
	RetiredPages           int    `json:"retiredPages,omitempty"`
	RetiredPagesPending    bool   `json:"retiredPagesPending,omitempty"`
	RetiredPagesDoubleBits int    `json:"retiredPagesDoubleBits,omitempty"`
}

// Remap is row remapping (Ampere and newer).
type Remap struct {
	Corrected   int  `json:"corrected"`
	Uncorrected int  `json:"uncorrected"`
	Pending     bool `json:"pending"`
	Failed      bool `json:"failed"`
}

// PCIe is the link as NVML sees it.
type PCIe struct {
	Gen      int `json:"gen"`
	Width    int `json:"width"`
	MaxGen   int `json:"maxGen,omitempty"`
	MaxWidth int `json:"maxWidth,omitempty"`
	// Replays counts since the driver was loaded.
	Replays uint64 `json:"replays,omitempty"`
}

// NVLink is one link.
type NVLink struct {
	Link    int    `json:"link"`
	Active  bool   `json:"active"`
	Version int    `json:"version,omitempty"`
	Errors  uint64 `json:"errors,omitempty"` // replay, recovery and CRC, together
}

// Fabric is an NVSwitch machine's state: "completed", "in-progress", "not-started",
// "not-supported". Status is "" where that went well, else NVML's error; Health is ""
// or what NVML complains of.
type Fabric struct {
	State  string `json:"state"`
	Status string `json:"status,omitempty"`
	Health string `json:"health,omitempty"`
}

// MIG is the multi-instance state of a GPU.
type MIG struct {
	On      bool        `json:"on"`
	Pending bool        `json:"pending"`
	Devices []MIGDevice `json:"devices,omitempty"`
}

// MIGDevice is one instance.
type MIGDevice struct {
	Index   int    `json:"index"`
	UUID    string `json:"uuid"`
	Profile string `json:"profile,omitempty"` // "1g.18gb"
	Memory  uint64 `json:"memory,omitempty"`
	// MemoryUsed is in bytes, as Memory is.
	MemoryUsed uint64 `json:"memoryUsed,omitempty"`
	GI         int    `json:"gi"`
	CI         int    `json:"ci"`
}

// Process is a program that uses a GPU.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name,omitempty"`
	// Kind is "compute", "graphics" or "mps".
	Kind   string `json:"kind,omitempty"`
	Memory uint64 `json:"memory,omitempty"`
	// Container is the full ID of the container that it runs in, from its cgroup.
	Container string `json:"container,omitempty"`
	// MIG is the index of the instance, nil where there is none.
	MIG *int `json:"mig,omitempty"`
}
