package policy

// DaemonDefault is what a key of daemon.json says, as JSON, if nobody says anything: a
// reload takes it only where the file names the key, so whoever takes a key out has to have
// it say this first. "" is a key that takes a restart, or none of those that setup writes.
//
// Source: moby v2.0.0-beta.24, daemon/reload.go, daemon/reload_unix.go and
// daemon/config/config_linux.go; 2026-11-27.
func DaemonDefault(key string) string {
	switch key {
	case "runtimes":
		return "{}"
	case "default-runtime":
		return `"runc"`
	case "live-restore":
		return "false"
	}
	return ""
}
