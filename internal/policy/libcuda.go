package policy

// LibcudaNeeds are the C libraries that NVIDIA's libcuda and its compiler open, beside
// what a program brings itself: an image without them cannot load the driver.
//
// Source: an image of a program and these libraries alone, run with driver 580.159 and
// Docker Engine v2.0.0-beta.24 on an H200 (DESIGN.md, "What was tried on real hardware",
// 2026-11-24). To refresh: `readelf -d libcuda.so.1 libnvidia-ptxjitcompiler.so.1` of a
// new driver branch, entries NEEDED.
func LibcudaNeeds() []string {
	return []string{"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"}
}

// CUDAFailure is the row of the failure catalogue that a result of CUDA's driver API
// belongs to, "" where none does. The call matters for results that say little.
//
// Source: reference host.md section 2 (2026-11-23), which cites the reports; the numbers
// are CUresult of cuda.h, CUDA 13.0. To refresh: new rows of the catalogue.
func CUDAFailure(call string, result int) string {
	switch {
	case result == 3 && call == "cuInit": // CUDA_ERROR_NOT_INITIALIZED
		return "G009"
	case result == 802: // CUDA_ERROR_SYSTEM_NOT_READY
		return "G010"
	case result == 999 && call == "cuInit": // CUDA_ERROR_UNKNOWN
		return "C016"
	case result == 209: // CUDA_ERROR_NO_BINARY_FOR_GPU
		return "C014"
	case result == 222: // CUDA_ERROR_UNSUPPORTED_PTX_VERSION
		return "C015"
	case result == 46: // CUDA_ERROR_DEVICE_UNAVAILABLE
		return "H013"
	case result == 803: // CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
		return "G002"
	case result == 214: // CUDA_ERROR_ECC_UNCORRECTABLE
		return "H002"
	}
	return ""
}
