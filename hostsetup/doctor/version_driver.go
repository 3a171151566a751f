package doctor

import (
	"fmt"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const branchPage = "https://docs.nvidia.com/datacenter/tesla/drivers/620/supported-drivers-and-cuda-toolkit-versions.html"

// branchChecks are of the driver's release branch.
func branchChecks() []Check {
	return []Check{
		{
			Code: "G020", Title: "the driver's branch is maintained", Group: Version, Severity: Warning, Needs: []Fact{Module},
			Cause: "NVIDIA mends errors and security holes of a branch until its end of life; this one's is over.",
			Link:  branchPage,
			Run:   branchOver,
		},
		{
			Code: "V001", Title: "the driver's branch is known and lasts", Group: Version, Severity: Note, Needs: []Fact{Module},
			Cause: "Long-term branches last three years, production branches one; new feature branches end when the next appears.",
			Link:  branchPage,
			Run:   branchShort,
		},
	}
}

func branchOver(h *host.Host, now time.Time) []Finding {
	if h.OS.WSL != 0 {
		return nil // Windows' drivers have numbers of their own
	}
	b, known := policy.LookupBranch(policy.BranchOf(h.Driver.Version))
	lowest := policy.DriverBranches()[len(policy.DriverBranches())-1].Branch
	n := policy.BranchOf(h.Driver.Version)
	if known && !b.Over(now) || !known && n > lowest || n == 0 {
		return nil
	}
	kind := "no longer listed by NVIDIA"
	if known {
		kind = b.Kind + " branch"
		if end, ok := b.End(); ok {
			kind += ", ended " + end.Format("January 2006")
		}
	}
	return []Finding{told([]Evidence{saw("driver", "%s", h.Driver.Version), saw("policy table of "+policy.Reviewed, "R%d: %s", n, kind)}, upgradeDriver(h),
		"the driver %s is of branch %d, which gets no more fixes", h.Driver.Version, n)}
}

// upgradeDriver goes to the branch that the GPUs should have.
func upgradeDriver(h *host.Host) []Fix {
	if h.Driver.Runfile && mayInstall(h) {
		return []Fix{manual("remove the .run driver with nvidia-uninstall, then install packages of a maintained branch", Reboot)}
	}
	return installDriver(h)
}

func branchShort(h *host.Host, now time.Time) []Finding {
	n := policy.BranchOf(h.Driver.Version)
	b, known := policy.LookupBranch(n)
	newest, oldest := policy.DriverBranches()[0].Branch, policy.DriverBranches()[len(policy.DriverBranches())-1].Branch
	seen := []Evidence{saw("driver", "%s", h.Driver.Version)}
	switch {
	case n == 0 || h.OS.WSL != 0 || known && b.Over(now) || !known && n < oldest:
		return nil // told by G020, or nothing to tell
	case !known && n > newest:
		return []Finding{told(seen, []Fix{manual("update docker gpu: its table ends at branch "+fmt.Sprint(newest), None)}, "the driver's branch %d is newer than the table of %s", n, policy.Reviewed)}
	case !known:
		return []Finding{told(seen, nil, "the driver's branch %d is not in the table of %s", n, policy.Reviewed)}
	case b.Kind == "new feature":
		return []Finding{told(seen, upgradeDriver(h), "the driver's branch %d is a short-lived one, for new features", n)}
	}
	if end, ok := b.End(); ok && end.Sub(now) < 60*24*time.Hour {
		return []Finding{told(seen, upgradeDriver(h), "the driver's branch %d ends on %s", n, end.Format("2 January 2006"))}
	}
	return nil
}
