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

// ToolkitFlaw is a fault of the toolkit; its security holes are among CVEs.
type ToolkitFlaw struct {
	What string
	// From is the first version that has it, Fixed the first that has it no more.
	From, Fixed string
	Source      string
	Date        string
}

// ToolkitFlaws lists them, the oldest first.
func ToolkitFlaws() []ToolkitFlaw {
	const (
		log  = "NVIDIA/nvidia-container-toolkit, CHANGELOG.md"
		date = "2026-11-23"
	)
	return []ToolkitFlaw{
		{"containers get no forward-compatibility libraries", "1.17.4", "1.17.5", log, date},
		{"swarm tasks of a node with the nvidia runtime get no GPU", "1.18.0", "1.19.0", "NVIDIA/nvidia-container-toolkit#1599", date},
		{"the create-symlinks hook fails now and then with EBADF", "1.20.0", "1.20.1", log, date},
	}
}

// ToolkitFault is the fault that a version has, of those that were fixed in fixed.
func ToolkitFault(version, fixed string) (ToolkitFlaw, bool) {
	for _, f := range ToolkitFlaws() {
		if f.Fixed == fixed && Compare(version, f.From) >= 0 && Compare(version, f.Fixed) < 0 {
			return f, true
		}
	}
	return ToolkitFlaw{}, false
}
