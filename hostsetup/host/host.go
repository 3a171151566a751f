// Package host says what a machine is, in plain structs whose JSON is public.
package host

// Host is a machine as far as it could be seen. Nothing that is missing is an error.
type Host struct {
	// Driver is the NVIDIA kernel driver's version, "580.65.06"; empty where none is loaded.
	Driver string `json:"driver,omitempty"`
	GPUs   []GPU  `json:"gpus,omitempty"`
}

// GPU is one NVIDIA GPU.
type GPU struct {
	Index             int    `json:"index"`
	UUID              string `json:"uuid"`
	Name              string `json:"name"`
	ComputeCapability string `json:"computeCapability"` // "9.0"
	Memory            uint64 `json:"memory"`            // bytes
}
