package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// engineVersionChecks are of Docker Engine's age.
func engineVersionChecks() []Check {
	return []Check{
		{
			Code: "V005", Title: "Docker Engine is maintained", Group: Version, Severity: Note, Needs: []Fact{Docker},
			Cause: "Docker maintains the newest major version, and the one before for a month. Amazon and Microsoft go on with 25.0 and 26.1 in their own distributions.",
			Link:  "https://github.com/moby/moby/blob/master/project/BRANCHES-AND-TAGS.md",
			Run:   engineUnmaintained,
		},
	}
}

// engineMajor is the engine's major version; 0 where that says nothing: Podman counts
// its own way.
func engineMajor(h *host.Host) int {
	if h.Engine.Kind == "podman" {
		return 0
	}
	return policy.BranchOf(h.Engine.Version)
}

func engineFixes(h *host.Host) []Fix {
	if h.Engine.Kind == "desktop" {
		return []Fix{manual("update Docker Desktop", Restart)}
	}
	if hasPackage(h, "docker-ce") {
		return upgrade(h, []string{"docker-ce", "docker-ce-cli", "containerd.io"}, "29", Restart)
	}
	return []Fix{manual("install Docker's own packages (docker-ce) in place of the distribution's: https://docs.docker.com/engine/install/", Restart)}
}

func engineUnmaintained(h *host.Host, now time.Time) []Finding {
	m := engineMajor(h)
	if m == 0 || m >= policy.EngineSupported || has(h, Module) && len(engineWithoutCDI(h, now)) > 0 {
		return nil // C069 tells of an engine from before CDI
	}
	// Distributions that keep an old version mend it themselves.
	if h.OS.ID == "amzn" && m == 25 || h.OS.ID == "azurelinux" && m == 26 || hasPackage(h, "docker.io") {
		return nil
	}
	return []Finding{told([]Evidence{saw("docker version", "%s", h.Engine.Version)}, engineFixes(h), "Docker Engine %s gets no more fixes; %d is maintained", h.Engine.Version, policy.EngineSupported)}
}
