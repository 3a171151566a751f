package policy

// TorchRelease is a PyTorch release and the wheels that are known of it.
type TorchRelease struct {
	Version string
	// AMD64 and ARM64 are its wheels for Linux.
	AMD64, ARM64 Wheels
	// Pythons are the minor versions with wheels, oldest first. Free-threaded builds are not counted.
	Pythons []string
	// Torchvision is the release that goes with it.
	Torchvision string
	Source      string
	Date        string
}

// Wheels are the CUDA wheels of a release for one platform.
type Wheels struct {
	// Variants are the CUDA tags known to exist, oldest CUDA first.
	Variants []string
	// Default is the tag of the wheel on PyPI; "cpu" where that has no CUDA.
	Default string
	// Partial says that tags not in Variants may exist too: nobody looked.
	Partial bool
}

// On is the release's wheels for a platform: "linux/amd64" or "linux/arm64".
func (r TorchRelease) On(platform string) Wheels {
	if platform == "linux/arm64" {
		return r.ARM64
	}
	return r.AMD64
}

// Torch lists PyTorch releases, the newest first.
func Torch() []TorchRelease {
	const (
		matrix = "PyTorch RELEASE.md, test-infra build matrix and wheel indexes, 2026-09-22; PyPI's wheels"
		plan   = "PyPI's wheels; the plan for 2.15 (pytorch/pytorch issue 190385) names cu130 too and drops cu126, which nobody checked"
		patch  = "PyPI's wheels; the other variants as 2.14.0 has them"
		nov    = "2026-11-24"
	)
	py := func(names ...string) []string { return names }
	from310 := py("3.10", "3.11", "3.12", "3.13", "3.14")
	from39 := py("3.9", "3.10", "3.11", "3.12", "3.13")
	// both are wheels that exist alike on both platforms.
	both := func(dflt string, tags ...string) (Wheels, Wheels) {
		w := Wheels{Variants: tags, Default: dflt}
		return w, w
	}
	// Up to 2.10, PyPI's arm64 wheel had no CUDA: 92 to 146 MB, no nvidia requirement.
	noCUDA := func(amd64Default string, tags ...string) (Wheels, Wheels) {
		return Wheels{Variants: tags, Default: amd64Default}, Wheels{Variants: tags, Default: "cpu"}
	}
	row := func(version string, amd64, arm64 Wheels, pythons []string, vision, source string) TorchRelease {
		return TorchRelease{version, amd64, arm64, pythons, vision, source, nov}
	}
	var (
		only132      = Wheels{Variants: []string{"cu132"}, Default: "cu132", Partial: true}
		a214, b214   = both("cu130", "cu126", "cu130", "cu132")
		a213, b213   = both("cu130", "cu126", "cu129", "cu130", "cu132")
		a211, b211   = both("cu130", "cu126", "cu128", "cu129", "cu130")
		a210, b210   = noCUDA("cu128", "cu126", "cu128", "cu129", "cu130")
		a28, b28     = Wheels{Variants: []string{"cu126", "cu128", "cu129"}, Default: "cu128"}, Wheels{Variants: []string{"cu129"}, Default: "cpu"}
		a27, b27     = Wheels{Variants: []string{"cu118", "cu126", "cu128"}, Default: "cu126"}, Wheels{Variants: []string{"cu128"}, Default: "cpu"}
		a26, unknown = Wheels{Variants: []string{"cu118", "cu124", "cu126"}, Default: "cu124"}, Wheels{Default: "cpu", Partial: true}
		a25          = Wheels{Variants: []string{"cu118", "cu121", "cu124"}, Default: "cu124"}
	)
	return []TorchRelease{
		row("2.15.0", only132, only132, py("3.11", "3.12", "3.13", "3.14", "3.15"), "0.29.2", plan),
		row("2.14.1", a214, b214, from310, "0.29.2", patch),
		row("2.14.0", a214, b214, from310, "0.29.2", matrix),
		row("2.13.0", a213, b213, from310, "0.28.0", matrix),
		row("2.12.1", a213, b213, from310, "0.27.1", matrix),
		row("2.12.0", a214, b214, from310, "0.27.0", matrix),
		row("2.11.0", a211, b211, from310, "0.26.0", matrix),
		row("2.10.0", a210, b210, from310, "0.25.0", matrix),
		row("2.9.1", a210, b210, from310, "0.24.1", matrix),
		row("2.9.0", a210, b210, from310, "0.24.0", matrix),
		row("2.8.0", a28, b28, from39, "0.23.0", matrix),
		row("2.7.1", a27, b27, from39, "0.22.1", matrix),
		row("2.7.0", a27, b27, from39, "0.22.0", matrix),
		row("2.6.0", a26, unknown, from39, "0.21.0", matrix),
		// Wheels for Python 3.13 were an experiment, for amd64 and without torchvision.
		row("2.5.1", a25, unknown, from39[:4], "0.20.1", matrix),
		row("2.5.0", a25, unknown, from39[:4], "0.20.0", matrix),
	}
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
