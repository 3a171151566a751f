package policy

// ToolkitCurrent is the NVIDIA Container Toolkit to install.
// Source: NVIDIA/nvidia-container-toolkit, releases; 2026-11-23.
const ToolkitCurrent = "1.20.1"

// ToolkitPackages are the four packages that must have one version; a newer library
// beside an older tool makes it ignore its flags. Source: release notes of 1.17.7 and
// NVIDIA/nvidia-container-toolkit#1093; 2026-11-23.
func ToolkitPackages() []string {
	return []string{"nvidia-container-toolkit", "nvidia-container-toolkit-base", "libnvidia-container-tools", "libnvidia-container1"}
}

// ToolkitJITCDI is the toolkit from which on the nvidia runtime makes CDI specs by
// itself for each container, and ToolkitJITReason the first that then says why one
// could not be made. Source: release notes of 1.18.0 and 1.18.2; 2026-11-23.
const (
	ToolkitJITCDI    = "1.18.0"
	ToolkitJITReason = "1.18.2"
)

// ToolkitBeforeDocker is the toolkit from which on the service that writes the CDI
// spec at boot is ordered before Docker. Source: CHANGELOG of 1.20.1; 2026-11-23.
const ToolkitBeforeDocker = "1.20.1"

// ToolkitFlaw is a flaw of the toolkit.
type ToolkitFlaw struct {
	// CVE names a security hole; "" for a mere fault.
	CVE  string
	What string
	// From is the first version that has it, "" for all; Fixed the first that has it no more.
	From, Fixed string
	Source      string
	Date        string
}

// ToolkitFlaws lists them, security holes first, the oldest first.
func ToolkitFlaws() []ToolkitFlaw {
	const (
		bulletin = "NVIDIA security bulletins for the Container Toolkit"
		log      = "NVIDIA/nvidia-container-toolkit, CHANGELOG.md"
		date     = "2026-11-23"
	)
	return []ToolkitFlaw{
		{"CVE-2024-0132", "a container can reach the host's file system", "", "1.16.2", bulletin, date},
		{"CVE-2024-0134", "a container can write files on the host", "", "1.17.0", bulletin, date},
		{"CVE-2024-0135", "a container can change the host's binaries", "", "1.17.3", bulletin, date},
		{"CVE-2025-23359", "a container can reach the host's file system", "", "1.17.4", bulletin, date},
		{"CVE-2025-23266", "an image can run code as root on the host (NVIDIAScape)", "", "1.17.8", bulletin, date},
		{"CVE-2026-24260", "a race lets a container change what is mounted", "", "1.19.1", bulletin + " (a_id 5850, by secondary sources)", date},
		{"", "containers get no forward-compatibility libraries", "1.17.4", "1.17.5", log, date},
		{"", "swarm tasks of a node with the nvidia runtime get no GPU", "1.18.0", "1.19.0", "NVIDIA/nvidia-container-toolkit#1599", date},
		{"", "the create-symlinks hook fails now and then with EBADF", "1.20.0", "1.20.1", log, date},
	}
}

// ToolkitHoles are the security holes of a version.
func ToolkitHoles(version string) []ToolkitFlaw {
	var out []ToolkitFlaw
	for _, f := range ToolkitFlaws() {
		if f.CVE != "" && f.in(version) {
			out = append(out, f)
		}
	}
	return out
}

// ToolkitFault is the fault that a version has, of those that were fixed in fixed.
func ToolkitFault(version, fixed string) (ToolkitFlaw, bool) {
	for _, f := range ToolkitFlaws() {
		if f.CVE == "" && f.Fixed == fixed && f.in(version) {
			return f, true
		}
	}
	return ToolkitFlaw{}, false
}

func (f ToolkitFlaw) in(version string) bool {
	return (f.From == "" || Compare(version, f.From) >= 0) && Compare(version, f.Fixed) < 0
}
