package doctor

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// runtimeVersionChecks are of the programs that stand between a container and the host.
func runtimeVersionChecks() []Check {
	return []Check{
		{
			Code: "V003", Title: "runc has no known holes", Group: Version, Severity: Warning, Needs: []Fact{Docker},
			Cause: "With these holes a container can write to files of the host.",
			Link:  "https://github.com/opencontainers/runc/releases",
			Run:   runcHoles,
		},
	}
}

// holes words a list of vulnerabilities for a line.
func holes(open []policy.CVE) string {
	var ids []string
	for _, c := range open {
		ids = append(ids, c.ID)
	}
	if len(ids) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:3], ", "), len(ids)-3)
	}
	return strings.Join(ids, ", ")
}

// ofDistribution matches the versions of distributions, who add to the program's own.
var ofDistribution = regexp.MustCompile(`^v?[0-9.]+([+~](ds|dfsg|deb)|-[0-9])`)

func runcHoles(h *host.Host, _ time.Time) []Finding {
	v := h.Engine.RuncVersion
	open := policy.Open("runc", v)
	if len(open) == 0 {
		return nil
	}
	f := told([]Evidence{saw("docker info", "runc %s", v), saw("policy table of "+policy.Reviewed, "%s", holes(open))}, nil, "runc %s has %s (%s)", v, count(len(open), "known hole"), holes(open))
	packages := []string{"containerd.io"}
	if ofDistribution.MatchString(v) && !hasPackage(h, "containerd.io") {
		f.Severity, packages[0] = Note, "runc"
		f.Summary = shown(fmt.Sprintf("runc %s is below %s; it is the distribution's, which may have mended it", v, policy.RuncAdvised))
	}
	for _, p := range h.Packages {
		if p.Name == "runc" || p.Name == "docker-runc" {
			packages = []string{p.Name}
			f.Severity = Note // distributions mend old versions and keep the number
			f.Summary = shown(fmt.Sprintf("runc %s is below %s; it is the distribution's (%s), which may have mended it", v, policy.RuncAdvised, p.Version))
		}
	}
	if h.Engine.Kind == "desktop" {
		f.Fixes = []Fix{manual("update Docker Desktop", Restart)}
		return []Finding{f}
	}
	f.Fixes = upgrade(h, packages, policy.RuncAdvised, Restart)
	if packages[0] == "containerd.io" {
		f.Fixes[0].Title = "upgrade containerd.io, which brings runc; that must be " + policy.RuncAdvised + " or newer"
	}
	return []Finding{f}
}
