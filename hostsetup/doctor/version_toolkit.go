package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// oldToolkitChecks are of the container toolkit's age.
func oldToolkitChecks() []Check {
	return []Check{
		{
			Code: "V002", Title: "the container toolkit has no known holes", Group: Version, Severity: Warning, Needs: []Fact{Tools},
			Cause: "With these holes a container image can break out of its container, or take the host's GPU files.",
			Link:  "https://www.nvidia.com/en-us/security/",
			Run:   oldToolkit,
		},
	}
}

func oldToolkit(h *host.Host, _ time.Time) []Finding {
	ids := policy.Open("toolkit", h.Toolkit.Version)
	if len(ids) == 0 {
		return nil
	}
	// The four packages go together: a part of them newer than the rest is a fault of its own.
	names := []string{"nvidia-container-toolkit", "nvidia-container-toolkit-base", "libnvidia-container-tools", "libnvidia-container1"}
	if !hasPackage(h, "libnvidia-container") {
		names = names[1:2]
	}
	return []Finding{told([]Evidence{saw("nvidia-ctk --version", "%s", h.Toolkit.Version), saw("policy table of "+policy.Reviewed, "%s", holes(ids))}, upgrade(h, names, "-1", policy.ToolkitAdvised, None),
		"the container toolkit %s has %s (%s)", h.Toolkit.Version, plural(len(ids), "known hole"), holes(ids))}
}
