package policy

// Archs are the GPU architectures in a PyTorch wheel: "sm_90" for code,
// "compute_90" for PTX that newer GPUs can compile.
type Archs struct {
	Variant, Platform string
	// From and To bound the releases, inclusive; "" is open towards older ones.
	From, To string
	Archs    []string
	Source   string
	Date     string
}

// WheelArchs lists what wheels hold. A release after every To is not known.
func WheelArchs() []Archs {
	const (
		read    = "torch/lib/libtorch_python.so of PyPI's wheels"
		matrix  = "PyTorch RELEASE.md and .ci/manywheel/build_cuda.sh"
		cog     = "replicate/cog pkg/doctor: torch._C._cuda_getArchFlags() of 2.7.0"
		nov     = "2026-11-24"
		sep     = "2026-09-22"
		x86     = "linux/amd64"
		arm     = "linux/arm64"
		newest  = "2.14.1" // of the variants that nobody saw of 2.15.0
		current = "2.15.0"
	)
	sm := func(n ...string) []string {
		out := make([]string, len(n))
		for i := range n {
			out[i] = "sm_" + n[i]
		}
		return out
	}
	var (
		pascal    = sm("50", "60", "70", "75", "80", "86", "90")
		volta     = sm("70", "75", "80", "86", "90", "100", "120")
		turing    = sm("75", "80", "86", "90", "100", "120")
		turingPTX = append(sm("75", "80", "86", "90", "100", "120"), "compute_120")
		voltaPTX  = append(sm("70", "75", "80", "86", "90", "100", "120"), "compute_120")
		sbsa      = sm("80", "90", "100", "120")
		thor      = sm("80", "90", "100", "110", "120")
		thorPTX   = append(sm("80", "90", "100", "110", "120"), "compute_120")
	)
	return []Archs{
		{"cu118", x86, "", "2.7.1", pascal, matrix, sep},
		{"cu121", x86, "", "2.5.1", pascal, matrix, sep},
		{"cu124", x86, "", "2.6.0", pascal, matrix, sep},
		{"cu126", x86, "", newest, pascal, read + " of 2.7.1; for later ones " + matrix, nov},
		{"cu126", arm, "2.9.0", newest, sm("80", "90"), matrix, sep},
		{"cu128", x86, "2.7.0", "2.7.1", turingPTX, cog, sep},
		{"cu128", x86, "2.8.0", "2.10.0", volta, read + " of 2.8.0 and 2.10.0", nov},
		{"cu128", x86, "2.11.0", "2.11.0", turing, matrix, sep},
		{"cu128", arm, "2.7.0", "2.11.0", sbsa, matrix, sep},
		{"cu129", x86, "2.8.0", "2.10.0", voltaPTX, matrix, sep},
		{"cu129", x86, "2.11.0", "2.11.0", turingPTX, matrix, sep},
		{"cu129", x86, "2.12.1", "2.13.0", turing, matrix, sep},
		{"cu129", arm, "2.8.0", "2.13.0", sbsa, matrix, sep},
		{"cu130", x86, "2.9.0", "2.10.0", turingPTX, matrix, sep},
		{"cu130", x86, "2.11.0", newest, turing, read + " of 2.11.0 and 2.14.1", nov},
		{"cu130", arm, "2.9.0", "2.10.0", thorPTX, matrix, sep},
		{"cu130", arm, "2.11.0", newest, thor, read + " of 2.11.0 and 2.14.1", nov},
		{"cu132", x86, "2.12.0", current, turing, read + " of 2.15.0; for earlier ones " + matrix, nov},
		{"cu132", arm, "2.12.0", current, thor, read + " of 2.15.0; for earlier ones " + matrix, nov},
	}
}
