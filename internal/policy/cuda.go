package policy

// Driver is the Linux driver that a CUDA version takes.
type Driver struct {
	CUDA string
	// Min runs code compiled for the GPU (minor-version compatibility).
	Min string
	// Blackwell is the lowest that knows Blackwell GPUs, "" where Min does.
	Blackwell string
	// Shipped came with the toolkit; PTX and the newest features take it.
	Shipped string
	Source  string
	Date    string
}

// Drivers lists CUDA versions, the newest first.
func Drivers() []Driver {
	const (
		compat = "docs.nvidia.com/deploy/cuda-compatibility minor-version-compatibility; CUDA release notes, table 3"
		date   = "2026-11-23"
	)
	return []Driver{
		{"13.3", "580.65.06", "", "610.43.02", compat, date},
		{"13.2", "580.65.06", "", "595.45.04", compat, date},
		{"13.1", "580.65.06", "", "590.44.01", compat, date},
		{"13.0", "580.65.06", "", "580.65.06", compat, date},
		{"12.9", "525.60.13", "570.26", "575.51.03", compat, date},
		{"12.8", "525.60.13", "570.26", "570.26", compat, date},
		{"12.6", "525.60.13", "", "560.28.03", compat, date},
		{"12.4", "525.60.13", "", "550.54.14", compat, date},
		{"12.1", "525.60.13", "", "530.30.02", compat, date},
		{"11.8", "450.80.02", "", "520.61.05", compat, date},
	}
}

// Archs are the GPU architectures in a PyTorch wheel: "sm_90" for code,
// "compute_90" for PTX that newer GPUs can compile.
type Archs struct {
	Variant, Platform string
	// From and To bound the releases, inclusive; "" is open.
	From, To string
	Archs    []string
	Source   string
	Date     string
}

// WheelArchs lists what wheels hold; the first row that fits counts.
func WheelArchs() []Archs {
	const (
		src  = "pytorch/pytorch RELEASE.md; pytorch/test-infra; measured with torch._C._cuda_getArchFlags"
		date = "2026-09-22"
	)
	sm := func(n ...string) []string {
		for i := range n {
			n[i] = "sm_" + n[i]
		}
		return n
	}
	old := sm("50", "60", "70", "75", "80", "86", "90")
	return []Archs{
		{"cu118", "linux/amd64", "", "", old, src, date},
		{"cu121", "linux/amd64", "", "", old, src, date},
		{"cu124", "linux/amd64", "", "", old, src, date},
		{"cu126", "linux/amd64", "", "", old, src, date},
		{"cu126", "linux/arm64", "", "", sm("80", "90"), src, date},
		{"cu128", "linux/amd64", "2.7.0", "2.7.0", append(sm("75", "80", "86", "90", "100", "120"), "compute_120"), src, date},
		{"cu128", "linux/amd64", "", "2.10.0", sm("70", "75", "80", "86", "90", "100", "120"), src, date},
		{"cu128", "linux/amd64", "2.11.0", "", sm("75", "80", "86", "90", "100", "120"), src, date},
		{"cu128", "linux/arm64", "", "", sm("80", "90", "100", "120"), src, date},
		{"cu129", "linux/amd64", "", "2.10.0", sm("70", "75", "80", "86", "90", "100", "120"), src, date},
		{"cu129", "linux/amd64", "2.11.0", "", sm("75", "80", "86", "90", "100", "120"), src, date},
		{"cu129", "linux/arm64", "", "", sm("80", "90", "100", "120"), src, date},
		{"cu130", "linux/amd64", "", "", sm("75", "80", "86", "90", "100", "120"), src, date},
		{"cu130", "linux/arm64", "", "", sm("80", "90", "100", "110", "120"), src, date},
		{"cu132", "linux/amd64", "", "", sm("75", "80", "86", "90", "100", "120"), src, date},
		{"cu132", "linux/arm64", "", "", sm("80", "90", "100", "110", "120"), src, date},
	}
}

// CUDAPackages are the requirements of an image with the CUDA run-time
// libraries alone. NVIDIA's metapackage chooses matching releases of each.
// Source: the package index (cuda-toolkit 11.8 to 13.2 resolve), 2026-11-24.
func CUDAPackages(cuda string) []string {
	return []string{"cuda-toolkit[cudart,nvrtc,cublas,cufft,curand,cusolver,cusparse,nvjitlink]==" + cuda + ".*"}
}

// CUDADefault is the CUDA of an image that asks for none and names no GPU.
const CUDADefault = "13.0"
