package policy

// Driver is the Linux driver that a CUDA version takes.
type Driver struct {
	CUDA string
	// Min runs code compiled for the GPU (minor-version compatibility).
	Min string
	// Shipped came with the toolkit; compiling PTX and the newest features take
	// it. "" where that was not established.
	Shipped string
	Source  string
	Date    string
}

// Drivers lists CUDA versions, the newest first.
func Drivers() []Driver {
	const (
		notes  = "docs.nvidia.com/cuda/cuda-toolkit-release-notes, tables 2 and 3"
		compat = "docs.nvidia.com/deploy/cuda-compatibility (CUDA 13.x: 580 or newer); the toolkit's packages are on PyPI"
		date   = "2026-11-23"
		nov    = "2026-11-24"
	)
	return []Driver{
		{"13.5", "580.65.06", "", compat, nov},
		{"13.4", "580.65.06", "", compat, nov},
		{"13.3", "580.65.06", "610.43.02", notes, date},
		{"13.2", "580.65.06", "595.45.04", notes, date},
		{"13.1", "580.65.06", "590.44.01", notes, date},
		{"13.0", "580.65.06", "580.65.06", notes, date},
		{"12.9", "525.60.13", "575.51.03", notes, date},
		{"12.8", "525.60.13", "570.26", notes, date},
		{"12.6", "525.60.13", "560.28.03", notes, date},
		{"12.5", "525.60.13", "555.42.02", notes, date},
		{"12.4", "525.60.13", "550.54.14", notes, date},
		{"12.3", "525.60.13", "545.23.06", notes, date},
		{"12.2", "525.60.13", "535.54.03", notes, date},
		{"12.1", "525.60.13", "530.30.02", notes, date},
		{"12.0", "525.60.13", "525.60.13", notes, date},
		{"11.8", "450.80.02", "520.61.05", notes, date},
	}
}

// CUDADefault is the CUDA of an image that asks for none and names no GPU: the
// one that most PyTorch releases on PyPI are made for.
const CUDADefault = "13.0"

// CUDAPackages are the requirements of an image with the CUDA run-time libraries
// alone: cudart, NVRTC, cuBLAS, cuFFT, cuRAND, cuSOLVER, cuSPARSE and nvJitLink,
// in the releases that NVIDIA's metapackage says go together. cuDNN and NCCL have
// releases of their own: who needs them names nvidia-cudnn-cu13 or nvidia-nccl-cu13
// as a package. nil where no such wheels exist for the platform.
// Source: uv pip compile of each release against PyPI for both platforms, 2026-11-24.
func CUDAPackages(cuda, platform string) []string {
	extras := "cudart,nvrtc,cublas,cufft,curand,cusolver,cusparse,nvjitlink"
	switch {
	case cuda == "11.8": // nvJitLink came with CUDA 12
		extras = "cudart,nvrtc,cublas,cufft,curand,cusolver,cusparse"
	case platform == "linux/arm64" && (cuda == "12.0" || cuda == "12.1" || cuda == "12.2"):
		return nil
	}
	return []string{"cuda-toolkit[" + extras + "]==" + cuda + ".*"}
}
