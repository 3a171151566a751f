package policy

import "strings"

// Reload is when dockerd takes another value of a key of daemon.json.
type Reload int

const (
	// AtStart is when dockerd starts, and no sooner.
	AtStart Reload = iota
	// WhenSet is at a reload (SIGHUP), where the file names the key: one that was taken out
	// keeps its value until dockerd starts anew.
	WhenSet
	// Always is at a reload, also where the key was taken out.
	Always
)

// DaemonReload is how dockerd takes a key of daemon.json; of features, which a reload reads
// but most of which are looked at once, it is asked by name: "features.buildkit".
//
// Source: moby v2.0.0-beta.24, daemon/reload.go, daemon/reload_unix.go, reloadConfig in
// daemon/command/daemon.go, and who reads Config.Features; 2026-11-27. The documentation
// (docs.docker.com/reference/cli/dockerd, "Configuration reload behavior") lists fewer.
func DaemonReload(key string) Reload {
	switch key {
	case "runtimes", "default-runtime", "default-shm-size", "default-cgroupns-mode", "default-ipc-mode",
		"debug", "shutdown-timeout", "default-stop-timeout", "labels", "insecure-registries", "registry-mirrors", "live-restore":
		return WhenSet
	case "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "network-diagnostic-port", "nri-opts",
		"authorization-plugins", "features.buildkit", "features.swarm-nftables":
		return Always
	}
	return AtStart
}

// DaemonFlags are the flags of dockerd that say what a key of daemon.json says: dockerd
// does not start where both are used. It joins the runtimes of both, so those have none.
//
// Source: moby v2.0.0-beta.24, daemon/command/{config,config_unix,options}.go and
// skipDuplicates in daemon/config/config.go; 2026-11-27. -g is of engines before 23.0.
func DaemonFlags(key string) []string {
	switch key {
	case "runtimes":
		return nil
	case "insecure-registries":
		return []string{"--insecure-registry"}
	case "authorization-plugins", "cdi-spec-dirs", "default-address-pools", "default-network-opts", "default-ulimits", "dns-opts", "exec-opts",
		"extension-dirs", "features", "host-gateway-ips", "labels", "log-opts", "node-generic-resources", "registry-mirrors", "storage-opts":
		return []string{"--" + strings.TrimSuffix(key, "s")}
	case "hosts":
		return []string{"--host", "-H"}
	}
	flags := []string{"--" + key}
	if short := map[string]string{"bridge": "-b", "data-root": "-g", "debug": "-D", "group": "-G", "log-level": "-l", "pidfile": "-p", "storage-driver": "-s"}[key]; short != "" {
		flags = append(flags, short)
	}
	return flags
}

// DaemonNames says whether the members of a key of daemon.json are names that somebody
// chose, and not keys that dockerd knows in upper and lower case alike.
//
// Source: moby v2.0.0-beta.24, flatOptions in daemon/config/config.go; 2026-11-27.
func DaemonNames(key string) bool {
	switch key {
	case "runtimes", "features", "log-opts", "default-ulimits", "default-network-opts", "extension-config":
		return true
	}
	return false
}
