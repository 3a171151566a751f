package policy

import (
	"strings"
	"testing"
)

// The keys that setup and doctor deal with, and those whose flag has another name.
func TestDaemonKeys(t *testing.T) {
	for key, want := range map[string]struct {
		flags  string
		reload Reload
	}{
		"runtimes":               {"", WhenSet},
		"default-runtime":        {"--default-runtime", WhenSet},
		"live-restore":           {"--live-restore", WhenSet},
		"features":               {"--feature", AtStart},
		"node-generic-resources": {"--node-generic-resource", AtStart},
		"cdi-spec-dirs":          {"--cdi-spec-dir", AtStart},
		"insecure-registries":    {"--insecure-registry", WhenSet},
		"authorization-plugins":  {"--authorization-plugin", Always},
		"hosts":                  {"--host -H", AtStart},
		"debug":                  {"--debug -D", WhenSet},
		"dns":                    {"--dns", AtStart},
		"tls":                    {"--tls", AtStart},
		"nri-opts":               {"--nri-opts", Always},
		"data-root":              {"--data-root -g", AtStart},
	} {
		if got := strings.Join(DaemonFlags(key), " "); got != want.flags {
			t.Errorf("%s has the flags %q, not %q", key, got, want.flags)
		}
		if got := DaemonReload(key); got != want.reload {
			t.Errorf("%s is taken at %d, not %d", key, got, want.reload)
		}
	}
	if DaemonReload("features.cdi") != AtStart || DaemonReload("features.buildkit") != Always {
		t.Error("a reload switches BuildKit and not CDI")
	}
	if DaemonNames("proxies") || !DaemonNames("runtimes") {
		t.Error("the members of runtimes are names, those of proxies are keys")
	}
}
