// Package host says what a machine is, in plain structs whose JSON is public.
package host

// Host is a machine as far as it could be seen. Nothing that is missing is an error.
type Host struct {
	// Arch is the processor's, as Go and OCI name it: "amd64", "arm64"; empty if unknown.
	Arch string `json:"arch,omitempty"`
	// Driver is the NVIDIA kernel driver's version, "580.65.06"; empty where none is loaded.
	Driver string `json:"driver,omitempty"`
	GPUs   []GPU  `json:"gpus,omitempty"`
}

// GPU is one NVIDIA GPU.
type GPU struct {
	Index int    `json:"index"`
	UUID  string `json:"uuid,omitempty"`
	// Name is NVML's, "NVIDIA H200".
	Name string `json:"name"`
	// ComputeCapability is "9.0"; empty if unknown.
	ComputeCapability string `json:"computeCapability,omitempty"`
	Memory            uint64 `json:"memory,omitempty"` // bytes
}
