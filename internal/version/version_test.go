package version

import (
	"runtime/debug"
	"testing"
)

func TestChoose(t *testing.T) {
	module := func(v string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: v}}
	}
	for _, tc := range []struct {
		name, stamped string
		info          *debug.BuildInfo
		want          string
	}{
		{"the linker's word", "v1.2.3", module("v9.9.9"), "v1.2.3"},
		{"go install of a release", "", module("v1.2.3"), "v1.2.3"},
		{"go build in a checkout", "", module("(devel)"), "0.1.0-dev"},
		{"no module", "", module(""), "0.1.0-dev"},
		{"no build information", "", nil, "0.1.0-dev"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := choose(tc.stamped, tc.info); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	if String() == "" {
		t.Error("a binary without a version")
	}
}
