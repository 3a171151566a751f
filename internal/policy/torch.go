package policy

// TorchRelease is a PyTorch release and the wheels that are known of it.
type TorchRelease struct {
	Version string
	// Variants are the CUDA tags of its wheels, oldest CUDA first.
	Variants []string
	// Default is the variant that PyPI serves on Linux.
	Default string
	// Pythons are the minor versions it has wheels for.
	Pythons []string
	// Partial says that only Default is established; other variants may exist.
	Partial bool
	Source  string
	Date    string
}

// Torch lists PyTorch releases, the newest first.
func Torch() []TorchRelease {
	const (
		release = "pytorch/pytorch RELEASE.md; pytorch/test-infra generate_binary_build_matrix.py; wheel indexes"
		pypi    = "the package index: wheels and requirements of the release"
		sep     = "2026-09-22"
		nov     = "2026-11-24"
	)
	py310 := []string{"3.10", "3.11", "3.12", "3.13", "3.14"}
	py39 := []string{"3.9", "3.10", "3.11", "3.12", "3.13"}
	return []TorchRelease{
		{"2.15.0", []string{"cu132"}, "cu132", []string{"3.11", "3.12", "3.13", "3.14", "3.15"}, true, pypi, nov},
		{"2.14.1", []string{"cu126", "cu130", "cu132"}, "cu130", py310, false, pypi + "; variants as 2.14.0", nov},
		{"2.14.0", []string{"cu126", "cu130", "cu132"}, "cu130", py310, false, release, sep},
		{"2.13.0", []string{"cu126", "cu129", "cu130", "cu132"}, "cu130", py310, false, release, sep},
		{"2.12.1", []string{"cu126", "cu129", "cu130", "cu132"}, "cu130", py310, false, release, sep},
		{"2.12.0", []string{"cu126", "cu130", "cu132"}, "cu130", py310, false, release, sep},
		{"2.11.0", []string{"cu126", "cu128", "cu129", "cu130"}, "cu130", py310, false, release, sep},
		{"2.10.0", []string{"cu126", "cu128", "cu129", "cu130"}, "cu128", py310, false, release, sep},
		{"2.9.1", []string{"cu126", "cu128", "cu129", "cu130"}, "cu128", py310, false, release, sep},
		{"2.9.0", []string{"cu126", "cu128", "cu129", "cu130"}, "cu128", py310, false, release, sep},
		{"2.8.0", []string{"cu126", "cu128", "cu129"}, "cu128", py39, false, release, sep},
		{"2.7.1", []string{"cu118", "cu126", "cu128"}, "cu126", py39, false, release, sep},
		{"2.7.0", []string{"cu118", "cu126", "cu128"}, "cu126", py39, false, release, sep},
		{"2.6.0", []string{"cu118", "cu124", "cu126"}, "cu124", py39, false, release, sep},
		{"2.5.1", []string{"cu118", "cu121", "cu124"}, "cu124", py39[:4], false, release, sep},
		{"2.5.0", []string{"cu118", "cu121", "cu124"}, "cu124", py39[:4], false, release, sep},
	}
}

// Arm64Variants are the CUDA tags with Linux arm64 wheels for a release; before
// 2.9 they were fewer than for x86-64. Source: pytorch/test-infra build matrix, 2026-09-22.
func Arm64Variants(version string) ([]string, bool) {
	switch version {
	case "2.5.0", "2.5.1", "2.6.0":
		return nil, true
	case "2.7.0", "2.7.1":
		return []string{"cu128"}, true
	case "2.8.0":
		return []string{"cu129"}, true
	}
	return nil, false
}

// TorchIndex is the package index that holds one variant of every release.
// Source: pytorch.org/get-started, 2026-09-22.
func TorchIndex(variant string) string { return "https://download.pytorch.org/whl/" + variant }

// TorchPackages are the packages that are made for one PyTorch variant and so
// come from its index. Source: uv crates/uv-torch/src/backend.rs, 2026-08-21.
func TorchPackages() []string {
	return []string{"torch", "torchvision", "torchaudio", "torchtext", "torchao", "torchcodec", "torchdata",
		"torch-tensorrt", "torch-no-python", "torchrl", "torchserve", "torchtune", "tensordict", "torchx", "triton", "pytorch-triton"}
}
