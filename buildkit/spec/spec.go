// Package spec holds what a user asks a build for, from flags and gpu.yaml.
// It knows nothing of versions that exist, builders or machines.
package spec

// Spec is one build as wished. The zero value wishes nothing; every field is
// optional unless a comment says otherwise. Its YAML form is gpu.yaml.
type Spec struct {
	// Version is the version of the file's form, 1; 0 where a file names none.
	Version int `yaml:"version,omitempty" json:"version,omitempty"`
	// Torch is "" (no PyTorch), "auto" (the newest release that policy knows),
	// "latest" (the newest on the index), "base" (the base image already holds
	// it) or a release: "2.11.0", or "2.11" for its newest patch.
	Torch string `yaml:"torch,omitempty" json:"torch,omitempty"`
	// CUDA is a CUDA version that wheels are made for: "12.6", also "126" or "cu126".
	CUDA string `yaml:"cuda,omitempty" json:"cuda,omitempty"`
	// CUDAOnly asks for the CUDA runtime libraries without PyTorch.
	CUDAOnly bool `yaml:"cuda-only,omitempty" json:"cuda-only,omitempty"`
	// Python is a minor version, "3.12".
	Python string `yaml:"python,omitempty" json:"python,omitempty"`
	// Base is an image reference; empty lets resolve choose a slim image.
	Base string `yaml:"base,omitempty" json:"base,omitempty"`
	// ToolBase is a Python image that unpacks the wheels of a cuda-only image, whose base has no Python.
	ToolBase string `yaml:"tool-base,omitempty" json:"tool-base,omitempty"`
	// Requirements are requirement files, relative to the project.
	Requirements []string `yaml:"requirements,omitempty" json:"requirements,omitempty"`
	// Packages are PEP 508 requirements.
	Packages []string `yaml:"packages,omitempty" json:"packages,omitempty"`
	// Apt are Debian or Ubuntu packages.
	Apt        []string `yaml:"apt,omitempty" json:"apt,omitempty"`
	Entrypoint []string `yaml:"entrypoint,omitempty" json:"entrypoint,omitempty"`
	Cmd        []string `yaml:"cmd,omitempty" json:"cmd,omitempty"`
	// User is a name or UID[:GID]; empty means an unprivileged user that the
	// build creates, "root" means root.
	User    string `yaml:"user,omitempty" json:"user,omitempty"`
	WorkDir string `yaml:"workdir,omitempty" json:"workdir,omitempty"`
	Index   Index  `yaml:"index,omitempty" json:"index,omitempty"`
	// CABundle is a PEM file of extra certificate authorities, used while
	// building and never left in the image.
	CABundle string `yaml:"ca-bundle,omitempty" json:"ca-bundle,omitempty"`
	Target   Target `yaml:"target,omitempty" json:"target,omitempty"`
	// Platforms are OCI platforms such as "linux/arm64".
	Platforms []string          `yaml:"platforms,omitempty" json:"platforms,omitempty"`
	Labels    map[string]string `yaml:"labels,omitempty" json:"labels,omitempty"`
}

// Wants says whether something is to be put into an image.
func (s Spec) Wants() bool {
	return s.Torch != "" || s.CUDAOnly || len(s.Requirements)+len(s.Packages)+len(s.Apt) > 0
}

// Index says where packages come from. URLs may hold no credentials; those
// come from a secret or netrc.
type Index struct {
	// URL replaces the default index for everything but PyTorch's own index.
	URL string `yaml:"url,omitempty" json:"url,omitempty"`
	// Extra are searched before URL, for packages found there.
	Extra []string `yaml:"extra,omitempty" json:"extra,omitempty"`
	// FindLinks are URLs of pages with links to wheels.
	FindLinks []string `yaml:"find-links,omitempty" json:"find-links,omitempty"`
	// Torch replaces the PyTorch index that resolve would choose.
	Torch string `yaml:"torch,omitempty" json:"torch,omitempty"`
}

// Target is the machine the image must run on, where it is not this one.
type Target struct {
	// GPUs are names ("h100", "rtx5090") or compute capabilities ("sm_90", "9.0").
	GPUs []string `yaml:"gpus,omitempty" json:"gpus,omitempty"`
	// Driver is a driver version: "570.86" or "535".
	Driver string `yaml:"driver,omitempty" json:"driver,omitempty"`
}
