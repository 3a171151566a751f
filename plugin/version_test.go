package plugin

import (
	"testing"

	"github.com/dockergpu/docker-gpu/internal/version"
)

func TestVersion(t *testing.T) {
	want := "docker gpu " + version.String() + "\n"
	for _, args := range [][]string{{"version"}, {"--version"}, {"-v"}} {
		run(t, args...).is(t, 0, want, "")
	}
}

func TestVersionTakesNothing(t *testing.T) {
	run(t, "version", "now").is(t, 1, "", `docker gpu: "docker-gpu version" takes no arguments, but was given "now".`+"\nSee 'docker-gpu version --help'\n")
	run(t, "version", "--short").is(t, 125, "", "docker gpu: unknown flag: --short\nSee 'docker-gpu version --help'\n")
}
