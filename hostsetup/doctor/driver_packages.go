package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// packageChecks are of the packages that the driver came in.
func packageChecks() []Check {
	return []Check{
		{
			Code: "G022", Title: "the driver's packages are held together or not at all", Group: Driver, Severity: Warning, Needs: []Fact{Local, Module},
			Symptoms: []string{"The following packages have been kept back: nvidia", "held broken packages"},
			Cause:    "Upgrades change the packages that are not held and leave the others: module and libraries then differ after the next start.",
			Run:      partlyHeld,
		},
		{
			Code: "G023", Title: "the driver has one origin", Group: Driver, Severity: Warning, Needs: []Fact{Local, Module},
			Symptoms: []string{"An alternate method of installing the NVIDIA driver was detected"},
			Cause:    "A driver from NVIDIA's .run file lies over packages of the distribution: each upgrade overwrites a part of the other.",
			Run:      twoOrigins,
		},
	}
}

func partlyHeld(h *host.Host, _ time.Time) []Finding {
	var held, free []string
	for _, p := range driverPackages(h) {
		if !plainName.MatchString(p.Name) {
			continue
		}
		if p.Held {
			held = append(held, p.Name)
		} else {
			free = append(free, p.Name)
		}
	}
	if len(held) == 0 || len(free) == 0 {
		return nil
	}
	var fixes []Fix
	switch packager(h) {
	case "apt-get":
		fixes = []Fix{{Title: "hold the others too", Argv: [][]string{append([]string{"apt-mark", "hold"}, free...)}, Root: true, Disruption: None,
			Undo: [][]string{append([]string{"apt-mark", "unhold"}, free...)}, Safe: true}}
	case "dnf":
		fixes = []Fix{{Title: "hold the others too", Argv: [][]string{append([]string{"dnf", "versionlock", "add"}, free...)}, Root: true, Disruption: None,
			Undo: [][]string{append([]string{"dnf", "versionlock", "delete"}, free...)}, Safe: true}}
	case "zypper":
		fixes = []Fix{{Title: "hold the others too", Argv: [][]string{append([]string{"zypper", "addlock"}, free...)}, Root: true, Disruption: None,
			Undo: [][]string{append([]string{"zypper", "removelock"}, free...)}, Safe: true}}
	}
	return []Finding{told([]Evidence{saw("held", "%d: %s", len(held), held[0]), saw("not held", "%d: %s", len(free), free[0])}, fixes,
		"of the driver's %d packages %d are held and %d are not", len(held)+len(free), len(held), len(free))}
}

func twoOrigins(h *host.Host, _ time.Time) []Finding {
	packages := driverPackages(h)
	if !h.Driver.Runfile || len(packages) == 0 {
		return nil
	}
	return []Finding{told([]Evidence{saw("/usr/bin/nvidia-uninstall", "it is there: a .run file was installed"), saw("packages", "%d of the driver: %s %s", len(packages), packages[0].Name, packages[0].Version)},
		[]Fix{{Title: "remove the .run driver, then install the packages again", Argv: [][]string{{"nvidia-uninstall", "--silent"}}, Root: true, Disruption: Reboot}},
		"the driver was installed from a .run file and from packages")}
}
