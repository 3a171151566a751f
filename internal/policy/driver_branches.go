package policy

import (
	"strconv"
	"strings"
	"time"
)

// DriverBranch is a release branch of NVIDIA's Linux driver: the number before the first dot.
type DriverBranch struct {
	Branch int
	// Kind is "LTS" (three years), "production" (one year), "new feature" (short-lived) or "legacy".
	Kind string
	// Ends is the last day of the month in which it ends, "2028-06-30"; "" for one that
	// has ended on a day that nobody established.
	Ends string
	// Ended says that there are no more fixes, whatever the day.
	Ended bool
	// OpenOnly says that it has no proprietary kernel modules.
	OpenOnly bool
	// Oldest is the oldest architecture that it drives.
	Oldest Arch
	Source string
	Date   string
}

// DriverBranches lists the branches that are known, the newest first.
func DriverBranches() []DriverBranch {
	const (
		r620  = "https://docs.nvidia.com/datacenter/tesla/drivers/620/supported-drivers-and-cuda-toolkit-versions.html"
		r615  = "https://docs.nvidia.com/datacenter/tesla/drivers/615/supported-drivers-and-cuda-toolkit-versions.html"
		guide = "R620 driver installation guide §4.1: proprietary kernel modules removed; architecture matrix; " + r620
		old   = "no longer listed in " + r615
		date  = "2026-11-24"
	)
	return []DriverBranch{
		{620, "LTS", "2029-09-30", false, true, Turing, guide, date},
		{615, "new feature", "", false, false, Turing, r615, date},
		{610, "new feature", "2026-08-31", false, false, Turing, r615, date},
		{595, "production", "2027-03-31", false, false, Turing, r620, date},
		{590, "new feature", "", true, false, Turing, old, date},
		// One older page says August 2028; the earlier counts.
		{580, "LTS", "2028-06-30", false, false, Maxwell, r620, date},
		{575, "new feature", "", true, false, Maxwell, old, date},
		{570, "production", "2026-02-28", false, false, Maxwell, old, date},
		{565, "new feature", "", true, false, Maxwell, old, date},
		{560, "new feature", "", true, false, Maxwell, old, date},
		{555, "new feature", "", true, false, Maxwell, old, date},
		{550, "production", "", true, false, Maxwell, old, date},
		{545, "new feature", "", true, false, Maxwell, old, date},
		{535, "LTS", "2026-06-30", false, false, Maxwell, r615, date},
		{530, "new feature", "", true, false, Maxwell, old, date},
		{525, "production", "", true, false, Maxwell, old, date},
		{470, "legacy", "", true, false, Kepler, "https://forums.developer.nvidia.com/t/current-graphics-driver-releases/28500", date},
	}
}

// BranchOf is the branch of a driver version: 580 of "580.65.06"; 0 if it has none.
func BranchOf(version string) int {
	head, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(head)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// LookupBranch is what is known of a branch.
func LookupBranch(branch int) (DriverBranch, bool) {
	for _, b := range DriverBranches() {
		if b.Branch == branch {
			return b, true
		}
	}
	return DriverBranch{}, false
}

// Over says whether the branch gets no more fixes as of a moment.
func (b DriverBranch) Over(now time.Time) bool {
	end, ok := b.End()
	return b.Ended || ok && now.After(end)
}

// End is the end of its last day; ok is false where none is known.
func (b DriverBranch) End() (end time.Time, ok bool) {
	day, err := time.Parse(time.DateOnly, b.Ends)
	return day.Add(24*time.Hour - time.Second), err == nil
}

// Advice is the driver to install: the branch, and whether its open modules.
type Advice struct {
	Branch int
	Open   bool
}

// DriverFor is the driver for a machine by its oldest and its newest GPU's
// architectures. ok is false where no branch drives both, such as Pascal beside
// Blackwell, or where nothing is maintained any more. An unknown architecture
// counts as a new one: NVIDIA drops old ones, whose ids are all known.
// Source: R580 is the last for Maxwell to Volta, which have no open modules;
// Blackwell and newer take open modules only (R620 guide, architecture matrix, 2026-11-24).
func DriverFor(oldest, newest Arch) (a Advice, ok bool) {
	switch {
	case oldest != UnknownArch && oldest < Maxwell:
		return Advice{}, false
	case oldest != UnknownArch && oldest < Turing:
		return Advice{580, false}, newest != UnknownArch && newest < Blackwell
	}
	return Advice{580, true}, true
}

// FabricPackage is the package of the fabric manager for a branch, "" where none is known.
// Source: Fabric Manager for NVSwitch systems, user guide; packages.ubuntu.com; 2026-11-24.
func FabricPackage(manager string, branch int) string {
	switch manager {
	case "apt":
		return "nvidia-fabricmanager-" + strconv.Itoa(branch)
	case "dnf":
		return "nvidia-fabric-manager"
	case "zypper":
		return "nvidia-fabricmanager"
	}
	return ""
}
