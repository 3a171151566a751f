package resolve

// Plan is the decision of a build for one platform: which PyTorch, which CUDA,
// which Python, which base, and why. It names no wheel hashes: those are the lock's.
// Its JSON is what --print=plan shows.
type Plan struct {
	SchemaVersion int    `json:"schemaVersion"`
	Platform      string `json:"platform"` // "linux/amd64"
	Torch         *Torch `json:"torch,omitempty"`
	// CUDA is the CUDA version of the wheels, "13.0"; empty for an unknown base.
	CUDA   string `json:"cuda,omitempty"`
	Python string `json:"python,omitempty"` // "3.12"; empty: whatever the base has
	Base   string `json:"base"`             // image reference, not yet a digest
	// MinDriver is the lowest Linux driver that runs the image, "580.65.06".
	MinDriver string `json:"minDriver,omitempty"`
	// Archs are the GPU architectures in the wheels, "sm_75" … and "compute_90" for PTX.
	Archs []string `json:"archs,omitempty"`
	// Targets are the compute capabilities the image must run on, "9.0".
	Targets []string `json:"targets,omitempty"`
	// CUDAPackages are the requirements of a --cuda-only image.
	CUDAPackages []string `json:"cudaPackages,omitempty"`
	// ToolBase is the Python image that installs wheels where Base has no Python (--cuda-only).
	ToolBase string   `json:"toolBase,omitempty"`
	Reasons  []Reason `json:"reasons"`
	Warnings []string `json:"warnings,omitempty"`
}

// Torch is the chosen PyTorch wheel.
type Torch struct {
	// Version is the public version, "2.14.0"; empty where the base has PyTorch.
	Version string `json:"version,omitempty"`
	// Variant is the wheel's CUDA tag, "cu130".
	Variant string `json:"variant,omitempty"`
	// Index is the one index torch comes from; empty means the default index.
	Index string `json:"index,omitempty"`
	// InBase says that the base image holds PyTorch already.
	InBase bool `json:"inBase,omitempty"`
	// Known says that the version stands in internal/policy; a version found only on the index is not known.
	Known bool `json:"known"`
}

// Reason is one step of the reasoning that --explain prints.
type Reason struct {
	Topic   string `json:"topic"`   // "cuda", "python", "base", "torch", "driver"
	Choice  string `json:"choice"`  // "cu130"
	Because string `json:"because"` // one sentence
	Source  string `json:"source,omitempty"`
}
