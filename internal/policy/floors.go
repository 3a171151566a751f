package policy

// Reviewed is the day on which somebody last went through the tables that the
// doctor judges by: branches, floors, Xids. It is their age, whatever single rows say.
const Reviewed = "2026-11-24"

// CVE is a vulnerability of a program that runs containers.
type CVE struct {
	ID        string
	Component string // "toolkit", "runc"
	// What it lets a container do.
	What string
	// Fixed is the first release without it; of runc, the first of each minor series.
	Fixed  []string
	Source string
	Date   string
}

// CVEs lists those that set the floors, the newest first.
func CVEs() []CVE {
	const (
		bulletins = "https://www.nvidia.com/en-us/security/"
		runc      = "https://github.com/opencontainers/runc/releases"
		date      = "2026-11-23"
	)
	nct := func(id, fixed, what string) CVE { return CVE{id, "toolkit", what, []string{fixed}, bulletins, date} }
	return []CVE{
		nct("CVE-2026-24260", "1.19.1", "a race lets a container change what is mounted"), // its release from secondary sources
		nct("CVE-2025-23266", "1.17.8", "an image can run code as root on the host (NVIDIAScape)"),
		nct("CVE-2025-23267", "1.17.8", "an image can change files of the host by links"),
		nct("CVE-2025-23359", "1.17.4", "a container can reach the host's file system"),
		nct("CVE-2024-0135", "1.17.3", "a container can change the host's binaries"),
		nct("CVE-2024-0136", "1.17.3", "a container can reach the host's devices"),
		nct("CVE-2024-0137", "1.17.3", "a container can enter the host's network namespace"),
		nct("CVE-2024-0134", "1.17.0", "a container can write files on the host"),
		nct("CVE-2024-0132", "1.16.2", "a container can reach the host's file system"),
		nct("CVE-2024-0133", "1.16.2", "a container can make empty files on the host"),
		{"CVE-2025-31133", "runc", "a container can write to the host's /proc", []string{"1.2.8", "1.3.3", "1.4.0"}, runc, date},
		{"CVE-2025-52565", "runc", "a container can write to the host's /proc", []string{"1.2.8", "1.3.3", "1.4.0"}, runc, date},
		{"CVE-2025-52881", "runc", "a container can write to the host's /proc", []string{"1.2.8", "1.3.3", "1.4.0"}, runc, date},
		{"CVE-2024-21626", "runc", "a container can reach the host's file system", []string{"1.1.12"}, runc, date},
	}
}

// RuncAdvised is the lowest release of runc that has none of the CVEs.
const RuncAdvised = "1.3.3"

// Open are a component's vulnerabilities that a release has, the newest first. A
// version that is none has none: nothing is said of what cannot be read.
func Open(component, version string) (open []CVE) {
	if len(parse(version).numbers) < 2 {
		return nil
	}
	for _, c := range CVEs() {
		if c.Component == component && !fixedIn(version, c.Fixed) {
			open = append(open, c)
		}
	}
	return open
}

func fixedIn(version string, fixed []string) bool {
	for i, f := range fixed {
		if Compare(version, f) < 0 {
			continue
		}
		// 1.3.0 is over 1.2.8 and yet without its fix: only the same series counts, or the last.
		if i == len(fixed)-1 || series(version) == series(f) {
			return true
		}
	}
	return false
}

// series is a version's first two numbers.
func series(version string) string {
	n := parse(version).numbers
	return part(n, 0) + "." + part(n, 1)
}

// EngineSupported is the oldest major version of Docker Engine that Docker, Inc.
// maintains: each ends a month after the next is out, and 29 came in November 2025.
// (25.0 and 26.1 go on for Amazon's and Microsoft's distributions.)
// Source: moby project/BRANCHES-AND-TAGS.md; date: 2026-11-24.
const EngineSupported = 29
