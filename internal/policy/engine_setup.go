package policy

// EngineValidates says whether dockerd of a version checks a configuration with --validate.
// Source: release notes of 23.0; 2026-11-27.
func EngineValidates(version string) bool {
	return EngineOf(version).CDI != "no" || Compare(version, "23.0") >= 0
}

// EngineNewest is a version that EngineOf takes for the newest: that of packages that are
// yet to be installed from Docker's repository.
func EngineNewest() string {
	all := Engines()
	return all[len(all)-1].From
}
