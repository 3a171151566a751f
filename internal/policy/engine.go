package policy

// Engine is what Docker Engines from a version on can do with GPUs.
type Engine struct {
	From string
	// CDI is "no", "feature" where daemon.json must switch it on (features.cdi), or
	// "default" where it is on unless features.cdi is false.
	CDI string
	// GPUsByCDI says that --gpus goes to CDI first and to the hook only if that fails.
	GPUsByCDI bool
	// Schema is the newest CDI schema whose specs it reads, "" where it reads none.
	Schema string
	Source string
	Date   string
}

// Engines lists what changed, the oldest first.
func Engines() []Engine {
	const (
		tags = "moby's tags: daemon/cdi.go, daemon/devices_nvidia_linux.go and the CDI library in vendor.mod"
		date = "2026-11-23"
	)
	return []Engine{
		{"0", "no", false, "", tags, date},
		{"25.0", "feature", false, "0.6.0", tags, date},
		{"26.1", "feature", false, "0.7.0", tags, date},
		{"27.0", "feature", false, "0.8.0", tags, date},
		{"28.2", "default", false, "1.0.0", tags, date},
		{"29.2", "default", true, "1.0.0", tags, date},
		{"29.7", "default", true, "1.1.0", tags, date},
	}
}

// EngineOf is what an engine of a version can do. A version that is no release of
// Docker's ("dev", "library-import", "2.0.0-beta.24" of the Go module) is taken for
// the newest: such engines are built from the present source. Docker went from 1.13
// to 17.03, so 2 to 16 are none.
func EngineOf(version string) Engine {
	all := Engines()
	if !released(version) {
		return all[len(all)-1]
	}
	found := all[0]
	for _, e := range all {
		if Compare(version, e.From) >= 0 {
			found = e
		}
	}
	return found
}

func released(version string) bool {
	return version != "" && version[0] >= '0' && version[0] <= '9' && (Compare(version, "2") < 0 || Compare(version, "17") >= 0)
}

// EngineValidates says whether dockerd of a version checks a configuration with --validate.
// Source: release notes of 23.0; 2026-11-27.
func EngineValidates(version string) bool { return !released(version) || Compare(version, "23.0") >= 0 }

// CDIField is a field of a CDI spec that an engine refuses if it does not know it:
// it then drops the whole file.
type CDIField struct {
	Name string
	// Engine is the first that knows it.
	Engine string
	Source string
	Date   string
}

// CDIFields lists those that toolkits write.
func CDIFields() []CDIField {
	const date = "2026-11-23"
	return []CDIField{
		{"additionalGids", "26.1", "CDI schema 0.7.0; NVIDIA/nvidia-container-toolkit#1860 and #1865", date},
		{"intelRdt", "26.1", "CDI schema 0.7.0", date},
	}
}

// ErrorHooks is the Docker CLI from which on a plugin can be called only for
// commands that failed. Source: docker/cli#6794, absent in 29.2.1; 2026-11-23.
const ErrorHooks = "29.3"

// DockerShm is the size of /dev/shm, in bytes, that Docker gives a container unless
// it is told otherwise. Source: moby daemon/config DefaultShmSize; 2026-11-23.
const DockerShm = 64 << 20

// EngineNewest is a version that EngineOf takes for the newest: that of packages that are
// yet to be installed from Docker's repository.
func EngineNewest() string { all := Engines(); return all[len(all)-1].From }
